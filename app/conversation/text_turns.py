"""The turns of texts: answered, withdrawn, or only added to what is known; and answers that are asked for."""

from collections.abc import Sequence

from app.conversation.injected_message import InjectedMessage, contribute
from app.conversation.intake import Intake, UserText
from app.conversation.prompt import context_note
from app.conversation.result_delivery import BackgroundResultDelivery, new_turn_id
from app.conversation.turn_runner import TurnRunner
from app.protocol.events import ErrorOccurred
from app.session.journal import TurnEnding
from app.session.record import ConversationRecord, TurnClosing
from app.session.voice_session import VoiceSession
from app.tools.runner import ToolRunner
from app.tools.tool_call import ToolCall, new_call_id


class TextTurns:
    """Does what a text asks for when its turn has come."""

    def __init__(
        self,
        session: VoiceSession,
        record: ConversationRecord,
        turns: TurnRunner,
        tools: ToolRunner,
        intake: Intake,
        teller: BackgroundResultDelivery,
    ) -> None:
        self._session = session
        self._history = session.conversation_history
        self._record = record
        self._turns = turns
        self._tools = tools
        self._intake = intake
        self._teller = teller

    async def answer(self, text: UserText) -> None:
        """Run the turn of a text to its end, whatever that is."""
        error = await self._intake.understand(text)
        if error is not None:
            self._turns.end(text.turn_id, "failed", ErrorOccurred(error, text.turn_id))
            return
        if text.role != "user":
            await self._remember(text)
            return
        self._teller.user_spoke()
        if not text.is_joined:
            self._tools.user_spoke(self._record.behind(text.turn_id))
        self._tools.recall((run, True) for run in text.stopped_before)
        if text.is_replaced:
            self._record.forget(text.turn_id)
            await self._record.close(TurnClosing(text.turn_id, "withdrawn"), with_messages=False)
            self._turns.end_unbegun(text.turn_id)
            return
        self._open(text)
        if text.is_only_added:
            await self._record.close(TurnClosing(text.turn_id, "ok"), with_messages=False)
            self._record.end_text(text.turn_id, "complete")
            self._turns.rest()
            return
        if text.is_withdrawn:
            durable = await self._record.close(TurnClosing(text.turn_id, "withdrawn"), with_messages=False)
            self._turns.end_unbegun(text.turn_id, as_interrupted=text.is_interrupted, durable=durable)
            return
        turn = self._turns.begin(text.turn_id, "user", emotion=text.emotion)
        turn.is_anew = text.is_anew
        await self._turns.finish(turn, await self._turns.run(turn), accepted_at=text.accepted_at)

    def end_all(self, withdrawn: Sequence[UserText], *, also_running: bool = True) -> dict[str, TurnEnding]:
        """End the running turn and withdraw texts that wait; how each of them ends, by its turn's id.

        It is written down together with the text that does so: where the server dies right after, none of
        them is asked again beside it.
        """
        ends: dict[str, TurnEnding] = {}
        for waiting in withdrawn:
            waiting.is_withdrawn = True
            ends[waiting.turn_id] = "withdrawn"
        running = self._turns.running_turn
        if also_running and self._turns.interrupt() and running is not None:
            ends[running.turn_id] = "interrupted"
        return ends

    async def carry_out(self, contribution: InjectedMessage) -> None:
        """Do what was added by others than the user, or answer where that was asked for."""
        if contribution.mode == "answer":
            await self._respond(contribution)
        else:
            await contribute(contribution, self._session, self._turns)

    async def _respond(self, wish: InjectedMessage) -> None:
        """Answer what was said last; the wish's content is what the answer is to be like."""
        self._teller.user_spoke()
        self._record.begin_own(wish.turn_id, "agent")
        if wish.content:
            self._history.add_note(wish.content, "task")
        turn = self._turns.begin(wish.turn_id, "user", limits=wish.limits)
        turn.sources = {"system": "server"}
        await self._turns.finish(turn, await self._turns.run(turn))

    def settle(self, run: ToolCall) -> bool:
        """Put the result of a client's call where the call stands, while no prompt has told that it runs."""
        if not run.is_clients or not self._history.can_settle(run.call_id):
            return False
        self._history.settle(run.call_id, run.answer or {})
        self._tell_no_more(run)
        return True

    async def note_clients(self, runs: list[ToolCall]) -> list[ToolCall]:
        """Add the results of the client's calls to what is known; return the others, which are to be told."""
        clients = [run for run in runs if run.is_clients]
        if clients:
            turn_id = new_turn_id()
            self._record.begin_own(turn_id, "note")
            for run in clients:
                content = {**(run.answer or {}), "call_id": run.call_id}
                self._history.add_result(run.record(new_call_id()), content)
                self._tell_no_more(run)
            await self._record.close(TurnClosing(turn_id, "ok"))
        return [run for run in runs if not run.is_clients]

    def _tell_no_more(self, run: ToolCall) -> None:
        self._session.journal.calls_told([run.call_id])
        run.deliver()

    async def _remember(self, text: UserText) -> None:
        """Add what the agent is said to have said before, or what it is to know; nobody hears it."""
        is_note = text.role == "system"
        self._record.begin_own(text.turn_id, "note" if is_note else "agent")
        if is_note:
            self._history.add_note(context_note(text.content, self._session.locale))
        else:
            self._history.add_assistant(text.content)
        await self._record.close(TurnClosing(text.turn_id, "ok"))
        self._turns.rest()

    def _open(self, text: UserText) -> None:
        """Put a text into the history; one that is asked again without what was said to it before."""
        is_anew = text.is_anew and not text.is_withdrawn
        self._record.begin_text(text.turn_id, text.content, text.position, is_anew=is_anew)
        if text.is_withdrawn:
            self._history.add_written(text.said_before)
