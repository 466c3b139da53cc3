"""Reads what a model asks for, and knows which writes must not happen again."""

import logging
import re
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, cast

import orjson
from pydantic import BaseModel, ValidationError

from app.chat import FunctionCall
from app.errors import Locale
from app.locales import say
from app.session.tool_messages import RUNNING
from app.tools.base import Effect, Need, ToolError, ToolSpec
from app.tools.tool_call import ToolCall
from app.tools.tool_list import ToolRegistry
from app.unseen import without_unseen

logger = logging.getLogger(__name__)

MAX_ARGUMENT_CHARS = 64 * 1024
"""A model writes no longer arguments by intention."""

MAX_ARGUMENT_DEPTH = 100
"""Nested deeper, they could not be written into the message that asks a person about them."""

_MAX_PROBLEMS = 5
_MAX_PROBLEM_CHARS = 500


@dataclass(frozen=True, slots=True)
class CheckedCall:
    """A call that may run."""

    tool: ToolSpec
    args: Any
    arguments: str


def clean_name(name: str) -> str:
    """Return a model's tool name as the API takes it back: `[A-Za-z0-9_-]{1,64}`."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name[:64]) or "unknown"


def unknown_tool(registry: ToolRegistry, locale: Locale, has: frozenset[Need] = frozenset()) -> str:
    """Return what the model is told of a tool that is not there, or not any more."""
    return say(locale, "tool_unknown", names=", ".join(registry.offer(has).names))


def check_call(
    call: FunctionCall, registry: ToolRegistry, locale: Locale, has: frozenset[Need] = frozenset()
) -> CheckedCall:
    """Find the tool, among those that a session which has all this is offered, and read the arguments.

    Raises:
        ToolError: There is no such tool here, or the arguments do not fit; the sentence says what is wrong.
    """
    tool = registry.get(call.name)
    if tool is None:
        raise ToolError(unknown_tool(registry, locale, has))
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
        args = tool.parsed(values)
    except ValueError as exc:
        raise ToolError(say(locale, "tool_bad_arguments", problems=_problems(exc))) from None
    except Exception:
        # A bug in a validator of the tool's own; its turn and the other calls go on.
        logger.exception("tool_arguments_raised", extra={"tool": tool.name})
        raise ToolError(say(locale, "tool_error")) from None
    # Written anew: where a name stands twice, a person would be shown the one that does not count.
    return CheckedCall(tool, args, orjson.dumps(values).decode())


def _seen(value: Any) -> Any:
    """Return a JSON value without what nobody sees in its texts and names."""
    if isinstance(value, str):
        return without_unseen(value)
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value).items()
        return {without_unseen(name): _seen(member) for name, member in members}
    return [_seen(member) for member in cast("list[Any]", value)] if isinstance(value, list) else value


def _is_flat(value: Any, depth: int) -> bool:
    """Return whether a JSON value is nested no deeper than that."""
    if isinstance(value, dict):
        members: list[Any] = list(value.values())  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
    elif isinstance(value, list):
        members = value  # pyright: ignore[reportUnknownVariableType]
    else:
        return True
    return depth > 0 and all(_is_flat(member, depth - 1) for member in members)


def _problems(exc: ValueError) -> str:
    if not isinstance(exc, ValidationError):
        return " ".join(str(exc).split())[:_MAX_PROBLEM_CHARS]
    errors = exc.errors(include_url=False, include_input=False, include_context=False)
    lines = [f"{'.'.join(str(p)[:40] for p in error['loc'])}: {error['msg'][:120]}" for error in errors]
    return "; ".join(lines[:_MAX_PROBLEMS])


def history_arguments(call: FunctionCall) -> str:
    """Return the arguments as the history may hold them: some servers refuse ones that are no JSON."""
    if len(call.arguments) > MAX_ARGUMENT_CHARS:
        return "{}"
    try:
        is_object = isinstance(orjson.loads(call.arguments), dict)
    except orjson.JSONDecodeError:
        is_object = False
    return call.arguments if is_object else "{}"


def effect_of(checked: CheckedCall) -> Effect:
    """Return whether a call changes something; one that cannot say so is taken to."""
    try:
        return checked.tool.effect_of(checked.args)
    except Exception:
        logger.exception("tool_effect_unknown", extra={"tool": checked.tool.name})
        return "write"  # the safe side: a write is never repeated


MAX_UNSETTLED = 200
"""How many orders whose outcome is unknown are remembered for when they are given again."""


class WriteLedger:
    """The writes since the user's last text, so that no effect happens twice.

    A write with the name and arguments of one that runs, is done, or whose outcome is unknown is answered
    from here. One that failed, or whose server was gone before it began, may be tried again, under the same
    key. With the user's next text the same write is a new order; that the outcome of the first is unknown is
    remembered for whoever is asked.
    """

    def __init__(self) -> None:
        self._writes: dict[tuple[str, bytes], ToolCall] = {}
        self._unsettled: OrderedDict[tuple[str, bytes], ToolCall] = OrderedDict()
        self._past: list[tuple[tuple[str, bytes], ToolCall]] = []

    @staticmethod
    def _key(call: CheckedCall) -> tuple[str, bytes]:
        try:
            args = call.args
            dumped = args.model_dump(mode="json") if isinstance(args, BaseModel) else args
            return call.tool.name, orjson.dumps(dumped, option=orjson.OPT_SORT_KEYS)
        except (TypeError, ValueError, RecursionError):
            # Nested too deeply, or integers of over 64 bits: then the same text is the same call.
            return call.tool.name, call.arguments.encode()

    def earlier(self, call: CheckedCall) -> ToolCall | None:
        """Return the write that this one would repeat."""
        run = self._writes.get(self._key(call))
        return None if run is None or run.may_be_tried_again else run

    def begin(self, call: CheckedCall, run: ToolCall) -> None:
        """Note a write, before it runs: the key of its order, and what is unknown of the order before."""
        key = self._key(call)
        if key in self._writes:
            run.key = self._writes[key].idempotency_key
        run.unsettled = self._unsettled.get(key)
        self._writes[key] = run

    def recall(self, call: CheckedCall, run: ToolCall, *, is_of_this_order: bool) -> None:
        """Note a write of an earlier life of the session; call it in the order in which they began."""
        if is_of_this_order:
            self._writes[self._key(call)] = run
        else:
            self._past.append((self._key(call), run))
            del self._past[:-MAX_UNSETTLED]
            self._settle(self._key(call), run)

    def user_spoke(self, supersedes: Collection[str] = ()) -> None:
        """A user's text begins its turn: what has ended by now may be asked for anew.

        But not what ended in the background and was not told yet: the model still takes it to be running.

        Args:
            supersedes: The turns in whose place it is: what they wrote is of the same order.
        """
        kept: dict[tuple[str, bytes], ToolCall] = {}
        for key, run in self._writes.items():
            if run.ending is None or (run.is_untold and not run.may_be_tried_again):
                kept[key] = run
            else:
                self._past.append((key, run))
                self._settle(key, run)
        del self._past[:-MAX_UNSETTLED]
        of_this_order = {key: run for key, run in self._past if run.turn_id in supersedes}
        self._writes = of_this_order | kept

    def _settle(self, key: tuple[str, bytes], run: ToolCall) -> None:
        """An order is over; a later one that was done settles what was unknown of it."""
        if run.is_unknown:
            self._unsettled[key] = run
            self._unsettled.move_to_end(key)
            if len(self._unsettled) > MAX_UNSETTLED:
                self._unsettled.popitem(last=False)
        elif run.ending is not None and run.ending.status == "done":
            self._unsettled.pop(key, None)


def repeated_answer(earlier: ToolCall, locale: Locale) -> dict[str, Any]:
    """Return what the model is told in place of running a write again."""
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
