"""Has one utterance understood: while it goes on, at its first silence, and whether it was all."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from app.cancelling import is_being_cancelled
from app.errors import AgentError, Locale, VoiceBusy, WorkerFailed
from app.speech.base import (
    BYTES_PER_SAMPLE,
    EAR_RATE_HZ,
    SpeechInputEngines,
    SpeechLanguage,
    Transcription,
    Urgency,
    Utterance,
)
from app.speech.detection.barge_in import prompt_for

logger = logging.getLogger(__name__)

MAX_JOINED_S = 20
"""Longer than this, two halves of an utterance are understood apart."""

MAX_JOINED_BYTES = MAX_JOINED_S * EAR_RATE_HZ * BYTES_PER_SAMPLE

SHORT_WORDS_S = 1.8
"""Speech over the agent's voice up to this length, margins included, is likely one of the usual few words."""

_GAP = bytes(EAR_RATE_HZ // 5 * BYTES_PER_SAMPLE)
"""A fifth of a second of silence, between two halves."""


@dataclass(frozen=True, slots=True)
class TranscribedUtterance:
    """An utterance up to its pause.

    Attributes:
        text: Its own words.
        whole: With the words before that it goes on with; empty where there are none.
        acoustic: How finished it sounds, 0 to 1.
        may_be_all: Whether the words may be.
        is_doubtful: Likely other words were said: they are not to be answered.
        confidence: Of the recogniser in its own words, 0 to 1.
    """

    text: str
    language: Locale
    whole: str = ""
    acoustic: float = 0.0
    may_be_all: bool = False
    is_doubtful: bool = False
    confidence: float = 1.0

    @property
    def has_words(self) -> bool:
        """Whether there is anything to answer."""
        return bool(self.text)


class _Over(NamedTuple):
    """Whether it is said over the agent's voice, and surely is speech."""

    voice: bool
    is_spoken: bool


class OnPartial(Protocol):
    """Is told what was understood of an utterance that goes on."""

    def __call__(self, text: str, language: Locale, speech_ms: float, *, is_urgent: bool) -> None:
        """`speech_ms`: how much of it was understood."""
        ...


class SpeculativeTranscriber:
    """The passes of one session, each for the newest sound: an older one is given up.

    Args:
        locale: The talk's language so far.
        owner: Whose share of the recogniser they take.

    Attributes:
        on_done: Called when `result` has changed.
        on_partial: Called with the words so far of an utterance that goes on.
    """

    def __init__(
        self,
        input_engines: SpeechInputEngines,
        language: SpeechLanguage,
        locale: Callable[[], Locale],
        owner: Callable[[], str] = str,
    ) -> None:
        self.on_done: Callable[[], None] = lambda: None
        self.on_partial: OnPartial | None = None
        self._input_engines = input_engines
        self._owner = owner
        self._language: SpeechLanguage = language
        self._locale = locale
        self._pass: asyncio.Task[None] | None = None
        self._partial: asyncio.Task[None] | None = None
        self._key = -1.0
        self._is_over_voice = self._is_partial_urgent = False
        self._result: TranscribedUtterance | AgentError | None = None
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def has_time(self) -> bool:
        """Whether a pass would begin at once."""
        return self._input_engines.recogniser.has_idle_worker

    def knows(self, key: float) -> bool:
        """Return whether the sound up to this point is understood, or being understood."""
        return self._key == key

    def result(self, key: float) -> TranscribedUtterance | AgentError | None:
        """Return what came of it; None as long as nothing has."""
        return self._result if self._key == key else None

    def understand(
        self,
        pcm: bytes,
        key: float,
        before: bytes = b"",
        *,
        is_over_voice: bool = False,
        is_spoken: bool = False,
    ) -> None:
        """Begin a pass over an utterance up to its pause.

        Args:
            pcm: The utterance.
            key: Names the point that it reached: how much was said, in milliseconds.
            before: The sound that it goes on with.
            is_over_voice: The agent is speaking: short words that stop it, or nod, are likely.
            is_spoken: Hardly any other sound can be taken for it.
        """
        self._give_up(self._pass)
        self._give_up(self._partial)
        self._partial = None
        self._key, self._result, self._is_over_voice = key, None, is_over_voice
        over = _Over(is_over_voice, is_over_voice and is_spoken)
        self._pass = asyncio.create_task(self._work(pcm, key, before, over), name="understand")

    def listen_in(self, pcm: bytes, speech_ms: float, *, is_urgent: bool) -> None:
        """Have the words so far understood, if that holds up nobody.

        An urgent one, which decides whether the agent's voice stops, waits its turn.
        """
        if self._partial is not None and not self._partial.done():
            if not is_urgent or self._is_partial_urgent:
                return  # the next one is asked for when it is known what comes of this one
            self._give_up(self._partial)
        if not is_urgent and not self.has_time:
            return
        self._is_partial_urgent = is_urgent
        self._partial = asyncio.create_task(self._listen_in(pcm, speech_ms, is_urgent=is_urgent))

    def forget_stale(self, key: float) -> None:
        """The user speaks on: what was understood up to a pause is not all.

        Over the agent's voice it is of use all the same, as `on_partial` is told: between coughs no other
        look at the words would come to its end.
        """
        if self._key in (-1.0, key):
            return
        if self._is_over_voice and self._result is None:
            self._partial, self._is_partial_urgent = self._pass, True
        else:
            self._give_up(self._pass)
        self._pass, self._result, self._key = None, None, -1.0

    def reset(self) -> None:
        """The utterance is over."""
        self._give_up(self._pass)
        self._give_up(self._partial)
        self._pass = self._partial = self._result = None
        self._key = -1.0

    async def aclose(self) -> None:
        """Give up all passes and waits until they have ended."""
        self.reset()
        if self._ending:
            await asyncio.wait(set(self._ending))

    async def transcribe(
        self, pcm: bytes, urgency: Urgency = "final", *, is_over_voice: bool = False, is_spoken: bool = False
    ) -> Transcription:
        """Understand sound that is whole.

        Args:
            pcm: The sound.
            urgency: Why it is wanted.
            is_over_voice: As for `understand`.
            is_spoken: As for `understand`; of longer speech it says nothing.

        Raises:
            AgentError: It cannot be understood now.
        """
        is_short = len(pcm) <= SHORT_WORDS_S * EAR_RATE_HZ * BYTES_PER_SAMPLE
        prompt = prompt_for(self._locale()) if is_over_voice and is_short else ""
        utterance = Utterance(
            pcm, self._language, self._locale(), prompt, urgency, self._owner(), bool(prompt) and is_spoken
        )
        return await self._input_engines.recogniser.transcribe(utterance)

    async def _work(self, pcm: bytes, key: float, before: bytes, over: _Over) -> None:
        result: TranscribedUtterance | AgentError
        try:
            result = await self._understand(pcm, before, over)
        except AgentError as error:
            result = error
        except (Exception, asyncio.CancelledError) as exc:
            if is_being_cancelled():
                raise
            logger.exception("internal")
            result = WorkerFailed(type(exc).__name__)
        if self._key == key:
            self._result = result
            self.on_done()
        elif isinstance(result, TranscribedUtterance) and self.on_partial is not None:
            words = "" if result.is_doubtful else result.text
            self.on_partial(words, result.language, key, is_urgent=True)

    async def _understand(self, pcm: bytes, before: bytes, over: _Over) -> TranscribedUtterance:
        whole = before + _GAP + pcm
        is_joined = bool(before) and len(whole) <= MAX_JOINED_BYTES
        judge = self._input_engines.turn_judge
        if not is_joined:
            heard, acoustic = await asyncio.gather(self._patiently(pcm, over), judge.listen(pcm))
            may_be_all = judge.may_be_all(heard.text, heard.language)
            return TranscribedUtterance(
                heard.text, heard.language, "", acoustic, may_be_all, heard.is_doubtful, heard.confidence
            )
        heard, both, acoustic = await asyncio.gather(
            self._patiently(pcm, over), self._patiently(whole, over), judge.listen(whole)
        )
        may_be_all = judge.may_be_all(both.text, both.language)
        return TranscribedUtterance(
            heard.text, both.language, both.text, acoustic, may_be_all, heard.is_doubtful, heard.confidence
        )

    async def _patiently(self, pcm: bytes, over: _Over) -> Transcription:
        """One pass; if the recogniser fails in it, one more."""
        known = {"is_over_voice": over.voice, "is_spoken": over.is_spoken}
        try:
            return await self.transcribe(pcm, "speculative", **known)
        except (WorkerFailed, VoiceBusy):
            return await self.transcribe(pcm, "final", **known)

    async def _listen_in(self, pcm: bytes, speech_ms: float, *, is_urgent: bool) -> None:
        try:
            heard = await self.transcribe(
                pcm, "speculative" if is_urgent else "partial", is_over_voice=is_urgent
            )
        except AgentError as error:
            logger.debug(error.code, extra={"facts": error.facts})
            return
        except (Exception, asyncio.CancelledError):
            if is_being_cancelled():
                raise
            logger.exception("internal")
            return
        if self.on_partial is not None:
            self.on_partial(heard.text, heard.language, speech_ms, is_urgent=is_urgent)

    def _give_up(self, task: asyncio.Task[None] | None) -> None:
        if task is not None and not task.done() and task is not asyncio.current_task():
            task.cancel()
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
