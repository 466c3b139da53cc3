"""How a back end takes part in a talk: it speaks, adds knowledge, or has the agent react."""

import logging
import secrets
from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from typing import Literal

from app.chat import ApiMessage
from app.conversation.prompt import context_note
from app.conversation.turn_runner import Interruption, TurnRunner
from app.errors import AgentError, LlmBadResponse
from app.session.journal import NOT_KEPT, MessageSource
from app.session.voice_session import VoiceSession

logger = logging.getLogger(__name__)

Mode = Literal["say", "context", "prompt"]
"""`say`: the agent says just this. `context`: the model knows it from now on, as data. `prompt`: the agent
does what it says."""


def _new_turn_id() -> str:
    return f"turn_{secrets.token_hex(8)}"


@dataclass(frozen=True, slots=True)
class Contribution:
    """What a back end adds, or the server itself, which has the agent greet (`by`).

    `place`: where it stands in the store; None for what does not outlive the server.
    """

    content: str
    mode: Mode
    turn_id: str = field(default_factory=_new_turn_id)
    by: MessageSource = "backend"
    place: int | None = None


def write_down(contribution: Contribution, session: VoiceSession) -> tuple[Contribution, Awaitable[bool]]:
    """Writes down what a back end adds, before anything comes of it.

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


async def contribute(contribution: Contribution, session: VoiceSession, turns: TurnRunner) -> None:
    """Does what a contribution asks for, in a turn of the agent's own; `context` is heard by nobody."""
    history, place = session.conversation_history, contribution.place
    history.begin_turn(contribution.turn_id, session.journal.next_position if place is None else place)
    by = contribution.by
    # A back end may pass on what others wrote, whatever it asks for.
    session.holds_outside |= by == "backend"
    if contribution.mode == "context":
        history.add_note(contribution.content)
        fresh = history.take_unwritten()
        await session.journal.turn_ended(
            contribution.turn_id, fresh, "ok", sources={"system": by}, place=place
        )
        turns.rest()
        return
    turn = turns.begin(contribution.turn_id, "agent")
    turn.place = place
    if contribution.mode == "say":
        turn.sources = {"assistant": by}
        await turns.recite(turn, contribution.content)
        return
    history.add_note(contribution.content, "task")
    turn.sources = {"system": by}
    outcome = await turns.run(turn)
    if isinstance(outcome, Interruption):
        await turns.interrupted(turn, outcome)
    elif isinstance(outcome, AgentError) or not turn.has_spoken:
        error = outcome if isinstance(outcome, AgentError) else LlmBadResponse("an empty answer")
        logger.log(error.severity, error.code, extra={"facts": error.facts})
        await turns.fail(turn, error)
    else:
        await turns.complete(turn, outcome)
