"""Which tokens take a session up again: the newest, the one that came last, and one that it passed over."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.session.resume_tokens import ResumeTokens


def comes_with(tokens: ResumeTokens, token: str) -> str | None:
    """A client comes with a token, as a server handles it; its new token, or None where it is refused."""
    if not tokens.is_good(token):
        return None
    tokens.redeem(token)
    return tokens.issue()


@given(which=st.lists(st.integers(0, 6), max_size=20))
def test_good_are_the_newest_the_one_that_was_used_last_and_the_one_that_it_passed_over(
    which: list[int],
) -> None:
    """The model: three names, of which the rule speaks, and nothing else."""
    tokens = ResumeTokens()
    given_out = [tokens.issue()]
    newest = used_last = passed_over = given_out[0]
    for back in which:
        token = given_out[max(0, len(given_out) - 1 - back)]
        fresh = comes_with(tokens, token)
        assert (fresh is not None) == (token in (newest, used_last, passed_over))
        if fresh is not None:
            given_out.append(fresh)
            passed_over = token if token == newest else newest
            used_last, newest = token, fresh
        assert {t for t in given_out if tokens.is_good(t)} == {newest, used_last, passed_over}


def test_client_that_missed_its_new_token_comes_again_with_the_old_one() -> None:
    tokens = ResumeTokens()
    first = tokens.issue()
    missed = comes_with(tokens, first)

    again = comes_with(tokens, first)

    assert missed is not None and again is not None
    assert tokens.is_good(again)


@pytest.mark.parametrize("restarts", [False, True])
def test_client_whose_resume_came_twice_and_late_comes_again_with_what_it_heard(restarts: bool) -> None:
    tokens = ResumeTokens()
    first = tokens.issue()
    heard = comes_with(tokens, first)
    comes_with(tokens, first)
    if restarts:
        tokens = ResumeTokens(tokens.newest, tokens.previous)

    assert heard is not None
    fresh = comes_with(tokens, heard)

    assert fresh is not None
    assert comes_with(tokens, fresh) is not None
    assert not tokens.is_good(heard)


def test_using_the_newest_spends_the_older() -> None:
    tokens = ResumeTokens()
    first = tokens.issue()
    second = comes_with(tokens, first)
    assert second is not None

    comes_with(tokens, second)

    assert not tokens.is_good(first)


def test_asking_whether_a_token_is_good_spends_nothing() -> None:
    tokens = ResumeTokens()
    token = tokens.issue()

    assert all(tokens.is_good(token) for _ in range(3))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"),
        lambda token: token + " ",
        lambda token: token[1:],
        lambda token: "",
        lambda token: "\ud83d",
    ],
)
def test_wrong_token_is_refused(spoil: Callable[[str], str]) -> None:
    tokens = ResumeTokens()

    assert not tokens.is_good(spoil(tokens.issue()))


@pytest.mark.parametrize("token", ["", "x", "\0" * 32])
def test_nothing_is_good_before_a_token_was_given_out(token: str) -> None:
    assert not ResumeTokens().is_good(token)


def test_no_token_is_kept_as_it_is() -> None:
    tokens = ResumeTokens()
    token = tokens.issue()

    assert token not in repr(tokens)
    assert token.encode() not in (tokens.newest, tokens.previous)
    assert len({ResumeTokens().issue() for _ in range(100)}) == 100


def test_token_names_the_stream_that_gave_it_out() -> None:
    before = ResumeTokens()
    old = before.issue()
    after = ResumeTokens(before.newest, before.previous)
    new = comes_with(after, old)

    assert new is not None
    assert before.names_this_stream(old)
    assert (after.is_good(old), after.names_this_stream(old)) == (True, False)
    assert (after.is_good(new), after.names_this_stream(new)) == (True, True)


def test_stream_that_goes_on_elsewhere_knows_its_own_tokens() -> None:
    earlier = ResumeTokens()
    old = earlier.issue()
    here = ResumeTokens(earlier.newest, earlier.previous)
    given = here.issue()
    there = ResumeTokens.of_stream(here.newest, here.previous, here.mark, here.older_stream)
    marked = here.marked(old)

    assert [there.is_good(token) for token in (given, old, marked)] == [True, True, True]
    assert [there.names_this_stream(token) for token in (given, old, marked)] == [True, False, True]


def test_token_that_comes_back_with_a_mark_is_as_good_as_it_was() -> None:
    """Also in the next stream, which knows no more of it than the database does."""
    stored = ResumeTokens()
    token = stored.issue()
    stream = ResumeTokens(stored.newest, stored.previous)
    stream.redeem(token)
    untold = stream.issue()
    marked = stream.marked(token)
    after = ResumeTokens(stored.newest, stored.previous)

    assert (stream.is_good(marked), stream.names_this_stream(marked)) == (True, True)
    assert (after.is_good(marked), after.names_this_stream(marked)) == (True, False)
    assert stream.is_newest(untold)
    assert after.marked(marked) == f"{token}~{after.mark}"
    after.redeem(marked)
    assert after.is_good(token)
