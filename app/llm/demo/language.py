"""Spanish or English: which a text is in, and the demo's own sentences in each."""

import re
from typing import Any

from app.errors import Locale
from app.llm.demo.matching import examples
from app.llm.demo.words import data, tokens_of, words

_SPANISH_LETTERS = re.compile(r"[¿¡ñáéíóúÑÁÉÍÓÚ]")
_SHOWS_WITHIN = 400


def pick(pair: list[str], language: Locale) -> str:
    """Return the sentence of a pair in a language."""
    return pair[0] if language == "es" else pair[1]


def sentence(name: str, language: Locale, *values: object) -> str:
    """Return a sentence of the demo's own, with values where it has gaps."""
    return pick(data("sentences")[name], language).format(*values)


def table(name: str) -> dict[str, Any]:
    """Return a table of sentences by what they are about."""
    return data("sentences")[name]


def language_of(text: str) -> Locale | None:
    """Spanish or English by the words and letters of a text's beginning; None where they do not tell."""
    tokens = tokens_of(text[:_SHOWS_WITHIN])
    has_address = any(token.key == "{url}" for token in tokens)
    balance = 0
    for token in tokens:
        written = text[token.start : token.end]
        # GET and POST are no English; they are HTTP.
        if token.kind == "word" and len(token.key) > 1 and not (has_address and written.isupper()):
            known = examples().languages.get(token.key, ())
            balance += (
                ("es" in known) - ("en" in known) + (token.key in words("es")) - (token.key in words("en"))
            )
        if token.kind != "slot":
            balance += 2 * len(_SPANISH_LETTERS.findall(written))
    return "es" if balance > 0 else "en" if balance < 0 else None


def in_language(text: object, language: Locale, own: str) -> str:
    """Return a tool's sentence if it is in that language, else our own."""
    return str(text) if text and language_of(str(text)) in (language, None) else own
