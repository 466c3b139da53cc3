"""Bytes of pages become the characters that their authors meant."""

import pytest

from app.tools.support.body_text import read_text
from app.tools.support.charset import codec_named

TEXT = "¿Qué? «ñandú» – “señor” €"
CYRILLIC = "Привет, мир"
JAPANESE = "こんにちは世界"
CHINESE = "你好，世界"


def page(text: str, charset: str, head: str) -> bytes:
    return f"<!doctype html><html><head>{head}<title>x</title></head>{text}</html>".encode(charset)


@pytest.mark.parametrize(
    ("text", "charset", "head"),
    [
        (TEXT, "cp1252", '<meta charset="windows-1252">'),
        (TEXT, "cp1252", "<meta charset=iso-8859-1>"),
        (TEXT, "cp1252", "<META CHARSET='latin1' />"),
        (TEXT, "cp1252", '<meta http-equiv="Content-Type" content="text/html; charset=ISO-8859-1">'),
        (CYRILLIC, "cp1251", '<meta content="text/html;charset=windows-1251" http-equiv=content-type>'),
        (CYRILLIC, "koi8-r", '<meta name="x"><!-- <meta charset="utf-8"> --><meta charset="koi8-r">'),
        (JAPANESE, "shift_jis", '<meta charset="x-sjis">'),
        (JAPANESE, "euc_jp", '<meta charset="EUC-JP">'),
        (CHINESE, "gbk", '<meta charset="gb2312">'),
        (CHINESE, "big5", '<meta charset="big5">'),
        (TEXT, "utf-8", '<meta charset="utf-16">'),
        (TEXT, "utf-8", '<meta charset="no-such-thing">'),
        (TEXT, "utf-8", "<meta charset=iso-8859-1>"),
        (TEXT, "utf-8", ""),
        (TEXT, "cp1252", ""),
    ],
)
@pytest.mark.parametrize("content_type", ["text/html", "text/html; charset=", "text/html; charset=no-such"])
def test_page_says_its_charset_itself(text: str, charset: str, head: str, content_type: str):
    assert text in (read_text(page(text, charset, head), content_type) or "")


def test_xml_says_its_charset_in_its_first_line():
    content = f'<?xml version="1.0" encoding="ISO-8859-1"?><a>{TEXT}</a>'.encode("cp1252")

    assert TEXT in (read_text(content, "application/xml") or "")


@pytest.mark.parametrize(
    ("sent", "content_type"),
    [
        (TEXT.encode("utf-8-sig"), "text/plain; charset=iso-8859-1"),
        (TEXT.encode("utf-16"), "text/plain"),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), "text/plain; charset=utf-8"),
        (TEXT.encode("utf-32"), "text/plain"),
        (TEXT.encode("utf-16-le"), "text/plain; charset=utf-16"),
        (TEXT.encode("utf-16-be"), "text/plain; charset=utf-16be"),
        (TEXT.encode(), "text/plain; charset=iso-8859-1"),
        (TEXT.encode(), "text/plain; charset=us-ascii"),
        (TEXT.encode(), "text/plain; charset=utf8mb4"),
        (TEXT.encode(), 'text/plain; charset="UTF-8"'),
        (TEXT.encode(), "text/plain; charset='utf8'"),
        (TEXT.encode(), "text/plain; charset=utf_8_general_ci"),
        (TEXT.encode("cp1252"), "text/plain; charset=utf-8"),
        (TEXT.encode("cp1252"), "text/plain; charset=iso-8859-1"),
        (TEXT.encode("cp1252"), "text/plain; charset=win-1252"),
        (TEXT.encode("cp1252"), "text/plain; charset=punycode"),
    ],
)
def test_marks_and_wrong_names_are_seen_through(sent: bytes, content_type: str):
    assert read_text(sent, content_type) == TEXT


@pytest.mark.parametrize("charset", ["utf-16-le", "utf-16-be"])
def test_utf_16_shows_by_its_zeros(charset: str):
    assert read_text(f"<p>{TEXT}".encode(charset), "text/html") == f"<p>{TEXT}"


def test_one_broken_byte_does_not_change_the_charset():
    assert read_text("ñandú ¿qué? ".encode() * 3 + b"\xff", "text/plain; charset=utf-8") == (
        "ñandú ¿qué? " * 3 + "\ufffd"
    )


def test_json_says_nothing_of_a_charset_in_its_strings():
    content = '{"page": "<meta charset=koi8-r>", "name": "ñ"}'.encode()

    assert "ñ" in (read_text(content, "application/json") or "")


@pytest.mark.parametrize("label", ["punycode", "unicode_escape", "rot13", "idna", "base64", "x\0y", ""])
def test_what_nobody_serves_is_no_charset(label: str):
    assert codec_named(label) is None
