"""The settings of the page."""

from typing import Any

import pytest
from pydantic import ValidationError

from tests.support.context import settings_with


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("", None),
        ("/", None),
        ("/voice", "/voice"),
        ("/voice/", "/voice"),
        ("/a.b/c-d_e~1", "/a.b/c-d_e~1"),
    ],
)
def test_root_path(given: str, kept: str | None) -> None:
    assert settings_with(root_path=given).root_path == kept


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("none", ("none",)),
        ("'none'", ("none",)),
        ("self", ("self",)),
        (
            "self, https://App.Example:443,http://localhost:3000",
            ("self", "https://app.example", "http://localhost:3000"),
        ),
        ("https://*.example.com", ("https://*.example.com",)),
        ("https://*.example.com:8443", ("https://*.example.com:8443",)),
    ],
)
def test_frame_ancestors(given: str, kept: tuple[str, ...]) -> None:
    assert settings_with(frame_ancestors=given).frame_ancestors == kept


def test_nobody_may_frame_the_page_unless_it_is_said() -> None:
    assert settings_with().frame_ancestors == ("none",)


@pytest.mark.parametrize(
    "values",
    [
        {"root_path": "voice"},
        {"root_path": "https://example.com/voice"},
        {"root_path": "//evil.example"},
        {"root_path": "/a/../b"},
        {"root_path": "/a b"},
        {"root_path": "/a?b"},
        {"root_path": "/voice\n"},
        {"root_path": "/\u00e1"},
        {"page_title": ""},
        {"page_color": "red"},
        {"page_color": "#12345"},
        {"page_color": "#fff; background: red"},
        {"page_logo": "/nowhere/logo.png"},
        {"page_languages": "fr"},
        {"page_languages": ","},
        {"page_suggestions_es": "|".join("abcdefghi")},
        {"page_suggestions_en": "x" * 201},
        {"frame_ancestors": ","},
        {"frame_ancestors": "*"},
        {"frame_ancestors": "none,self"},
        {"frame_ancestors": "https://*"},
        {"frame_ancestors": "https://*."},
        {"frame_ancestors": "https://app.example.com/path"},
        {"frame_ancestors": "https://a.example; script-src *"},
        {"frame_ancestors": "app.example.com"},
        {"frame_ancestors": "https://a.example https://b.example"},
    ],
)
def test_what_does_not_fit_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        settings_with(**values)

    assert caught.value.errors()[0]["loc"][0] == next(iter(values))
