"""Which tools there are: files, found by themselves."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from app.tools.registry import load_tools
from app.tools.tool_list import ToolRegistry
from config.settings import SettingsError
from tests.support.context import settings_with
from tests.support.talk import Workshop

SEED = {
    "calculate",
    "get_current_time",
    "get_public_ip",
    "get_weather_info",
    "make_http_request",
    "placeholder_api_call",
    "text_analysis",
}
BUILT_IN = SEED | {"remember", "search_talk"}

GOOD = '''
"""Greets."""

from pydantic import BaseModel

from app.tools.base import tool


class Args(BaseModel):
    name: str


@tool()
async def run(args: Args, ctx):
    """Greets somebody."""
    return f"hola {args.name}"
'''


def folder_with(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def refusal(folder: Path, **options: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        load_tools(settings_with(tools_dir=folder, **options))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_built_in_tools_are_found():
    registry = load_tools(settings_with())

    assert set(registry.names) == BUILT_IN
    assert registry.names == sorted(registry.names)


def test_tools_are_found_by_name():
    registry = load_tools(settings_with(tools=("calculate",)))

    tool = registry.get("calculate")
    assert tool is not None and tool.name == "calculate"
    assert registry.get("Calculate") is None
    assert registry.get("../calculate") is None


def test_setting_chooses_tools_and_their_order():
    registry = load_tools(settings_with(tools=("get_public_ip", "calculate", "calculate")))

    assert registry.names == ["get_public_ip", "calculate"]


def test_setting_may_choose_none():
    registry = load_tools(settings_with(tools=()))

    assert (registry.names, registry.schemas) == ([], [])


def test_unknown_tool_is_refused_and_the_known_ones_are_named():
    with pytest.raises(SettingsError, match=r"^TOOLS: no such tool: nope; there are calculate, "):
        load_tools(settings_with(tools=("calculate", "nope")))


def test_schemas_and_their_weight_are_those_of_the_tools():
    registry = ToolRegistry([Workshop().tool("a"), Workshop().tool("b")])

    assert [schema["function"]["name"] for schema in registry.schemas] == ["a", "b"]
    assert registry.offer(frozenset()).schema_bytes == len(orjson.dumps(registry.schemas))


def test_tool_is_offered_only_where_the_session_has_what_it_needs():
    registry = ToolRegistry([Workshop().tool("a"), Workshop().tool("b", needs="profile")])
    bare, known = registry.offer(frozenset()), registry.offer(frozenset({"profile"}))

    assert (bare.names, known.names) == (("a",), ("a", "b"))
    assert bare.schemas == registry.schemas[:1]
    assert known.schemas == registry.schemas
    assert bare.schema_bytes < known.schema_bytes
    assert registry.offer(frozenset()) is bare


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_schema_tells_the_model_what_each_argument_is(name: str):
    tool = load_tools(settings_with(tools=(name,))).schemas[0]["function"]

    assert tool["description"]
    for argument in tool["parameters"]["properties"].values():
        assert argument.get("description") or argument.get("enum")


def test_file_from_outside_is_a_tool_like_the_others(tmp_path: Path):
    registry = load_tools(settings_with(tools_dir=folder_with(tmp_path, greet=GOOD)))

    assert set(registry.names) == BUILT_IN | {"greet"}
    assert registry.schemas[registry.names.index("greet")]["function"]["description"] == "Greets somebody."


def test_file_from_outside_takes_the_place_of_a_tool_of_the_same_name(tmp_path: Path):
    registry = load_tools(settings_with(tools_dir=folder_with(tmp_path, calculate=GOOD)))

    tool = registry.get("calculate")
    assert tool is not None and tool.description == "Greets somebody."


def test_files_that_begin_with_an_underscore_are_no_tools(tmp_path: Path):
    folder = folder_with(tmp_path, greet=GOOD, _helper="raise RuntimeError", __init__="raise RuntimeError")
    (tmp_path / "notes.txt").write_text("raise RuntimeError")

    assert "greet" in load_tools(settings_with(tools_dir=folder)).names


def test_annotations_in_quotes_are_understood(tmp_path: Path):
    text = "from __future__ import annotations\nimport dataclasses\n" + GOOD.replace(
        "class Args(", "@dataclasses.dataclass\nclass Point:\n    x: int\n\n\nclass Args("
    ).replace("name: str", "name: str\n    at: Point | None = None")

    registry = load_tools(settings_with(tools_dir=folder_with(tmp_path, future=text)))

    assert "at" in registry.schemas[registry.names.index("future")]["function"]["parameters"]["properties"]


def test_missing_folder_is_refused(tmp_path: Path):
    assert "TOOLS_DIR: " in refusal(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("def broken(", "SyntaxError"),
        ("import no_such_module", "ModuleNotFoundError"),
        ("raise ValueError('one\\ntwo')", "ValueError: one two"),
        ("import sys\nsys.exit(1)", "SystemExit"),
        ("\0", "null bytes"),  # ValueError before Python 3.11.4
        ("", "has 0"),
        ("from app.tools.calculate import *\nfrom app.tools.calculate import run", "has 0"),
        (GOOD.replace('"""Greets somebody."""', "pass"), "docstring"),
        (GOOD.replace("args: Args", "args"), "pydantic model"),
        (GOOD.replace("name: str", "name: no_such_type"), "NameError"),
        (GOOD.replace("name: str", "name: type"), "JsonSchema"),
        (GOOD + "\n\n@tool()\ndef other(args: Args, ctx):\n    '''Twice.'''\n", "has 2"),
    ],
)
def test_file_that_is_no_tool_stops_the_start_with_one_line(tmp_path: Path, text: str, why: str):
    line = refusal(folder_with(tmp_path, bad=text))

    assert line.startswith("TOOLS_DIR: bad.py")
    assert why in line


@pytest.mark.parametrize("name", ["two words", "a.b", "ñandú", "n" * 65])
def test_file_whose_name_no_model_takes_stops_the_start(tmp_path: Path, name: str):
    assert refusal(folder_with(tmp_path, **{name: GOOD})).startswith(f"TOOLS_DIR: {name}.py")
