"""Ephemeral keys that are no good any more: too old, spent, or got with a token that has ended meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from app.clock import SystemClock
from tests.realtime.app import App
from tests.support.context import settings_with
from tests.support.scripted import ScriptedModel
from tests.support.server import Server, running_server
from tests.support.signed_tokens import Provider

LIFETIME_S = 30

WAYS: dict[str, Callable[[str], dict[str, Any]]] = {
    "bearer": lambda key: {"additional_headers": {"Authorization": f"Bearer {key}"}},
    "api-key": lambda key: {"additional_headers": {"api-key": key}},
    "page": lambda key: {"subprotocols": ["realtime", f"openai-insecure-api-key.{key}"]},
}
"""Where a key stands: in a header, or as a page's subprotocol."""

PATHS = ("/v1/realtime", "/openai/v1/realtime")


class LaterClock(SystemClock):
    """A clock that can be put forward."""

    later_s = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.later_s)

    def monotonic(self) -> float:
        return super().monotonic() + self.later_s


@dataclass
class Room:
    """A server whose users have signed tokens, and whoever signs them."""

    server: Server
    provider: Provider
    keys_file: Path
    clock: LaterClock

    async def key(self, token: str | None = None, path: str = "/v1/realtime") -> httpx.Response:
        headers = {"Authorization": f"Bearer {token or self.provider.token()}"}
        async with httpx.AsyncClient(verify=False, trust_env=False) as http:
            url = f"http://127.0.0.1:{self.server.port}{path}/client_secrets"
            return await http.post(url, headers=headers)

    def opened(self, key: str, way: str, path: str = "/v1/realtime") -> connect:
        return connect(f"ws://127.0.0.1:{self.server.port}{path}?model=any", proxy=None, **WAYS[way](key))

    async def says(self, key: str, way: str, path: str = "/v1/realtime") -> tuple[str, str, int | None]:
        """What the server says to a key first, its error's code, and the code with which it closes."""
        async with self.opened(key, way, path) as socket:
            first = await first_of(socket)
            if first.type != "error":
                return first.type, "", None
            with pytest.raises(ConnectionClosed):
                await socket.recv()
            assert socket.subprotocol == ("realtime" if way == "page" else None)
            return first.type, first.error.code, socket.close_code


async def first_of(socket: ClientConnection) -> Any:
    return App.read(await socket.recv(decode=False))


@asynccontextmanager
async def room(folder: Path) -> AsyncIterator[Room]:
    provider, clock, keys_file = Provider(), LaterClock(), folder / "jwks.json"
    settings = settings_with(
        llm_provider="demo",
        **provider.settings(keys_file, jwt_leeway_s=0, ticket_lifetime_s=LIFETIME_S),
    )
    async with running_server(settings, provider=ScriptedModel([]), clock=clock) as server:
        yield Room(server, provider, keys_file, clock)


REFUSED = ("error", "invalid_api_key", 4401)


async def too_old(there: Room) -> str:
    key = (await there.key()).json()["value"]
    there.clock.later_s += LIFETIME_S + 1
    return key


async def spent(there: Room) -> str:
    key = (await there.key()).json()["value"]
    assert await there.says(key, "bearer") == ("session.created", "", None)
    return key


async def of_an_ended_token(there: Room) -> str:
    key = (await there.key(there.provider.token(lasts_s=10))).json()["value"]
    there.clock.later_s += 11
    return key


async def of_a_key_that_was_taken_out(there: Room) -> str:
    key = (await there.key()).json()["value"]
    there.provider.rotate("rsa-1", "rsa-2")
    there.provider.publish(there.keys_file)
    async with asyncio.timeout(20):
        # Until the server has looked at the file, which it does every second.
        while (await there.key(there.provider.token(kid="rsa-2"))).status_code != 200:
            pass
    return key


async def pushed_out_by_twenty_others(there: Room) -> str:
    key = (await there.key()).json()["value"]
    for _ in range(20):
        assert (await there.key()).status_code == 200
    return key


async def changed(there: Room) -> str:
    key = (await there.key()).json()["value"]
    return f"{key[:-1]}{'A' if key[-1] != 'A' else 'B'}"


async def without_its_beginning(there: Room) -> str:
    return (await there.key()).json()["value"].removeprefix("ek_ticket.")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "key_of",
    [
        too_old,
        spent,
        of_an_ended_token,
        of_a_key_that_was_taken_out,
        pushed_out_by_twenty_others,
        changed,
        without_its_beginning,
    ],
    ids=lambda case: case.__name__,
)
async def test_key_that_is_no_good_hears_why_and_opens_nothing(key_of: Any, way: str, tmp_path: Path):
    async with room(tmp_path) as there:
        key = await key_of(there)

        assert [await there.says(key, way, path) for path in PATHS] == [REFUSED, REFUSED]
        await there.server.is_empty()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("issued_at", PATHS)
@pytest.mark.parametrize("used_at", PATHS)
async def test_good_key_opens_one_session_of_its_user(issued_at: str, used_at: str, way: str, tmp_path: Path):
    async with room(tmp_path) as there:
        answer = await there.key(there.provider.token("eva"), issued_at)
        async with there.opened(answer.json()["value"], way, used_at) as socket:
            kind = (await first_of(socket)).type
            (live,) = there.server.service.sessions

    assert (kind, live.session.user_id) == ("session.created", "eva")
    assert answer.headers["cache-control"] == "no-store"


async def test_of_two_that_use_a_key_at_once_one_gets_in(tmp_path: Path):
    async with room(tmp_path) as there:
        key = (await there.key()).json()["value"]
        heard = await asyncio.gather(*(there.says(key, "page") for _ in range(5)))

    assert sorted(heard) == [*[REFUSED] * 4, ("session.created", "", None)]


async def test_key_opens_no_request_and_makes_no_other_key(tmp_path: Path):
    async with room(tmp_path) as there:
        key = (await there.key()).json()["value"]

        assert (await there.key(key)).status_code == 401
        assert (await there.says(key, "page"))[0] == "session.created"


@pytest.mark.parametrize(("lasts_s", "good_s"), [(300, LIFETIME_S), (10, 10)])
async def test_key_says_when_it_ends_and_no_later_than_its_token_does(
    lasts_s: float, good_s: float, tmp_path: Path
):
    async with room(tmp_path) as there:
        answer = (await there.key(there.provider.token(lasts_s=lasts_s))).json()

    assert answer["expires_at"] == pytest.approx(there.clock.now().timestamp() + good_s, abs=5)


async def test_session_of_a_key_ends_with_the_token_it_was_got_with(tmp_path: Path):
    async with room(tmp_path) as there:
        key = (await there.key(there.provider.token(lasts_s=2))).json()["value"]
        async with there.opened(key, "page") as socket, asyncio.timeout(15):
            kinds = [(await first_of(socket)).type]
            with pytest.raises(ConnectionClosed):
                while True:
                    kinds.append((await first_of(socket)).type)
        await there.server.is_empty()

    assert kinds == ["session.created", "error"] and socket.close_code == 4401
