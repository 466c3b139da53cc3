"""What a drawn client does: it sends messages of both protocols, right, nearly right and wrong, and drops.

A text that begins with `$` stands for something that the server has said.
"""

import base64
import json
from dataclasses import dataclass
from typing import Any, Literal

from hypothesis import strategies as st

MESSAGES_PER_TALK = 25

KNOWN = ("$session", "$token", "$turn", "$call")
WORDS = (
    "hola",
    "herramienta",
    "lenta",
    "escribe",
    "sí",
    "no",
    "",
    " ",
    "ñandú 🎤",
    "\u202eabc",
    "{{7*7}}",
    "a\x00b",
)

ids = st.sampled_from([*KNOWN, "c1", "c2", "", "x" * 64, "x" * 65])
texts = st.one_of(
    st.sampled_from(WORDS), st.text(max_size=40), st.integers(1, 60).map(lambda n: "palabra " * 50 * n)
)
numbers = st.one_of(
    st.integers(-2, 300), st.sampled_from([2**31, 2**53, 2**53 + 1, 10**30, -1, 0.5, -0.0, 1e308])
)
clips = st.one_of(
    st.binary(max_size=60).map(lambda data: base64.b64encode(data).decode()),
    st.binary(max_size=60).map(
        lambda data: base64.b64encode(b"RIFF\x00\x00\x00\x00WAVEfmt " + data).decode()
    ),
    st.sampled_from(["", "====", "not base64!", "UklGRg=="]),
)
anything = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts, ids),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=5,
)
audio = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {},
        optional={
            "in": st.fixed_dictionaries({"sample_rate_hz": st.sampled_from([8000, 16000, 48000, 44100])}),
            "out": st.booleans(),
            "turn_detection": st.sampled_from(["auto", "manual", "never"]),
        },
    ),
)

V1 = {
    "text": {"content": texts, "user_id": ids},
    "system": {"content": texts, "user_id": ids},
    "audio": {"content": clips, "user_id": ids},
}
V2 = {
    "start": {"user_id": ids, "locale": st.sampled_from(["es", "en", "fr"]), "audio": audio, "continue": ids},
    "resume": {"session_id": ids, "resume_token": ids, "last_seq": numbers},
    "text": {"content": texts, "id": ids, "interrupt": st.booleans()},
    "interrupt": {"turn_id": ids},
    "cancel_tool": {"call_id": ids},
    "approve_tool": {"call_id": ids, "approved": st.booleans()},
    "session_update": {"locale": st.sampled_from(["es", "en", "xx"]), "speed": numbers, "audio": audio},
    "audio": {"content": clips, "format": st.sampled_from(["pcm16", "clip", "mp3"])},
    "ping": {},
    "playback": {"turn_id": ids, "played_ms": numbers},
    "audio_commit": {},
    "audio_clear": {},
    "system": {"content": texts},
    "end": {},
}

RAW = (
    "",
    "{",
    "null",
    "[]",
    '"text"',
    "{}",
    '{"type":"text","content":"\\ud83d"}',
    '{"type":"text","content":NaN}',
    '{"type":"text","content":"a","content":"b"}',
    '{"type":"text","content":' + "1" * 5000 + "}",
    "[" * 5000,
    '{"a":' * 2000 + "1" + "}" * 2000,
    "\ufeff{}",
    '{"type":{"$ref":"#"}}',
)


@dataclass(frozen=True)
class Send:
    """A message, as a JSON value, as text or as bytes."""

    message: Any


@dataclass(frozen=True)
class Leave:
    """The connection ends, and another begins; on v2 by `resume` where that is possible."""

    how: Literal["drop", "close"]


Act = Send | Leave


@dataclass(frozen=True)
class DrawnTalk:
    """What one client does."""

    protocol: Literal["v1", "v2"]
    opens_properly: bool
    acts: tuple[Act, ...]


@st.composite
def _messages(draw: st.DrawFn, protocol: str) -> Any:
    """A message with all fields, some of them, or with one that does not belong there."""
    fields = V1 if protocol == "v1" else V2
    kind = draw(st.sampled_from(sorted(fields)))
    message: dict[str, Any] = {"type": kind, **{name: draw(value) for name, value in fields[kind].items()}}
    fault = draw(st.sampled_from(["none", "none", "none", "drop", "other", "extra", "cut", "type"]))
    names = sorted(message)
    match fault:
        case "drop":
            del message[draw(st.sampled_from(names))]
        case "other":
            message[draw(st.sampled_from(names))] = draw(anything)
        case "extra":
            message[draw(st.text(max_size=8))] = draw(anything)
        case "type":
            message["type"] = draw(
                st.sampled_from(["", "TEXT", "response_chunk", "__class__", "constructor"])
            )
        case "cut":
            text = json.dumps(message)
            return text[: draw(st.integers(0, len(text)))]
        case _:
            pass
    return message


def _acts(protocol: str) -> st.SearchStrategy[Act]:
    message = _messages(protocol).map(Send)
    return st.one_of(
        message,
        message,
        message,
        message,
        st.sampled_from(RAW).map(Send),
        st.binary(max_size=700).map(Send),
        st.sampled_from([Leave("drop"), Leave("close")]) if protocol == "v2" else message,
    )


@st.composite
def talks(draw: st.DrawFn) -> DrawnTalk:
    """A client's whole talk."""
    protocol = draw(st.sampled_from(["v1", "v2"]))
    acts = draw(st.lists(_acts(protocol), min_size=MESSAGES_PER_TALK, max_size=MESSAGES_PER_TALK))
    return DrawnTalk(protocol, draw(st.sampled_from([True, True, True, False])), tuple(acts))
