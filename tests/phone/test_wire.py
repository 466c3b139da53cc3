"""Twilio's messages, in and out: what each asks for, and what a caller is sent of what happens."""

import base64
from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import BadAudio, BadMessage, Internal, LlmUnavailable, QueueFull, Unauthorized
from app.protocol.commands import (
    Announce,
    AppendAudio,
    Approve,
    Command,
    Configure,
    End,
    Interrupt,
    ReportPlayback,
    Say,
    StopPlayback,
)
from app.protocol.events import (
    ApprovalRequested,
    AudioComplete,
    AudioFrame,
    AudioStarted,
    AudioTerms,
    ErrorOccurred,
    Event,
    FeaturesChanged,
    Interrupted,
    MessageAccepted,
    PlaybackHint,
    Pong,
    ResponseChunk,
    ResponseComplete,
    SessionCreated,
    SessionTerms,
    ToolFinished,
    ToolProgress,
    ToolStarted,
)
from app.protocol.telephone.frames import MULAW
from app.protocol.telephone.sound import CallSound
from app.protocol.telephone.wire import CallTerms, TelephoneWire
from app.protocol.wire import FrameLimits, Start, WireProtocol
from app.protocol.wires import telephone
from tests.phone.twilio import CALL, CALLER, STREAM

LIMITS = FrameLimits(100_000, 100_000)
START = {
    "streamSid": STREAM,
    "callSid": CALL,
    "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": "8000", "channels": "1"},
    "customParameters": {"caller": CALLER},
}
FRAME = base64.b64encode(b"\x01" * 160).decode()
BOTH = ["audio_in", "audio_out"]


def written(event: str, **more: Any) -> str:
    return orjson.dumps({"event": event, "sequenceNumber": "2", "streamSid": STREAM, **more}).decode()


def begun(features: Sequence[str] = BOTH, **terms: Any) -> TelephoneWire:
    """A wire whose call has begun."""
    wire = TelephoneWire(CallTerms(lambda call_id, parameters: True, "es", **terms))
    assert wire.open(written("start", start=START), LIMITS) is not None
    audio = AudioTerms(MULAW if "audio_in" in features else None, "audio_out" in features, output=MULAW)
    tell(wire, SessionCreated("s1", "now", SessionTerms("", 0, 0, list(features), audio=audio)))
    return wire


def tell(wire: WireProtocol, *events: Event) -> list[dict[str, Any]]:
    return [orjson.loads(frame) for event in events for frame in wire.encode(event, "es", None)]


def ask(wire: WireProtocol, event: str, **more: Any) -> list[Command]:
    return list(wire.read(written(event, **more), LIMITS).commands())


def heard(wire: WireProtocol) -> list[Command]:
    """What the next frame of sound brings, but for itself."""
    return [c for c in ask(wire, "media", media={"payload": FRAME}) if not isinstance(c, AppendAudio)]


def kinds(messages: Sequence[dict[str, Any]]) -> list[str]:
    return [message["event"] for message in messages]


# How a call begins


def test_nothing_has_to_come_first_and_connected_says_nothing():
    wire = telephone(CallTerms(lambda call_id, parameters: True, "en"))

    assert wire.open(None, LIMITS) is None
    assert wire.open('{"event":"connected","protocol":"Call","version":"1.0.0"}', LIMITS) is None


@pytest.mark.parametrize(
    ("is_user", "parameters", "user_id"),
    [
        (False, {"caller": CALLER}, "anonymous"),
        (True, {"caller": CALLER}, CALLER),
        (True, {"caller": ""}, "anonymous"),
        (True, {}, "anonymous"),
        (True, None, "anonymous"),
    ],
)
def test_start_makes_a_session_in_telephone_sound(is_user: bool, parameters: Any, user_id: str):
    wire = TelephoneWire(CallTerms(lambda call_id, parameters: True, "en", "Hi.", is_user))
    opening = wire.open(written("start", start={**START, "customParameters": parameters}), LIMITS)

    assert opening is not None and opening.vouched_user == user_id and opening.locale == "en"
    start = opening.read()
    assert isinstance(start, Start) and start.frame is not None and start.audio is not None
    assert (start.user_id, start.audio.input, start.audio.output) == (user_id, MULAW, MULAW)
    assert list(start.frame.commands()) == [Announce("Hi.")]


def test_stream_that_nobody_asked_for_is_not_let_in():
    asked: list[Any] = []
    wire = TelephoneWire(CallTerms(lambda *said: bool(asked.append(said)), "es"))

    with pytest.raises(Unauthorized):
        wire.open(written("start", start=START), LIMITS)
    assert asked == [(CALL, {"caller": CALLER})]


@pytest.mark.parametrize(
    "first",
    [
        "{",
        b"\x00",
        "[]",
        "{}",
        written("media", media={"payload": FRAME}),
        written("start"),
        written("start", start=[]),
        written("start", start={**START, "callSid": ""}),
        written("start", start={**START, "callSid": 7}),
        written("start", start={**START, "customParameters": {"caller": 7}}),
        written("start", start={**START, "mediaFormat": {"encoding": "audio/L16"}}),
        written("start", start={**START, "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 16000}}),
        written("start", start={**START, "mediaFormat": {"channels": 2}}),
    ],
)
def test_what_begins_no_call_is_refused(first: str | bytes):
    wire = TelephoneWire(CallTerms(lambda call_id, parameters: True, "es"))

    with pytest.raises(BadMessage):
        wire.open(first, LIMITS)


# What Twilio sends


@pytest.mark.parametrize(
    ("event", "more", "commands"),
    [
        ("media", {"media": {"track": "inbound", "payload": FRAME}}, [AppendAudio(FRAME)]),
        ("media", {"media": {"payload": FRAME}}, [AppendAudio(FRAME)]),
        ("media", {"media": {"track": "outbound", "payload": FRAME}}, []),
        ("stop", {"stop": {"callSid": CALL}}, [End()]),
        ("stop", {}, [End()]),
        ("mark", {"mark": {"name": "m7"}}, []),
        ("dtmf", {"dtmf": {"digit": "1"}}, []),
        ("connected", {}, []),
        ("something_new", {"x": 1}, []),
    ],
)
def test_what_each_message_asks_for(event: str, more: dict[str, Any], commands: list[Command]):
    assert ask(begun(), event, **more) == commands


@pytest.mark.parametrize(
    ("event", "more"),
    [
        ("media", {}),
        ("media", {"media": {}}),
        ("media", {"media": {"payload": 7}}),
        ("media", {"media": "x"}),
        ("mark", {"mark": {}}),
        ("dtmf", {"dtmf": {"digit": "12"}}),
        ("dtmf", {"dtmf": {"digit": ""}}),
        ("dtmf", {"dtmf": {"digit": "x"}}),
        ("dtmf", {}),
    ],
)
def test_what_cannot_be_read_is_refused(event: str, more: dict[str, Any]):
    with pytest.raises((BadMessage, BadAudio)):
        ask(begun(), event, **more)


@pytest.mark.parametrize(("event", "is_periodic"), [("media", True), ("mark", True), ("dtmf", False)])
def test_what_comes_by_the_clock_is_no_flood(event: str, is_periodic: bool):
    more = {"media": {"payload": FRAME}, "mark": {"name": "m1"}, "dtmf": {"digit": "1"}}
    frame = begun().read(written(event, **{event: more[event]}), LIMITS)

    assert (frame.is_periodic, frame.sound_bytes is not None) == (is_periodic, event == "media")


def test_sound_is_asked_for_when_speech_has_been_loaded():
    wire = begun(features=[])

    assert ask(wire, "media", media={"payload": FRAME}) == []
    tell(wire, FeaturesChanged(BOTH))
    first, second = ask(wire, "media", media={"payload": FRAME})
    assert isinstance(first, Configure) and first.audio is not None and second == AppendAudio(FRAME)
    assert (first.audio.input, first.audio.out) == (MULAW, True)
    assert ask(wire, "media", media={"payload": FRAME}) == [AppendAudio(FRAME)]


# Keys


def pressed(wire: WireProtocol, *keys: str) -> list[Command]:
    return [command for key in keys for command in ask(wire, "dtmf", dtmf={"digit": key})]


def after_a_pause(wire: WireProtocol) -> list[Command]:
    return [command for _ in range(100) for command in heard(wire)]


@pytest.mark.parametrize(
    ("keys", "text"),
    [("5", "5"), ("1234", "1 2 3 4"), ("*9A", "* 9 A"), ("9" * 40, " ".join("9" * 32))],
)
def test_keys_are_one_text_after_a_pause(keys: str, text: str):
    wire = begun()

    assert pressed(wire, *keys) == []
    assert after_a_pause(wire) == [Say(f"Pulso en el teclado: {text}", interrupts=True)]
    assert after_a_pause(wire) == []


def test_hash_ends_what_is_pressed_and_alone_is_nothing():
    wire = begun()

    assert pressed(wire, "#") == []
    assert pressed(wire, "4", "2", "#") == [Say("Pulso en el teclado: 4 2", interrupts=True)]


def test_key_silences_the_voice_once():
    wire = begun()
    tell(wire, AudioStarted("t1", 8000), AudioFrame("t1", b"\x01" * 160))

    assert pressed(wire, "4", "2") == [Interrupt("t1")]


# Approval

ASKED = ApprovalRequested("c1", "open_door", '{"door":"garaje","wide":true}', 60)


@pytest.mark.parametrize(("key", "approved"), [("1", True), ("2", False)])
def test_key_answers_what_is_asked(key: str, approved: bool):
    wire = begun()
    tell(wire, ASKED)

    assert heard(wire) == [], "the server asks"
    assert pressed(wire, key) == [Approve("c1", approved)]
    assert pressed(wire, key) == [] and after_a_pause(wire) == [
        Say(f"Pulso en el teclado: {key}", interrupts=True)
    ]


def test_key_answers_what_was_asked_last():
    wire = begun()
    tell(wire, ASKED, ToolStarted("t1", "c1", "open_door", "{}"))
    tell(wire, ApprovalRequested("c2", "close_door", "{}", 60))

    assert pressed(wire, "2") == [Approve("c2", False)]


def test_question_that_nobody_has_answered_is_over():
    wire = begun()
    tell(wire, ASKED, ToolFinished("c1", "open_door", "failed", 60, reason="expired"))

    assert pressed(wire, "1") == [] and after_a_pause(wire) != []


# What others read is said


def test_tool_that_runs_on_is_mentioned_now_and_then():
    wire, said = begun(), []
    for elapsed_s in range(1, 60):
        tell(wire, ToolProgress("c1", "work", elapsed_s), ToolProgress("c2", "more", elapsed_s))
        said += [(elapsed_s, command) for command in heard(wire)]

    assert said == [(n, Announce("Sigo en ello.")) for n in (4, 24, 44)]


@pytest.mark.parametrize(
    ("event", "is_said"),
    [
        (ErrorOccurred(LlmUnavailable(), "t1"), True),
        (ErrorOccurred(QueueFull()), True),
        (ErrorOccurred(Internal("X")), True),
        (ErrorOccurred(BadMessage("a", "b")), False),
        (ErrorOccurred(BadAudio("a")), False),
    ],
)
def test_errors_that_are_the_callers_are_said(event: ErrorOccurred, is_said: bool):
    wire = begun()
    tell(wire, event)

    assert heard(wire) == ([Announce(event.error.sentence("es"))] if is_said else [])


def test_error_is_said_once_until_the_caller_speaks_again():
    wire = begun()
    tell(wire, *[ErrorOccurred(LlmUnavailable(), f"t{n}") for n in range(5)])

    assert len(heard(wire)) == 1
    tell(wire, MessageAccepted("t9"), ErrorOccurred(LlmUnavailable(), "t9"))
    assert len(heard(wire)) == 1


@pytest.mark.parametrize(
    "event", [Pong(), ResponseChunk("t1", "hola"), ResponseComplete("t1"), ErrorOccurred(QueueFull())]
)
def test_what_is_not_heard_is_not_sent(event: Event):
    assert tell(begun(), event) == []


# Sound


def sounding(size: int = 800) -> tuple[TelephoneWire, list[dict[str, Any]]]:
    wire = begun()
    return wire, tell(wire, AudioStarted("t1", 8000), AudioFrame("t1", b"\x01" * size))


def test_sound_is_sent_in_frames_of_20_ms_and_a_mark():
    _, sent = sounding()

    assert kinds(sent) == ["media"] * 5 + ["mark"]
    assert {len(base64.b64decode(m["media"]["payload"])) for m in sent[:-1]} == {160}
    assert all(message["streamSid"] == STREAM for message in sent)


def test_rest_of_a_turn_is_filled_up_with_silence():
    wire, sent = sounding(170)
    last, mark = tell(wire, AudioComplete("t1"))

    assert kinds(sent) == ["media", "mark"] and mark["event"] == "mark"
    assert base64.b64decode(last["media"]["payload"]) == b"\x01" * 10 + b"\xff" * 150


def test_mark_that_comes_back_says_how_far_the_caller_has_heard():
    wire, sent = sounding()
    name = sent[-1]["mark"]["name"]

    assert ask(wire, "mark", mark={"name": name}) == [ReportPlayback("t1", 100)]
    assert ask(wire, "mark", mark={"name": name}) == []


def test_place_counts_from_the_beginning_of_the_turn_also_where_it_goes_on():
    wire, _ = sounding()
    mark = tell(wire, AudioStarted("t1", 8000, 640), AudioFrame("t1", b"\x01" * 160))[-1]

    assert ask(wire, "mark", mark=mark["mark"]) == [ReportPlayback("t1", 660)]


def test_interruption_clears_what_waits_and_its_marks_say_nothing():
    wire, sent = sounding()

    assert kinds(tell(wire, Interrupted("t1", "a"), ResponseComplete("t1", "interrupted"))) == ["clear"]
    assert ask(wire, "mark", mark=sent[-1]["mark"]) == []


def test_nothing_is_cleared_where_all_has_been_played_or_another_turn_is_cut():
    wire, sent = sounding()

    assert tell(wire, Interrupted(None), Interrupted("t0")) == []
    ask(wire, "mark", mark=sent[-1]["mark"])
    assert tell(wire, Interrupted("t1")) == []


def test_voice_that_is_to_be_quiet_is_silenced_and_its_place_is_kept():
    wire, _ = sounding()

    assert kinds(tell(wire, PlaybackHint("t1", "duck"))) == ["clear"]
    assert heard(wire) == [StopPlayback("t1")]
    assert tell(wire, PlaybackHint("t1", "resume")) == [] and heard(wire) == []


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("send"), st.integers(1, 900)),
            st.tuples(st.just("back"), st.integers(1, 4)),
            st.tuples(st.just("stop"), st.just(0)),
            st.tuples(st.just("late"), st.integers(1, 4)),
        ),
        max_size=40,
    )
)
def test_heard_is_never_more_than_sent_and_never_what_was_cleared(steps: list[tuple[str, int]]):
    """Sound in pieces of any size, marks that come back in order, `clear`, and marks that it sends back."""
    sound, out, cleared = CallSound(STREAM), list[str](), list[str]()
    sound.begin("t1", 0)
    given_bytes = sent_bytes = 0
    last_ms = 0.0
    for kind, number in steps:
        if kind == "send":
            given_bytes += number
            messages = [orjson.loads(m) for m in sound.send(b"\x01" * number)]
            pieces = [base64.b64decode(m["media"]["payload"]) for m in messages if m["event"] == "media"]
            assert all(len(piece) == 160 for piece in pieces)
            sent_bytes += 160 * len(pieces)
            assert given_bytes - sent_bytes < 160
            out += [m["mark"]["name"] for m in messages if m["event"] == "mark"]
        elif kind == "back":
            for name in out[:number]:
                played = sound.came_back(name)
                assert played is not None and last_ms < played[1] <= sent_bytes / 8
                last_ms = played[1]
            del out[:number]
        elif kind == "stop":
            assert bool(sound.stop()) == bool(out or given_bytes > sent_bytes)
            cleared, out, given_bytes = cleared + out, [], sent_bytes
        else:
            assert [sound.came_back(name) for name in cleared[:number]] == [None] * len(cleared[:number])
