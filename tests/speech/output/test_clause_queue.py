"""A turn's text in clauses, however long it is and however it comes."""

import pytest

from app.speech.output.clause_queue import ClauseQueue


class Commas:
    """Cuts behind commas, and notes how much it was given at once."""

    def __init__(self) -> None:
        self.held = ""
        self.fed: list[int] = []

    def feed(self, text: str) -> list[str]:
        self.fed.append(len(text))
        *clauses, self.held = (self.held + text).split(",")
        return [f"{clause}," for clause in clauses]

    def flush(self) -> list[str]:
        held, self.held = self.held, ""
        return [held] if held else []


def spoken(queue: ClauseQueue) -> list[str]:
    clauses: list[str] = []
    while queue.has_next():
        clauses.append(queue.pop())
    return clauses


@pytest.mark.parametrize(
    ("pieces", "clauses"),
    [
        ([], []),
        (["uno", ", dos"], ["uno,", " dos"]),
        (["uno, dos, ", "tres"], ["uno,", " dos,", " tres"]),
        (["x" * 600 + ",", " y"], ["x" * 600 + ",", " y"]),
        (["a," * 900], ["a,"] * 900),
    ],
)
def test_text_comes_in_clauses_and_nothing_is_lost(pieces: list[str], clauses: list[str]) -> None:
    queue = ClauseQueue(Commas())
    for piece in pieces:
        queue.add(piece)
    queue.flush()

    assert spoken(queue) == clauses


def test_pause_inside_a_long_text_stays_where_it_was() -> None:
    queue = ClauseQueue(Commas())
    queue.add("x" * 600)
    queue.flush()
    queue.add("y")
    queue.flush()

    assert spoken(queue) == ["x" * 600, "y"]


def test_long_text_is_cut_no_further_than_it_is_spoken() -> None:
    splitter = Commas()
    queue = ClauseQueue(splitter)
    queue.add("a," * 5_000)

    assert queue.has_next()
    assert splitter.fed == [500]


def test_text_that_ends_nowhere_yet_has_no_clause() -> None:
    queue = ClauseQueue(Commas())
    queue.add("uno")

    assert not queue.has_next()


def test_nothing_is_left_of_what_is_cleared() -> None:
    queue = ClauseQueue(Commas())
    queue.add("a," * 5_000)
    queue.clear()

    assert not queue.has_next()
