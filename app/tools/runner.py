"""Runs the tool calls of a session as tasks, so that the talk never waits for one.

Each call has a timeout and exactly one ending, which is recorded before anything else is done with it. A tool
runs in a task of its own below the one that watches over it: even a tool that swallows its cancellation ends
in time for everybody else.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from app.chat import FunctionCall
from app.errors import UnknownCall
from app.locales import say
from app.protocol.commands import ClientTool
from app.protocol.events import ToolEndReason, ToolProgress, ToolStatus
from app.session.voice_session import VoiceSession
from app.tools.approval import Approvals, needs_approval
from app.tools.base import Need, ToolContext, ToolError
from app.tools.call_state import CallState
from app.tools.calls import (
    CheckedCall,
    WriteLedger,
    check_call,
    clean_name,
    effect_of,
    history_arguments,
    repeated_answer,
    unknown_tool,
)
from app.tools.client_tools import ClientTools
from app.tools.execution import execute, until
from app.tools.host import ToolHost
from app.tools.progress import ProgressReporter
from app.tools.support.talk_search import SessionSearch
from app.tools.tool_call import DeliveryMode, ToolCall, ToolOutcome, new_call_id
from app.tools.tool_list import Offer, ToolRegistry

logger = logging.getLogger(__name__)

_BARE: frozenset[Need] = frozenset()
_WITH_PROFILE: frozenset[Need] = frozenset({"profile"})

STOP_GRACE_S = 1.0
"""How long a cancelled tool may take to clean up, in seconds, before it counts as stuck."""


class ToolRunner:
    """The tool calls of one session.

    Args:
        on_late_ending: Called with each call that ended after its turn had stopped waiting for it.
    """

    def __init__(
        self, host: ToolHost, session: VoiceSession, on_late_ending: Callable[[ToolCall], None]
    ) -> None:
        self._host = host
        self._session = session
        self._on_late_ending = on_late_ending
        self._ledger = WriteLedger()
        self.approvals = Approvals(
            session.emit,
            host.clock,
            host.settings.approval_timeout_s,
            one_by_one=session.approvals.one_by_one,
        )
        self.running: dict[str, ToolCall] = {}
        self._superseded: set[str] = set()
        self._clients = ClientTools()

    @property
    def offer(self) -> Offer:
        """The tools that a model may be offered in this session, as it stands now."""
        return self._clients.join(self._host.registry.offer(self._has))

    def take_clients(self, tools: Sequence[ClientTool]) -> None:
        """Offer these tools of the client's from now on, and none of those before.

        Raises:
            BadMessage: As `ClientTools.replace` says.
        """
        self._clients.replace(tools, self._host.registry)

    async def take_result(self, call_id: str, output: str) -> None:
        """Take what the client has got for a call; returns when the call has ended.

        Raises:
            UnknownCall: It does not wait for that.
        """
        run = self.running.get(call_id)
        if run is None or run.task is None or not self._clients.give(call_id, output):
            raise UnknownCall
        await asyncio.wait({run.task})

    def _registry_of(self, name: str) -> ToolRegistry:
        """Return where a tool is to be found: the server's own go before."""
        is_clients = self._host.registry.get(name) is None and self._clients.registry.get(name) is not None
        return self._clients.registry if is_clients else self._host.registry

    @property
    def _has(self) -> frozenset[Need]:
        return _WITH_PROFILE if self._session.profile is not None else _BARE

    def user_spoke(self, supersedes: Collection[str] = ()) -> None:
        """A user's text begins its turn; what the turns wrote in whose place it is counts as its own."""
        self._ledger.user_spoke(supersedes)

    def supersede(self, turn_ids: Collection[str]) -> None:
        """No result of these turns is told any more: their reads end, and writes that have not begun."""
        self._superseded.update(turn_ids)
        for run in list(self.running.values()):
            if not self.is_superseded(run) or run.task is None:
                continue
            if run.effect == "read" or not run.has_begun:
                run.task.cancel()

    def is_superseded(self, run: ToolCall) -> bool:
        """Return whether another turn has taken the place of the call's own; it counts as told then."""
        if run.turn_id not in self._superseded:
            return False
        run.delivery.mode = DeliveryMode.DROPPED
        if run.ending is not None and run.state is not CallState.DELIVERED:
            self._session.journal.calls_told([run.call_id])
            run.deliver()
        return True

    def recall(self, runs: Iterable[tuple[ToolCall, bool]]) -> None:
        """Know the writes of an earlier life of the session, in the order in which they began.

        With each goes whether it was ordered since the user's last text: it is not run again before the next.
        """
        for run, is_of_this_order in runs:
            try:
                call = FunctionCall(run.call_id, run.name, run.arguments)
                checked = check_call(call, self._host.registry, self._session.locale, _WITH_PROFILE)
            except ToolError:
                continue  # the tool is gone, or has other arguments now: nobody can give that order again
            self._ledger.recall(checked, run, is_of_this_order=is_of_this_order)

    def start(self, call: FunctionCall, turn_id: str) -> ToolCall:
        """Begin a call; never waits.

        A call that cannot run (no such tool, bad arguments) comes back with its answer set; one that would
        repeat a write is not run either, and waits for the earlier one's end.
        """
        run = self._new_run(call, turn_id)
        registry = self._registry_of(call.name)
        run.is_clients = registry is self._clients.registry
        try:
            checked = check_call(call, registry, self._session.locale, self._has)
        except ToolError as exc:
            return self._refuse(run, str(exc))
        run.arguments = checked.arguments
        run.effect = effect_of(checked)
        if run.effect == "write":
            earlier = self._ledger.earlier(checked)
            if earlier is not None:
                logger.info("tool_repeated", extra={"tool": run.name, "earlier_call_id": earlier.call_id})
                run.repeats, run.task = earlier, earlier.task
                run.move_to(CallState.REPEATED)
                return run
            self._ledger.begin(checked, run)
        holds_outside = self._session.holds_outside
        if needs_approval(checked.tool, run.effect, self._host.settings, holds_outside=holds_outside):
            run.note = say(self._session.locale, "tool_waits")
            run.move_to(CallState.WAITING_FOR_APPROVAL)
        else:
            run.move_to(CallState.STARTING)
        self._launch(run, checked)
        return run

    def refuse(self, call: FunctionCall, turn_id: str, sentence: str) -> ToolCall:
        """Return a call that is answered without being run."""
        return self._refuse(self._new_run(call, turn_id), sentence)

    async def wait(self, runs: Iterable[ToolCall]) -> None:
        """Wait for calls to end, as long as a turn waits for them; cancel nothing."""
        # The user's approval takes longer than anybody waits for a tool.
        pending = [run for run in runs if run.is_pending and not run.needed_approval]
        waiting = {run.task: run for run in pending if run.task is not None}
        if waiting:
            await asyncio.wait(waiting, timeout=max(self._inline_wait_s(run) for run in waiting.values()))

    def answer_to(self, run: ToolCall) -> dict[str, Any] | None:
        """Return what the model is told for a call at this moment; None while it runs."""
        if run.repeats is not None:
            return repeated_answer(run.repeats, self._session.locale)
        return run.answer

    def cancel(self, call_id: str) -> None:
        """End a call, at the user's wish.

        Raises:
            UnknownCall: It does not run.
        """
        run = self.running.get(call_id)
        if run is None or run.task is None:
            raise UnknownCall
        if run.end_reason is None:  # asked twice, it would not be given its time to clean up
            run.end_reason = "user"
            run.task.cancel()

    def cancel_reads(self, turn_id: str) -> None:
        """End the reads of a turn that never was: nobody needs their results. Writes go on."""
        for run in list(self.running.values()):
            if run.turn_id == turn_id and run.effect == "read" and run.task is not None:
                run.delivery.mode = DeliveryMode.DROPPED
                run.task.cancel()

    async def aclose(self, reason: ToolEndReason | None = None) -> None:
        """Cancel what runs, for that reason, and wait until it has ended, or count as stuck."""
        for run in self.running.values():
            run.end_reason = run.end_reason or reason
        tasks = [run.task for run in self.running.values() if run.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _new_run(self, call: FunctionCall, turn_id: str) -> ToolCall:
        now = self._host.clock.monotonic()
        name, arguments = clean_name(call.name), history_arguments(call)
        return ToolCall(new_call_id(), turn_id, name, arguments, now, extras=call.extras)

    def _inline_wait_s(self, run: ToolCall) -> float:
        tool = self._registry_of(run.name).get(run.name)
        own = tool.inline_wait_s if tool is not None else None
        return self._host.settings.tool_inline_wait_s if own is None else own

    def _refuse(self, run: ToolCall, sentence: str) -> ToolCall:
        run.end(ToolOutcome("failed", error=sentence))
        self._tell_ending(run, "failed")
        return run

    def _launch(self, run: ToolCall, checked: CheckedCall) -> None:
        # Written down at once: whatever comes of it, its ending finds a row.
        noted = self._session.journal.call_started(run.start_note())
        watch = self._watch(run, checked, noted)
        run.task = asyncio.create_task(watch, name=f"tool {run.name} {run.call_id}")
        run.task.add_done_callback(partial(self._end_unbegun, run))
        self.running[run.call_id] = run
        self._session.pending_tools[run.call_id] = run.task
        if run.state is CallState.STARTING:
            self._tell_start(run)

    def _tell_start(self, run: ToolCall) -> None:
        logger.info("tool_started", extra={"tool": run.name, "call_id": run.call_id, "effect": run.effect})
        self._session.emit(run.started())

    async def _is_allowed(self, run: ToolCall) -> bool:
        """Wait for the user's approval, where the call needs one; what is not allowed has ended."""
        if run.state is not CallState.WAITING_FOR_APPROVAL:
            return True
        word = await self.approvals.ask(run)
        logger.info("tool_word", extra={"tool": run.name, "call_id": run.call_id, "word": word})
        if word == "approved":
            run.move_to(CallState.STARTING)
            self._tell_start(run)
            return True
        run.end_reason = word
        self._finish(run, ToolOutcome("cancelled", error=say(self._session.locale, f"tool_{word}")))
        return False

    async def _watch(self, run: ToolCall, checked: CheckedCall, noted: Awaitable[bool]) -> None:
        """Let a call run until its end or its timeout; whatever happens, it ends exactly once."""
        settings = self._host.settings
        if not await self._is_allowed(run):
            return
        if not run.is_clients and self._host.registry.get(run.name) is None:
            # It went while a person was asked.
            sentence = unknown_tool(self._host.registry, self._session.locale, self._has)
            self._finish(run, ToolOutcome("failed", error=sentence))
            return
        if run.effect == "write" and not await self._may_write(run, noted):
            self._finish(run, ToolOutcome("failed", error=say(self._session.locale, "tool_not_noted")))
            return
        timeout_s = checked.tool.timeout_s or settings.tool_timeout_s
        progress = ProgressReporter(settings.tool_progress_interval_s, partial(self._tell_progress, run))
        context = self._context(run, progress, timeout_s)
        job = asyncio.create_task(
            execute(
                checked.tool,
                checked.args,
                context,
                self._host.threads_for(checked.tool),
                on_begin=partial(run.move_to, CallState.RUNNING),
            ),
            name=run.call_id,
        )
        locale = self._session.locale
        ending = self._cancelled()
        try:
            if await until(job, context.deadline, progress):
                ending = job.result()
            else:
                ending = ToolOutcome(
                    "timed_out", error=say(locale, "tool_timeout", seconds=round(timeout_s, 1))
                )
        except asyncio.CancelledError:
            if job.done():
                ending = job.result()  # it ended in the very tick of its cancellation
            raise
        finally:
            progress.is_closed = True
            self._session.holds_outside |= checked.tool.brings_outside(self._host.settings)
            try:
                await self._stop(run, job)
            finally:
                self._finish(run, ending)

    def _cancelled(self) -> ToolOutcome:
        return ToolOutcome("cancelled", error=say(self._session.locale, "tool_was_cancelled"))

    async def _may_write(self, run: ToolCall, noted: Awaitable[bool]) -> bool:
        """Wait until a write has been written down, since its effect must not happen twice."""
        journal = self._session.journal
        if run.needed_approval:
            noted = journal.call_began(run.call_id)
        if not journal.is_kept or await noted:
            return True
        is_refused = journal.requires_notes
        facts = {"tool": run.name, "call_id": run.call_id, "refused": is_refused}
        logger.warning("write_not_stored", extra=facts)
        return not is_refused

    async def _stop(self, run: ToolCall, job: asyncio.Task[ToolOutcome]) -> None:
        """Cancel a tool and wait until it has ended, or have had its second."""
        if job.done():
            return
        job.cancel()
        try:
            await asyncio.wait({job}, timeout=STOP_GRACE_S)
        finally:
            if not job.done():
                run.end_reason = run.end_reason or "stuck"
                logger.warning("tool_stuck", extra={"tool": run.name, "call_id": run.call_id})
                self._host.stuck.add(job)
                job.add_done_callback(self._host.stuck.discard)

    def _context(self, run: ToolCall, progress: ProgressReporter, timeout_s: float) -> ToolContext:
        return ToolContext(
            call_id=run.call_id,
            session_id=self._session.session_id,
            user_id=self._session.user_id,
            locale=self._session.locale,
            deadline=self._host.clock.monotonic() + timeout_s,
            clock=self._host.clock,
            http=self._host.http,
            settings=self._host.settings,
            progress=progress,
            profile=self._session.profile,
            talk=SessionSearch(self._session, self._host.store, run.turn_id),
            idempotency_key=run.idempotency_key,
        )

    def _end_unbegun(self, run: ToolCall, task: asyncio.Task[None]) -> None:
        """A task that is cancelled before its first step never comes to its own `finally`."""
        if run.ending is None:
            self._finish(run, self._cancelled())

    def _finish(self, run: ToolCall, ending: ToolOutcome) -> None:
        if ending.status in ("done", "failed"):
            run.end_reason = None  # it ended by itself in the very moment in which it was cancelled
        elif not run.has_begun and run.end_reason not in ("denied", "expired"):
            ending = replace(ending, error=say(self._session.locale, "tool_was_not_begun"))
        run.end(ending)
        self._session.journal.call_ended(run.end_note())
        self.running.pop(run.call_id, None)
        self._session.pending_tools.pop(run.call_id, None)
        self._tell_ending(run, ending.status)
        is_late = run.delivery.mode is not DeliveryMode.IN_TURN and not self.is_superseded(run)
        if is_late and run.delivery.mode is not DeliveryMode.DROPPED:
            self._on_late_ending(run)

    def _tell_ending(self, run: ToolCall, status: ToolStatus) -> None:
        elapsed_s = self._host.clock.monotonic() - run.started_at
        extra = {"tool": run.name, "call_id": run.call_id, "status": status}
        logger.info("tool_finished", extra={**extra, "elapsed_s": round(elapsed_s, 3)})
        finished = run.finished(elapsed_s)
        self._session.transcript.end_call(run.turn_id, finished)
        self._session.emit(finished)

    def _tell_progress(self, run: ToolCall, message: str | None, fraction: float | None) -> None:
        elapsed_s = self._host.clock.monotonic() - run.started_at
        self._session.emit(ToolProgress(run.call_id, run.name, elapsed_s, message, fraction))
