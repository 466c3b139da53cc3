"""The tokens of `API_TOKENS`, and what they open."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import Unauthorized
from app.services.auth.access import Access
from app.services.auth.grants import AccessGrant
from app.services.auth.principal import Principal
from tests.support.context import settings_with
from tests.support.signed_tokens import Provider
from tests.support.virtual_time import VirtualClock, virtual


def access_with(api_tokens: str = "") -> Access:
    return Access(settings_with(api_tokens=api_tokens), VirtualClock())


def test_without_tokens_everybody_is_let_in_as_nobody() -> None:
    access = access_with()

    assert access.is_open
    assert access.identify(None) is None
    assert access.identify("anything") is None


def test_a_token_says_whose_it_is() -> None:
    access = access_with("ana=token-ana-1:user, root=token-root:admin")

    assert access.identify("token-ana-1") == Principal("ana", "user")
    assert access.identify("token-root") == Principal("root", "admin")


@pytest.mark.parametrize(
    "token", [None, "", "token-ana", "token-ana-12", "TOKEN-ANA-1", "ana=token-ana-1", "\ud800"]
)
def test_any_other_token_is_refused(token: str | None) -> None:
    access = access_with("ana=token-ana-1:user")

    with pytest.raises(Unauthorized):
        access.identify(token)


def test_a_user_sees_their_own_talks_and_an_admin_all() -> None:
    assert Principal("ana", "user").may_see("ana")
    assert not Principal("ana", "user").may_see("luis")
    assert Principal("root", "admin").may_see("luis")


@virtual
async def test_a_ticket_lets_a_connection_in_once_and_no_request_at_all() -> None:
    access = access_with("ana=token-ana-1:user")
    ticket = access.tickets.issue(access.identify("token-ana-1") or pytest.fail(), "token-ana-1")

    with pytest.raises(Unauthorized):
        access.identify(ticket)
    principal, lease = access.admit(ticket)
    lease.check()
    assert principal == Principal("ana", "user")
    with pytest.raises(Unauthorized):
        access.admit(ticket)


def test_only_a_server_without_tokens_is_called_open(caplog: pytest.LogCaptureFixture) -> None:
    guarded, unguarded = access_with("ana=token-ana-1:user"), access_with()
    for access in (guarded, unguarded, unguarded):
        access.note_exposure()

    assert (guarded.is_exposed, unguarded.is_exposed) == (False, True)
    assert [record.msg for record in caplog.records] == ["open_to_the_network"]


def test_keys_are_followed_whatever_breaks_at_the_end_of_a_connection(tmp_path: Path) -> None:
    ended: list[str] = []
    provider = Provider()
    settings = settings_with(**provider.settings(tmp_path / "jwks.json"))

    def breaks() -> None:
        ended.append("breaks")
        raise ZeroDivisionError

    def hears(access: Access, kid: str, on_over: Callable[[], None]) -> None:
        token = provider.token("ana", kid=kid)
        access.begin(AccessGrant(lambda: access.identify(token) and None, lambda: None), on_over)

    @virtual
    async def test() -> None:
        access = Access(settings, VirtualClock())
        following = asyncio.create_task(access.follow_keys())
        for on_over in (breaks, lambda: ended.append("first"), lambda: ended.append("second")):
            hears(access, "rsa-1", on_over)
        hears(access, "ec-1", lambda: ended.append("later"))
        for old, new in (("rsa-1", "rsa-2"), ("ec-1", "rsa-3")):
            provider.rotate(old, new)
            provider.publish(tmp_path / "jwks.json")
            await asyncio.sleep(3)
        following.cancel()
        await asyncio.wait({following})

    test()
    assert sorted(ended[:3]) == ["breaks", "first", "second"]
    assert ended[3:] == ["later"]
