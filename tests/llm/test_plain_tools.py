import json
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from app.llm.base import FunctionCall
from app.llm.plain_tools import PLACEHOLDER, plain_tools, without_placeholder
from app.tools.calls import check_call
from app.tools.registry import load_tools
from app.tools.tool_list import ToolRegistry
from tests.support.context import settings_with


class Inner(BaseModel):
    size: int = Field(ge=1, le=10)
    kin: "list[Inner] | None" = None


class Wide(BaseModel):
    """Everything that a grammar may stumble over."""

    text: str = Field(max_length=100_000, pattern="^[a-z]+$", description="A text.")
    maybe: str | None = None
    inner: Inner
    inners: list[Inner] = Field(default=[], max_length=5000)
    either: int | str = 1
    word: Literal["a", "b"] = "a"
    one: Literal["x"] = "x"
    number: float | None = Field(default=None, gt=0)
    flag: bool = False
    table: dict[str, int] = {}
    anything: Any = None
    pair: tuple[int, int] = (1, 2)


class Nothing(BaseModel):
    pass


def sent(model: type[BaseModel]) -> dict[str, Any]:
    tool = {"type": "function", "function": {"name": "f", "parameters": model.model_json_schema()}}
    return plain_tools([tool])[0]["function"]["parameters"]


def schemas_in(value: Any) -> Iterator[dict[str, Any]]:
    """Every schema within one."""
    yield value
    for inner in value.get("properties", {}).values():
        yield from schemas_in(inner)
    for inner in [value.get("items"), value.get("additionalProperties"), *value.get("anyOf", [])]:
        if isinstance(inner, dict):
            yield from schemas_in(inner)


KEPT = {"type", "description", "properties", "required", "items", "enum", "anyOf", "additionalProperties"}


def faults(schema: dict[str, Any]) -> list[str]:
    """What a grammar could not be made of."""
    found: list[str] = []
    for inner in schemas_in(schema):
        if extra := set(inner) - KEPT:
            found.append(f"{sorted(extra)} in {inner}")
        if not ("anyOf" in inner or isinstance(inner.get("type"), str)):
            found.append(f"no type: {inner}")
        if inner.get("type") == "object" and not (
            inner.get("properties") or inner.get("additionalProperties")
        ):
            found.append(f"an empty object: {inner}")
        if inner.get("type") == "null":
            found.append("null")
    return found


@pytest.mark.parametrize("model", [Wide, Inner, Nothing])
def test_no_schema_holds_what_a_grammar_stumbles_over(model: type[BaseModel]):
    assert faults(model.model_json_schema()), "the schema as it is made would do"
    assert faults(sent(model)) == []


def test_tools_of_the_server_are_sent_plain_and_checked_as_before():
    registry = load_tools(settings_with())

    assert [
        fault for tool in plain_tools(registry.schemas) for fault in faults(tool["function"]["parameters"])
    ] == []
    for name, arguments in [
        ("get_weather_info", {"location": "x" * 201}),
        ("placeholder_api_call", {"delay_s": 26}),
        ("get_public_ip", {PLACEHOLDER: ""}),
        ("make_http_request", {"url": "https://x.example", "body": "x" * 100_001}),
    ]:
        assert refuses(registry, name, arguments)


def refuses(registry: ToolRegistry, name: str, arguments: dict[str, Any]) -> bool:
    try:
        check_call(FunctionCall("", name, json.dumps(arguments)), registry, "es")
    except Exception:  # whatever it says
        return True
    return False


def test_what_was_a_bound_is_said_in_words():
    properties = sent(Wide)["properties"]

    assert properties["text"] == {
        "type": "string",
        "description": "A text. (at most 100000 characters, pattern: ^[a-z]+$)",
    }
    assert properties["maybe"] == {"type": "string"}
    assert properties["either"] == {
        "anyOf": [{"type": "integer", "description": "(default: 1)"}, {"type": "string"}]
    }
    assert properties["word"] == {"type": "string", "enum": ["a", "b"], "description": "(default: a)"}
    assert properties["one"] == {"type": "string", "enum": ["x"], "description": "(default: x)"}
    assert properties["number"] == {"type": "number", "description": "(more than 0)"}
    assert properties["table"] == {"type": "object", "additionalProperties": {"type": "integer"}}
    assert properties["inner"]["properties"]["size"]["description"] == "(at least 1, at most 10)"
    assert sent(Wide)["required"] == ["text", "inner"]


A, B = {"type": "string"}, {"type": "integer"}
WRITTEN: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "numbers to choose from": ({"enum": [1, 2]}, {"type": "integer", "description": "(one of: 1, 2)"}),
    "a switch that is on": ({"const": True}, {"type": "boolean", "description": "(one of: true)"}),
    "nothing to choose": ({"enum": ["", "a"]}, {"type": "string", "description": '(one of: "", "a")'}),
    "a number or a word": (
        {"enum": [1, "a", None]},
        {"anyOf": [{"type": "integer", "description": '(one of: 1, "a")'}, {"type": "string"}]},
    ),
    "a very long word": ({"enum": ["x" * 201]}, {"type": "string", "description": f'(one of: "{"x" * 199})'}),
    "a bound without an end": ({"type": "number", "maximum": float("inf")}, {"type": "number"}),
    "a value that is no number": ({"type": "number", "default": float("nan")}, {"type": "number"}),
    "a bound of an older kind": (
        {"type": "integer", "minimum": 1, "exclusiveMinimum": True},
        {"type": "integer", "description": "(at least 1)"},
    ),
    "a description that is none": ({"type": "string", "description": ["a"]}, A),
    "another property": ({"$ref": "#/properties/other"}, B),
    "a name with a stroke": ({"$ref": "#/$defs/A~1B"}, A),
    "a name in per cent": ({"$ref": "#/$defs/%C3%B1"}, B),
    "nowhere": ({"$ref": "#/$defs/none"}, {"type": "object", "additionalProperties": True}),
    "itself": ({"$ref": "#/properties/x"}, {"type": "object", "additionalProperties": True}),
    "parts that are objects": (
        {
            "allOf": [
                {"$ref": "#/$defs/one"},
                {"type": "object", "properties": {"b": B}, "required": ["b"]},
            ]
        },
        {"type": "object", "properties": {"a": A, "b": B}, "required": ["a", "b"]},
    ),
    "required that is no list": (
        {"type": "object", "properties": {"a": A}, "required": True},
        {"type": "object", "properties": {"a": A}},
    ),
}


@pytest.mark.parametrize(("schema", "plain"), WRITTEN.values(), ids=WRITTEN.keys())
def test_schema_that_somebody_wrote_by_hand(schema: dict[str, Any], plain: dict[str, Any]):
    one = {"type": "object", "properties": {"a": A}, "required": ["a"]}
    whole = {
        "$defs": {"A/B": A, "\u00f1": B, "one": one},
        "type": "object",
        "properties": {"x": schema, "other": B},
    }
    tool = {"type": "function", "function": {"name": "f", "parameters": whole}}

    assert plain_tools([tool])[0]["function"]["parameters"]["properties"]["x"] == plain


def test_arguments_that_are_one_of_several_objects_may_all_come():
    kinds = [{"type": "object", "properties": {name: A}, "required": [name]} for name in ("a", "b")]
    tool = {"type": "function", "function": {"name": "f", "parameters": {"anyOf": kinds}}}

    assert plain_tools([tool])[0]["function"]["parameters"] == {
        "type": "object",
        "properties": {"a": A, "b": A},
    }


def test_description_is_no_longer_than_the_strictest_service_takes():
    parameters = {"type": "object", "properties": {"x": {"type": "string", "description": "x" * 5000}}}
    tool = {
        "type": "function",
        "function": {"name": "f", "description": "y" * 5000, "parameters": parameters},
    }
    function = plain_tools([tool])[0]["function"]

    assert len(function["description"]) == 1024
    assert len(function["parameters"]["properties"]["x"]["description"]) == 1024


def test_schema_that_is_plain_already_stays_as_it_is():
    parameters = {
        "type": "object",
        "properties": {"x": {"type": "string", "description": "X."}},
        "required": ["x"],
    }
    tools = [{"type": "function", "function": {"name": "f", "description": "F.", "parameters": parameters}}]

    assert plain_tools(tools) == tools
    assert plain_tools(tools) is plain_tools(tools)


@pytest.mark.parametrize(
    ("arguments", "bare"),
    [
        ('{"_": ""}', "{}"),
        ('{"_": null}', "{}"),
        ('{"_": "", "x": 1}', '{"_": "", "x": 1}'),
        ("{}", "{}"),
        ('{"_"', '{"_"'),
        ('{"x": "_"}', '{"x": "_"}'),
    ],
)
def test_stand_in_for_arguments_never_reaches_a_tool(arguments: str, bare: str):
    assert without_placeholder(FunctionCall("a", "f", arguments)) == FunctionCall("a", "f", bare)
