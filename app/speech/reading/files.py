"""What programmers write: paths, names of files, options, operators, languages with a sign in their name."""

import re
from typing import Final

from app.errors import Locale
from app.speech.reading.base import ReadingContext, Said
from app.speech.reading.codes import spelled
from app.speech.reading.lexicon import in_locale
from app.speech.reading.numbers import integer

_ENDINGS: Final = (
    "pdf docx? xlsx? pptx? csv tsv txt md rst py ipynb jsx? tsx? json ya?ml html? css scss sh bat"
    " ps1 zip rar gz tar 7z jpe?g png gif svg webp mp3 mp4 wav ogg flac avi mkv mov exe dll toml"
    " ini cfg conf env log sql java c cpp h hpp rs go rb php xml lock db sqlite bak iso apk dmg"
).replace(" ", "|")
_FILE: Final = re.compile(
    rf"(?P<name>[\w-]{{1,60}}(?:\.[\w-]{{1,30}}){{0,5}})\.(?P<ending>{_ENDINGS})(?![\w/])(?!\.\w)"
)
_PATH: Final = re.compile(
    r"(?:~|\.{1,2})?/(?=[\w.~-]{0,60}[A-Za-z_])[\w.@~+-]{1,100}(?:/[\w.@~+-]{1,100}){0,30}/?"
    rf"|[\w-][\w.-]{{0,60}}(?:/[\w.@-]{{1,60}}){{1,12}}\.(?:{_ENDINGS})(?!\w)"
)
_WINDOWS_PATH: Final = re.compile(r"[A-Za-z]:\\(?:[\w.~-]{1,100}\\){0,30}[\w.~-]{0,100}")
_OPTION: Final = re.compile(r"--[A-Za-z][\w-]*")
_SHORT_OPTION: Final = re.compile(r"-[A-Za-z](?!\w)")
_HASHTAG: Final = re.compile(r"#(?=[^\W\d_])")
_PORT: Final = re.compile(r"(?P<host>localhost):(?P<port>[0-9]{2,5})(?![0-9:])(?:/[^\s<>\"«»]*)?")
_SPELLED_ENDINGS: Final = frozenset(
    "pdf csv tsv txt md rst py ipynb js jsx ts tsx html htm css scss sh ps1 rar gz jpg png gif"
    " svg mp3 mp4 avi mkv mov exe dll cfg sql c cpp h hpp rs rb php xml db iso apk dmg 7z docx"
    " xlsx pptx xls ppt ogg".split()
)
_NAMES: Final[dict[str, tuple[str, str]]] = {
    "C#": ("ce sharp", "C sharp"),
    "F#": ("efe sharp", "F sharp"),
    "C++": ("ce más más", "C plus plus"),
    "c++": ("ce más más", "C plus plus"),
    "Notepad++": ("Notepad más más", "Notepad plus plus"),
    "ASP.NET": ("a ese pe punto net", "A S P dot net"),
    ".NET": ("punto net", "dot net"),
    "Node.js": ("Node punto jota ese", "Node dot J S"),
    "Vue.js": ("Vue punto jota ese", "Vue dot J S"),
    "Next.js": ("Next punto jota ese", "Next dot J S"),
    "Three.js": ("Three punto jota ese", "Three dot J S"),
    "AT&T": ("a te and te", "A T and T"),
    "I/O": ("i o", "I O"),
    "N/A": ("no aplica", "not applicable"),
    "n/a": ("no aplica", "not applicable"),
    "TCP/IP": ("te ce pe i pe", "T C P I P"),
    "A/B": ("a be", "A B"),
    "y/o": ("y o", "y o"),
    "w/o": ("w o", "without"),
    "w/": ("w", "with"),
}
_NAME: Final = re.compile(
    "(?:" + "|".join(re.escape(name) for name in sorted(_NAMES, key=len, reverse=True)) + r")(?![\w#])"
)
_OPERATORS: Final[dict[str, tuple[str, str]]] = {
    "!==": ("distinto de", "is not equal to"),
    "===": ("igual a", "equals"),
    "!=": ("distinto de", "is not equal to"),
    "==": ("igual a", "equals"),
    ">=": ("mayor o igual que", "greater than or equal to"),
    "<=": ("menor o igual que", "less than or equal to"),
    "+=": ("más igual", "plus equals"),
    "&&": ("y", "and"),
}
_ARROWS: Final = ("<->", "-->", "->", "=>", "<-", "→", "⇒", "➜", "➡", "↔")
_SIGNS: Final = {
    "/": ("barra", "slash"),
    "\\": ("barra invertida", "backslash"),
    ".": ("punto", "dot"),
    "-": ("guion", "dash"),
    "_": ("guion bajo", "underscore"),
    "~": ("virgulilla", "tilde"),
    ":": ("dos puntos", "colon"),
    "@": ("arroba", "at"),
    "+": ("más", "plus"),
}
_CAMEL: Final = re.compile(r"(?<=[a-zñ]{2})(?=[A-ZÑ][a-zñ])")


def read_path(place: ReadingContext) -> Said | None:
    r"""`/etc/hosts`, `src/main.py`, `C:\\Users`, `report.pdf`."""
    text, start = place.text, place.start
    if start and (text[start - 1].isalnum() or text[start - 1] in "_/.<&"):
        return None
    for pattern in (_WINDOWS_PATH, _PATH, _FILE):
        found = pattern.match(text, start)
        if found is not None:
            path = found[0].rstrip(".-~+@")
            if len(path) > 1:
                return Said(path_in_words(path, place.locale), start + len(path))
    return None


def read_name(place: ReadingContext) -> Said | None:
    """Names with a sign in them: `C#`, `.NET`; options, `@name`, `#topic`, `localhost:8000`."""
    text, start, locale = place.text, place.start, place.locale
    before = text[start - 1 : start] if start else ""
    if before.isalnum() or before == "_":
        return None
    found = _PORT.match(text, start)
    if found is not None:
        colon = in_locale(_SIGNS[":"], locale)
        return Said(f"localhost {colon} {integer(found['port'], locale)}", found.end())
    found = _NAME.match(text, start)
    if found is not None and not (found[0] in ("w/", "w/o") and locale == "es"):
        return Said(in_locale(_NAMES[found[0]], locale), found.end())
    found = _OPTION.match(text, start) or (_SHORT_OPTION.match(text, start) if _is_in_code(place) else None)
    if found is not None and before not in ("-", "|"):
        return Said(path_in_words(found[0], locale), found.end())
    if _HASHTAG.match(text, start) and before != "#":
        return Said("hashtag", start + 1)
    return None


def read_code_operator(place: ReadingContext) -> Said | None:
    """`!=`, `==`, `>=`; arrows are a pause."""
    text, start = place.text, place.start
    for sign, words in _OPERATORS.items():
        if text.startswith(sign, start) and place.before:
            return Said(in_locale(words, place.locale), start + len(sign))
    for arrow in _ARROWS:
        if text.startswith(arrow, start):
            return Said("", start + len(arrow), ",")
    return None


def words_of(name: str) -> str:
    """`getUserName`: "get User Name"."""
    return _CAMEL.sub(" ", name)


def path_in_words(path: str, locale: Locale) -> str:
    """Return a path: its words, and its signs by their names."""
    said: list[str] = []
    parts = re.findall(r"[^\W\d_]+|[0-9]+|[^\w\s]|_", path)
    ending = path.rpartition(".")[2] if "." in path else ""
    at_ending = len(path) - len(ending)
    place = 0
    for part in parts:
        place = path.index(part, place)
        if part in _SIGNS:
            said.append(in_locale(_SIGNS[part], locale))
        elif part.isdecimal():
            said.append(integer(part, locale))
        elif part.isalpha():
            is_ending = ending.lower() in _SPELLED_ENDINGS and place >= at_ending
            is_letter = len(part) == 1
            said.append(spelled(part, locale) if is_ending or is_letter else words_of(part))
        place += len(part)
    return " ".join(filter(None, said))


def _is_in_code(place: ReadingContext) -> bool:
    line = place.text.rfind("\n", 0, place.start) + 1
    return place.text.count("`", line, place.start) % 2 == 1
