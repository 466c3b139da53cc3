"""The states of a session and the moves between them: one table."""

import itertools

import pytest

from app.session.state import MOVES, IllegalTransition, SessionState, check_move

TABLE = {
    "idle": "listening thinking speaking",
    "listening": "idle thinking speaking processing_tool",
    "thinking": "thinking speaking processing_tool listening idle",
    "speaking": "thinking processing_tool listening idle",
    "processing_tool": "processing_tool thinking speaking listening idle",
}


def test_table_has_exactly_these_moves():
    assert {str(source): set(map(str, targets)) for source, targets in MOVES.items()} == {
        source: set(targets.split()) for source, targets in TABLE.items()
    }


@pytest.mark.parametrize(("source", "target"), [*itertools.product(SessionState, SessionState)])
def test_move_is_allowed_where_the_table_has_it(source: SessionState, target: SessionState):
    if target in TABLE[source].split():
        check_move(source, target)
    else:
        with pytest.raises(IllegalTransition, match=f"{source} -> {target}"):
            check_move(source, target)


def test_every_state_can_be_left_for_idle_but_idle_itself():
    assert all(SessionState.IDLE in MOVES[s] for s in SessionState if s is not SessionState.IDLE)


def test_nobody_can_change_the_table():
    with pytest.raises(TypeError):
        MOVES[SessionState.IDLE] = frozenset()  # pyright: ignore[reportIndexIssue]
