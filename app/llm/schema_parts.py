"""Takes JSON schemas together that are written in parts: references, `allOf`, one of several objects."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast
from urllib.parse import unquote

Schema = dict[str, Any]

_MOST_STEPS: Final = 16
"""So many references that lead to each other are followed."""


class Definitions:
    """What references within a schema lead to.

    Args:
        root: The whole schema.
    """

    def __init__(self, root: Schema) -> None:
        self._root = root

    def find(self, ref: str) -> Schema | None:
        """Return what stands at a reference, by its path; None where nothing does."""
        found: Any = self._root
        for part in ref.partition("#")[2].split("/")[1:]:
            name = unquote(part).replace("~1", "/").replace("~0", "~")
            found = cast("Schema", found).get(name) if isinstance(found, dict) else None
        return cast("Schema", found) if isinstance(found, dict) else None

    def resolved(self, part: Schema) -> Schema:
        """Return a part of a schema with what it refers to; without it where that is nowhere."""
        for _ in range(_MOST_STEPS):
            if "$ref" not in part:
                return part
            own = {name: value for name, value in part.items() if name != "$ref"}
            part = together(self.find(str(part["$ref"])) or {}, own)
        return {name: value for name, value in part.items() if name != "$ref"}


def all_of(fields: Schema, definitions: Definitions) -> Schema:
    """Return what all parts of an `allOf` say together, and what stands beside it."""
    own = {name: value for name, value in fields.items() if name != "allOf"}
    whole: Schema = {}
    for part in [*schemas_in(fields["allOf"]), own]:
        whole = together(whole, definitions.resolved(part))
    return whole


def one_object(fields: Schema, kinds: Sequence[Schema]) -> Schema:
    """Return arguments that are one of several objects as one: all of it may come, none of it has to."""
    whole = {name: value for name, value in fields.items() if name not in ("anyOf", "oneOf", "type")}
    for kind in kinds:
        whole = together(whole, {"properties": kind.get("properties") or {}})
    return {**whole, "type": "object"}


def together(one: Mapping[str, Any], other: Mapping[str, Any]) -> Schema:
    """Return two parts as one: the properties of both, what either requires, else what the second says."""
    whole = {**one, **other}
    match one, other:
        case {"properties": {**some}}, {"properties": {**more}}:
            whole["properties"] = {**some, **more}
        case _:
            pass
    match one, other:
        case {"required": [*some]}, {"required": [*more]}:
            whole["required"] = [*some, *(name for name in more if name not in some)]
        case _:
            pass
    return whole


def schemas_in(value: object) -> list[Schema]:
    """Return the schemas in a list of them; true and false say nothing."""
    listed = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("Schema", each) for each in listed if isinstance(each, dict)]
