"""Cuts a stream of sound into utterances. Pure: it is told how likely each frame holds a voice.

All time is counted in the stream's sound: what comes late, or faster than real time, is judged the same.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from app.speech.base import BYTES_PER_SAMPLE, EAR_RATE_HZ

FRAME_BYTES: Final = 512 * BYTES_PER_SAMPLE
FRAME_MS: Final = 32
"""What is judged at once; the model's own measure."""

ENTER: Final = 0.5
"""From here on a quiet frame counts as voice."""

ENTER_NARROW: Final = 0.45
"""The same for sound of a telephone's band: as few noises reach it there as reach `ENTER` elsewhere."""

STAY: Final = 0.35
"""Down to here a frame after voice still counts: single frames inside words dip."""

CONFIRM_FRAMES: Final = 3
"""A click is shorter."""

FORGET_FRAMES: Final = 5
"""So many quiet frames before it is confirmed, and it was no speech."""

RESUME_FRAMES: Final = 2
"""So many frames of voice in a row end a silence: one is as likely a click."""

PRE_ROLL_MS: Final = 300
"""Kept from before the onset: soft consonants come first."""

MARGIN_MS: Final = 200
"""Kept after the last voice: it dies away slowly, and recognisers want some silence."""

SURE: Final = 0.89
"""Mean likelihood of the frames with voice from which on an utterance is speech for sure. Made coughs,
throats, hums and knocks that pass for a voice reach 0.87, 19 of 20 short words have 0.90 and more."""

SURE_FRAMES: Final = 16
"""Half a second of voice. What is shorter and cannot be read is a nod oftener than an order."""

_BYTES_PER_MS: Final = EAR_RATE_HZ * BYTES_PER_SAMPLE // 1000


@dataclass(frozen=True, slots=True)
class Onset:
    """Maybe speech: the first frame of it. Worth ducking, not worth more.

    Attributes:
        at_ms: Where it begins in the stream.
    """

    at_ms: float


@dataclass(frozen=True, slots=True)
class FalseAlarm:
    """The onset was nothing; what was heard of it is forgotten."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """It is speech."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing is said now; comes with each quiet frame of an utterance.

    Attributes:
        ms: Since the last voice.
    """

    ms: float


@dataclass(frozen=True, slots=True)
class Resumed:
    """After silence, the same utterance goes on."""


@dataclass(frozen=True, slots=True)
class Full:
    """The utterance is as long as one may be: its sound grows no more. Comes once."""


Heard = Onset | FalseAlarm | Confirmed | Silence | Resumed | Full


class Utterances:
    """One stream's utterances, one after the other.

    Whoever drives it feeds sound, and calls `finish` when the turn is over or `clear` to throw it away; an
    utterance never ends by itself.

    Args:
        likelihood: Judges one frame of `FRAME_BYTES`, in order; 0 to 1.
        max_seconds: Of one utterance.
        enter: From which likelihood on a quiet frame counts as voice.
    """

    def __init__(
        self, likelihood: Callable[[bytes], float], max_seconds: float, enter: float = ENTER
    ) -> None:
        self._likelihood = likelihood
        self._enter = enter
        self._max_bytes = int(max_seconds * 1000) * _BYTES_PER_MS
        self._rest = bytearray()
        self._frames = 0
        self._before = bytearray()
        self.clear()

    @property
    def stream_ms(self) -> float:
        """How much of the stream has been judged."""
        return self._frames * FRAME_MS

    @property
    def is_open(self) -> bool:
        """Whether an utterance, or what may become one, is being heard."""
        return self._voiced > 0

    @property
    def is_confirmed(self) -> bool:
        """Whether it is speech."""
        return self._is_confirmed

    @property
    def is_voiced(self) -> bool:
        """Whether somebody speaks at this moment."""
        return self.is_open and not self._quiet

    @property
    def silence_ms(self) -> float:
        """Since the last voice; 0 while there is voice, and outside an utterance."""
        return self._quiet * FRAME_MS if self.is_open else 0.0

    @property
    def speech_ms(self) -> float:
        """From the onset to the last voice, pauses between included."""
        return self._last_voice * FRAME_MS

    @property
    def voiced_ms(self) -> float:
        """Of voice alone, pauses left out."""
        return self._voiced * FRAME_MS

    @property
    def is_surely_speech(self) -> bool:
        """Whether its frames are so likely to hold a voice that hardly any other sound is like it."""
        return self._likely >= SURE_FRAMES and self._likelihoods >= SURE * self._likely

    @property
    def audio(self) -> bytes:
        """The utterance so far: some sound from before its onset, up to a little after the last voice."""
        end = self._pre_roll_bytes + self._last_voice * FRAME_BYTES + MARGIN_MS * _BYTES_PER_MS
        return bytes(self._audio[:end])

    def feed(self, pcm: bytes) -> list[Heard]:
        """Take sound of any length, in PCM16 at `EAR_RATE_HZ`; say what happened, in order.

        What is no whole frame waits for the next call; so does half a sample. Each frame is judged at once,
        in about 0.2 ms: give it no more than a second of sound between two chances for others to run.
        """
        self._rest += pcm
        heard: list[Heard] = []
        whole = len(self._rest) // FRAME_BYTES * FRAME_BYTES
        for start in range(0, whole, FRAME_BYTES):
            self._take(bytes(self._rest[start : start + FRAME_BYTES]), heard)
        del self._rest[:whole]
        return heard

    def finish(self) -> bytes:
        """End the utterance and give its sound; empty where none was confirmed."""
        audio = self.audio if self._is_confirmed else b""
        self.clear()
        return audio

    def clear(self) -> None:
        """Forget the utterance. The stream goes on, and the next onset begins a new one."""
        self._audio = bytearray()
        self._pre_roll_bytes = 0
        self._voiced = 0
        self._likely = 0  # frames that may hold a voice
        self._likelihoods = 0.0  # of those, in all
        self._last_voice = 0  # frames from the onset to the end of the last voice
        self._length = 0  # frames since the onset
        self._quiet = 0  # frames since the last voice
        self._again = 0  # frames of voice in a row, within a silence
        self._is_confirmed = False
        self._is_full = False

    def _take(self, frame: bytes, heard: list[Heard]) -> None:
        likelihood = self._likelihood(frame)
        self._frames += 1
        if self.is_open:
            self._go_on(frame, likelihood, heard)
        elif likelihood >= self._enter:
            self._begin(frame)
            self._count(likelihood)
            heard.append(Onset(self.stream_ms - FRAME_MS))
        else:
            self._before += frame
            del self._before[: -PRE_ROLL_MS * _BYTES_PER_MS]

    def _begin(self, frame: bytes) -> None:
        self._audio = self._before + frame
        self._pre_roll_bytes = len(self._before)
        self._before = bytearray()
        self._voiced = self._last_voice = self._length = 1

    def _go_on(self, frame: bytes, likelihood: float, heard: list[Heard]) -> None:
        self._length += 1
        self._keep(frame, heard)
        self._count(likelihood)
        if self._is_voice(likelihood):
            self._hear_voice(heard)
        else:
            self._hear_silence(heard)

    def _count(self, likelihood: float) -> None:
        if likelihood >= STAY:
            self._likely += 1
            self._likelihoods += likelihood

    def _is_voice(self, likelihood: float) -> bool:
        if not self._quiet:
            return likelihood >= STAY
        self._again = self._again + 1 if likelihood >= self._enter else 0
        # Before it is confirmed there is no silence worth to be defended.
        return self._again >= (RESUME_FRAMES if self._is_confirmed else 1)

    def _hear_voice(self, heard: list[Heard]) -> None:
        was_quiet, self._quiet = self._quiet, 0
        self._voiced += max(self._again, 1)
        self._again = 0
        self._last_voice = self._length
        if self._is_confirmed and was_quiet:
            heard.append(Resumed())
        elif not self._is_confirmed and self._voiced >= CONFIRM_FRAMES:
            self._is_confirmed = True
            heard.append(Confirmed())

    def _hear_silence(self, heard: list[Heard]) -> None:
        self._quiet += 1
        if self._is_confirmed:
            heard.append(Silence(self._quiet * FRAME_MS))
        elif self._quiet >= FORGET_FRAMES:
            before = self._audio[-PRE_ROLL_MS * _BYTES_PER_MS :]
            self.clear()
            self._before = before
            heard.append(FalseAlarm())

    def _keep(self, frame: bytes, heard: list[Heard]) -> None:
        if len(self._audio) + len(frame) <= self._max_bytes:
            self._audio += frame
        elif not self._is_full:
            self._is_full = True
            heard.append(Full())
