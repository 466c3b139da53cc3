"""A session's audio input: takes the client's sound, bounded, and hands it on in small pieces."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from app.errors import AudioOverflow
from app.speech.base import BYTES_PER_SAMPLE, EAR_RATE_HZ, ForeseeingDetector, SpeechDetector
from app.speech.turns.speculative_transcriber import SpeculativeTranscriber
from app.speech.turns.utterance_tracker import UtteranceTracker

logger = logging.getLogger(__name__)

PIECE_MS = 100
"""Sound that is worked off without looking at anything else."""

MAX_PACE = 8
"""Sound that waits is worked off so many times faster than it was said, and no faster."""

STARVED_S = 0.3
"""A client that sends nothing for so long, in the middle of an utterance, is taken to be silent."""

_SILENT_PIECE = bytes(EAR_RATE_HZ * PIECE_MS // 1000 * BYTES_PER_SAMPLE)


@dataclass(frozen=True, slots=True)
class _Later:
    """Something that is done when it is known what comes of the utterance before it."""

    action: Callable[[], None]

    def __call__(self) -> None:
        self.action()


class AudioInputBuffer:
    """Listens to one session, in a task of its own.

    Args:
        rate_hz: Of the client's sound.
        resample: Brings it to the rate that the detector hears.
        max_seconds: Sound that may wait.
    """

    def __init__(
        self,
        rate_hz: int,
        resample: Callable[[bytes], bytes],
        detector: SpeechDetector,
        hearing: UtteranceTracker,
        understanding: SpeculativeTranscriber,
        max_seconds: float,
    ) -> None:
        self.rate_hz = rate_hz
        self._resample = resample
        self._detector = detector
        self._hearing = hearing
        self._understanding = understanding
        self._max_seconds = max_seconds
        self._max_bytes = round(max_seconds * rate_hz) * BYTES_PER_SAMPLE
        self._piece_bytes = rate_hz * PIECE_MS // 1000 * BYTES_PER_SAMPLE
        self._waiting: deque[bytes | Callable[[], None]] = deque()
        self._waiting_bytes = 0
        self._foresees = detector.foresee if isinstance(detector, ForeseeingDetector) else None
        self._is_hearing = False
        self._has_overflowed = False
        self._fresh = asyncio.Event()
        self._task = asyncio.create_task(self._listen(), name="audio_input")

    @property
    def sound_bytes(self) -> int:
        """About how much sound is held: what waits, and what has been heard of an utterance."""
        return self._waiting_bytes + self._hearing.sound_bytes

    @property
    def is_quiet(self) -> bool:
        """Whether nothing waits, and nobody speaks or may be beginning to."""
        is_waiting = self._waiting or self._is_hearing
        return not (is_waiting or self._hearing.expects_more) and self._hearing.decided.is_set()

    def take(self, pcm: bytes) -> None:
        """Take a frame of any length.

        Raises:
            AudioOverflow: More waits than may; said once, until there is room again.
        """
        if self._waiting_bytes + len(pcm) > self._max_bytes:
            if not self._has_overflowed:
                self._has_overflowed = True
                raise AudioOverflow(seconds=round(self._max_seconds))
            return
        if not pcm:
            return
        last = self._waiting[-1] if self._waiting else None
        if isinstance(last, bytes) and len(last) + len(pcm) <= self._piece_bytes:
            # However small the frames are, few things wait: a bound on bytes is none on their number.
            self._waiting[-1] = last + pcm
        else:
            self._waiting.append(pcm)
        self._waiting_bytes += len(pcm)
        self._fresh.set()

    def listen_by_hand(self, *, is_manual: bool, answers: bool = True) -> None:
        """Whether the client says when an utterance ends, and whether what was said is answered by itself.

        It holds from the sound on that comes now.
        """
        self._then(partial(self._hearing.listen_by_hand, is_manual=is_manual, answers=answers))

    def when_decided(self, action: Callable[[], None]) -> bool:
        """Do something as soon as nothing waits that came before, and no ended utterance is open.

        Returns:
            Whether there is anything to wait for; else nothing is done.
        """
        if self._hearing.decided.is_set() and all(isinstance(item, bytes) for item in self._waiting):
            return False
        self._then(_Later(action))
        return True

    def after_sound(self, action: Callable[[], None]) -> None:
        """Do something when all sound that has come by now was heard."""
        self._then(action)

    def commit(self) -> None:
        """The utterance is over, when what was sent before has been heard."""
        self._then(self._hearing.commit)

    def clear(self) -> None:
        """The utterance is thrown away."""
        self._then(self._hearing.clear)

    async def aclose(self) -> None:
        """Stop listening."""
        self._task.cancel()
        await asyncio.wait({self._task})
        self._hearing.close()
        await self._understanding.aclose()
        for item in self._waiting:
            if isinstance(item, _Later):
                item()

    def hang_up(self) -> None:
        """The client is gone: nothing more comes."""
        self._then(self._hearing.hang_up)

    def _then(self, action: Callable[[], None]) -> None:
        self._waiting.append(action)
        self._fresh.set()

    async def _listen(self) -> None:
        while True:
            try:
                await self._next()
            except Exception:
                # A bug over one piece must not make the session deaf for good.
                logger.exception("internal")
            if self._waiting:
                # Others go before more of a burst, and no burst takes a core.
                await asyncio.sleep(PIECE_MS / 1000 / MAX_PACE)

    async def _next(self) -> None:
        if not self._waiting and not await self._more_comes():
            await self._hear(_SILENT_PIECE)
            return
        if isinstance(self._waiting[0], bytes | _Later):
            await self._hearing.decided.wait()
        item = self._waiting.popleft()
        if not isinstance(item, bytes):
            item()
            return
        self._waiting_bytes -= len(item)
        if len(item) > self._piece_bytes:
            item, rest = item[: self._piece_bytes], item[self._piece_bytes :]
            self._waiting.appendleft(rest)
            self._waiting_bytes += len(rest)
        if self._waiting_bytes < self._max_bytes // 2:
            self._has_overflowed = False
        await self._hear(self._resample(item))

    async def _more_comes(self) -> bool:
        """Wait for sound; False where an utterance waits for its end and nothing has come."""
        self._fresh.clear()
        hearing = self._hearing
        if not hearing.expects_more or hearing.is_manual or not hearing.decided.is_set():
            await self._fresh.wait()
            return True
        try:
            async with asyncio.timeout(STARVED_S):
                await self._fresh.wait()
        except TimeoutError:
            return False
        return True

    async def _hear(self, pcm: bytes) -> None:
        if self._foresees is not None:
            self._is_hearing = True
            try:
                await self._foresees(pcm)
            finally:
                self._is_hearing = False
        for event in self._detector.feed(pcm):
            self._hearing.on(event)
