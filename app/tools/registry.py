"""Which tools there are: it finds the files, so that a new tool is one file and nothing else."""

import importlib
import importlib.util
import pkgutil
import re
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import orjson

import app.tools
from app.chat import ToolSchema
from app.tools.base import Need, Tool
from config.nearest import nearest
from config.settings import Settings, SettingsError

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What the chat-completions API takes as a function's name."""

_MAX_REASON_CHARS = 300


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


class ToolRegistry:
    """The tools of a server, by name.

    Args:
        tools: Their names must differ.

    Attributes:
        schemas: All of them as the API takes them.
    """

    def __init__(self, tools: Sequence[Tool]) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self.schemas: list[ToolSchema] = [tool.schema() for tool in tools]
        self._offers: dict[frozenset[Need], Offer] = {}

    @property
    def names(self) -> list[str]:
        """The names, in order."""
        return list(self._tools)

    def offer(self, has: frozenset[Need]) -> Offer:
        """What may be offered in a session that has all this; made once for each kind of session."""
        offer = self._offers.get(has)
        if offer is None:
            chosen = [tool for tool in self._tools.values() if tool.needs is None or tool.needs in has]
            names = tuple(tool.name for tool in chosen)
            schemas = [schema for schema in self.schemas if schema["function"]["name"] in names]
            offer = self._offers[has] = Offer(names, schemas, len(orjson.dumps(schemas)))
        return offer

    def get(self, name: str) -> Tool | None:
        """The tool, or None."""
        return self._tools.get(name)


def load_tools(settings: Settings) -> ToolRegistry:
    """Finds the tools of this package and of `TOOLS_DIR`, and keeps those that `TOOLS` names.

    Raises:
        SettingsError: `TOOLS` or `TOOLS_NEED_APPROVAL` names one that does not exist, or a file of
            `TOOLS_DIR` cannot be loaded.
    """
    found = {tool.name: tool for tool in _built_in()}
    if settings.tools_dir is not None:
        found |= {tool.name: tool for tool in _from_folder(settings.tools_dir)}
    wanted = settings.tools if settings.tools is not None else tuple(sorted(found))
    _check_names("TOOLS", wanted, found)
    # One that is not there would never be asked for, and another one go unasked.
    _check_names("TOOLS_NEED_APPROVAL", settings.tools_need_approval, found)
    return ToolRegistry([found[name] for name in dict.fromkeys(wanted)])


def _check_names(setting: str, names: Sequence[str], found: Collection[str]) -> None:
    unknown = [name for name in names if name not in found]
    if unknown:
        hints = {name: nearest(name, found) for name in unknown}
        said = ", ".join(f"{name} (did you mean {hint}?)" if hint else name for name, hint in hints.items())
        raise SettingsError(f"{setting}: no such tool: {said}; there are {', '.join(sorted(found))}")


def _built_in() -> Iterator[Tool]:
    for info in pkgutil.iter_modules(app.tools.__path__):
        if not info.ispkg:
            yield from _tools_in(importlib.import_module(f"app.tools.{info.name}"))


def _from_folder(folder: Path) -> Iterator[Tool]:
    if not folder.is_dir():
        raise SettingsError(f"TOOLS_DIR: {folder} is no folder")
    for path in sorted(folder.glob("*.py")):
        if path.name.startswith("_"):
            continue
        if not _NAME.fullmatch(path.stem):
            raise SettingsError(f"TOOLS_DIR: {path.name}: a tool's name has letters, digits, _ and - only")
        try:
            tools = list(_tools_in(_load(path)))
            ToolRegistry(tools)  # makes the schemas: arguments that have none are found out here
        # A file of somebody else may raise anything while it is loaded, and may try to leave.
        except (Exception, SystemExit) as exc:
            what = " ".join(str(exc).split())[:_MAX_REASON_CHARS]
            raise SettingsError(f"TOOLS_DIR: {path.name}: {type(exc).__name__}: {what}") from exc
        if len(tools) != 1:
            raise SettingsError(f"TOOLS_DIR: {path.name} needs one function with @tool, and has {len(tools)}")
        yield from tools


def _load(path: Path) -> ModuleType:
    name = f"tools_dir.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError("no Python file")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and pydantic look up here what an annotation in quotes means.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _tools_in(module: ModuleType) -> Iterator[Tool]:
    for value in vars(module).values():
        if isinstance(value, Tool) and value.run.__module__ == module.__name__:
            yield value
