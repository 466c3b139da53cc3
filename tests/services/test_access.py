"""The tokens of `API_TOKENS`, and what they open."""

import pytest

from app.errors import Unauthorized
from app.services.access import Access, Principal
from config.api_tokens import parse_api_tokens


def test_without_tokens_everybody_is_let_in_as_nobody() -> None:
    access = Access(())

    assert access.is_open
    assert access.identify(None) is None
    assert access.identify("anything") is None


def test_a_token_says_whose_it_is() -> None:
    access = Access(parse_api_tokens("ana=token-ana-1:user, root=token-root:admin"))

    assert access.identify("token-ana-1") == Principal("ana", "user")
    assert access.identify("token-root") == Principal("root", "admin")


@pytest.mark.parametrize(
    "token", [None, "", "token-ana", "token-ana-12", "TOKEN-ANA-1", "ana=token-ana-1", "\ud800"]
)
def test_any_other_token_is_refused(token: str | None) -> None:
    access = Access(parse_api_tokens("ana=token-ana-1:user"))

    with pytest.raises(Unauthorized):
        access.identify(token)


def test_a_user_sees_their_own_talks_and_an_admin_all() -> None:
    assert Principal("ana", "user").may_see("ana")
    assert not Principal("ana", "user").may_see("luis")
    assert Principal("root", "admin").may_see("luis")
