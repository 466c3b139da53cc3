"""A logo is what its bytes say, and small."""

from pathlib import Path

import pytest

from config.page_logo import MAX_LOGO_BYTES, read_logo

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
        (b"\0\0\x01\0\x01\0", "image/x-icon"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "image/svg+xml"),
        (b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- made\nby hand -->\n<svg>', "image/svg+xml"),
        (b'<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "x"><svg >', "image/svg+xml"),
    ],
)
def test_what_a_file_is_its_bytes_say(content: bytes, media_type: str, tmp_path: Path) -> None:
    path = tmp_path / "logo.txt"
    path.write_bytes(content)

    assert read_logo(path) == (content, media_type)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no picture"),
        (b"<html><svg></svg></html>", "no picture"),
        (b"<script>alert(1)</script>", "no picture"),
        (b'<!DOCTYPE svg [<!ENTITY x "y">]><svg>', "no picture"),
        (b"RIFF\x10\0\0\0WAVE", "no picture"),
        (PNG + b"\0" * MAX_LOGO_BYTES, "512 KiB"),
    ],
)
def test_what_is_no_logo_is_refused(content: bytes, why: str, tmp_path: Path) -> None:
    path = tmp_path / "logo.png"
    path.write_bytes(content)

    with pytest.raises(ValueError, match=why):
        read_logo(path)


def test_missing_file_and_folder_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "no.png", tmp_path):
        with pytest.raises(ValueError, match=path.name):
            read_logo(path)
