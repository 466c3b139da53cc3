"""A session's mouth: speaks its turns, falls silent when the user speaks, and knows what was heard."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from app.errors import BadMessage, Locale
from app.protocol.events import AudioComplete, Event, PlaybackHint
from app.session.speech_output import HeardSpeech
from app.speech.base import Speech, Splitter, Synthesiser
from app.speech.language import clause_language
from app.speech.output.clause_synthesis import FRAME_MS, ClauseSynthesis
from app.speech.output.early_clause import EarlyClause
from app.speech.output.playback import Playback

REPORT_GRACE_S = 0.5
"""How late a report of what was played still corrects what is remembered, in seconds."""

_REMEMBERED_TURNS = 16
"""Turns whose late reports are no mistake of the client's."""

_DUCKED, _HELD, _AWAY = "ducked", "held", "away"


@dataclass(slots=True)
class VoiceChoice:
    """How a session's answers are spoken.

    Attributes:
        voice: A voice's name; empty for the language's default.
        speed: 0.5 to 2.
    """

    voice: str = ""
    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class SpeechTarget:
    """Whose speech it is, and where it goes.

    Attributes:
        talk: The session's id.
        emit: Tells the client.
        locale: The talk's language at the moment, for clauses that do not show theirs.
        drop_sound: Takes back frames of a turn that have not left yet.
        owner: Whose share of the synthesiser it takes.
        frame_ms: The longest piece in which sound is to leave.
    """

    talk: str
    emit: Callable[[Event], None]
    locale: Callable[[], Locale]
    drop_sound: Callable[[str], None]
    owner: Callable[[], str] = str
    frame_ms: Callable[[], int] = lambda: FRAME_MS


class TtsOutput:
    """Speaks one turn at a time.

    Args:
        target: Whose speech it is, and where it goes.
        on_correction: What was heard of a turn that was cut was more, or less: its id, and characters.
    """

    def __init__(
        self,
        target: SpeechTarget,
        synthesiser: Synthesiser,
        choice: VoiceChoice,
        make_splitter: Callable[[], Splitter],
    ) -> None:
        self.choice = choice
        self.on_correction: Callable[[str, int], None] = lambda turn_id, chars: None
        self.is_on = True
        self._target = target
        self._synthesiser = synthesiser
        self._make_splitter = make_splitter
        self._turn: ClauseSynthesis | None = None
        self._rehearsal: EarlyClause | None = None
        self._cut: tuple[ClauseSynthesis, float] | None = None
        self._before: tuple[str, Playback] | None = None
        self._known: deque[str] = deque(maxlen=_REMEMBERED_TURNS)
        self._ending: set[asyncio.Task[None]] = set()
        self._ducked_at = 0.0
        self._is_away = False
        self._is_held = False
        self._is_finishing = False
        self._is_left_alone = asyncio.Event()

    @property
    def is_silent(self) -> bool:
        """Whether nothing sounds, or is still to."""
        return (self._turn is None or self._turn.is_over) and self._rehearsal is None

    @property
    def known_turns(self) -> Sequence[str]:
        """The turns that were spoken lately."""
        return list(self._known)

    def know(self, turn_ids: Sequence[str]) -> None:
        """Take late reports about turns that another process has spoken for no mistake."""
        self._known.extend(turn_ids)

    # The turn's side

    def say(self, turn_id: str, text: str) -> None:
        """Add to what the turn says."""
        if self._turn is None or self._turn.turn_id != turn_id:
            if not self.is_on or turn_id in self._known:
                return
            self._let_go()
            rehearsal, self._rehearsal = self._rehearsal, None
            self._turn = ClauseSynthesis(
                turn_id,
                self._synthesiser,
                self._target.emit,
                self._speech,
                self._make_splitter(),
                rehearsal,
                self._target.frame_ms(),
            )
            self._known.append(turn_id)
            if self._is_away:
                self._turn.hold(_AWAY)
            if self._is_held:
                self._turn.hold(_HELD)
        self._turn.say(text)

    def breathe(self, turn_id: str) -> None:
        """The turn says nothing more for a while: what it has said so far is spoken to its end."""
        if self._turn is not None and self._turn.turn_id == turn_id:
            self._turn.breathe()

    async def finish(self, turn_id: str) -> None:
        """The turn has said all; returns when the user should have heard it."""
        turn = self._turn
        if turn is None or turn.turn_id != turn_id:
            return
        self._is_finishing = True
        self._look_who_listens()
        try:
            await turn.finish()
        finally:
            self._is_finishing = False
            self._look_who_listens()

    async def is_left_alone(self) -> None:
        """Return when a turn that has said all waits for a client that is away."""
        await self._is_left_alone.wait()

    def _look_who_listens(self) -> None:
        if self._is_finishing and self._is_away:
            self._is_left_alone.set()
        else:
            self._is_left_alone.clear()

    def rehearse(self, text: str, *, is_all: bool = False) -> None:
        """Add to what a turn may say that has not begun: the sound of its first words may be made."""
        if not self.is_on or self._is_away:
            return
        if self._rehearsal is None:
            self._rehearsal = EarlyClause(self._synthesiser, self._speech, self._make_splitter())
        self._rehearsal.add(text, is_all=is_all)

    def forget_rehearsed(self) -> None:
        """No turn begins so: what was made of it is given up."""
        rehearsal, self._rehearsal = self._rehearsal, None
        if rehearsal is not None:
            rehearsal.stop()
            self._synthesiser.give_up(self._target.talk)
            self._end(rehearsal.ended(), "end of rehearsal")

    def cut(self, turn_id: str) -> HeardSpeech | None:
        """The user has ended the turn: nothing more of it sounds; None where it has no sound."""
        turn = self._turn
        if turn is None or turn.turn_id != turn_id:
            return None
        now = self._now()
        was_over = turn.is_over
        self._let_go()
        self._synthesiser.give_up(self._target.talk)
        self._target.drop_sound(turn_id)
        if turn.first_sound_at is None:
            return None if turn.has_failed else HeardSpeech(0)
        turn.playback.pause(now)
        self._cut = (turn, now + REPORT_GRACE_S)
        heard = turn.playback.chars_at(turn.playback.played_ms(now))
        return HeardSpeech(heard, can_change=not was_over)

    def first_sound_at(self, turn_id: str) -> float | None:
        """When its first sound left, on the loop's clock in seconds; None where none did."""
        turn = self._turn
        return turn.first_sound_at if turn is not None and turn.turn_id == turn_id else None

    def was_perceived(self, turn_id: str, *, was_written: bool) -> bool:
        """Return whether the user knows anything of the turn yet, by ear, or by eye where it has no sound."""
        turn = self._turn
        if turn is None or turn.turn_id != turn_id:
            return was_written and not self.is_on
        return was_written if turn.has_failed else turn.first_sound_at is not None

    # The input's side

    @property
    def audible_turn(self) -> str | None:
        """The turn whose sound the user hears now."""
        turn = self._turn
        return turn.turn_id if turn is not None and turn.is_audible else None

    def place_at(self, moment: float) -> tuple[str, float] | None:
        """Return which turn sounds at a moment on the loop's clock, and how much of it was heard, in ms."""
        turn = self._turn
        if turn is None or turn.first_sound_at is None:
            return None
        return turn.turn_id, turn.playback.played_ms(moment)

    def duck(self) -> None:
        """The user may be interrupting: nothing is sent, and the client is asked to be quiet."""
        turn = self._turn
        if turn is not None and turn.is_audible:
            self._ducked_at = self._now()
            turn.hold(_DUCKED)
            turn.playback.expect_pause()
            self._target.emit(PlaybackHint(turn.turn_id, "duck"))

    def go_on(self) -> None:
        """Nothing was meant: the voice goes on where the user has heard it last."""
        turn = self._turn
        if turn is None or not turn.is_audible:
            return
        self._target.emit(PlaybackHint(turn.turn_id, "resume"))
        now = self._now()
        place = turn.playback.played_ms(now)
        if turn.playback.has_stopped and place < turn.playback.sent_ms:
            self._target.drop_sound(turn.turn_id)
            turn.start_again_at(place, now)
        turn.playback.go_on(now)
        turn.release(_DUCKED)

    def hold(self, is_held: bool) -> None:
        """The user goes on before anything has sounded: the first sound waits, until it is known why."""
        self._is_held = is_held
        if self._turn is not None:
            if is_held:
                self._turn.hold(_HELD)
            else:
                self._turn.release(_HELD)

    # The client's side

    def report(self, turn_id: str, played_ms: float) -> None:
        """The client says how much of a turn it has played.

        Raises:
            BadMessage: No turn of that id has been spoken lately.
        """
        now = self._now()
        turn = self._turn
        if turn is not None and turn.turn_id == turn_id:
            turn.playback.report(played_ms, now)
            turn.nudge()
        elif self._cut is not None and self._cut[0].turn_id == turn_id:
            turn, until = self._cut
            if now <= until:
                turn.playback.report(played_ms, now)
                self.on_correction(turn_id, turn.playback.chars_at(turn.playback.played_ms(now)))
        elif turn_id not in self._known:
            raise BadMessage("no hay audio de ese turno", "there is no sound of that turn")

    def stopped(self, turn_id: str) -> None:
        """The client has thrown away what it had of a turn: it was heard up to now, as far as is known."""
        turn = self._turn
        if turn is None or turn.turn_id != turn_id or turn.is_over:
            return
        now = self._now()
        if turn.is_held(_DUCKED):
            turn.playback.pause(
                self._ducked_at
            )  # said later than it was done: rather some of it twice than lost
            return
        # The voice goes on by now: what was thrown away is sent anew.
        self._target.drop_sound(turn_id)
        turn.start_again_at(turn.playback.played_ms(now), now)

    def truncate(self, turn_id: str, heard_ms: float) -> None:
        """The client has cut a turn's sound at this place, however late it says so.

        Raises:
            BadMessage: No turn of that id has been spoken lately.
        """
        now = self._now()
        turn = self._turn
        if turn is not None and turn.turn_id == turn_id and not turn.is_over:
            turn.playback.report(heard_ms, now)
            return
        heard = self._playback_of(turn_id)
        if heard is not None:
            self.on_correction(turn_id, heard.chars_at(min(heard_ms, heard.sent_ms)))
        elif turn_id not in self._known:
            raise BadMessage("no hay audio de ese turno", "there is no sound of that turn")

    def _playback_of(self, turn_id: str) -> Playback | None:
        """Return what was sent of a turn; None where that is no longer known."""
        if self._turn is not None and self._turn.turn_id == turn_id:
            return self._turn.playback
        if self._cut is not None and self._cut[0].turn_id == turn_id:
            return self._cut[0].playback
        return self._before[1] if self._before is not None and self._before[0] == turn_id else None

    def client_left(self) -> None:
        """Nobody listens: the voice waits."""
        self._is_away = True
        self._look_who_listens()
        if self._turn is not None:
            self._target.drop_sound(self._turn.turn_id)
            self._turn.hold(_AWAY)
            self._turn.playback.pause(self._now())

    def client_came(self) -> None:
        """Somebody listens again, who has nothing of what was sent after the last report."""
        if not self._is_away:
            return
        self._is_away = False
        self._look_who_listens()
        turn = self._turn
        if turn is None:
            return
        now = self._now()
        if turn.is_audible:
            turn.start_again_at(turn.playback.played_ms(now), now)
        turn.playback.go_on(now)
        turn.release(_AWAY)

    def client_moved(self) -> None:
        """Somebody listens over another connection, and has all that was sent: the voice goes on there."""
        if self._turn is not None and self._turn.is_audible:
            self._turn.announce()

    def set_on(self, is_on: bool) -> None:
        """Whether answers are spoken; one that is being spoken goes on as text where they are not any more.

        Nobody waits for the rest of a sound that nobody hears.
        """
        self.is_on = is_on
        turn = self._turn
        if is_on or turn is None or turn.is_over:
            return
        was_audible = turn.is_audible
        self._let_go()
        self._synthesiser.give_up(self._target.talk)
        self._target.drop_sound(turn.turn_id)
        if was_audible:
            self._target.emit(AudioComplete(turn.turn_id))

    async def aclose(self) -> None:
        """Fall silent."""
        self._let_go()
        self._synthesiser.give_up(self._target.talk)
        self.forget_rehearsed()
        if self._ending:
            await asyncio.wait(set(self._ending))

    def _speech(self, text: str, is_first: bool) -> Speech:
        language = clause_language(text, self._target.locale())
        choice = self.choice
        return Speech(
            text, language, choice.voice, choice.speed, self._target.talk, self._target.owner(), is_first
        )

    def _let_go(self) -> None:
        """Stop the turn that is spoken, if there is one."""
        if self._turn is not None:
            self._before = (self._turn.turn_id, self._turn.playback)
            self._turn.stop()  # at once: a frame that is due now is not to leave any more
            self._end(self._turn.aclose(), f"end of voice {self._turn.turn_id}")
            self._turn = None

    def _end(self, closing: Coroutine[Any, Any, None], name: str) -> None:
        ending = asyncio.create_task(closing, name=name)
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
