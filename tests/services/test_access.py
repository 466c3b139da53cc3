"""The tokens of `API_TOKENS`, and what they open."""

import pytest

from app.errors import Unauthorized
from app.services.access import Access
from app.services.principal import Principal
from tests.support.context import settings_with
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
