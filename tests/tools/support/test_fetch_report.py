"""What the model hears of an answer or a failure."""

import json
from typing import Any

import httpx
import pytest

from app.tools.support import public_http
from app.tools.support.bounded_body import BoundedBody
from app.tools.support.fetch_report import failure_sentence, report
from app.tools.support.public_http import FetchedResponse, FetchFailed
from app.tools.support.web_address import parse_web_address

FAILURES = FetchFailed.__subclasses__()


def answer(content: bytes = b"ok", *, encoding: str = "", **headers: str) -> FetchedResponse:
    body = BoundedBody(encoding, 10_000)
    body.feed(content)
    fields = httpx.Headers({name.replace("_", "-"): value for name, value in headers.items()})
    return FetchedResponse(200, parse_web_address("http://a.example/"), fields, body)


def told(answered: FetchedResponse, max_chars: int = 8000) -> dict[str, Any]:
    return report(answered, "en", max_chars)


@pytest.mark.parametrize("failure", FAILURES)
def test_every_failure_has_a_sentence_in_both_languages(failure: type[FetchFailed]):
    sentences = {
        failure_sentence(failure("secret detail"), locale, is_write=False) for locale in ("es", "en")
    }

    assert len(sentences) == 2
    assert not any("secret" in sentence for sentence in sentences)


def test_the_list_of_failures_is_the_modules():
    assert public_http.RequestRefused in FAILURES
    assert len(FAILURES) == 6


def test_only_useful_headers_are_told_and_cut():
    headers = told(answer(content_type="text/plain", set_cookie="a=b", etag="x" * 900, link="\x1b[1m<a>"))[
        "headers"
    ]

    assert headers == {"content-type": "text/plain", "etag": "x" * 300, "link": "<a>"}


def test_json_of_a_type_that_says_text_is_parsed_too():
    assert told(answer(b"[1]", content_type="text/plain"))["json"] == [1]


def test_a_null_is_told_as_json():
    assert told(answer(b"null", content_type="application/json"))["json"] is None


def test_an_encoding_that_cannot_be_read_is_told_by_a_note():
    result = told(answer(b"\x0b\x02\x80abc\x03" * 20, encoding="br", content_type="text/html"))

    assert result["note"] == "The body is compressed in a way that cannot be read."
    assert (result["body"], result["truncated"]) == ("", True)


@pytest.mark.parametrize("max_chars", [250, 500, 9000])
def test_the_report_fits_and_fills_its_room(max_chars: int):
    result = told(answer(b'"quoted"\n' * 1100, content_type="text/plain"), max_chars)

    assert max_chars - 20 < len(json.dumps(result, ensure_ascii=False)) <= max_chars


def test_without_any_room_the_body_is_empty():
    assert told(answer(b"hello", content_type="text/plain"), 10)["body"] == ""
