"""What the rest of the server knows about speech: two small interfaces, and the shapes that pass between.

All sound inside the server is PCM16, little endian, mono. Ears work at 16 kHz; a synthesiser says its rate.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol, runtime_checkable

from app.errors import Locale
from app.llm.base import Check
from app.protocol.events import AudioTerms
from app.speech.voices import Voice

EAR_RATE_HZ: Final = 16_000

NARROW_RATE_HZ: Final = 8000
"""Of telephones, whose band ends below 4 kHz."""
"""What voice activity and recognition work with."""

BYTES_PER_SAMPLE: Final = 2

SpeechLanguage = Literal["auto", "es", "en"]


@dataclass(frozen=True, slots=True)
class Transcription:
    """What was understood.

    Attributes:
        text: Empty where there were no words.
        language: The one that was heard, or that was asked for.
        confidence: 0 to 1; the recogniser's own, comparable only with itself.
        is_doubtful: Somebody spoke, but likely said other words: of use to tell what they are about, and not
            to be answered.
    """

    text: str
    language: Locale
    confidence: float = 1.0
    is_doubtful: bool = False


Urgency = Literal["final", "speculative", "clip", "partial"]
"""Why a pass is wanted. `final` goes before `speculative`, that before `clip`: who speaks waits less than who
has sent a recording. A partial one is refused unless a worker is idle."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """Speech to be understood.

    Attributes:
        pcm: At `EAR_RATE_HZ`.
        language: `auto` where it is to be found out.
        hint: The talk's language so far, which decides where the speech is too short to tell.
        prompt: The few words that are likely to come, and little else; empty where nothing is known.
        owner: Whose share of the recogniser it takes.
        is_spoken: Somebody speaks for sure: words that are likely to be others are better than none.
    """

    pcm: bytes
    language: SpeechLanguage = "auto"
    hint: Locale = "es"
    prompt: str = ""
    urgency: Urgency = "final"
    owner: str = ""
    is_spoken: bool = False


class Recogniser(Protocol):
    """Speech to text.

    Attributes:
        name: As `/agent/health` shows it.
    """

    name: Literal["azure", "local"]

    @property
    def has_idle_worker(self) -> bool:
        """Whether a pass would begin at once, and costs little enough for a partial transcript."""
        ...

    async def transcribe(self, utterance: Utterance) -> Transcription:
        """Understand one utterance; cancelling it frees what it holds.

        Raises:
            VoiceBusy: Too many passes wait.
            WorkerFailed: The recogniser died, hung, or its service failed.
            NotAvailable: Speech cannot be recognised here (yet).
        """
        ...

    async def aclose(self) -> None:
        """Give back what it holds."""
        ...


@dataclass(frozen=True, slots=True)
class Speech:
    """Something to be said: one clause of an answer, as it is written.

    Attributes:
        text: May hold markdown, numbers, addresses, emoji; the synthesiser reads it as people would.
        voice: A voice's name; empty stands for the language's default.
        speed: 0.5 to 2.
        talk: Which talk's it is; pieces of one talk are made in order.
        owner: Whose share of the synthesiser it takes.
        is_first: Nothing of this answer has been heard yet: it goes before later clauses of other talks.
    """

    text: str
    language: Locale
    voice: str = ""
    speed: float = 1.0
    talk: str = ""
    owner: str = ""
    is_first: bool = False


@dataclass(frozen=True, slots=True)
class WordEnd:
    """A word of the clause ends.

    Attributes:
        chars: Where it ends in `Speech.text`, in characters from its start.
        ms: When it ends, in milliseconds of sound from the start of the clause.
    """

    chars: int
    ms: float


@dataclass(frozen=True, slots=True)
class AudioPiece:
    """Some of a clause's sound, in order.

    Attributes:
        pcm: At the synthesiser's rate.
        words: Words that end within what has come so far and were not told of before; the last piece of a
            clause brings the clause's length as the last one, whatever was left unspoken of it.
    """

    pcm: bytes
    words: tuple[WordEnd, ...] = ()


class Synthesiser(Protocol):
    """Text to speech.

    Attributes:
        name: As `/agent/health` shows it.
        sample_rate_hz: Of all it says.
    """

    name: Literal["azure", "local", "espeak"]
    sample_rate_hz: int

    def speak(self, speech: Speech) -> AsyncGenerator[AudioPiece, None]:
        """Say one clause, piece by piece; closing the generator stops the work.

        Text with nothing to say in it (a lone emoji) yields no sound, and its words all the same.

        Raises:
            VoiceBusy: Too much waits to be said.
            WorkerFailed: The synthesiser died, hung, or its service failed.
            NotAvailable: Nothing can be said here (yet).
        """
        ...

    def give_up(self, talk: str) -> None:
        """Nobody will hear the rest of what was said in this talk: time that was kept for it is free."""
        ...

    def heard(self, talk: str) -> None:
        """The first sound of an answer leaves, the one whose first clause was asked for last in this talk."""
        ...

    async def aclose(self) -> None:
        """Give back what it holds."""
        ...


class Splitter(Protocol):
    """Cuts one answer, as it comes, into clauses that can be spoken; joined, they are the answer."""

    def feed(self, text: str) -> list[str]:
        """Take the next piece; the clauses that are whole now."""
        ...

    def flush(self) -> list[str]:
        """Return the rest: no more comes, for now."""
        ...


@dataclass(frozen=True, slots=True)
class SpeechEvent:
    """What a detector notices, in the time of the sound, not of the clock.

    `onset`: perhaps speech; `false_alarm`: it was none; `confirmed`: it is; `voice`: it goes on, `ms` of it
    so far; `silence`: nothing for `ms` since its last voice; `full`: it is as long as an utterance may be.
    """

    kind: Literal["onset", "false_alarm", "confirmed", "voice", "silence", "full"]
    ms: float = 0.0


class SpeechDetector(Protocol):
    """Finds speech in a stream at `EAR_RATE_HZ`."""

    def feed(self, pcm: bytes) -> Sequence[SpeechEvent]:
        """Take the next piece of the stream, of any length."""
        ...

    @property
    def voiced_ms(self) -> float:
        """How much there was of the present utterance up to its last voice; grows as long as it goes on."""
        ...

    @property
    def is_surely_speech(self) -> bool:
        """Whether hardly any other sound can be taken for the present utterance."""
        ...

    def speech(self) -> bytes:
        """Return the present utterance so far, with a little before its first voice and after its last."""
        ...

    def reset(self) -> None:
        """The present utterance is over; what comes is another."""
        ...


@runtime_checkable
class ForeseeingDetector(Protocol):
    """A `SpeechDetector` that judges pieces together with those of other streams."""

    async def foresee(self, pcm: bytes) -> None:
        """Have the next piece judged before `feed` takes it; between the two nothing else may be fed."""
        ...


class EndOfTurnDetector(Protocol):
    """Tells a pause from an end."""

    async def listen(self, pcm: bytes) -> float:
        """Return how much an utterance up to its pause sounds like a whole one, 0 to 1."""
        ...

    def may_be_all(self, text: str, language: Locale) -> bool:
        """Return whether its words may be all."""
        ...


@dataclass(frozen=True, slots=True)
class SpeechInputEngines:
    """What a server hears with; made once, used by all its sessions.

    Attributes:
        new_detector: Makes the detector of one stream.
        new_resampler: For a rate in Hz, makes what brings pieces of one stream, of any length in bytes, to
            `EAR_RATE_HZ`.
        new_narrow_detector: Makes the detector of a stream that comes at `NARROW_RATE_HZ`; None where that is
            no other one.
        decode_clip: A whole recording, and whose it is: as PCM at `EAR_RATE_HZ`; raises `BadAudio`,
            `AudioOverflow`, `WorkerFailed`, `VoiceBusy`.
    """

    recogniser: Recogniser
    turn_judge: EndOfTurnDetector
    new_detector: Callable[[], SpeechDetector]
    new_resampler: Callable[[int], Callable[[bytes], bytes]]
    decode_clip: Callable[[bytes, str], Awaitable[bytes]]
    new_narrow_detector: Callable[[], SpeechDetector] | None = None

    def detector_for(self, rate_hz: int) -> SpeechDetector:
        """Return a new detector for a stream that comes at this rate."""
        if rate_hz == NARROW_RATE_HZ and self.new_narrow_detector is not None:
            return self.new_narrow_detector()
        return self.new_detector()


class RateChange(Protocol):
    """Brings one stream of PCM16 to another rate."""

    def feed(self, frame: bytes) -> bytes:
        """Return what can be told by now."""
        ...

    def flush(self) -> bytes:
        """Return the rest: nothing comes any more."""
        ...


NewRate = Callable[[int, int], RateChange]
"""Makes what changes a stream of the first rate into one of the second, in Hz."""

Half = Literal["in", "out"]
"""Hearing, or speaking: either works without the other."""


@dataclass(frozen=True, slots=True)
class VoiceEngines:
    """What a server hears and speaks with; empty where it does not, or not yet.

    Attributes:
        failures: Why a half that is wanted is not there.
        shortfalls: What a half that is there does without, and why.
        voices: Which ones may be asked for.
        new_rate: Makes what changes the rate of answers; None where nothing can.
        diagnoses: How the parts that are services are tried for real.
        closers: How its parts give back what they hold.
        new_splitter: Makes what cuts one answer into clauses; there where there is a synthesiser.
        losses: How many worker processes each part has lost so far.
        answers_begun: How many answers were heard of each voice, where there is a choice.
    """

    input_engines: SpeechInputEngines | None = None
    synthesiser: Synthesiser | None = None
    new_splitter: Callable[[], Splitter] | None = None
    closers: tuple[Callable[[], Awaitable[None]], ...] = ()
    diagnoses: tuple[Callable[[], Awaitable[list[Check]]], ...] = ()
    losses: tuple[Callable[[], int], ...] = ()
    answers_begun: Mapping[str, int] = field(default_factory=dict[str, int])
    failures: Mapping[Half, str] = field(default_factory=dict[Half, str])
    shortfalls: Mapping[Half, str] = field(default_factory=dict[Half, str])
    voices: tuple[Voice, ...] = ()
    new_rate: NewRate | None = None

    async def aclose(self) -> None:
        """Give back what the parts hold, the last one first; those who use them have ended."""
        for close in reversed(self.closers):
            await close()

    @property
    def features(self) -> list[str]:
        """As v2 sessions are told them."""
        found = {"audio_in": self.input_engines, "audio_out": self.synthesiser}
        return [name for name, part in found.items() if part is not None]


@dataclass(frozen=True, slots=True)
class SoundFacts:
    """What sound a session has, for a process that goes on with it.

    Attributes:
        terms: What was agreed on; None where there is none.
        voice: Whose; empty for the language's default.
        spoken: The turns that were spoken lately.
    """

    terms: AudioTerms | None = None
    voice: str = ""
    speed: float = 1.0
    spoken: list[str] = field(default_factory=list[str])
