"""Tools whose list may change while the server runs."""

import logging
import threading
from collections.abc import Callable, Iterable

from app.tools.base import ToolSpec

logger = logging.getLogger(__name__)


class Toolset:
    """Tools that come, change and go together, such as those of a service that names them itself.

    The list may be changed from any thread, at any time: the next request to the model has it.

    Args:
        specs: The tools that are there from the beginning.
        name: What the log calls the toolset; by default its file's name.
    """

    def __init__(self, *specs: ToolSpec, name: str = "") -> None:
        self.name = name
        self._lock = threading.RLock()
        self._specs: dict[str, ToolSpec] = {}  # put anew with each change, so that reads need no lock
        self._version = 0
        self._listeners: list[Callable[[Toolset], None]] = []
        self.replace(specs)

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """The tools of the moment, in order."""
        return tuple(self._specs.values())

    @property
    def version(self) -> int:
        """A number that grows with each change."""
        return self._version

    def on_change(self, listener: Callable[["Toolset"], None]) -> Callable[[], None]:
        """Have a function called with the toolset after each change, in the thread that makes it.

        Returns:
            Call it, and the listener hears no more.
        """
        with self._lock:
            self._listeners.append(listener)

        def stop() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return stop

    def put(self, *specs: ToolSpec) -> None:
        """Add tools; one of the same name is replaced in its place.

        Raises:
            ValueError: Two of them have the same name. Any error of a pydantic model that has no schema is
                raised too; the list is unchanged then.
        """
        fresh = _by_name(specs)
        with self._lock:
            self._take(self._specs | fresh)

    def remove(self, *names: str) -> None:
        """Take tools out; a name that is not there is left alone. Calls that run go on to their end."""
        with self._lock:
            self._take({name: spec for name, spec in self._specs.items() if name not in names})

    def replace(self, specs: Iterable[ToolSpec]) -> None:
        """Put these tools in the place of all that are there; raises as `put` does."""
        fresh = _by_name(specs)
        with self._lock:
            self._take(fresh)

    def _take(self, specs: dict[str, ToolSpec]) -> None:
        if specs == self._specs and list(specs) == list(self._specs):
            return
        self._specs = specs
        self._version += 1
        for listener in tuple(self._listeners):
            listener(self)

    async def follow(self) -> None:
        """Keep the list up to date; override this where somebody else says what it holds.

        It runs beside the talks from the start of the server to its stop, which cancels it. An error ends it
        alone, with one line in the log: the tools stay as they are.
        """


async def follow(toolset: Toolset) -> None:
    """Let a toolset keep itself up to date; an error of it ends nothing else."""
    try:
        await toolset.follow()
    except Exception:
        logger.exception("toolset_failed", extra={"toolset": toolset.name})


def _by_name(specs: Iterable[ToolSpec]) -> dict[str, ToolSpec]:
    found: dict[str, ToolSpec] = {}
    for spec in specs:
        spec.schema()  # arguments that have none are found out here
        if spec.name in found:
            raise ValueError(f"two tools of a toolset are called {spec.name}")
        found[spec.name] = spec
    return found
