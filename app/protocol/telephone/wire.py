"""A telephone call as a `WireProtocol`: Twilio's media stream, from `start` to `stop`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final

from app.errors import BadMessage, Locale, Unauthorized
from app.protocol import names
from app.protocol.asking import ApprovalWays
from app.protocol.commands import Announce, AppendAudio, Command, Configure, End, ReportPlayback, StopPlayback
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
    ResponseComplete,
    SessionCreated,
    ToolFinished,
    ToolProgress,
    ToolStarted,
)
from app.protocol.fields import ANONYMOUS
from app.protocol.telephone.call import PhoneCall
from app.protocol.telephone.carriers import FRAME_MS, TWILIO, Carrier
from app.protocol.telephone.frames import key_of, name_of, payload_of, started
from app.protocol.wire import Frame, FrameLimits, Opening, Start

CALLER: Final = "caller"
"""The parameter of the stream that says who calls."""

_MAX_USER_CHARS: Final = 64


@dataclass(frozen=True, slots=True)
class CallTerms:
    """How calls are taken.

    Attributes:
        is_let_in: Tells by the call's id and the stream's parameters whether this server has asked for it.
        locale: The language that is spoken until the caller speaks.
        greeting: What is said first; empty for nothing.
        caller_is_user: The caller's number is the user's id; else callers are anonymous.
        carrier: The company that leads the calls.
    """

    is_let_in: Callable[[str, Mapping[str, str]], bool]
    locale: Locale
    greeting: str = ""
    caller_is_user: bool = False
    carrier: Carrier = TWILIO


class TelephoneWire:
    """What Twilio speaks, and its siblings by other names; made anew for each call."""

    name = names.TELEPHONE
    is_replayable = False
    approvals = ApprovalWays(aloud=True, by_keys=True)
    is_personal = False

    def __init__(self, terms: CallTerms) -> None:
        self._terms = terms
        self._carrier = terms.carrier
        sound = self._carrier.sound
        self._wanted = AudioTerms(
            sound, out=True, is_optional=True, output=sound, frame_ms=FRAME_MS, echoes=True
        )
        self._call = PhoneCall("", self._carrier)
        self._locale: Locale = terms.locale
        self._features: frozenset[str] = frozenset()
        self._audio = AudioTerms()

    def open(self, first: str | bytes | None, limits: FrameLimits) -> Opening | None:
        """Begin with `start`; `connected`, which comes before it, says nothing.

        Raises:
            BadMessage: It cannot be read, or a call begins otherwise.
            Unauthorized: This server has not asked for the call.
        """
        if first is None:
            return None
        message = self._carrier.read(first, limits)
        if message.get("event") == "connected":
            return None
        if message.get("event") != "start":
            raise BadMessage("una llamada empieza con «start»", "a call begins with “start”")
        start = started(message, self._carrier.format)
        if not self._terms.is_let_in(start.call_id, start.parameters):
            raise Unauthorized
        self._call = PhoneCall(start.stream_id, self._carrier)
        caller = start.parameters.get(CALLER, "")[:_MAX_USER_CHARS] if self._terms.caller_is_user else ""
        user_id, locale = caller or ANONYMOUS, self._terms.locale
        greeting = [Announce(self._terms.greeting)] if self._terms.greeting else []
        asked = Start(user_id, locale=locale, audio=self._wanted, frame=Frame(lambda: greeting))
        return Opening(lambda: asked, locale=locale, vouched_user=user_id)

    def read(self, raw: str | bytes, limits: FrameLimits) -> Frame:
        """Read one of Twilio's messages; those that we do not know ask for nothing. Bytes are sound."""
        if isinstance(raw, bytes) and self._carrier.sound.encoding == "pcm16":
            return Frame(lambda: self._heard(raw, len(raw)), sound_bytes=len(raw), is_periodic=True)
        message: dict[str, Any] = self._carrier.read(raw, limits)
        event = message.get("event")
        if event == "media":
            return self._media(payload_of(message))
        read = self._READ.get(event) if isinstance(event, str) else None
        return Frame(lambda: read(self, message) if read is not None else (), is_periodic=event == "mark")

    def is_numbered(self, event: Event) -> bool:
        """Return False: nothing is kept."""
        return False

    def encode(self, event: Event, locale: Locale, seq: int | None) -> Sequence[str | bytes]:
        """Return Twilio's messages for what is to be heard of an event."""
        self._locale = locale
        told = self._TOLD.get(type(event))
        return told(self, event) or () if told is not None else ()

    # What comes

    def _media(self, sound: str | None) -> Frame:
        """Return what some sound asks for; None is another's than the caller's."""
        if sound is None:
            return Frame(self._call.take_todo, is_periodic=True)
        size = len(sound) * 3 / 4
        return Frame(lambda: self._heard(sound, size), sound_bytes=int(size), is_periodic=True)

    def _heard(self, sound: str | bytes, size: float) -> Sequence[Command]:
        todo = self._call.take_todo()
        changed = self._sound()
        keys = self._call.hear(size / self._carrier.bytes_per_ms, self._locale)
        heard = [AppendAudio(sound)] if self._audio.input is not None else []
        return (*todo, *changed, *keys, *heard)

    def _sound(self) -> Sequence[Command]:
        """Ask for sound, where speech is there by now that was not."""
        hears = self._carrier.sound if "audio_in" in self._features else None
        speaks = "audio_out" in self._features
        if (hears, speaks) == (self._audio.input, self._audio.out):
            return ()
        self._audio = wanted = replace(self._wanted, input=hears, out=speaks)
        return (Configure(audio=wanted),)

    def _dtmf(self, message: dict[str, Any]) -> Sequence[Command]:
        return (*self._call.take_todo(), *self._call.press(key_of(message), self._locale))

    def _mark(self, message: dict[str, Any]) -> Sequence[Command]:
        played = self._call.sound.came_back(name_of(message))
        todo = self._call.take_todo()
        return [*todo, ReportPlayback(played[0], round(played[1]))] if played is not None else todo

    def _stop(self, message: dict[str, Any]) -> Sequence[Command]:
        return (End(),)

    # What happens

    def _created(self, event: SessionCreated) -> None:
        if event.terms is not None:
            self._features = frozenset(event.terms.features)
            self._audio = event.terms.audio or AudioTerms()

    def _changed(self, event: FeaturesChanged) -> None:
        self._features = frozenset(event.features)

    def _audio_started(self, event: AudioStarted) -> None:
        self._call.sound.begin(event.turn_id, event.offset_ms)

    def _frame(self, event: AudioFrame) -> Sequence[str | bytes]:
        sound = self._call.sound
        return [*sound.send(event.pcm), *(sound.end() if event.is_last else ())]

    def _audio_complete(self, event: AudioComplete) -> Sequence[str | bytes]:
        return self._call.sound.end()

    def _hint(self, event: PlaybackHint) -> Sequence[str | bytes]:
        """A telephone cannot play more quietly: it falls silent, and is sent the rest again if it goes on."""
        if event.action == "resume":
            return ()
        self._call.todo.append(StopPlayback(event.turn_id))
        return self._call.sound.stop()

    def _cut(self, event: Interrupted | ResponseComplete) -> Sequence[str | bytes]:
        is_cut = isinstance(event, Interrupted) or event.finish_reason == "interrupted"
        return self._call.sound.stop() if is_cut and event.turn_id == self._call.sound.turn_id else ()

    def _accepted(self, event: MessageAccepted) -> None:
        self._call.speaks()

    def _error(self, event: ErrorOccurred) -> None:
        self._call.fails(event, self._locale)

    def _progress(self, event: ToolProgress) -> None:
        self._call.goes_on(event, self._locale)

    def _asked(self, event: ApprovalRequested) -> None:
        self._call.ask(event)

    def _settled(self, event: ToolStarted | ToolFinished) -> None:
        self._call.forget(event.call_id)

    _READ: ClassVar[dict[str, Callable[[Any, dict[str, Any]], Sequence[Command]]]] = {
        "dtmf": _dtmf,
        "mark": _mark,
        "stop": _stop,
    }
    """One for each of Twilio's messages that asks for something, beside `media`."""

    _TOLD: ClassVar[dict[type, Callable[[Any, Any], Sequence[str | bytes] | None]]] = {
        SessionCreated: _created,
        FeaturesChanged: _changed,
        AudioStarted: _audio_started,
        AudioFrame: _frame,
        AudioComplete: _audio_complete,
        PlaybackHint: _hint,
        Interrupted: _cut,
        ResponseComplete: _cut,
        MessageAccepted: _accepted,
        ErrorOccurred: _error,
        ToolProgress: _progress,
        ApprovalRequested: _asked,
        ToolStarted: _settled,
        ToolFinished: _settled,
    }
    """The events that a caller hears of."""
