"""What is looked at before a route; tests/faults/test_group_f_access.py has the attacks."""

import asyncio
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from app.clock import SystemClock
from app.router.request_filter import RequestFilter
from app.services.auth.addresses import Networks
from app.services.limits.address_conduct import Conducts
from tests.support.context import settings_with


class Door:
    """A doorkeeper, and what got past it."""

    def __init__(self, **settings: Any) -> None:
        self.passed: list[Scope] = []
        self.sent: list[Any] = []
        conducts = Conducts(SystemClock(), Networks([]))
        self.keeper = RequestFilter(self._app, settings_with(**settings), conducts)

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.passed.append(scope)

    def comes(self, *headers: tuple[str, str], kind: str = "http", **more: Any) -> Scope | None:
        """Lets a request come; what it became, or None where it was refused."""
        raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
        scope = {"type": kind, "method": "GET", "path": "/", "headers": raw, "http_version": "1.1", **more}
        scope = {"client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000), **scope}
        before = len(self.passed)

        async def send(message: Any) -> None:
            self.sent.append(message)

        async def receive() -> Any:
            raise AssertionError("nothing is read")

        asyncio.run(self.keeper(scope, receive, send))
        return self.passed[-1] if len(self.passed) > before else None


HERE = ("Host", "localhost")


def test_the_address_is_the_one_that_the_trusted_proxy_saw() -> None:
    door = Door(trusted_proxies="127.0.0.1,10.0.0.0/8")
    scope = door.comes(HERE, ("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "192.0.2.1, 10.0.0.3"))

    assert scope is not None
    assert scope["client"] == ("192.0.2.1", 0)


def test_a_strangers_word_about_its_address_does_not_count() -> None:
    scope = Door().comes(HERE, ("X-Forwarded-For", "127.0.0.1"), client=("192.0.2.7", 5))

    assert scope is not None
    assert scope["client"] == ("192.0.2.7", 5)


@pytest.mark.parametrize(("hosts", "passes"), [((HERE,), True), ((HERE, HERE), False), ((), False)])
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_a_request_names_this_server_once(
    hosts: tuple[tuple[str, str], ...], passes: bool, kind: str
) -> None:
    door = Door()

    assert (door.comes(*hosts, kind=kind) is not None) is passes
    assert [message["status"] for message in door.sent if "status" in message] == ([] if passes else [400])


def test_any_name_will_do_where_the_operator_says_so() -> None:
    assert Door(allowed_hosts="*").comes(("Host", "anything.example")) is not None
    assert Door(allowed_hosts="*").comes(("Host", "any/thing")) is None


@pytest.mark.parametrize(
    ("said", "client", "allowed_hosts", "passes"),
    [
        (["voice.example"], "127.0.0.1", "voice.example", True),
        (["VOICE.example"], "127.0.0.1", "voice.example", True),
        (["voice.example:8443"], "127.0.0.1", "voice.example", False),
        ([], "127.0.0.1", "voice.example", False),
        (["voice.example", "voice.example"], "127.0.0.1", "voice.example", False),
        (["voice.example, voice.example"], "127.0.0.1", "voice.example", False),
        (["voice.example"], "192.0.2.7", "voice.example", False),
        (["voice.example"], "127.0.0.1", "", False),
    ],
)
def test_the_host_is_the_one_that_the_trusted_proxy_was_asked_for(
    said: list[str], client: str, allowed_hosts: str, passes: bool
) -> None:
    """One that writes its own into `Host` says so; a name that is not ours is of a page's making."""
    door = Door(allowed_hosts=allowed_hosts)
    named = [("X-Forwarded-Host", name) for name in said]
    origin = ("Origin", "https://voice.example")

    came = door.comes(HERE, origin, *named, method="POST", client=(client, 1))

    assert (came is not None) is passes


@pytest.mark.parametrize("origin", ["http://localhost:8000", "http://LOCALHOST:8000", "http://app.example"])
def test_the_servers_own_page_is_allowed_beside_others(origin: str) -> None:
    door = Door(allowed_origins="http://app.example")

    assert door.comes(("Host", "localhost:8000"), ("Origin", origin), method="POST") is not None
    assert door.comes(("Host", "localhost:8000"), ("Origin", "http://localhost:3000"), method="POST") is None


def test_a_refusal_says_what_to_set() -> None:
    door = Door()
    door.comes(HERE, ("Origin", "http://evil.example"), method="POST")

    assert b"ALLOWED_ORIGINS" in door.sent[-1]["body"]


def test_a_foreign_page_may_look_and_not_touch() -> None:
    foreign = ("Origin", "http://evil.example")
    door = Door()

    assert door.comes(HERE, foreign) is not None
    for method in ("POST", "PUT", "PATCH", "DELETE", "BREW"):
        assert door.comes(HERE, foreign, method=method) is None
    assert door.comes(HERE, ("Origin", "http://localhost:3000"), method="POST") is not None


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_a_path_is_one_of_a_route_and_not_nearly_so(kind: str) -> None:
    """Routes match before a line's end too; a proxy that keeps `/metrics` shut lets `/metrics%0a` pass."""
    door = Door()

    assert door.comes(HERE, kind=kind, path="/metrics\n") is None
    assert door.comes(HERE, kind=kind, path="/metrics") is not None
