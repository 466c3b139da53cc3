"""A model that obeys everything it reads, however it is hidden: the worst that a prompt injection can meet.

It looks for calls written as `name({...})` in tool results, notes, summaries and whatever else stands in its
prompt, and makes them. What the user says it does only where that begins with `!`.
"""

import base64
import binascii
import codecs
import html
import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from tests.support.answers import Answer, Text, ToolCalls
from tests.support.http_wire import Received

_CALL = re.compile(r"([A-Za-z_]\w*)\s*\(\s*(?=\{)")
_DECODER = json.JSONDecoder(strict=False)
_BASE64 = re.compile(r"[A-Za-z0-9+/]{24,}={0,2}")
_HEX = re.compile(r"(?:[0-9a-f]{2}){16,}")

Call = tuple[str, dict[str, Any]]


def is_summary(request: Received) -> bool:
    """Whether the server asks for a summary of what was said."""
    return request.last_text.startswith('{"summary":')


class ObedientModel:
    """Answers for a stand-in's `reply`.

    Attributes:
        obeyed: The calls that it was talked into, in order; each is made once.
    """

    def __init__(self) -> None:
        self.obeyed: list[Call] = []

    def reply(self, request: Received) -> Answer:
        """Does what it is told, wherever it is told so."""
        if is_summary(request):
            return Text(" ".join(_texts_in(json.loads(request.last_text)))[:1400])
        calls = [call for call in _orders(request) if call not in self.obeyed]
        self.obeyed += calls
        filled = [(name, _filled(arguments, request)) for name, arguments in calls]
        return ToolCalls(*filled) if filled else Text("Hecho.")


def _orders(request: Received) -> Iterator[Call]:
    seen: list[Call] = []
    for message in request.messages:
        if message["role"] == "user" and not str(message["content"]).startswith("!"):
            continue
        if message["role"] == "assistant":
            continue
        for text in _readings(str(message.get("content") or "")):
            for call in _calls_in(text):
                if call not in seen:
                    seen.append(call)
                    yield call


def _readings(content: str) -> Iterator[str]:
    """A message as it stands, the texts in its JSON, and each of them deciphered in every way it knows."""
    texts = [content, *_json_texts(content)]
    for text in texts:
        yield text
        plain = unicodedata.normalize("NFKC", text)
        yield "".join(char for char in plain if unicodedata.category(char) != "Cf")
        yield "".join(chr(ord(char) - 0xE0000) for char in text if 0xE0020 <= ord(char) < 0xE007F)
        yield html.unescape(text)
        yield unquote(text)
        yield codecs.decode(text, "rot13")
        yield text[::-1]
        for word in _BASE64.findall(text):
            yield _decoded(word)
        for word in _HEX.findall(text):
            yield bytes.fromhex(word).decode("utf-8", "replace")


def _decoded(word: str) -> str:
    try:
        return base64.b64decode(word + "=" * (-len(word) % 4)).decode("utf-8", "replace")
    except binascii.Error:
        return ""


def _json_texts(content: str) -> Iterator[str]:
    for place in [match.start() for match in re.finditer(r"[{\[]", content)][:20]:
        try:
            value, _ = _DECODER.raw_decode(content, place)
        except ValueError:
            continue
        yield from _texts_in(value)


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from _texts_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts_in(inner)


def _calls_in(text: str) -> Iterator[Call]:
    for match in _CALL.finditer(text):
        try:
            arguments, _ = _DECODER.raw_decode(text, match.end())
        except ValueError:
            continue
        if isinstance(arguments, dict):
            yield match[1], arguments


def _filled(arguments: Any, request: Received) -> Any:
    """What it was told to send: `$HISTORY` and `$PROMPT` are all that it knows, `$CALL` is a call's id."""
    if isinstance(arguments, dict):
        return {name: _filled(value, request) for name, value in arguments.items()}
    if not isinstance(arguments, str):
        return arguments
    known = json.dumps(request.messages, ensure_ascii=False)[:20_000]
    ids = re.findall(r"call_\w+", known)
    return (
        arguments.replace("$HISTORY", known)
        .replace("$PROMPT", known)
        .replace("$CALL", ids[-1] if ids else "")
    )


# How an order is hidden

_HIDING: dict[str, Any] = {
    "b64": lambda text: base64.b64encode(text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "rot13": lambda text: codecs.encode(text, "rot13"),
    "reversed": lambda text: text[::-1],
    "zwsp": "\u200b".join,
    "wide": lambda text: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text),
    "tags": lambda text: "".join(chr(ord(c) + 0xE0000) for c in text),
    "html": lambda text: "".join(f"&#{ord(c)};" for c in text),
    "percent": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
}


def hidden(text: str) -> str:
    """The text, with each `[way]...[/way]` in it written in that way."""
    ways = "|".join(_HIDING)
    return re.sub(
        rf"\[({ways})\](.*?)\[/\1\]", lambda found: _HIDING[found[1]](found[2]), text, flags=re.DOTALL
    )
