"""What users may use up in an hour."""

import pytest

from app.errors import BudgetExceeded
from app.session.budget import MAX_KNOWN, Budget, Budgets, HourlyLimit
from tests.support.context import settings_with


class Time:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_limit_of_none_counts_nothing() -> None:
    limit = HourlyLimit("tokens", 0, Time())
    limit.spend("ana", 10**9)
    limit.check("ana")

    assert limit.left("ana", 5) == 5


def test_what_is_used_up_comes_back_when_the_hour_is_over() -> None:
    time = Time()
    limit = HourlyLimit("tokens", 100, time)
    limit.check("ana")
    limit.spend("ana", 100)
    time.now += 3600 - 61

    with pytest.raises(BudgetExceeded) as caught:
        limit.check("ana")
    limit.check("luis")
    assert "2 min" in caught.value.sentence("es")
    assert "2 min" in caught.value.sentence("en")

    time.now += 61
    limit.check("ana")
    limit.spend("ana", 99)
    limit.check("ana")


def test_so_many_users_are_remembered_and_no_more() -> None:
    limit = HourlyLimit("tokens", 1, Time())
    for number in range(MAX_KNOWN + 10):
        limit.spend(str(number))

    limit.check("0")
    with pytest.raises(BudgetExceeded):
        limit.check(str(MAX_KNOWN))
    assert len(limit._hours) == MAX_KNOWN


def test_a_session_shares_its_users_tokens_and_calls_and_has_its_own_texts() -> None:
    settings = settings_with(
        max_texts_per_session_hour=2, max_tokens_per_user_hour=10, max_tool_calls_per_user_hour=3
    )
    budgets = Budgets.of(settings, Time())
    one, two, other = Budget(budgets, "1", "ana"), Budget(budgets, "2", "ana"), Budget(budgets, "3", "luis")

    one.take_text()
    one.take_text()
    with pytest.raises(BudgetExceeded):
        one.take_text()
    two.take_text()
    assert [one.take_tools(2), two.take_tools(2), other.take_tools(2)] == [2, 1, 2]
    with pytest.raises(BudgetExceeded):
        one.take_tools(1)
    one.spend_tokens(10)
    other.check_tokens()
    with pytest.raises(BudgetExceeded):
        two.check_tokens()
    with pytest.raises(BudgetExceeded):
        two.take_text()


def test_a_session_without_budgets_may_do_what_it_likes() -> None:
    budget = Budget()
    budget.take_text()
    budget.check_tokens()
    budget.spend_tokens(10**9)

    assert budget.take_tools(16) == 16


@pytest.mark.parametrize(
    ("here", "there", "ago_s", "left"),
    [(0, 30, 100, 70), (50, 30, 100, 50), (30, 50, 100, 50), (0, 30, 3600, 100), (0, 0, 0, 100)],
)
def test_what_another_process_has_counted_is_not_added_to_what_this_one_has(
    here: int, there: int, ago_s: float, left: int
) -> None:
    limit = HourlyLimit("tokens", 100, Time())
    limit.spend("ana", here)
    limit.recall("ana", there, ago_s)

    assert limit.left("ana", 1000) == left


def test_an_hour_that_began_elsewhere_ends_when_it_would_have_there() -> None:
    time = Time()
    one, other = HourlyLimit("tokens", 100, time), HourlyLimit("tokens", 100, time)
    one.spend("ana", 100)
    time.now += 3000
    other.recall("ana", *one.told("ana"))
    time.now += 599
    with pytest.raises(BudgetExceeded):
        other.check("ana")
    time.now += 1
    other.check("ana")


def test_budgets_of_a_session_go_with_it() -> None:
    time = Time()
    settings = settings_with(
        max_texts_per_session_hour=2, max_tokens_per_user_hour=10, max_tool_calls_per_user_hour=3
    )
    one, other = (Budget(Budgets.of(settings, time), "s", "ana") for _ in range(2))
    one.take_text()
    one.spend_tokens(9)
    one.take_tools(2)
    other.recall(one.told())

    assert other.told() == one.told()
    other.take_text()
    with pytest.raises(BudgetExceeded):
        other.take_text()
    assert other.take_tools(5) == 1
    Budget().recall(one.told())
    assert Budget().told() == {}
