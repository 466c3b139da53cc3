"""Which characters the bytes of a page stand for, as browsers find out.

A byte order mark decides, then what the server says, then what the page says of itself, then what the bytes
look like. Names are read as the Encoding standard (WHATWG) reads them.
"""

import codecs
import re

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SNIFFED_BYTES = 4096
_IN_FIELD = re.compile(r"charset\s*=\s*(?:[\"']\s*)?([A-Za-z0-9._:+-]{1,40})", re.IGNORECASE)
_IN_XML = re.compile(rb"\s*<\?xml[^>]{0,200}?\bencoding\s*=\s*[\"']([A-Za-z0-9._:-]{1,40})")
_IN_META = re.compile(
    rb"<meta\b[^>]{0,500}?\bcharset\s*=\s*(?:[\"']\s*)?([A-Za-z0-9._:+-]{1,40})", re.IGNORECASE
)
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
# Python also calls things like "punycode" or "unicode_escape" text encodings; nobody serves pages in them.
_KNOWN = (
    *("utf-8", "utf-16", "utf-32", "iso8859", "iso2022", "cp", "mac", "koi8", "gb", "big5", "hz"),
    *("shift_jis", "euc_", "johab", "tis-620", "ptcp154", "kz1048"),
)
_ALIASES = {
    **dict.fromkeys(("unicode-1-1-utf-8", "utf8mb4", "utf8mb3", "utf8-bom", "utf-8-bom", "x-utf-8"), "utf-8"),
    **dict.fromkeys(("iso88591", "l1", "ansi", "x-cp1252", "x-ansi"), "cp1252"),
    **dict.fromkeys(("x-sjis", "ms_kanji", "windows-31j", "ms932", "shift-jis", "sjis"), "cp932"),
    **dict.fromkeys(("x-gbk", "gb_2312-80", "gb2312", "gbk", "chinese", "csgb2312"), "gb18030"),
    **dict.fromkeys(("x-euc-jp", "cseucpkdfmtjapanese"), "euc_jp"),
    **dict.fromkeys(("ks_c_5601-1987", "ks_c_5601-1989", "ksc5601", "korean", "windows-949"), "cp949"),
    **dict.fromkeys(("x-x-big5", "big5-hkscs", "cn-big5"), "big5hkscs"),
    **dict.fromkeys(("iso-8859-8-i", "logical", "csiso88598i"), "iso8859-8"),
    **dict.fromkeys(("macintosh", "x-mac-roman"), "mac_roman"),
    **dict.fromkeys(("x-mac-cyrillic", "x-mac-ukrainian"), "mac_cyrillic"),
    **dict.fromkeys(("koi", "koi8"), "koi8-r"),
}
_LATIN = frozenset(("cp1252", "ascii", "iso8859-1", "iso8859-15"))


def charset_of(content: bytes, content_type: str) -> str | None:
    """Return the name of a Python codec for these bytes, or None where nothing says which.

    Args:
        content: The body, or its beginning.
        content_type: The Content-Type field, or nothing.
    """
    for mark, charset in _BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return charset
    declared = _IN_FIELD.search(content_type)
    own = _of_the_page(content) if "json" not in content_type.lower() else None
    charset = (codec_named(declared[1]) if declared else None) or own or _by_zeros(content)
    if charset in _LATIN and _is_utf8(content):
        # The commonest lie. Text in another script is hardly ever valid UTF-8 by chance.
        return "utf-8"
    if charset == "utf-8" and _is_rather_latin(content):
        return own if own not in (None, "utf-8") else "cp1252"
    return charset


def codec_named(label: str) -> str | None:
    """Return the Python codec of a charset's name, or None where nobody serves text in it."""
    label = label.strip().strip("\"'").lower()
    try:
        name = codecs.lookup(_ALIASES.get(label, label)).name
    except (LookupError, ValueError):
        return _guessed(label)
    if name in ("ascii", "iso8859-1"):
        # So the standard says, and so are the quotation marks read that pages of that name hold.
        return "cp1252"
    if name in ("utf-16", "utf-32"):
        # There is no byte order mark, or nobody would ask. The web reads little-endian then.
        return f"{name}-le"
    return name if name.startswith(_KNOWN) else None


def _guessed(label: str) -> str | None:
    """Names that people write: `utf-8;`, `utf_8_general_ci`, `win-1251`, `cp-1252`."""
    if "utf" in label and "8" in label:
        return "utf-8"
    windows = re.fullmatch(r"(?:x-)?(?:win|windows|cp|ms)[-_ ]?(125[0-8]|874|866)", label)
    return f"cp{windows[1]}" if windows else None


def _of_the_page(content: bytes) -> str | None:
    start = content[:_SNIFFED_BYTES]
    found = _IN_XML.match(start) or _IN_META.search(_COMMENT.sub(b"", start))
    if found is None:
        return None
    charset = codec_named(found[1].decode("ascii"))
    # It could be read as ASCII, so it is none of those.
    return "utf-8" if charset is not None and charset.startswith(("utf-16", "utf-32")) else charset


def _by_zeros(content: bytes) -> str | None:
    """UTF-16 without a mark: every other byte of a page's or a JSON value's beginning is zero."""
    start = content[:4]
    if len(start) == 4 and start[1] == start[3] == 0 and start[0] and start[2]:
        return "utf-16-le"
    if len(start) == 4 and start[0] == start[2] == 0 and start[1] and start[3]:
        return "utf-16-be"
    return None


def _is_utf8(content: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")("strict").decode(content, final=False)
    except UnicodeDecodeError:
        return False
    return not content.isascii()


def _is_rather_latin(content: bytes) -> bool:
    """Return whether more of it is broken UTF-8 than is whole."""
    if content.isascii() or _is_utf8(content):
        return False
    text = content.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    return broken > sum(not char.isascii() for char in text) - broken
