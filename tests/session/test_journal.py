"""Where nothing is kept, nobody waits for it."""

import inspect
from collections.abc import Awaitable

import pytest

from app.session.journal import CallEnd, CallStart, Journal, NoJournal

JOURNAL = NoJournal()


def test_the_journal_that_keeps_nothing_has_every_method_of_the_interface() -> None:
    def methods(journal: type) -> set[str]:
        return {
            name for name, _ in inspect.getmembers(journal, inspect.isfunction) if not name.startswith("_")
        }

    assert methods(NoJournal) == methods(Journal)
    assert not JOURNAL.is_kept


@pytest.mark.parametrize(
    "receipt",
    [
        JOURNAL.text_accepted("t1", "hola", None),
        JOURNAL.turn_ended("t1", [], "ok"),
        JOURNAL.call_started(CallStart("c1", "t1", "look", "{}", "read")),
    ],
)
def test_nothing_survives_and_that_is_known_at_once(receipt: Awaitable[bool]) -> None:
    steps = receipt.__await__()

    with pytest.raises(StopIteration) as ended:
        next(steps)
    assert ended.value.value is False


def test_endings_and_tellings_are_taken_without_a_word() -> None:
    JOURNAL.call_ended(CallEnd("c1", "done", "{}"))
    JOURNAL.calls_told(["c1"])
    JOURNAL.summarised("hablaron", 4)
    assert JOURNAL.next_position == 0
