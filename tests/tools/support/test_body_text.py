"""What comes from a server is clean text, or said to be none."""

from encodings.aliases import aliases

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.tools.support.body_text import clean_text, is_media, read_json, read_text


@pytest.mark.parametrize(
    ("content", "content_type", "text"),
    [
        ("ñandú".encode(), "text/html", "ñandú"),
        ("ñandú".encode("latin-1"), "text/html; charset=ISO-8859-1", "ñandú"),
        ("ñandú".encode("latin-1"), "text/html", "ñandú"),
        ("ñandú".encode("latin-1"), "text/html; charset=utf-8", "ñandú"),
        ("ñ".encode("utf-16"), "text/plain", "ñ"),
        ("ñ".encode("utf-16-le"), "text/plain; charset=utf-16", "ñ"),
        ("\ufeffñ".encode(), 'text/plain; charset="latin-1"', "ñ"),
        ("ñ".encode("shift_jis", "replace"), "text/plain; charset=Shift_JIS", "?"),
        ("ñ".encode(), "text/plain; charset=punycode", "ñ"),
        ("ñ".encode(), "text/plain; charset=hex", "ñ"),
        ("ñ".encode(), "text/plain; charset=no-such-thing", "ñ"),
        (b"<svg/>", "image/svg+xml", "<svg/>"),
        (b"{}", "application/problem+json", "{}"),
        ("ñ".encode(), "application/octet-stream", "ñ"),
        (b"plain", "", "plain"),
        (b"", "", ""),
        (b"a\0b\x1b[31mc\x1b[0m\x07d", "text/plain", "abcd"),
    ],
)
def test_text_is_read_as_it_was_meant(content: bytes, content_type: str, text: str):
    assert read_text(content, content_type) == text


@pytest.mark.parametrize("content_type", ["application/octet-stream", "application/zip", ""])
@pytest.mark.parametrize("content", [b"PK\x03\x04\0\0", b"\xff\xfa\x80\x81", b"a\0b"])
def test_what_is_no_text_is_binary(content: bytes, content_type: str):
    assert read_text(content, content_type) is None


def test_a_character_that_is_cut_in_half_is_dropped():
    cut = "niño".encode()[:3]

    assert read_text(cut, "text/plain", is_truncated=True) == "ni"
    assert read_text(cut, "", is_truncated=True) == "ni"


CHARSETS = sorted(set(aliases.values()))
TYPES = ["", "text/plain", "application/x", *(f"text/plain; charset={name}" for name in CHARSETS)]


@given(st.binary(max_size=300), st.sampled_from(TYPES), st.booleans())
def test_any_bytes_become_valid_unicode_without_control_characters(content: bytes, type_: str, is_cut: bool):
    text = read_text(content, type_, is_truncated=is_cut) or ""

    assert text.encode("utf-8").decode("utf-8") == text
    assert not any((ord(char) < 32 and char not in "\t\n\r") or 127 <= ord(char) < 160 for char in text)


def test_terminal_sequences_and_lone_surrogates_do_not_pass():
    assert clean_text("\x1b]0;title\x07a\x1b[2Jb\x9b1mc\ud800d") == "ab1mc\ufffdd"


@pytest.mark.parametrize(
    ("content_type", "is_it"), [("image/png", True), ("VIDEO/mp4; x=1", True), ("text/css", False)]
)
def test_media_are_known_by_their_type(content_type: str, is_it: bool):
    assert is_media(content_type) is is_it


def test_json_is_read_and_its_strings_are_clean():
    assert read_json('{"a\\u0000": [1, 2.5, null, true, "\\ud800\\u001b[1mx"]}') == {
        "a": [1, 2.5, None, True, "\ufffdx"]
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "NaN",
        "[Infinity]",
        "1e999",
        "99999999999999999999",
        "9" * 5000,
        "[" * 60 + "]" * 60,
        "[" * 90_000,
    ],
)
def test_what_others_could_not_write_again_is_no_json(text: str):
    with pytest.raises(ValueError):
        read_json(text)
