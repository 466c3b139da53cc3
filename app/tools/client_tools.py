"""Tools that a session's client brings and runs itself: a call waits for what the client sends."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from app.errors import BadMessage
from app.protocol.commands import ClientTool
from app.tools.base import ToolContext, ToolSpec
from app.tools.tool_list import Offer, ToolRegistry

CLIENT_TIMEOUT_S: Final = 3600.0
"""How long a client may take for a call, in seconds: its user may be asked something."""

MAX_CLIENT_TOOLS: Final = 128

_NONE: Final = ToolRegistry(())


class ClientTools:
    """Those of one session, and its calls that wait for the client."""

    def __init__(self) -> None:
        self._registry = _NONE
        self._results: dict[str, asyncio.Future[Any]] = {}
        self._joined: tuple[Offer, Offer] | None = None

    @property
    def registry(self) -> ToolRegistry:
        """The client's tools."""
        return self._registry

    def replace(self, tools: Sequence[ClientTool], servers: ToolRegistry) -> None:
        """Put these tools in the place of those before; calls that wait go on waiting.

        Raises:
            BadMessage: There are too many, two have one name, one has a name of the server's own, or its
                parameters are no schema of an object. Nothing has changed.
        """
        names = [tool.name for tool in tools]
        if len(names) > MAX_CLIENT_TOOLS:
            raise BadMessage(f"hay más de {MAX_CLIENT_TOOLS} herramientas", "there are too many tools")
        for name in names:
            if names.count(name) > 1:
                raise BadMessage(f"dos herramientas se llaman «{name}»", f"two tools are called “{name}”")
            if servers.get(name) is not None:
                raise BadMessage(
                    f"este servidor ya tiene una herramienta «{name}»",
                    f"this server has a tool “{name}” itself; give yours another name",
                )
        try:
            specs = [self._spec(tool) for tool in tools]
        except ValueError as exc:
            raise BadMessage("una herramienta no sirve", "a tool cannot be used", facts=str(exc)) from None
        self._registry, self._joined = ToolRegistry(specs), None

    def join(self, offer: Offer) -> Offer:
        """Return what a model may be offered: the server's tools and the client's."""
        if not self._registry.names:
            return offer
        if self._joined is None or self._joined[0] is not offer:
            own = self._registry.offer(frozenset())
            both = Offer(
                (*offer.names, *own.names),
                [*offer.schemas, *own.schemas],
                offer.schema_bytes + own.schema_bytes,
            )
            self._joined = (offer, both)
        return self._joined[1]

    def give(self, call_id: str, output: Any) -> bool:
        """Hand in what the client has got for a call; return whether one waited for it."""
        result = self._results.get(call_id)
        if result is None or result.done():
            return False
        result.set_result(output)
        return True

    def _spec(self, tool: ClientTool) -> ToolSpec:
        return ToolSpec(
            tool.name,
            tool.description,
            {"type": "object", **tool.parameters},
            self._wait,
            timeout_s=CLIENT_TIMEOUT_S,
            inline_wait_s=0,
            approval=False,
        )

    async def _wait(self, args: Any, ctx: ToolContext) -> Any:
        result = self._results[ctx.call_id] = asyncio.get_running_loop().create_future()
        try:
            return await result
        finally:
            del self._results[ctx.call_id]
