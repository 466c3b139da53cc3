"""Tools that come, change and go while the server runs."""

import asyncio
import logging
import threading
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from app.chat import FunctionCall
from app.tools.base import ToolContext, ToolError, ToolSpec
from app.tools.calls import check_call
from app.tools.registry import load_tools
from app.tools.tool_list import MAX_COUNTED, ToolRegistry
from app.tools.toolset import Toolset, follow
from config.settings import SettingsError
from tests.support.context import settings_with

TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}


async def run(args: Any, ctx: ToolContext) -> Any:
    return args


def spec(name: str, description: str = "Works.", **options: Any) -> ToolSpec:
    return ToolSpec(name, description, TEXT, run, **options)


# A tool of a given schema


def test_schema_is_offered_as_it_is_given():
    offered = spec("look").schema()["function"]

    assert offered == {"name": "look", "description": "Works.", "parameters": TEXT}
    assert offered["parameters"] is not TEXT, "what a service makes of it is not the tool's"


def test_without_a_parser_the_object_itself_is_the_arguments():
    call = check_call(FunctionCall("m", "look", '{"text":"a"}'), ToolRegistry([spec("look")]), "es")

    assert (call.args, call.arguments) == ({"text": "a"}, '{"text":"a"}')


def test_parser_makes_the_arguments_or_says_what_is_wrong():
    def parse(values: dict[str, Any]) -> str:
        if "text" not in values:
            raise ValueError("text:\nis missing")
        return values["text"].upper()

    registry = ToolRegistry([spec("look", parse=parse)])

    assert check_call(FunctionCall("m", "look", '{"text":"a"}'), registry, "en").args == "A"
    with pytest.raises(ToolError, match=r"the arguments do not fit: text: is missing\."):
        check_call(FunctionCall("m", "look", "{}"), registry, "en")


@pytest.mark.parametrize(
    ("name", "arguments", "why"),
    [
        ("two words", TEXT, "two words"),
        ("", TEXT, "name"),
        ("n" * 65, TEXT, "name"),
        ("look", {}, "object"),
        ("look", {"type": "string"}, "object"),
        ("look", {"type": "object", "properties": {"a": object()}}, "no JSON"),
    ],
)
def test_tool_that_no_model_takes_is_refused(name: str, arguments: dict[str, Any], why: str):
    with pytest.raises(ValueError, match=why):
        ToolSpec(name, "Works.", arguments, run)


def test_object_with_an_async_call_needs_no_thread():
    class Client:
        async def __call__(self, args: Any, ctx: ToolContext) -> None: ...

    assert ToolSpec("look", "Works.", TEXT, Client()).is_async


# A list that changes


def test_changes_are_heard_of_and_counted():
    toolset, heard = Toolset(spec("a")), list[int]()
    stop = toolset.on_change(lambda changed: heard.append(changed.version))
    first = toolset.version

    toolset.put(spec("b"))
    toolset.put(spec("b"))  # the same again is no change
    toolset.put(spec("a", "Works better."))
    toolset.remove("b", "nobody")
    toolset.replace([spec("c")])
    stop()
    toolset.remove("c")

    assert heard == [first + n for n in (1, 2, 3, 4)]
    assert toolset.specs == ()


def test_tool_that_is_put_again_keeps_its_place():
    toolset = Toolset(spec("a"), spec("b"))

    toolset.put(spec("a", "Works better."))

    assert [(each.name, each.description) for each in toolset.specs] == [
        ("a", "Works better."),
        ("b", "Works."),
    ]


def test_change_that_is_none_leaves_the_list_as_it_is():
    class NoSchema(BaseModel):
        kind: type

    toolset = Toolset(spec("a"))

    with pytest.raises(ValueError, match="two tools of a toolset are called b"):
        toolset.put(spec("b"), spec("b"))
    with pytest.raises(Exception, match="JsonSchema"):
        toolset.put(ToolSpec("c", "Works.", NoSchema, run))

    assert (toolset.specs, toolset.version) == ((spec("a"),), 1)


def test_registry_joins_files_and_toolsets_as_they_are_at_the_moment():
    toolset = Toolset(spec("b"))
    registry = ToolRegistry([spec("a")], [toolset])
    before = registry.offer(frozenset())

    toolset.put(spec("c"), spec("b", "Works better."))

    assert registry.names == ["a", "b", "c"]
    assert registry.offer(frozenset()).names == ("a", "b", "c")
    assert [each["function"]["description"] for each in registry.schemas][1] == "Works better."
    assert before.names == ("a", "b"), "a request that is on its way keeps what it was made of"
    toolset.replace([])
    assert (registry.names, registry.get("b")) == (["a"], None)


def test_first_to_have_a_name_keeps_it_and_the_other_is_said_once(caplog: pytest.LogCaptureFixture):
    early, late = Toolset(name="early"), Toolset(spec("x", "Of late."), name="late")
    registry = ToolRegistry([spec("a", "Of a file.")], [early, late])

    early.put(spec("x", "Of early."), spec("a", "Of early."))
    early.put(spec("y"))

    said = [(r.levelno, r.tool, r.toolset, r.kept) for r in caplog.records if r.message == "tool_name_taken"]  # pyright: ignore[reportAttributeAccessIssue]
    assert said == [
        (logging.ERROR, "a", "early", "a file"),
        (logging.ERROR, "x", "early", "late"),
    ]
    assert {tool.name: tool.description for name in registry.names if (tool := registry.get(name))} == {
        "a": "Of a file.",
        "x": "Of late.",
        "y": "Works.",
    }
    late.remove("x")
    found = registry.get("x")
    assert found is not None and found.description == "Of early."


def test_change_is_said_where_the_model_sees_one(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    toolset = Toolset(spec("a"))
    registry = ToolRegistry([], [toolset])

    toolset.replace([spec("a", timeout_s=5)])
    toolset.replace([spec("a", "Works better.", timeout_s=5), spec("b")])

    [said] = [record for record in caplog.records if record.message == "tools_changed"]
    assert (said.added, said.removed, said.changed) == (["b"], [], ["a"])  # pyright: ignore[reportAttributeAccessIssue]
    found = registry.get("a")
    assert found is not None and found.timeout_s == 5


def test_chosen_names_hold_for_toolsets_too():
    toolset = Toolset(spec("b"), spec("c"))
    registry = ToolRegistry([spec("a")], [toolset], ("d", "c", "a"))

    toolset.put(spec("d"), spec("e"))

    assert registry.names == ["d", "c", "a"]


def test_names_are_counted_up_to_a_bound():
    toolset = Toolset()
    registry = ToolRegistry([spec("a")], [toolset])

    for number in range(MAX_COUNTED + 50):
        toolset.replace([spec(f"tool_{number}")])

    assert len(registry.seen_names) == MAX_COUNTED
    assert {"a", "tool_0"} <= registry.seen_names


def test_toolsets_may_change_from_many_threads_at_once():
    toolsets = [Toolset(name=str(number)) for number in range(4)]
    registry = ToolRegistry([], toolsets)

    def change(toolset: Toolset) -> None:
        for number in range(200):
            toolset.put(spec(f"of_{toolset.name}_{number % 7}", str(number)))
            toolset.remove(f"of_{toolset.name}_{(number + 3) % 7}")

    threads = [threading.Thread(target=change, args=(toolset,), daemon=True) for toolset in toolsets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert not any(thread.is_alive() for thread in threads)
    assert set(registry.names) == {each.name for toolset in toolsets for each in toolset.specs}


async def test_error_of_a_toolset_that_follows_is_one_line_and_ends_nothing(
    caplog: pytest.LogCaptureFixture,
):
    class Broken(Toolset):
        async def follow(self) -> None:
            raise ZeroDivisionError

    await follow(Broken(spec("a"), name="broken"))

    assert [record.message for record in caplog.records] == ["toolset_failed"]


async def test_toolset_that_follows_is_cancelled_like_any_task():
    class Endless(Toolset):
        async def follow(self) -> None:
            await asyncio.Event().wait()

    task = asyncio.create_task(follow(Endless()))
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


# In a file

FILE = '''
"""Tools of a shop."""

from app.tools.base import ToolSpec
from app.tools.toolset import Toolset


async def run(args, ctx):
    return args


SCHEMA = {"type": "object", "properties": {}}
toolset = Toolset(ToolSpec("list_orders", "List.", SCHEMA, run), ToolSpec("calculate", "Count.", SCHEMA, run))
also = toolset
'''


def test_file_may_hold_a_toolset(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    (tmp_path / "shop.py").write_text(FILE)

    registry = load_tools(settings_with(tools_dir=tmp_path))

    assert registry.names[-1] == "list_orders"
    assert [toolset.name for toolset in registry.toolsets] == ["shop"]
    calculate = registry.get("calculate")
    assert calculate is not None and calculate.description != "Count."
    assert "tool_name_taken" in caplog.messages


def test_file_with_a_toolset_and_a_tool_stops_the_start(tmp_path: Path):
    (tmp_path / "shop.py").write_text(FILE + "\nother = Toolset()\n")

    with pytest.raises(
        SettingsError, match=r"shop\.py needs one function with @tool, or one Toolset, and has 2"
    ):
        load_tools(settings_with(tools_dir=tmp_path))


def test_with_a_toolset_a_name_may_come_later(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    (tmp_path / "shop.py").write_text(FILE)
    named = {"tools": ("list_orders", "later"), "tools_need_approval": ("later",)}

    registry = load_tools(settings_with(tools_dir=tmp_path, **named))

    assert registry.names == ["list_orders"]
    assert caplog.messages.count("tool_not_there_yet") == 2
