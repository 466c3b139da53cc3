"""A talk as a file: JSON for machines, Markdown and plain text for people.

A call whose result came late stands in a talk's messages twice: where it was made, and where its result was
told to the model. A file has each call once, where it was made, with how it ended.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

import orjson

from app.clock import wire_time
from app.router.routes.stored_talks import StoredCall, StoredMessage, describe_stored, title_of
from app.storage.records import SessionRecord

_MOST_RESULT_CHARS: Final = 2000
_ZONE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}", re.ASCII)

_WORDS: Final[dict[str, dict[str, str]]] = {
    "es": {
        "untitled": "Conversación sin título",
        "agent": "Agente",
        "backend": "Sistema propio, por boca del agente",
        "to_agent": "Sistema propio, para el agente",
        "server": "Servidor, para el agente",
        "tool": "Herramienta",
        "failed": "ha fallado",
        "timed_out": "ha tardado demasiado",
        "cancelled": "cancelada",
        "denied": "no permitida",
        "running": "en marcha",
        "interrupted": "interrumpida",
        "superseded": "sustituido después",
        "deleted": "borrado después",
    },
    "en": {
        "untitled": "Untitled talk",
        "agent": "Agent",
        "backend": "Back end, by the agent's mouth",
        "to_agent": "Back end, to the agent",
        "server": "Server, to the agent",
        "tool": "Tool",
        "failed": "failed",
        "timed_out": "took too long",
        "cancelled": "cancelled",
        "denied": "not allowed",
        "running": "still running",
        "interrupted": "interrupted",
        "superseded": "revised later",
        "deleted": "deleted later",
    },
}


def find_zone(name: str) -> tzinfo | None:
    """Return the time zone of this name of the IANA's, None where there is none."""
    if name == "UTC":
        return UTC
    if _ZONE.fullmatch(name) is None:
        return None
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        return None


class OnceEach:
    """Leaves out of a talk's messages what tells a result again that stands where its call was made.

    Such are two messages, one behind the other: the model's call, which no ledger has, and its result, which
    names the call that was made. Pages of a talk may end between them.
    """

    def __init__(self) -> None:
        self._held: StoredMessage | None = None

    def of(self, messages: Sequence[StoredMessage], is_last: bool) -> list[StoredMessage]:
        """Return those of the next messages that are to be read."""
        kept: list[StoredMessage] = []
        for message in messages:
            held, self._held = self._held, None
            if held is not None and _tells_again(held, message):
                continue
            if held is not None:
                kept.append(held)
            if message.role == "assistant" and message.tool_calls and not (message.calls or message.content):
                self._held = message
            else:
                kept.append(message)
        if is_last and self._held is not None:
            kept.append(self._held)
        return kept


def _tells_again(call: StoredMessage, result: StoredMessage) -> bool:
    ids = {made["id"] for made in call.tool_calls or ()}
    if result.role != "tool" or result.tool_call_id not in ids or result.content is None:
        return False
    try:
        said: Any = orjson.loads(result.content)
    except orjson.JSONDecodeError:
        return False
    return isinstance(said, dict) and "call_id" in said


class Form(Protocol):
    """How a file is written."""

    media_type: str
    ending: str
    tail: bytes

    def head(self) -> bytes:
        """Return its beginning."""
        ...

    def body(self, messages: Sequence[StoredMessage], is_first: bool) -> bytes:
        """Return some messages as they stand in it; `is_first`: none has been written before."""
        ...


class JsonForm:
    """The messages as `/messages` has them."""

    media_type, ending, tail = "application/json", "json", b"]}"

    def __init__(self, record: SessionRecord, zone: tzinfo) -> None:
        self._record, self._zone = record, zone

    def head(self) -> bytes:
        """See `Form`."""
        facts = {**describe_stored(self._record), "time_zone": str(self._zone)}
        return orjson.dumps(facts).removesuffix(b"}") + b',"messages":['

    def body(self, messages: Sequence[StoredMessage], is_first: bool) -> bytes:
        """See `Form`."""
        written = b",".join(orjson.dumps(message.model_dump()) for message in messages)
        return written if is_first or not written else b"," + written


class _ForPeople:
    """What the user and the agent said, and what the tools did, in the talk's language."""

    tail = b""

    def __init__(self, record: SessionRecord, zone: tzinfo) -> None:
        self._record, self._zone = record, zone
        self._words = _WORDS["en" if record.locale.startswith("en") else "es"]
        self._speakers = {
            ("user", None): record.user_id,
            ("assistant", None): self._words["agent"],
            ("assistant", "backend"): self._words["backend"],
            ("system", "backend"): self._words["to_agent"],
            ("system", "server"): self._words["server"],
        }

    @property
    def _title(self) -> str:
        return title_of(self._record) or self._words["untitled"]

    def _when(self, moment: str) -> str:
        at = datetime.fromisoformat(moment).astimezone(self._zone)
        return f"{at:%Y-%m-%d %H:%M:%S}"

    def _facts(self) -> str:
        zone = f"{self._zone}"
        return f"{self._record.user_id} · {self._when(wire_time(self._record.created_at))} ({zone})"

    def _who(self, message: StoredMessage) -> str:
        who = self._speakers.get((message.role, message.source), message.role)
        status = message.status
        marks = [] if status in ("ok", "accepted") else [self._words.get(status, status)]
        marks += [self._words["superseded"]] if message.superseded else []
        marks += [self._words["deleted"]] if message.deleted else []
        return f"{who} ({', '.join(marks)})" if marks else who

    def _calls(self, message: StoredMessage) -> Iterator[tuple[str, str, str]]:
        """The calls that a message made: name, arguments, and how each ended."""
        known = {call.call_id: call for call in message.calls or ()}
        for made in message.tool_calls or ():
            function = made["function"]
            call = known.get(made["id"])
            yield function["name"], function["arguments"], "" if call is None else self._outcome(call)

    def _outcome(self, call: StoredCall) -> str:
        if call.status == "done":
            said = call.result if isinstance(call.result, str) else orjson.dumps(call.result).decode()
        else:
            word = self._words.get(call.reason or "", "") or self._words.get(call.status, call.status)
            said = f"{word}: {call.error}" if call.error else word
        return said if len(said) <= _MOST_RESULT_CHARS else said[:_MOST_RESULT_CHARS] + "…"

    def body(self, messages: Sequence[StoredMessage], is_first: bool) -> bytes:
        """See `Form`."""
        parts = [part for message in messages if message.role != "tool" for part in self._parts(message)]
        return "".join(f"\n{part}\n" for part in parts).encode()

    def _parts(self, message: StoredMessage) -> list[str]:
        raise NotImplementedError


class MarkdownForm(_ForPeople):
    """With a title, speakers in bold, and calls as code."""

    media_type, ending = "text/markdown", "md"

    def head(self) -> bytes:
        """See `Form`."""
        return f"# {self._title}\n\n{self._facts()}\n".encode()

    def _parts(self, message: StoredMessage) -> list[str]:
        parts: list[str] = []
        if message.content:
            parts += [f"**{self._who(message)}**, {self._when(message.created_at)}:", message.content]
        for name, arguments, outcome in self._calls(message):
            ended = f" → {_code(outcome)}" if outcome else ""
            parts.append(f"*{name}* {_code(arguments)}{ended}")
        return parts


class TextForm(_ForPeople):
    """As plain as it gets."""

    media_type, ending = "text/plain", "txt"

    def head(self) -> bytes:
        """See `Form`."""
        return f"{self._title}\n{self._facts()}\n".encode()

    def _parts(self, message: StoredMessage) -> list[str]:
        parts: list[str] = []
        if message.content:
            parts.append(f"[{self._when(message.created_at)}] {self._who(message)}: {message.content}")
        for name, arguments, outcome in self._calls(message):
            ended = f" -> {outcome}" if outcome else ""
            parts.append(f"  {self._words['tool']}: {name} {arguments}{ended}")
        return parts


FORMS: Final[dict[str, type[JsonForm | MarkdownForm | TextForm]]] = {
    "json": JsonForm,
    "markdown": MarkdownForm,
    "text": TextForm,
}


def _code(text: str) -> str:
    """Return a text as code inside a line, whatever ticks are in it."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    room = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{room}{' '.join(text.split(chr(10)))}{room}{fence}"
