"""What a signed token costs a handshake, beside one of `API_TOKENS`."""

import statistics
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bench.load import Client, MetricsRecorder, connect
from bench.measure import Measured, percentile_ms, servers
from bench.processes import OUR_SERVER, Cores, Process

API_TOKEN = "bench-token-0123456789"


@dataclass(frozen=True, slots=True)
class HandshakeResult:
    """Time from connecting until the session exists, in milliseconds.

    Attributes:
        connects: So many with each kind of token, in turns; each signed one is new to the server.
        more_ms: Median of how much longer the signed one of a pair took.
    """

    connects: int
    api_token_p50_ms: float
    jwt_p50_ms: float
    more_ms: float


class TokenClient(Client):
    """Brings a token in its first message."""

    def __init__(self, token: str) -> None:
        super().__init__(MetricsRecorder())
        self._token = token

    def opening(self) -> dict[str, Any]:
        return {**super().opening(), "token": self._token}


async def handshakes(pairs: int, cores: Cores) -> HandshakeResult:
    """Connects with one token and with the other, again and again."""
    async with guarded_server(cores) as (server, signed):
        times_ns: dict[str, list[int]] = {"api": [], "jwt": []}
        for number in range(-5, pairs):  # what is loaded at first is nobody's cost
            for kind, token in (("api", API_TOKEN), ("jwt", signed(number))):
                took_ns = await _connects(server, token)
                if number >= 0:
                    times_ns[kind].append(took_ns)
    more_ns = [later - earlier for earlier, later in zip(times_ns["api"], times_ns["jwt"], strict=True)]
    return HandshakeResult(
        connects=pairs,
        api_token_p50_ms=percentile_ms(times_ns["api"], 50),
        jwt_p50_ms=percentile_ms(times_ns["jwt"], 50),
        more_ms=statistics.median(more_ns) / 1e6,
    )


@asynccontextmanager
async def guarded_server(cores: Cores) -> AsyncIterator[tuple[Process, Callable[[int], str]]]:
    """A server that asks for tokens, and what signs new ones for it."""
    key = rsa.generate_private_key(65537, 2048)
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    settings = {"DATABASE_URL": "none", "API_TOKENS": f"bench={API_TOKEN}:user", "JWT_KEY": pem}

    def signed(number: int) -> str:
        ends_at = datetime.now(UTC).timestamp() + 600
        return jwt.encode({"sub": "bench", "exp": ends_at, "jti": str(number)}, key, "RS256")

    async with servers(cores, Measured(OUR_SERVER, settings)) as (server,):
        yield server, signed


async def _connects(server: Process, token: str) -> int:
    client = TokenClient(token)
    began_ns = time.monotonic_ns()
    await connect(server.port, client)
    took_ns = time.monotonic_ns() - began_ns
    client.close()
    return took_ns
