"""How a back end takes part in a talk: it speaks, adds knowledge, or has the agent react."""

import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from app.chat import ApiMessage
from app.conversation.prompt import context_note
from app.conversation.turn_runner import TurnRunner
from app.protocol.commands import AnswerLimits
from app.session.journal import NOT_KEPT, MessageSource
from app.session.record import TurnClosing
from app.session.voice_session import VoiceSession

logger = logging.getLogger(__name__)

Mode = Literal["say", "context", "prompt", "answer"]
"""`say`: the agent says just this. `context`: the model knows it from now on, as data. `prompt`: the agent
does what it says. `answer`: it answers what was said last; the server's alone, at a client's wish."""


def _new_turn_id() -> str:
    return f"turn_{secrets.token_hex(8)}"


class SentenceEnd(NamedTuple):
    """A sentence has been said, or was cut; `was_heard`: to its end, by ear."""

    turn_id: str
    was_heard: bool


@dataclass(frozen=True, slots=True)
class InjectedMessage:
    """What a back end adds, or the server itself, which has the agent greet (`by`).

    `place`: where it stands in the store; None for what does not outlive the server. `on_end`: is told of
    the end of what is only said. `limits`: what the answer keeps to that is asked for.
    """

    content: str
    mode: Mode
    turn_id: str = field(default_factory=_new_turn_id)
    by: MessageSource = "backend"
    place: int | None = None
    limits: AnswerLimits | None = None
    on_end: Callable[[SentenceEnd], None] | None = field(default=None, compare=False)


def write_down(
    contribution: InjectedMessage, session: VoiceSession
) -> tuple[InjectedMessage, Awaitable[bool]]:
    """Write down what a back end adds, before anything comes of it.

    Returns:
        It, as a message of the talk; and whether it outlives the server, as soon as that is known.
    """
    if contribution.mode == "context":
        contribution = replace(contribution, content=context_note(contribution.content, session.locale))
    journal = session.journal
    if contribution.by != "backend" or not journal.is_kept:
        return contribution, NOT_KEPT
    kept = replace(contribution, place=journal.next_position)
    role = "assistant" if kept.mode == "say" else "system"
    message: ApiMessage = {"role": role, "content": kept.content}
    return kept, journal.contribution_taken(kept.turn_id, message, kept.by)


async def contribute(contribution: InjectedMessage, session: VoiceSession, turns: TurnRunner) -> None:
    """Do what a contribution asks for, in a turn of the agent's own; `context` is heard by nobody."""
    history, place, by = session.conversation_history, contribution.place, contribution.by
    is_note = contribution.mode == "context"
    turns.record.begin_own(contribution.turn_id, "note" if is_note else "agent", place)
    # A back end may pass on what others wrote, whatever it asks for.
    session.holds_outside |= by == "backend"
    if is_note:
        history.add_note(contribution.content)
        await turns.record.close(TurnClosing(contribution.turn_id, "ok", sources={"system": by}, place=place))
        turns.rest()
        return
    turn = turns.begin(contribution.turn_id, "agent")
    turn.place = place
    if contribution.mode == "say":
        turn.sources = {"assistant": by}
        outcome = await turns.recite(turn, contribution.content)
        if contribution.on_end is not None:
            was_heard = session.speech_output.was_perceived(turn.turn_id, was_written=False)
            contribution.on_end(SentenceEnd(turn.turn_id, was_heard and outcome.kind == "answered"))
        await turns.finish(turn, outcome)
        return
    history.add_note(contribution.content, "task")
    turn.sources = {"system": by}
    await turns.finish(turn, await turns.run(turn))
