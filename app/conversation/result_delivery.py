"""How the agent tells what tools brought in the background: each result exactly once."""

import logging
import secrets

import orjson

from app.conversation.outcome import TurnOutcome
from app.conversation.turn import Turn, TurnEnd
from app.conversation.turn_queue import TurnQueue
from app.conversation.turn_runner import TurnRunner
from app.locales import say
from app.session.voice_session import VoiceSession
from app.tools.tool_call import ToolCall, new_call_id
from config.agent_settings import AgentSettings

logger = logging.getLogger(__name__)

MAX_TELLINGS = 3
"""How many turns that try to tell a background result may fail; then the server tells it itself."""

_TOLD_CHARS = 200


def new_turn_id() -> str:
    """Return an opaque id, unique in its session and beyond."""
    return f"turn_{secrets.token_hex(8)}"


class BackgroundResultDelivery:
    """Tells background results in turns of their own.

    Args:
        line: Where results go back to that could not be told.
    """

    def __init__(
        self, session: VoiceSession, turns: TurnRunner, settings: AgentSettings, line: TurnQueue
    ) -> None:
        self._session = session
        self._history = session.conversation_history
        self._turns = turns
        self._settings = settings
        self._line = line
        self._agent_turns = 0

    def user_spoke(self) -> None:
        """A user's text begins its turn: the agent may begin as many turns as ever."""
        self._agent_turns = 0

    async def tell(self, turn_id: str, runs: list[ToolCall]) -> None:
        """The agent's own turn about tools that ended in the background."""
        hopeless = [run for run in runs if run.delivery.failures >= MAX_TELLINGS]
        if hopeless:
            self._line.put_back([run for run in runs if run not in hopeless])
            await self._tell_plainly(turn_id, hopeless)
            return
        self._agent_turns += any(run.delivery.history_id is None for run in runs)
        self._add_results(turn_id, runs)
        with_tools = self._agent_turns <= self._settings.max_agent_turns
        turn = self._turns.begin(turn_id, "tool", with_tools=with_tools)
        outcome = await self._turns.run(turn)
        if outcome.error is not None:
            await self._failed(turn, runs, outcome)
        else:
            await self._end(turn, runs, outcome)

    async def _end(self, turn: Turn, runs: list[ToolCall], outcome: TurnOutcome) -> None:
        """End a turn that told results; those of which nobody heard anything are told in a later one."""
        if outcome.kind != "answered" and not outcome.text:
            self._take_out(runs)
            await self._turns.finish(turn, outcome)
            if outcome.following.shown is not None:
                self._line.put_back(runs)
            return
        await self._turns.finish(turn, outcome, told=[run.call_id for run in runs])
        for run in runs:
            run.deliver()

    async def _failed(self, turn: Turn, runs: list[ToolCall], outcome: TurnOutcome) -> None:
        for run in runs:
            run.delivery.failures += 1
            # In the history they would have the service refuse all that follows, also when told plainly.
            run.delivery.is_refused = outcome.kind == "refused"
        tellings = max(run.delivery.failures for run in runs)
        # What was refused has left the history by itself, but for how writes ended.
        self._take_out([run for run in runs if not run.delivery.is_refused])
        await self._turns.finish(turn, outcome, facts={"tellings": tellings})
        self._line.put_back(runs)

    async def _tell_plainly(self, turn_id: str, runs: list[ToolCall]) -> None:
        """The server's own words for results that the model would not tell."""
        turn = self._turns.begin(turn_id, "tool")
        text = "\n".join(self._plain_sentence(run) for run in runs)
        may_remember = not any(run.delivery.is_refused for run in runs)
        if may_remember:
            self._add_results(turn_id, runs)
        outcome = await self._turns.recite(turn, text, is_remembered=may_remember)
        if outcome.error is not None:
            # Its words are there to be read, whatever became of their sound.
            outcome = TurnOutcome("answered", outcome.text, TurnEnd("stop", None))
        await self._end(turn, runs, outcome)

    def _plain_sentence(self, run: ToolCall) -> str:
        assert run.ending is not None  # noqa: S101  # only ended calls come into the line
        result = run.ending.result
        text = run.ending.error or (result if isinstance(result, str) else orjson.dumps(result).decode())
        return say(
            self._session.locale, f"tool_result_{run.ending.status}", name=run.name, text=text[:_TOLD_CHARS]
        )

    def _add_results(self, turn_id: str, runs: list[ToolCall]) -> None:
        """Put results into the history, in a turn of their own; where refused, they may be there already."""
        fresh = [run for run in runs if not self._history.holds(run.delivery.history_id)]
        if len(fresh) == len(runs):
            self._turns.record.begin_own(turn_id, "tool", tells={run.turn_id for run in runs})
        for run in fresh:
            run.delivery.history_id = new_call_id()
            content = {**(run.answer or {}), "call_id": run.call_id}
            self._history.add_result(run.record(run.delivery.history_id), content)

    def _take_out(self, runs: list[ToolCall]) -> None:
        """Take results out of the history, that stand there once when another turn tells them.

        A text of the user's may come before: its answer would tell them already.
        """
        self._history.take_out(
            {run.delivery.history_id for run in runs if run.delivery.history_id is not None}
        )
