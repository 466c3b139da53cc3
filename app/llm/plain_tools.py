"""Tools' schemas as every service takes them.

Some services make a grammar of a schema: a bound of 100,000 characters, a reference or an object without
properties breaks it, and with it each request that offers the tool. What only we check is therefore said in
words; the check itself stays with the tool.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from app.llm.base import ToolCall, ToolSchema
from app.llm.odd_json import read_odd_json

PLACEHOLDER: Final = "_"
"""The argument of tools that have none: no service is asked to take an object without properties."""

_MAX_DEPTH: Final = 24
_MAX_ENUM: Final = 100
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


def without_placeholder(call: ToolCall) -> ToolCall:
    """Return the call of a tool that has no arguments without what stands in for them."""
    if f'"{PLACEHOLDER}"' not in call.arguments:
        return call
    try:
        arguments = read_odd_json(call.arguments.encode("utf-8", "replace"))
    except ValueError:
        return call
    is_bare = isinstance(arguments, dict) and set(cast("dict[str, Any]", arguments)) == {PLACEHOLDER}
    return ToolCall(call.id, call.name, "{}", call.extras) if is_bare else call


def _plain_tool(schema: ToolSchema) -> ToolSchema:
    function: dict[str, Any] = dict(schema.get("function") or {})
    written = function.get("parameters")
    if isinstance(written, dict):
        whole = cast("dict[str, Any]", written)
        parameters = _plain(whole, whole.get("$defs") or whole.get("definitions") or {}, ())
        properties = parameters.get("properties") or {PLACEHOLDER: _NOTHING}
        required = parameters.get("required")
        function["parameters"] = {"type": "object", "properties": properties}
        if required:
            function["parameters"]["required"] = required
    return {**schema, "function": function}


def _plain(schema: object, defs: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """A schema without references, bounds and what else a grammar may stumble over."""
    if not isinstance(schema, dict) or len(path) > _MAX_DEPTH:
        return dict(_ANYTHING)
    fields = dict(cast("dict[str, Any]", schema))
    while (ref := fields.pop("$ref", None)) is not None:
        target = defs.get(str(ref).rpartition("/")[2])
        if ref in path or not isinstance(target, dict):
            return dict(_ANYTHING)
        fields = {**cast("dict[str, Any]", target), **fields}
        path = (*path, str(ref))
    if "allOf" in fields:
        return _plain(_joined(fields), defs, (*path, ""))
    kinds = _kinds(fields)
    if not kinds:
        return _described(_typed(fields, defs, path), fields)
    if len(kinds) > 1:
        return _described({"anyOf": [_plain(kind, defs, (*path, "")) for kind in kinds]}, fields)
    own = {name: value for name, value in fields.items() if name not in ("anyOf", "oneOf", "type")}
    description = fields.get("description")
    return _plain(
        {**own, **kinds[0], **({"description": description} if description else {})}, defs, (*path, "")
    )


def _joined(fields: dict[str, Any]) -> dict[str, Any]:
    """What all its parts say together."""
    joined: dict[str, Any] = {}
    for part in cast("list[Any]", fields["allOf"]) if isinstance(fields["allOf"], list) else []:
        if isinstance(part, dict):
            joined |= cast("dict[str, Any]", part)
    return {**joined, **{name: value for name, value in fields.items() if name != "allOf"}}


def _kinds(fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What it may be one of, without null: that an argument may be left out says `required`."""
    listed = fields.get("anyOf") or fields.get("oneOf")
    if isinstance(listed, list):
        kinds = [cast("dict[str, Any]", kind) for kind in cast("list[Any]", listed) if isinstance(kind, dict)]
        return [kind for kind in kinds if kind.get("type") != "null"]
    types = fields.get("type")
    if isinstance(types, list):
        rest = {name: value for name, value in fields.items() if name not in ("type", "description", "$ref")}
        return [{**rest, "type": kind} for kind in cast("list[Any]", types) if kind != "null"]
    return []


def _typed(fields: Mapping[str, Any], defs: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    enum = [fields["const"]] if "const" in fields else fields.get("enum")
    if isinstance(enum, list):
        values = [value for value in cast("list[Any]", enum) if value is not None][:_MAX_ENUM]
        kind = fields.get("type") or _type_of(values)
        return {"type": kind, "enum": values} if values else {"type": "string"}
    kind = fields.get("type")
    if kind == "array" or (kind is None and ("items" in fields or "prefixItems" in fields)):
        return {"type": "array", "items": _items(fields, defs, path)}
    if kind in ("string", "number", "integer", "boolean"):
        return {"type": kind}
    return _object(fields, defs, path)


def _items(fields: Mapping[str, Any], defs: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    first = fields.get("prefixItems")
    if isinstance(first, list) and first:
        kinds = [_plain(kind, defs, path) for kind in cast("list[Any]", first)]
        return kinds[0] if all(kind == kinds[0] for kind in kinds) else {"anyOf": kinds}
    items: object = fields.get("items")
    return (
        _plain(cast("object", items), defs, path) if isinstance(items, dict) and items else {"type": "string"}
    )


def _object(fields: Mapping[str, Any], defs: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    properties = fields.get("properties")
    if isinstance(properties, dict) and properties:
        plain = {
            name: _plain(inner, defs, (*path, ""))
            for name, inner in cast("dict[str, Any]", properties).items()
        }
        needed = fields.get("required")
        required = [name for name in cast("list[Any]", needed or []) if name in plain]
        return {"type": "object", "properties": plain, **({"required": required} if required else {})}
    values = fields.get("additionalProperties")
    if isinstance(values, dict) and values:
        inner = _plain(cast("object", values), defs, (*path, ""))
        return {"type": "object", "additionalProperties": inner}
    return dict(_ANYTHING)


def _described(plain: dict[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """The schema with its description, which tells the bounds too."""
    told = [
        words.format(_written(fields[name]))
        for name, words in _TOLD.items()
        if _is_worth_telling(name, fields)
    ]
    description = str(fields.get("description") or "")
    bounds = f"({', '.join(told)})" if told else ""
    text = f"{description} {bounds}".strip()
    return {**plain, "description": text} if text else plain


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_worth_telling(name: str, fields: Mapping[str, Any]) -> bool:
    value = fields.get(name)
    if name == "minLength" and value == 1:
        return False
    if name == "pattern":
        return isinstance(value, str) and len(value) <= _MAX_PATTERN_CHARS
    return isinstance(value, str | int | float) and value != ""


def _type_of(values: Sequence[Any]) -> str:
    found = {_TYPES.get(type(cast("object", value)), "string") for value in values}
    return found.pop() if len(found) == 1 else "string"
