"""The place in a talk: what is new, what was here before, where a gap goes on; kept over a process's end."""

import pytest
from voice_agent_client import ResumeState

CREATED = {"type": "session_created", "session_id": "s1", "resume_token": "a", "heartbeat_s": 7, "seq": 1}


def met(last_seq: int = 1) -> ResumeState:
    state = ResumeState()
    state.created({**CREATED, "seq": last_seq})
    return state


def test_a_session_is_resumed_with_its_token_and_the_last_number():
    assert met().resume_message() == {
        "type": "resume",
        "session_id": "s1",
        "resume_token": "a",
        "last_seq": 1,
    }
    assert met().heartbeat_s == 7


def test_a_number_is_new_a_repeat_or_behind_a_hole():
    state = met()

    assert [state.judge(seq) for seq in (2, 3, 3, 2, 5, 4, 5)] == [
        "new",
        "new",
        "repeat",
        "repeat",
        "hole",
        "new",
        "new",
    ]


@pytest.mark.parametrize(("last_seq", "next_seq"), [(1, 40), (20, 1)])
def test_after_a_gap_the_count_goes_on_when_the_history_has_come(last_seq: int, next_seq: int):
    state = met(last_seq)
    state.resumed({"resume_token": "b", "gap": True, "next_seq": next_seq})
    assert state.resume_message()["last_seq"] == last_seq

    state.history_came()

    assert state.resume_message()["last_seq"] == next_seq - 1
    assert state.judge(next_seq) == "new"


def test_it_outlives_its_process():
    state = met()
    state.resumed({"resume_token": "b", "gap": True, "next_seq": 40})

    assert ResumeState.from_json(state.to_json()) == state
    assert ResumeState.from_json('{"session_id": "s1", "of a later version": 1}').session_id == "s1"
    with pytest.raises(ValueError, match="no resume state"):
        ResumeState.from_json("[]")
