"""The other processes of a fleet, and how they are asked: a signed JSON object, which another one answers."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx
import orjson
from pydantic import BaseModel

from app.fleet import signing
from app.fleet.signing import Signed, Signer
from app.storage.errors import StoreUnavailable
from app.storage.membership import Node
from app.storage.shared import SharedDatabase

logger = logging.getLogger(__name__)

ASK_PATH: Final = "/fleet/ask"

_TIMEOUT_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Peer:
    """Another process: this life of it, and where it is."""

    node: str
    address: str


class Peers:
    """All others that live.

    Args:
        http: Asks them; closed by whoever made it.

    Attributes:
        known: All processes that live, this one too, as the database said last.
    """

    def __init__(self, shared: SharedDatabase, signer: Signer, http: httpx.AsyncClient) -> None:
        self.known: Sequence[Node] = ()
        self._shared = shared
        self._signer = signer
        self._http = http

    async def look(self) -> None:
        """See which processes live; what was known stays where the database does not say.

        So do those whose rows are old only because the database was away.
        """
        with contextlib.suppress(StoreUnavailable):
            nodes = await self._shared.nodes()
            found = {node.id for node in nodes}
            kept = () if self._shared.is_steady else [node for node in self.known if node.id not in found]
            self.known = (*nodes, *kept)

    @property
    def others(self) -> list[Peer]:
        """All but this one."""
        return [Peer(str(node.id), node.address) for node in self.known if node.id != self._shared.me]

    async def ask_all(self, question: BaseModel) -> list[Mapping[str, Any]]:
        """Return the answers of all others that live and answer."""
        await self.look()
        answers = await asyncio.gather(*(self.ask(peer, question) for peer in self.others))
        return [answered for answered in answers if answered is not None]

    async def ask(self, peer: Peer, question: BaseModel) -> Mapping[str, Any] | None:
        """Return a process's answer; None where it does not answer."""
        body = question.model_dump_json().encode()
        signed = Signed("POST", ASK_PATH, peer.node, body)
        headers = {signing.HEADER: self._signer.sign(signed), "fleet-to": peer.node}
        try:
            response = await self._http.post(
                peer.address + ASK_PATH, content=body, headers=headers, timeout=_TIMEOUT_S
            )
            response.raise_for_status()
            answered: Mapping[str, Any] = orjson.loads(response.content)
        except (httpx.HTTPError, ValueError) as exc:
            cause = str(exc) or type(exc).__name__
            logger.warning("peer_silent", extra={"peer": peer.address, "cause": cause})
            return None
        return answered
