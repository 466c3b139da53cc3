"""Tools' schemas as every service takes them.

Some services make a grammar of a schema: a bound of 100,000 characters, a reference or an object without
properties breaks it, and with it each request that offers the tool. What only we check is therefore said in
words; the check itself stays with the tool.
"""

import json
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, Final, cast

from app.llm.base import ApiMessage, FunctionCall, ToolSchema
from app.llm.odd_json import read_odd_json
from app.llm.schema_parts import Definitions, all_of, one_object, schemas_in

PLACEHOLDER: Final = "_"
"""The argument of tools that have none: no service is asked to take an object without properties."""

_MAX_DEPTH: Final = 24
_MAX_ENUM: Final = 100
_MAX_ENUM_CHARS: Final = 200
_MAX_DESCRIPTION_CHARS: Final = 1024
"""The strictest service takes no more, of a tool or of an argument."""
_MAX_PATTERN_CHARS: Final = 60
_MOST_KEPT: Final = 64

_ANYTHING: Final[dict[str, Any]] = {"type": "object", "additionalProperties": True}
_NOTHING: Final[dict[str, Any]] = {
    "type": "string",
    "description": "The tool takes no arguments: leave it out.",
}

_TYPES: Final[dict[type, str]] = {bool: "boolean", int: "integer", float: "number"}
_TOLD: Final = {
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "minProperties": "at least {} entries",
    "maxProperties": "at most {} entries",
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "format": "format: {}",
    "pattern": "pattern: {}",
    "default": "default: {}",
}

_kept: dict[int, tuple[Sequence[ToolSchema], list[ToolSchema]]] = {}


def plain_tools(schemas: Sequence[ToolSchema]) -> list[ToolSchema]:
    """Return the tools with schemas that every service takes; the same list for the same one."""
    known = _kept.get(id(schemas))
    if known is not None and known[0] is schemas:
        return known[1]
    plain = [_plain_tool(schema) for schema in schemas]
    if len(_kept) >= _MOST_KEPT:
        _kept.clear()
    _kept[id(schemas)] = (schemas, plain)
    return plain


def called_in(messages: Sequence[ApiMessage]) -> list[ToolSchema]:
    """Return stand-ins for the tools that were called in these messages, for a request that offers none."""
    calls = (call for message in messages for call in message.get("tool_calls") or ())
    names = dict.fromkeys(str(call["function"]["name"]) for call in calls)
    return [
        {
            "type": "function",
            "function": {
                "name": name,
                "description": "Not to be called now.",
                "parameters": {"type": "object", "properties": {PLACEHOLDER: _NOTHING}},
            },
        }
        for name in names
    ]


def without_placeholder(call: FunctionCall) -> FunctionCall:
    """Return the call of a tool that has no arguments without what stands in for them."""
    if f'"{PLACEHOLDER}"' not in call.arguments:
        return call
    try:
        arguments = read_odd_json(call.arguments.encode("utf-8", "replace"))
    except ValueError:
        return call
    is_bare = isinstance(arguments, dict) and set(cast("dict[str, Any]", arguments)) == {PLACEHOLDER}
    return FunctionCall(call.id, call.name, "{}", call.extras) if is_bare else call


def _plain_tool(schema: ToolSchema) -> ToolSchema:
    function: dict[str, Any] = dict(schema.get("function") or {})
    if isinstance(description := function.get("description"), str):
        function["description"] = description[:_MAX_DESCRIPTION_CHARS]
    written = function.get("parameters")
    if isinstance(written, dict):
        whole = cast("dict[str, Any]", written)
        parameters = _plain(whole, Definitions(whole), ())
        properties = parameters.get("properties") or {PLACEHOLDER: _NOTHING}
        required = parameters.get("required")
        function["parameters"] = {"type": "object", "properties": properties}
        if required:
            function["parameters"]["required"] = required
    return {**schema, "function": function}


def _plain(schema: object, defs: Definitions, path: tuple[str, ...]) -> dict[str, Any]:
    """Return a schema without references, bounds and what else a grammar may stumble over."""
    if not isinstance(schema, dict) or len(path) > _MAX_DEPTH:
        return dict(_ANYTHING)
    fields = dict(cast("dict[str, Any]", schema))
    while (ref := fields.pop("$ref", None)) is not None:
        target = defs.find(str(ref))
        if ref in path or target is None:
            return dict(_ANYTHING)
        fields = {**target, **fields}
        path = (*path, str(ref))
    if "allOf" in fields:
        return _plain(all_of(fields, defs), defs, (*path, ""))
    kinds = _kinds(fields)
    if kinds and not path and any(isinstance(kind.get("properties"), dict) for kind in kinds):
        return _plain(one_object(fields, kinds), defs, (*path, ""))
    if not kinds:
        return _described(_typed(fields, defs, path), fields)
    if len(kinds) > 1:
        return _described({"anyOf": [_plain(kind, defs, (*path, "")) for kind in kinds]}, fields)
    own = {name: value for name, value in fields.items() if name not in ("anyOf", "oneOf", "type")}
    description = fields.get("description")
    return _plain(
        {**own, **kinds[0], **({"description": description} if description else {})}, defs, (*path, "")
    )


def _kinds(fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what it may be one of, without null: that an argument may be left out says `required`."""
    listed = fields.get("anyOf") or fields.get("oneOf")
    if isinstance(listed, list):
        return [kind for kind in schemas_in(cast("object", listed)) if kind.get("type") != "null"]
    types = fields.get("type")
    if isinstance(types, list):
        rest = {name: value for name, value in fields.items() if name not in ("type", "description", "$ref")}
        return [{**rest, "type": kind} for kind in cast("list[Any]", types) if kind != "null"]
    return []


def _typed(fields: Mapping[str, Any], defs: Definitions, path: tuple[str, ...]) -> dict[str, Any]:
    enum = [fields["const"]] if "const" in fields else fields.get("enum")
    if isinstance(enum, list):
        values = [value for value in cast("list[Any]", enum) if value is not None][:_MAX_ENUM]
        kinds = _types_of(values)
        if kinds == ["string"] and all(0 < len(value) <= _MAX_ENUM_CHARS for value in values):
            return {"type": "string", "enum": values}
        # Lists of other values are refused by some: those are said in words.
        return (
            {"anyOf": [{"type": kind} for kind in kinds]}
            if len(kinds) > 1
            else {"type": (*kinds, "string")[0]}
        )
    kind = fields.get("type")
    if kind == "array" or (kind is None and ("items" in fields or "prefixItems" in fields)):
        return {"type": "array", "items": _items(fields, defs, path)}
    if kind in ("string", "number", "integer", "boolean"):
        return {"type": kind}
    return _object(fields, defs, path)


def _items(fields: Mapping[str, Any], defs: Definitions, path: tuple[str, ...]) -> dict[str, Any]:
    first = fields.get("prefixItems")
    if isinstance(first, list) and first:
        kinds = [_plain(kind, defs, path) for kind in cast("list[Any]", first)]
        return kinds[0] if all(kind == kinds[0] for kind in kinds) else {"anyOf": kinds}
    items: object = fields.get("items")
    return (
        _plain(cast("object", items), defs, path) if isinstance(items, dict) and items else {"type": "string"}
    )


def _object(fields: Mapping[str, Any], defs: Definitions, path: tuple[str, ...]) -> dict[str, Any]:
    properties = fields.get("properties")
    if isinstance(properties, dict) and properties:
        plain = {
            name: _plain(inner, defs, (*path, ""))
            for name, inner in cast("dict[str, Any]", properties).items()
        }
        needed = fields.get("required")
        listed = cast("list[Any]", needed) if isinstance(needed, list) else []
        required = [name for name in listed if isinstance(name, str) and name in plain]
        return {"type": "object", "properties": plain, **({"required": required} if required else {})}
    values = fields.get("additionalProperties")
    if isinstance(values, dict) and values:
        inner = _plain(cast("object", values), defs, (*path, ""))
        return {"type": "object", "additionalProperties": inner}
    return dict(_ANYTHING)


def _described(plain: dict[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema with its description, which tells the bounds too."""
    told = [
        words.format(_written(fields[name]))
        for name, words in _TOLD.items()
        if _is_worth_telling(name, fields)
    ]
    told += [f"one of: {_listed(fields)}"] if "enum" not in plain and _listed(fields) else []
    written = fields.get("description")
    description = (written if isinstance(written, str) else "")[:_MAX_DESCRIPTION_CHARS]
    bounds = f"({', '.join(told)})" if told else ""
    text = f"{description} {bounds}".strip()
    if not text:
        return plain
    if "anyOf" in plain:
        # Beside its kinds there stands nothing: some services refuse a description there.
        first, *others = cast("list[dict[str, Any]]", plain["anyOf"])
        own = first.get("description")
        return {"anyOf": [{**first, "description": f"{text} {own}" if own else text}, *others]}
    return {**plain, "description": text}


def _listed(fields: Mapping[str, Any]) -> str:
    """Return the values that it may have, in words."""
    enum: object = [fields["const"]] if "const" in fields else fields.get("enum")
    values = cast("list[Any]", enum)[:_MAX_ENUM] if isinstance(enum, list) else []
    texts = [json.dumps(value, ensure_ascii=False)[:_MAX_ENUM_CHARS] for value in values if value is not None]
    return ", ".join(texts)[:_MAX_DESCRIPTION_CHARS]


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_worth_telling(name: str, fields: Mapping[str, Any]) -> bool:
    value = fields.get(name)
    if name == "minLength" and value == 1:
        return False
    if name == "pattern":
        return isinstance(value, str) and len(value) <= _MAX_PATTERN_CHARS
    if name.startswith("exclusive") and isinstance(value, bool):
        return False  # of an older kind of schema: said of the bound beside it
    if isinstance(value, float) and not isfinite(value):
        return False
    return isinstance(value, str | int | float) and value != ""


def _types_of(values: Sequence[Any]) -> list[str]:
    """Return the types of some values, each once."""
    found = [_TYPES.get(type(cast("object", value)), "string") for value in values]
    return list(dict.fromkeys(found))
