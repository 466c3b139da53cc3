"""The sound of one turn: made clause by clause, sent as it is due, and kept for a while."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing

from app.errors import AgentError, WorkerFailed
from app.protocol.events import AudioComplete, AudioFrame, AudioStarted, ErrorOccurred, Event
from app.speech.base import Speech, Splitter, Synthesiser, WordEnd
from app.speech.output.clause_queue import ClauseQueue
from app.speech.output.early_clause import EarlyClause
from app.speech.output.kept_sound import KeptSound
from app.speech.output.playback import Playback
from app.speech.output.sending_clock import SendingClock
from app.speech.stages import reached

logger = logging.getLogger(__name__)

LEAD_MS = 800
"""How far the sender is ahead of what is heard; the protocol allows a second."""

FRAME_MS = 100
"""The longest frame, where a client wants none that are shorter."""

AHEAD_MS = 20_000
"""Sound that may be made before it is due."""

_NEARLY_MS = 1.0
"""A rest of sound that is not worth another turn of the loop."""

_EARLY_MS = 1.0
"""A frame may leave so much too early: timers count in whole milliseconds."""

_FRAMES_AT_ONCE = 8
"""Frames that leave without a turn of others: an answer's beginning is 40 of them on a call."""


class ClauseSynthesis:
    """One turn's sound.

    Args:
        emit: Tells the client.
        speech: Makes a clause into what the synthesiser is asked for; gets the text, and whether it is the
            turn's first.
        rehearsal: May hold the sound of its first clause.
        frame_ms: The longest frame.

    Attributes:
        playback: What of it was sent and heard.
        first_sound_at: When its first frame left, on the loop's clock in seconds.
        has_failed: There will be no more sound; the turn goes on as text.
    """

    def __init__(
        self,
        turn_id: str,
        synthesiser: Synthesiser,
        emit: Callable[[Event], None],
        speech: Callable[[str, bool], Speech],
        splitter: Splitter,
        rehearsal: EarlyClause | None = None,
        frame_ms: int = FRAME_MS,
    ) -> None:
        self._frame_ms = frame_ms
        self.turn_id = turn_id
        self.playback = Playback()
        self.first_sound_at: float | None = None
        self.has_failed = False
        self._holds: set[str] = set()
        self._has_told_last = False
        self._synthesiser = synthesiser
        self._emit = emit
        self._speech = speech
        self._rehearsal = rehearsal
        self._clauses = ClauseQueue(splitter)
        self._chars = 0
        self._talk = ""
        self._clock = SendingClock()
        self._sound = KeptSound(synthesiser.sample_rate_hz)
        self._text_is_whole = False
        self._is_made = False
        self._wake_maker = asyncio.Event()
        self._wake_sender = asyncio.Event()
        self._maker = asyncio.create_task(self._make(), name=f"voice {turn_id}")
        self._sender = asyncio.create_task(self._send(), name=f"voice sender {turn_id}")

    # The turn's side

    def say(self, text: str) -> None:
        """Add to the text."""
        self._clauses.add(text)
        self._wake_maker.set()

    def breathe(self) -> None:
        """No more text comes for a while."""
        self._clauses.flush()
        self._wake_maker.set()

    async def finish(self) -> None:
        """The text is whole; returns when all of it should have been heard."""
        self._text_is_whole = True
        self.breathe()
        await asyncio.wait({self._sender})

    @property
    def is_audible(self) -> bool:
        """Whether its sound has begun and has not ended."""
        return self.first_sound_at is not None and not self._sender.done()

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is left to be heard."""
        return self._sender.done()

    def stop(self) -> None:
        """Nothing more is made or sent."""
        self._maker.cancel()
        self._sender.cancel()

    async def aclose(self) -> None:
        """Stop, and wait for both tasks."""
        self.stop()
        await asyncio.wait({self._maker, self._sender})
        self._sound.forget_all()
        await self._end_rehearsal()

    async def _end_rehearsal(self) -> None:
        if self._rehearsal is not None:
            await self._rehearsal.aclose()
            self._rehearsal = None

    # Pausing

    def hold(self, reason: str) -> None:
        """Nothing is sent until this reason is gone, and all others."""
        self._holds.add(reason)

    def release(self, reason: str) -> None:
        """This reason is gone."""
        self._holds.discard(reason)
        self.nudge()

    def is_held(self, reason: str) -> bool:
        """Return whether nothing is sent for this reason."""
        return reason in self._holds

    def nudge(self) -> None:
        """Something has changed that decides what may be sent."""
        self._wake_sender.set()
        self._wake_maker.set()

    def start_again_at(self, ms: float, now: float) -> None:
        """Send anew what comes after `ms`, as far as it is kept."""
        self.playback.rewind(self._sound.first_kept(ms), now)
        self._clock.stop()
        self.announce()
        self.nudge()

    # Making

    async def _make(self) -> None:
        """Have the clauses spoken, one after another."""
        try:
            while True:
                await self._until(self._wake_maker, self._may_make)
                if not self._clauses.has_next():
                    break
                await self._make_clause(self._clauses.pop())
        except AgentError as error:
            self._fail(error)
        except Exception as exc:
            logger.exception("internal")
            self._fail(WorkerFailed(type(exc).__name__))
        finally:
            self._is_made = True
            self._wake_sender.set()

    def _may_make(self) -> bool:
        if not self._clauses.has_next():
            return self._text_is_whole
        return self._sound.made_ms - self.playback.sent_ms < AHEAD_MS

    async def _make_clause(self, clause: str) -> None:
        begins_ms, begins_chars = self._sound.made_ms, self._chars
        self._chars += len(clause)
        speech = self._speech(clause, begins_ms == 0)
        self._talk = speech.talk
        if self._rehearsal is not None and not self._rehearsal.has(speech):
            await self._end_rehearsal()  # before the synthesiser makes another one for this talk
        if speech.is_first and self._rehearsal is None:
            reached("clause")
        sound = self._rehearsal.pieces() if self._rehearsal is not None else self._synthesiser.speak(speech)
        async with aclosing(sound) as pieces:
            async for piece in pieces:
                self._sound.add(piece.pcm)
                for word in piece.words:
                    self.playback.add_word(WordEnd(begins_chars + word.chars, begins_ms + word.ms))
                self._wake_sender.set()
        self.playback.add_word(WordEnd(self._chars, self._sound.made_ms))

        await self._end_rehearsal()

    def _fail(self, error: AgentError) -> None:
        self.has_failed = True
        self._clauses.clear()
        logger.warning(error.code, extra={"facts": error.facts})
        self._emit(ErrorOccurred(error))

    # Sending

    async def _send(self) -> None:
        """Send what is due until all has been heard."""
        loop = asyncio.get_running_loop()
        while True:
            self._wake_sender.clear()
            now = loop.time()
            if self._holds:
                self._clock.stop()
                await self._wake_sender.wait()
                continue
            # Reports of what was played wake it too, and not all of them change what is due.
            ahead_ms = self._send_due(now)
            if ahead_ms is None:
                await asyncio.sleep(0)  # more is due: others have their turn in between
                continue
            left_ms = self.playback.sent_ms - self.playback.played_ms(now)
            is_all_sent = self._is_made and self._sound.made_ms - self.playback.sent_ms < _NEARLY_MS
            if is_all_sent:
                self._tell_last()
            if is_all_sent and left_ms < _NEARLY_MS:
                break
            due_ms = ahead_ms - LEAD_MS + self._frame_ms
            wait_ms = left_ms if is_all_sent else due_ms if due_ms > _EARLY_MS else self._frame_ms / 2
            has_more = is_all_sent or self._sound.made_ms > self.playback.sent_ms
            await self._sleep(loop, wait_ms / 1000 if has_more else None)
        self._sound.forget_all()
        if self.first_sound_at is not None:
            self._emit(AudioComplete(self.turn_id))

    def _send_due(self, now: float) -> float | None:
        """Send some of what is due; return how far what was sent is ahead, or None where more is due."""
        for _ in range(_FRAMES_AT_ONCE):
            sent_ms = self.playback.sent_ms
            ahead_ms = sent_ms - self._clock.played_ms(self.playback, now)
            room_ms = min(LEAD_MS + _EARLY_MS - ahead_ms, self._sound.made_ms - sent_ms)
            is_last = self._is_made and self._sound.made_ms - sent_ms <= self._frame_ms
            # Frames are not made smaller than they need be: each costs a write.
            is_worth_it = room_ms >= self._frame_ms or is_last or self.first_sound_at is None
            if room_ms < _NEARLY_MS or not is_worth_it:
                return ahead_ms
            self._send_frame(min(room_ms, self._frame_ms), now)
        return None

    def _send_frame(self, length_ms: float, now: float) -> None:
        if self.first_sound_at is None:
            self.first_sound_at = now
            reached("frame")
            self._synthesiser.heard(self._talk)
            self.announce()
        frame, upto_ms = self._sound.frame(self.playback.sent_ms, length_ms)
        self.playback.send_up_to(upto_ms, now)
        self._emit(AudioFrame(self.turn_id, frame))
        self._sound.forget_old(upto_ms)
        self._wake_maker.set()

    def _tell_last(self) -> None:
        """Say that all has been sent, once: whoever holds some of it back must not wait till it was heard."""
        if self.first_sound_at is not None and not self._has_told_last:
            self._has_told_last = True
            self._emit(AudioFrame(self.turn_id, b"", is_last=True))

    def announce(self) -> None:
        """Say from where on the sound comes."""
        self._has_told_last = False
        rate = self._synthesiser.sample_rate_hz
        self._emit(AudioStarted(self.turn_id, rate, round(self.playback.sent_ms)))

    async def _sleep(self, loop: asyncio.AbstractEventLoop, seconds: float | None) -> None:
        timer = loop.call_later(seconds, self._wake_sender.set) if seconds is not None else None
        try:
            await self._wake_sender.wait()
        finally:
            if timer is not None:
                timer.cancel()

    async def _until(self, event: asyncio.Event, may_go_on: Callable[[], bool]) -> None:
        while not may_go_on():
            event.clear()
            await event.wait()
