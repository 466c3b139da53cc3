"""A request to the web has the address, method, headers and body that the text gives."""

import json
from typing import Any

import pytest

from app.llm.demo.extractors import METHODS
from tests.llm.demo.asking import calls


def request(text: str) -> dict[str, Any] | None:
    found = calls(text)
    assert [tool for tool, _ in found] == ["make_http_request"]
    return found[0][1]


@pytest.mark.parametrize("method", METHODS)
def test_a_method_in_capitals_is_the_method(method: str):
    assert request(f"haz un {method} a https://example.com") == {
        "url": "https://example.com",
        "method": method,
    }


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("mira https://example.com/a?b=c&d=e#f.", "https://example.com/a?b=c&d=e#f"),
        ("(ver https://example.com/x)", "https://example.com/x"),
        ("lee https://es.wikipedia.org/wiki/Lima_(Perú)", "https://es.wikipedia.org/wiki/Lima_(Perú)"),
        ("fetch 'https://example.com/q'!", "https://example.com/q"),
        ("¿qué hay en http://127.0.0.1:8000/x?", "http://127.0.0.1:8000/x"),
        ("visita example.org/docs", "https://example.org/docs"),
        ("abre localhost:3000", "http://localhost:3000"),
    ],
)
def test_an_address_ends_where_the_sentence_goes_on(text: str, url: str):
    asked = request(text)

    assert asked is not None
    assert asked["url"] == url


def test_json_is_a_body_and_behind_the_word_headers_it_is_the_headers():
    asked = request(
        'POST https://example.com/a con cabeceras {"X-A": "1", "X-N": 2} y el json {"b": [1, {"c": null}]}'
    )

    assert asked == {
        "url": "https://example.com/a",
        "method": "POST",
        "headers": {"X-A": "1", "X-N": "2"},
        "json": {"b": [1, {"c": None}]},
    }


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        (
            "GET https://example.com con la cabecera Authorization: Bearer abc",
            {"Authorization": "Bearer abc"},
        ),
        ("fetch https://example.com with header Accept = text/plain", {"Accept": "text/plain"}),
        ("GET https://example.com with headers X-A: 1, X-B: 2", {"X-A": "1", "X-B": "2"}),
        ("GET https://example.com con el encabezado Idioma: es", {"Idioma": "es"}),
    ],
)
def test_headers_are_read_from_words(text: str, headers: dict[str, str]):
    asked = request(text)

    assert asked is not None
    assert asked["headers"] == headers


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ('envía a https://example.com el texto "hola"', "hola"),
        ('PUT https://example.com with body "a: b, c"', "a: b, c"),
        ("haz un POST a https://example.com con el cuerpo hola qué tal", "hola qué tal"),
    ],
)
def test_a_body_is_read_from_words(text: str, body: str):
    asked = request(text)

    assert asked is not None
    assert asked["body"] == body


def test_a_body_without_a_method_is_posted():
    assert request('llama a https://example.com con {"a": 1}') == {
        "url": "https://example.com",
        "json": {"a": 1},
        "method": "POST",
    }


def test_a_long_body_of_json_is_sent_whole():
    rows = [{"n": n} for n in range(300)]

    assert request(f"POST {json.dumps({'rows': rows})} to https://x.example/u") == {
        "url": "https://x.example/u",
        "method": "POST",
        "json": {"rows": rows},
    }
