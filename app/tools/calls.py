"""One tool call: what was asked, how it stands, how it ended."""

import asyncio
import logging
import re
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, cast

import orjson
from pydantic import BaseModel, ValidationError

from app.chat import Extras, ToolCall
from app.errors import Locale
from app.locales import say
from app.protocol.events import MAX_RESULT_CHARS, ToolEndReason, ToolFinished, ToolStatus
from app.session.history import CallRecord
from app.session.journal import CallEnd, CallOutcome
from app.session.tool_messages import RUNNING
from app.tools.base import Effect, Need, Tool, ToolError
from app.tools.registry import ToolRegistry
from app.tools.results import shown_json
from app.unseen import without_unseen

logger = logging.getLogger(__name__)

MAX_ARGUMENT_CHARS = 64 * 1024
"""A model writes no longer arguments by intention."""

MAX_ARGUMENT_DEPTH = 100
"""Nested deeper, they could not be written into the message that asks a person about them."""

_MAX_PROBLEMS = 5


def new_call_id() -> str:
    """An id of ours: a model's may be empty, repeated, or kilobytes long."""
    return f"call_{secrets.token_hex(8)}"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a call ended.

    Attributes:
        result: A JSON value.
        error: A sentence, where it is not done.
        may_have_acted: It failed, and may have had its effect all the same.
    """

    status: ToolStatus
    result: Any = None
    error: str | None = None
    truncated: bool = False
    may_have_acted: bool = False

    def content(self) -> dict[str, Any]:
        """The tool message that tells the model."""
        if self.status != "done":
            return {"status": self.status, "error": self.error}
        content: dict[str, Any] = {"status": "done", "result": self.result}
        return {**content, "truncated": True} if self.truncated else content


@dataclass(eq=False, slots=True)
class ToolRun:
    """A call that a model asked for.

    Attributes:
        arguments: A JSON text that the history may hold; `{}` where the model's was unusable.
        answer: What the model is told for this call: set once, when it has ended or will not run.
        repeats: The earlier write that this call would repeat; it is answered by how that one stands.
        detached: Its turn no longer waits for it; its ending is told by a turn of its own.
        is_dropped: Its turn was replaced by another before anybody heard of it: it is not told.
        tellings: How many turns tried to tell its ending, and failed.
        is_unbegun: The tool itself has not been called yet.
        end_reason: Why it was ended from outside.
        told_as: The id under which the last of them put it into the history.
        needs_word: It waits for a person's word before it begins.
        note: What the model is told of it while it runs.
        extras: What the model's service gave with it.
        key: Under which the other side of a write may know it; empty where that is its own id.
        unsettled: An earlier order of the same write, of which nobody knows what it did.
    """

    call_id: str
    turn_id: str
    name: str
    arguments: str
    started_at: float
    effect: Effect = "read"
    answer: dict[str, Any] | None = None
    ending: Ending | None = None
    repeats: "ToolRun | None" = None
    detached: bool = False
    is_dropped: bool = False
    tellings: int = 0
    is_told: bool = False
    told_as: str | None = None
    needs_word: bool = False
    note: str = ""
    extras: Extras | None = None
    key: str = ""
    unsettled: "ToolRun | None" = None
    is_unbegun: bool = False
    end_reason: ToolEndReason | None = None
    task: asyncio.Task[None] | None = field(default=None, repr=False)

    def record(self, call_id: str | None = None) -> CallRecord:
        """The call as the history keeps it, with its own id or with another."""
        name = call_id or self.call_id
        return CallRecord(name, self.name, self.arguments, self.note, self.extras, self.effect == "write")

    @property
    def idempotency_key(self) -> str:
        """The same for each try of the same order."""
        return self.key or self.call_id

    @property
    def is_unknown(self) -> bool:
        """Whether it is a write that has ended, and nobody knows what it did."""
        if self.effect == "read" or self.ending is None or self.is_unbegun:
            return False
        if self.end_reason in ("denied", "expired"):
            return False
        return self.ending.may_have_acted or self.ending.status not in ("done", "failed")

    def end(self, ending: Ending) -> None:
        """It has ended; the model is told so, and what is not known of it."""
        self.ending = ending
        self.answer = ending.content() | ({"outcome": "unknown"} if self.is_unknown else {})

    def is_untold(self) -> bool:
        """Whether it ended in the background, and no turn has told that yet."""
        return self.detached and not self.is_told

    def is_pending(self) -> bool:
        """Whether the model still waits for an answer."""
        return self.answer is None


@dataclass(frozen=True, slots=True)
class CheckedCall:
    """A call that may run."""

    tool: Tool
    args: BaseModel
    arguments: str


def clean_name(name: str) -> str:
    """A model's tool name as the API takes it back: `[A-Za-z0-9_-]{1,64}`."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name[:64]) or "unknown"


def check_call(
    call: ToolCall, registry: ToolRegistry, locale: Locale, has: frozenset[Need] = frozenset()
) -> CheckedCall:
    """Finds the tool, among those that a session which has all this is offered, and reads the arguments.

    Raises:
        ToolError: There is no such tool here, or the arguments do not fit; the sentence says what is wrong.
    """
    tool = registry.get(call.name)
    if tool is None:
        raise ToolError(say(locale, "tool_unknown", names=", ".join(registry.offer(has).names)))
    if tool.needs is not None and tool.needs not in has:
        raise ToolError(say(locale, f"tool_needs_{tool.needs}"))
    if len(call.arguments) > MAX_ARGUMENT_CHARS:
        raise ToolError(say(locale, "tool_long_arguments"))
    try:
        values = orjson.loads(call.arguments or "{}")
    except orjson.JSONDecodeError:
        values = None
    if not isinstance(values, dict) or not _is_flat(values, MAX_ARGUMENT_DEPTH):
        raise ToolError(say(locale, "tool_bad_json"))
    # Before it is checked: what a person is shown is what runs.
    values = _seen(values)
    try:
        args = tool.arguments.model_validate(values)
    except ValidationError as exc:
        raise ToolError(say(locale, "tool_bad_arguments", problems=_problems(exc))) from None
    except Exception:
        # A bug in a validator of the tool's own; its turn and the other calls go on.
        logger.exception("tool_arguments_raised", extra={"tool": tool.name})
        raise ToolError(say(locale, "tool_error")) from None
    # Written anew: where a name stands twice, a person would be shown the one that does not count.
    return CheckedCall(tool, args, orjson.dumps(values).decode())


def _seen(value: Any) -> Any:
    """A JSON value without what nobody sees in its texts and names."""
    if isinstance(value, str):
        return without_unseen(value)
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value).items()
        return {without_unseen(name): _seen(member) for name, member in members}
    return [_seen(member) for member in cast("list[Any]", value)] if isinstance(value, list) else value


def _is_flat(value: Any, depth: int) -> bool:
    """Whether a JSON value is nested no deeper than that."""
    if isinstance(value, dict):
        members: list[Any] = list(value.values())  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
    elif isinstance(value, list):
        members = value  # pyright: ignore[reportUnknownVariableType]
    else:
        return True
    return depth > 0 and all(_is_flat(member, depth - 1) for member in members)


def _problems(exc: ValidationError) -> str:
    errors = exc.errors(include_url=False, include_input=False, include_context=False)
    lines = [f"{'.'.join(str(p)[:40] for p in error['loc'])}: {error['msg'][:120]}" for error in errors]
    return "; ".join(lines[:_MAX_PROBLEMS])


def history_arguments(call: ToolCall) -> str:
    """The arguments as the history may hold them: some servers refuse ones that are no JSON."""
    if len(call.arguments) > MAX_ARGUMENT_CHARS:
        return "{}"
    try:
        is_object = isinstance(orjson.loads(call.arguments), dict)
    except orjson.JSONDecodeError:
        is_object = False
    return call.arguments if is_object else "{}"


def effect_of(checked: CheckedCall) -> Effect:
    """Whether a call changes something; one that cannot say so is taken to."""
    try:
        return checked.tool.effect_of(checked.args)
    except Exception:
        logger.exception("tool_effect_unknown", extra={"tool": checked.tool.name})
        return "write"  # the safe side: a write is never repeated


def ending_of(run: ToolRun) -> CallEnd:
    """An ended call's ending as the journal has it."""
    status = run.ending.status if run.ending is not None else "interrupted"
    outcome: CallOutcome | None = "unknown" if run.is_unknown else None
    if run.effect == "write" and run.is_unbegun:
        outcome = "none"
    return CallEnd(run.call_id, status, orjson.dumps(run.answer).decode(), run.end_reason, outcome)


MAX_UNSETTLED = 200
"""How many orders whose outcome is unknown are remembered for when they are given again."""


def finished_of(run: ToolRun, ending: Ending, elapsed_s: float) -> ToolFinished:
    """An ended call's ending as a client is told it: of the result as much as one shows."""
    result, was_cut = shown_json(ending.result, MAX_RESULT_CHARS)
    return ToolFinished(
        run.call_id,
        run.name,
        ending.status,
        elapsed_s,
        ending.error,
        "outcome_unknown" if run.is_unknown else run.end_reason,
        result,
        was_cut or ending.truncated,
    )


class WriteLedger:
    """The writes since the user's last text, so that no effect happens twice.

    A write with the name and arguments of one that runs, is done, or whose outcome is unknown is answered
    from here. One that failed, or whose server was gone before it began, may be tried again, under the same
    key. With the user's next text the same write is a new order; that the outcome of the first is unknown is
    remembered for whoever is asked.
    """

    def __init__(self) -> None:
        self._writes: dict[tuple[str, bytes], ToolRun] = {}
        self._unsettled: OrderedDict[tuple[str, bytes], ToolRun] = OrderedDict()

    @staticmethod
    def _key(call: CheckedCall) -> tuple[str, bytes]:
        try:
            dumped = call.args.model_dump(mode="json")
            return call.tool.name, orjson.dumps(dumped, option=orjson.OPT_SORT_KEYS)
        except (TypeError, ValueError, RecursionError):
            # Nested too deeply, or integers of over 64 bits: then the same text is the same call.
            return call.tool.name, call.arguments.encode()

    def earlier(self, call: CheckedCall) -> ToolRun | None:
        """The write that this one would repeat."""
        run = self._writes.get(self._key(call))
        return None if run is None or _may_be_tried_again(run) else run

    def begin(self, call: CheckedCall, run: ToolRun) -> None:
        """Notes a write, before it runs: the key of its order, and what is unknown of the order before."""
        key = self._key(call)
        if key in self._writes:
            run.key = self._writes[key].idempotency_key
        run.unsettled = self._unsettled.get(key)
        self._writes[key] = run

    def recall(self, call: CheckedCall, run: ToolRun, *, is_of_this_order: bool) -> None:
        """Notes a write of an earlier life of the session; call it in the order in which they began."""
        if is_of_this_order:
            self._writes[self._key(call)] = run
        else:
            self._settle(self._key(call), run)

    def user_spoke(self) -> None:
        """A user's text begins its turn: what has ended by now may be asked for anew.

        But not what ended in the background and was not told yet: the model still takes it to be running.
        """
        kept: dict[tuple[str, bytes], ToolRun] = {}
        for key, run in self._writes.items():
            if run.ending is None or (run.is_untold() and not _may_be_tried_again(run)):
                kept[key] = run
            else:
                self._settle(key, run)
        self._writes = kept

    def _settle(self, key: tuple[str, bytes], run: ToolRun) -> None:
        """An order is over; a later one that was done settles what was unknown of it."""
        if run.is_unknown:
            self._unsettled[key] = run
            self._unsettled.move_to_end(key)
            if len(self._unsettled) > MAX_UNSETTLED:
                self._unsettled.popitem(last=False)
        elif run.ending is not None and run.ending.status == "done":
            self._unsettled.pop(key, None)


STOPPED_BY_A_PERSON = ("denied", "expired", "user")
"""Why a call did not begin that is not to be asked for again before the user's next text."""


def _may_be_tried_again(run: ToolRun) -> bool:
    """Whether nothing was done, and nobody wanted it so."""
    if run.ending is None:
        return False
    if run.is_unbegun:
        return run.end_reason not in STOPPED_BY_A_PERSON
    return run.ending.status == "failed" and not run.is_unknown


def repeated_answer(earlier: ToolRun, locale: Locale) -> dict[str, Any]:
    """What the model is told in place of running a write again."""
    if earlier.ending is None:
        return {"status": RUNNING, "call_id": earlier.call_id}
    if not earlier.is_unknown:
        return {**earlier.ending.content(), "call_id": earlier.call_id}
    return {
        "status": earlier.ending.status,
        "outcome": "unknown",
        "error": say(locale, "tool_outcome_unknown"),
        "call_id": earlier.call_id,
    }
