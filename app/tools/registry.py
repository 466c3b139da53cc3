"""Finds the tools of a server, so that a new tool is one file and nothing else."""

import importlib
import importlib.util
import logging
import pkgutil
import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from types import ModuleType

import app.tools
from app.tools.base import TOOL_NAME, ToolSpec
from app.tools.tool_list import ToolRegistry
from app.tools.toolset import Toolset
from config.nearest import nearest
from config.settings import SettingsError
from config.tool_settings import ToolSettings

logger = logging.getLogger(__name__)

_MAX_REASON_CHARS = 300


def load_tools(settings: ToolSettings) -> ToolRegistry:
    """Find the tools of this package and of `TOOLS_DIR`, and keep those that `TOOLS` names.

    Raises:
        SettingsError: `TOOLS` or `TOOLS_NEED_APPROVAL` names one that does not exist, or a file of
            `TOOLS_DIR` cannot be loaded.
    """
    found = {tool.name: tool for tool in _built_in()}
    toolsets: list[Toolset] = []
    for item in _from_folder(settings.tools_dir) if settings.tools_dir is not None else ():
        if isinstance(item, Toolset):
            toolsets.append(item)
        else:
            found[item.name] = item
    registry = ToolRegistry([found[name] for name in sorted(found)], toolsets, settings.tools)
    known = {*found, *(spec.name for toolset in toolsets for spec in toolset.specs)}
    # One that is not there would never be asked for, and another one go unasked.
    named = {"TOOLS": settings.tools or (), "TOOLS_NEED_APPROVAL": settings.tools_need_approval}
    for setting, names in named.items():
        if toolsets:
            _note_names(setting, names, known)
        else:
            _check_names(setting, names, known)
    return registry


def _note_names(setting: str, names: Sequence[str], known: Collection[str]) -> None:
    """Say which tools are named that are not there: a toolset may bring them later."""
    for name in names:
        if name not in known:
            logger.warning("tool_not_there_yet", extra={"setting": setting, "tool": name})


def _check_names(setting: str, names: Sequence[str], found: Collection[str]) -> None:
    unknown = [name for name in names if name not in found]
    if unknown:
        hints = {name: nearest(name, found) for name in unknown}
        said = ", ".join(f"{name} (did you mean {hint}?)" if hint else name for name, hint in hints.items())
        raise SettingsError(f"{setting}: no such tool: {said}; there are {', '.join(sorted(found))}")


def _built_in() -> Iterator[ToolSpec]:
    for info in pkgutil.iter_modules(app.tools.__path__):
        if not info.ispkg:
            yield from _tools_in(importlib.import_module(f"app.tools.{info.name}"))


def _from_folder(folder: Path) -> Iterator[ToolSpec | Toolset]:
    if not folder.is_dir():
        raise SettingsError(f"TOOLS_DIR: {folder} is no folder")
    for path in sorted(folder.glob("*.py")):
        if path.name.startswith("_"):
            continue
        if not TOOL_NAME.fullmatch(path.stem):
            raise SettingsError(f"TOOLS_DIR: {path.name}: a tool's name has letters, digits, _ and - only")
        try:
            module = _load(path)
            tools = list(_tools_in(module))
            ToolRegistry(tools)  # makes the schemas: arguments that have none are found out here
        # A file of somebody else may raise anything while it is loaded, and may try to leave.
        except (Exception, SystemExit) as exc:
            what = " ".join(str(exc).split())[:_MAX_REASON_CHARS]
            raise SettingsError(f"TOOLS_DIR: {path.name}: {type(exc).__name__}: {what}") from exc
        found = [*tools, *_toolsets_in(module, path.stem)]
        if len(found) != 1:
            needed = "one function with @tool, or one Toolset"
            raise SettingsError(f"TOOLS_DIR: {path.name} needs {needed}, and has {len(found)}")
        yield from found


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


def _toolsets_in(module: ModuleType, name: str) -> Iterator[Toolset]:
    toolsets = {id(value): value for value in vars(module).values() if isinstance(value, Toolset)}
    for toolset in toolsets.values():
        toolset.name = toolset.name or name
        yield toolset


def _tools_in(module: ModuleType) -> Iterator[ToolSpec]:
    for value in vars(module).values():
        if isinstance(value, ToolSpec) and value.run.__module__ == module.__name__:
            yield value
