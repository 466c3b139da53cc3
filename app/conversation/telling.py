"""How the agent tells what tools brought in the background: each result exactly once."""

import logging
import secrets

import orjson

from app.conversation.turn import TurnEnd
from app.conversation.turn_queue import TurnQueue
from app.conversation.turn_runner import Interruption, Outcome, TurnRunner
from app.errors import AgentError, LlmBadResponse, LlmError
from app.locales import say
from app.session.voice_session import VoiceSession
from app.tools.calls import ToolRun, new_call_id
from config.settings import Settings

logger = logging.getLogger(__name__)

MAX_TELLINGS = 3
"""How many turns try to tell a background result (design 4.10: twice back to the head of the line)."""

_TOLD_CHARS = 200


def new_turn_id() -> str:
    """An opaque id, unique in its session and beyond."""
    return f"turn_{secrets.token_hex(8)}"


class ResultTeller:
    """Tells background results in turns of their own.

    Args:
        line: Where results go back to that could not be told.
    """

    def __init__(self, session: VoiceSession, turns: TurnRunner, settings: Settings, line: TurnQueue) -> None:
        self._session = session
        self._history = session.conversation_history
        self._turns = turns
        self._settings = settings
        self._line = line
        self._agent_turns = 0

    def user_spoke(self) -> None:
        """A user's text begins its turn: the agent may begin as many turns as ever."""
        self._agent_turns = 0

    async def tell(self, turn_id: str, runs: list[ToolRun]) -> None:
        """The agent's own turn about tools that ended in the background."""
        self._agent_turns += any(run.tellings == 0 for run in runs)
        self._add_results(turn_id, runs)
        with_tools = self._agent_turns <= self._settings.max_agent_turns
        turn = self._turns.begin(turn_id, "tool", with_tools=with_tools)
        outcome: Outcome = await self._turns.run(turn)
        told = [run.call_id for run in runs]
        if isinstance(outcome, Interruption):
            await self._turns.interrupted(turn, outcome, told=told)
            if outcome.heard:
                self._note_told(runs)
            elif not turn.is_cut_off:
                # What it said never left and is no longer in the history: the results still stand last there.
                await self._again(runs, None, has_spoken=False)
            return
        if isinstance(outcome, TurnEnd) and turn.has_spoken:
            await self._turns.complete(turn, outcome, told=told)
            self._note_told(runs)
            return
        error = outcome if isinstance(outcome, AgentError) else LlmBadResponse("an empty answer")
        logger.log(
            error.severity,
            error.code,
            extra={"facts": error.facts, "tellings": max(r.tellings for r in runs) + 1},
        )
        await self._turns.fail(turn, error)
        await self._again(runs, error, has_spoken=turn.has_spoken)

    async def _again(self, runs: list[ToolRun], error: AgentError | None, *, has_spoken: bool) -> None:
        """Results that were not told go back to the head of the line, or the server tells them itself."""
        for run in runs:
            run.tellings += 1
            if has_spoken:
                run.told_as = None
        hopeless = [run for run in runs if run.tellings >= MAX_TELLINGS]
        others = [run for run in runs if run.tellings < MAX_TELLINGS]
        self._line.put_back(others)
        if hopeless:
            for run in others:
                run.told_as = None  # the server's own words come between: the model is to see it anew
            await self._tell_plainly(
                hopeless, may_remember=not (isinstance(error, LlmError) and error.refuses_prompt)
            )

    async def _tell_plainly(self, runs: list[ToolRun], *, may_remember: bool) -> None:
        """The server's own words for results that the model would not tell.

        `may_remember` is False where the service refused the results themselves: in the history they would
        have it refuse all that follows.
        """
        turn = self._turns.begin(new_turn_id(), "tool")
        text = "\n".join(self._plain_sentence(run) for run in runs)
        if may_remember:
            self._add_results(turn.turn_id, runs)
        told = [run.call_id for run in runs]
        await self._turns.recite(turn, text, is_remembered=may_remember, told=told)
        self._note_told(runs)

    def _note_told(self, runs: list[ToolRun]) -> None:
        for run in runs:
            run.is_told = True

    def _plain_sentence(self, run: ToolRun) -> str:
        assert run.ending is not None  # noqa: S101  # only ended calls come into the line
        result = run.ending.result
        text = run.ending.error or (result if isinstance(result, str) else orjson.dumps(result).decode())
        return say(
            self._session.locale, f"tool_result_{run.ending.status}", name=run.name, text=text[:_TOLD_CHARS]
        )

    def _add_results(self, turn_id: str, runs: list[ToolRun]) -> None:
        """Puts results into the history, in a turn of their own; when told again, they are there already."""
        fresh = [run for run in runs if not self._history.holds(run.told_as)]
        if len(fresh) == len(runs):
            self._history.begin_turn(turn_id, self._session.journal.next_position)
        for run in fresh:
            run.told_as = new_call_id()
            content = {**(run.answer or {}), "call_id": run.call_id}
            self._history.add_result(run.record(run.told_as), content)
