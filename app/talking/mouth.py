"""A session's mouth: speaks its turns, falls silent when the user speaks, and knows what was heard."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from app.errors import BadMessage, Locale
from app.protocol.events import AudioComplete, Event, PlaybackHint
from app.session.mouth import Heard
from app.talking.rehearsal import Rehearsal
from app.talking.spoken_turn import SpokenTurn
from app.voice.base import Speech, Splitter, Synthesiser
from app.voice.language import clause_language

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


class SpokenMouth:
    """Speaks one turn at a time.

    Args:
        talk: The session's id.
        owner: Whose share of the synthesiser it takes.
        emit: Tells the client.
        locale: The talk's language at the moment, for clauses that do not show theirs.
        drop_sound: Takes back frames of a turn that have not left yet.
        on_correction: What was heard of a turn that was cut was more, or less: its id, and characters.
    """

    def __init__(
        self,
        talk: str,
        synthesiser: Synthesiser,
        choice: VoiceChoice,
        emit: Callable[[Event], None],
        locale: Callable[[], Locale],
        drop_sound: Callable[[str], None],
        make_splitter: Callable[[], Splitter],
        owner: Callable[[], str] = str,
    ) -> None:
        self.choice = choice
        self.on_correction: Callable[[str, int], None] = lambda turn_id, chars: None
        self.is_on = True
        self._talk = talk
        self._owner = owner
        self._synthesiser = synthesiser
        self._emit = emit
        self._locale = locale
        self._drop_sound = drop_sound
        self._make_splitter = make_splitter
        self._turn: SpokenTurn | None = None
        self._rehearsal: Rehearsal | None = None
        self._cut: tuple[SpokenTurn, float] | None = None
        self._known: deque[str] = deque(maxlen=_REMEMBERED_TURNS)
        self._ending: set[asyncio.Task[None]] = set()
        self._is_away = False
        self._is_held = False

    # The turn's side

    def say(self, turn_id: str, text: str) -> None:
        """Adds to what the turn says."""
        if self._turn is None or self._turn.turn_id != turn_id:
            if not self.is_on or turn_id in self._known:
                return
            self._let_go()
            rehearsal, self._rehearsal = self._rehearsal, None
            self._turn = SpokenTurn(
                turn_id, self._synthesiser, self._emit, self._speech, self._make_splitter(), rehearsal
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
        if turn is not None and turn.turn_id == turn_id:
            await turn.finish()

    def rehearse(self, text: str, *, is_all: bool = False) -> None:
        """Adds to what a turn may say that has not begun: the sound of its first words may be made."""
        if not self.is_on or self._is_away:
            return
        if self._rehearsal is None:
            self._rehearsal = Rehearsal(self._synthesiser, self._speech, self._make_splitter())
        self._rehearsal.add(text, is_all=is_all)

    def forget_rehearsed(self) -> None:
        """No turn begins so: what was made of it is given up."""
        rehearsal, self._rehearsal = self._rehearsal, None
        if rehearsal is not None:
            rehearsal.stop()
            self._synthesiser.give_up(self._talk)
            self._end(rehearsal.ended(), "end of rehearsal")

    def cut(self, turn_id: str) -> Heard | None:
        """The user has ended the turn: nothing more of it sounds; None where it has no sound."""
        turn = self._turn
        if turn is None or turn.turn_id != turn_id:
            return None
        now = self._now()
        was_over = turn.is_over
        self._let_go()
        self._synthesiser.give_up(self._talk)
        self._drop_sound(turn_id)
        if turn.first_sound_at is None:
            return None if turn.has_failed else Heard(0)
        turn.playback.pause(now)
        self._cut = (turn, now + REPORT_GRACE_S)
        heard = turn.playback.chars_at(turn.playback.played_ms(now))
        return Heard(heard, can_change=not was_over)

    def first_sound_at(self, turn_id: str) -> float | None:
        """When its first sound left, on the loop's clock in seconds; None where none did."""
        turn = self._turn
        return turn.first_sound_at if turn is not None and turn.turn_id == turn_id else None

    def was_perceived(self, turn_id: str, *, was_written: bool) -> bool:
        """Whether the user knows anything of the turn yet, by ear, or by eye where it has no sound."""
        turn = self._turn
        if turn is None or turn.turn_id != turn_id:
            return was_written and not self.is_on
        return was_written if turn.has_failed else turn.first_sound_at is not None

    # The ear's side

    @property
    def audible_turn(self) -> str | None:
        """The turn whose sound the user hears now."""
        turn = self._turn
        return turn.turn_id if turn is not None and turn.is_audible else None

    def duck(self) -> None:
        """The user may be interrupting: nothing is sent, and the client is asked to be quiet."""
        turn = self._turn
        if turn is not None and turn.is_audible:
            turn.hold(_DUCKED)
            turn.playback.expect_pause()
            self._emit(PlaybackHint(turn.turn_id, "duck"))

    def go_on(self) -> None:
        """Nothing was meant: the voice goes on where the user has heard it last."""
        turn = self._turn
        if turn is None or not turn.is_audible:
            return
        self._emit(PlaybackHint(turn.turn_id, "resume"))
        now = self._now()
        place = turn.playback.played_ms(now)
        if turn.playback.has_stopped and place < turn.playback.sent_ms:
            self._drop_sound(turn.turn_id)
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

    def client_left(self) -> None:
        """Nobody listens: the voice waits."""
        self._is_away = True
        if self._turn is not None:
            self._drop_sound(self._turn.turn_id)
            self._turn.hold(_AWAY)
            self._turn.playback.pause(self._now())

    def client_came(self) -> None:
        """Somebody listens again, who has nothing of what was sent after the last report."""
        if not self._is_away:
            return
        self._is_away = False
        turn = self._turn
        if turn is None:
            return
        now = self._now()
        if turn.is_audible:
            turn.start_again_at(turn.playback.played_ms(now), now)
        turn.playback.go_on(now)
        turn.release(_AWAY)

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
        self._synthesiser.give_up(self._talk)
        self._drop_sound(turn.turn_id)
        if was_audible:
            self._emit(AudioComplete(turn.turn_id))

    async def aclose(self) -> None:
        """Falls silent."""
        self._let_go()
        self._synthesiser.give_up(self._talk)
        self.forget_rehearsed()
        if self._ending:
            await asyncio.wait(set(self._ending))

    def _speech(self, text: str, is_first: bool) -> Speech:
        language = clause_language(text, self._locale())
        choice = self.choice
        return Speech(text, language, choice.voice, choice.speed, self._talk, self._owner(), is_first)

    def _let_go(self) -> None:
        """Stops the turn that is spoken, if there is one."""
        if self._turn is not None:
            self._end(self._turn.aclose(), f"end of voice {self._turn.turn_id}")
            self._turn = None

    def _end(self, closing: Coroutine[Any, Any, None], name: str) -> None:
        ending = asyncio.create_task(closing, name=name)
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
