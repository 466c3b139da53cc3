"""Which tools a server has at this moment: those of files, and those of toolsets, which come and go."""

import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import orjson

from app.chat import ToolSchema
from app.tools.base import Need, ToolSpec
from app.tools.toolset import Toolset
from app.weakly import weakly

logger = logging.getLogger(__name__)

MAX_COUNTED = 200
"""So many names of tools are counted each by itself, however many come and go."""


@dataclass(frozen=True, slots=True)
class Offer:
    """The tools that a model may be offered in one kind of session.

    Attributes:
        schemas: As the API takes them.
        schema_bytes: What the schemas weigh in a request, in bytes.
    """

    names: tuple[str, ...]
    schemas: list[ToolSchema]
    schema_bytes: int


@dataclass(frozen=True, slots=True)
class _ToolList:
    """The tools of one moment, by name; never changed, but for the offers that are made of it."""

    tools: dict[str, ToolSpec]
    schemas: list[ToolSchema]
    offers: dict[frozenset[Need], Offer] = field(default_factory=dict[frozenset[Need], Offer])

    def definitions(self) -> dict[str, ToolSchema]:
        """What the model is told of each."""
        return dict(zip(self.tools, self.schemas, strict=True))


class ToolRegistry:
    """The tools of a server, by name.

    Where two have the same name, the first to have it keeps it for as long as it is there.

    Args:
        tools: Those that stay; their names must differ.
        toolsets: Those whose tools may change.
        chosen: The names of the tools that there may be, in order; None stands for all.

    Attributes:
        toolsets: Those whose tools may change.
        seen_names: The names of all tools that were ever there, up to a bound: what they are counted under.
    """

    def __init__(
        self, tools: Sequence[ToolSpec], toolsets: Sequence[Toolset] = (), chosen: Sequence[str] | None = None
    ) -> None:
        self.toolsets = tuple(toolsets)
        self.seen_names: set[str] = set()
        self._files = tuple(tools)
        self._chosen = None if chosen is None else {name: place for place, name in enumerate(chosen)}
        self._owners: dict[str, Toolset | None] = {}
        self._refused: set[tuple[str, Toolset]] = set()
        self._lock = threading.Lock()
        self._list = self._joined()
        for toolset in self.toolsets:
            toolset.on_change(weakly(self._renew))

    @property
    def names(self) -> list[str]:
        """The names, in order."""
        return list(self._list.tools)

    @property
    def schemas(self) -> list[ToolSchema]:
        """All of them as the API takes them."""
        return self._list.schemas

    def offer(self, has: frozenset[Need]) -> Offer:
        """Return what may be offered in a session that has all this; made once for each kind of session."""
        listed = self._list
        offer = listed.offers.get(has)
        if offer is None:
            chosen = [tool for tool in listed.tools.values() if tool.needs is None or tool.needs in has]
            names = tuple(tool.name for tool in chosen)
            schemas = [schema for schema in listed.schemas if schema["function"]["name"] in names]
            offer = listed.offers[has] = Offer(names, schemas, len(orjson.dumps(schemas)))
        return offer

    def get(self, name: str) -> ToolSpec | None:
        """Return the tool, or None."""
        return self._list.tools.get(name)

    def _renew(self, changed: Toolset) -> None:
        """A toolset has changed."""
        with self._lock:
            before = self._list.definitions()
            self._list = self._joined()
            now = self._list.definitions()
        facts = {
            "added": sorted(now.keys() - before.keys()),
            "removed": sorted(before.keys() - now.keys()),
            "changed": sorted(name for name in now.keys() & before.keys() if now[name] != before[name]),
        }
        if any(facts.values()):
            logger.info("tools_changed", extra={"toolset": changed.name, **facts})

    def _joined(self) -> _ToolList:
        """Join all that there is, and say which tools have the name of another."""
        candidates: dict[str, dict[Toolset | None, ToolSpec]] = {}
        for owner, spec in self._all():
            if self._chosen is None or spec.name in self._chosen:
                candidates.setdefault(spec.name, {})[owner] = spec
        tools: dict[str, ToolSpec] = {}
        refused: set[tuple[str, Toolset]] = set()
        owners: dict[str, Toolset | None] = {}
        for name, by_owner in candidates.items():
            before = self._owners.get(name, next(iter(by_owner)))
            owner = owners[name] = before if before in by_owner else next(iter(by_owner))
            tools[name] = by_owner[owner]
            refused |= {(name, other) for other in by_owner if other is not None and other is not owner}
        for name, toolset in sorted(refused - self._refused, key=lambda pair: pair[0]):
            facts = {"tool": name, "toolset": toolset.name, "kept": _label(owners[name])}
            logger.error("tool_name_taken", extra=facts)
        self._owners, self._refused = owners, refused
        if self._chosen is not None:
            tools = {name: tools[name] for name in self._chosen if name in tools}
        self.seen_names |= set(list(tools.keys() - self.seen_names)[: MAX_COUNTED - len(self.seen_names)])
        return _ToolList(tools, [tool.schema() for tool in tools.values()])

    def _all(self) -> Iterator[tuple[Toolset | None, ToolSpec]]:
        yield from ((None, spec) for spec in self._files)
        for toolset in self.toolsets:
            yield from ((toolset, spec) for spec in toolset.specs)


def _label(owner: Toolset | None) -> str:
    return "a file" if owner is None else owner.name
