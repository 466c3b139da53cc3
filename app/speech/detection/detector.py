"""Finds speech in a stream, one utterance after another."""

from collections.abc import Awaitable, Callable, Sequence

from app.speech.base import BYTES_PER_SAMPLE, EAR_RATE_HZ, SpeechEvent
from app.speech.detection.utterances import (
    ENTER,
    FRAME_BYTES,
    Confirmed,
    FalseAlarm,
    Full,
    Heard,
    Onset,
    Resumed,
    Silence,
    Utterances,
)

_BYTES_PER_MS = EAR_RATE_HZ * BYTES_PER_SAMPLE / 1000


class UtteranceDetector:
    """A `SpeechDetector`.

    Args:
        likelihood: How likely a frame of `FRAME_BYTES` holds a voice, 0 to 1.
        max_seconds: Of one utterance.
        enter: From which likelihood on quiet turns into voice.
        foresee: Finds out before it is asked how likely a frame holds a voice, with those of other streams.
    """

    def __init__(
        self,
        likelihood: Callable[[bytes], float],
        max_seconds: float,
        enter: float = ENTER,
        foresee: Callable[[bytes], Awaitable[None]] | None = None,
    ) -> None:
        self._foresee = foresee
        self._utterances = Utterances(likelihood, max_seconds, enter)
        self._quiet_ms = 0.0
        self._rest = b""

    @property
    def voiced_ms(self) -> float:
        """How much there was of the present utterance up to its last voice; grows as long as it goes on."""
        return self._utterances.speech_ms

    @property
    def is_surely_speech(self) -> bool:
        """Whether hardly any other sound can be taken for the present utterance."""
        return self._utterances.is_surely_speech

    def speech(self) -> bytes:
        """Return the present utterance so far, with a little before its first voice and after its last."""
        return self._utterances.audio

    def reset(self) -> None:
        """The present utterance is over; what comes is another."""
        self._utterances.clear()

    async def foresee(self, pcm: bytes) -> None:
        """Have the next piece judged before it is taken; between the two nothing else may be."""
        if self._foresee is None:
            return
        sound = self._rest + pcm
        for end in range(FRAME_BYTES, len(sound) + 1, FRAME_BYTES):
            await self._foresee(sound[end - FRAME_BYTES : end])

    def feed(self, pcm: bytes) -> Sequence[SpeechEvent]:
        """Take the next piece of the stream, of any length."""
        events: list[SpeechEvent] = []
        sound = self._rest + pcm
        whole = len(sound) - len(sound) % FRAME_BYTES
        self._rest = sound[whole:]
        for start in range(0, whole, FRAME_BYTES):
            self._frame(sound[start : start + FRAME_BYTES], events)
        return events

    def _frame(self, frame: bytes, events: list[SpeechEvent]) -> None:
        utterances = self._utterances
        for heard in utterances.feed(frame):
            events.append(self._event(heard))
        if utterances.is_voiced and utterances.is_confirmed:
            events.append(SpeechEvent("voice", utterances.speech_ms))
        if utterances.is_open:
            self._quiet_ms = 0.0
        else:
            self._quiet_ms += len(frame) / _BYTES_PER_MS
            events.append(SpeechEvent("silence", self._quiet_ms))

    def _event(self, heard: Heard) -> SpeechEvent:
        match heard:
            case Onset():
                return SpeechEvent("onset")
            case FalseAlarm():
                return SpeechEvent("false_alarm")
            case Confirmed():
                return SpeechEvent("confirmed")
            case Silence(ms):
                return SpeechEvent("silence", ms)
            case Resumed():
                return SpeechEvent("voice", self._utterances.speech_ms)
            case Full():
                return SpeechEvent("full", self._utterances.speech_ms)
