"""What the agent's voice does while the user speaks over it. See test_hearing.py for all of it together."""

from typing import Any

import pytest

from app.speech.turns.barge_in_controller import LISTEN_IN_AT_MS, LOOK_AGAIN_MS, BargeInController


class Log:
    """A conversation and a mouth that write down what they are told."""

    def __init__(self, audible: str | None = "t1") -> None:
        self.audible_turn = audible
        self.told: list[Any] = []

    def interrupt(self, turn_id: str) -> None:
        self.told.append(("interrupt", turn_id))

    def duck(self) -> None:
        self.told.append("duck")

    def go_on(self) -> None:
        self.told.append("go_on")

    def hold(self, is_held: bool) -> None:
        self.told.append(("hold", is_held))


def barge_in(log: Log, mode: Any = "smart") -> BargeInController:
    return BargeInController(log, log, mode)  # type: ignore[arg-type]


def test_voice_ducks_once_and_goes_on_once():
    log = Log()
    a = barge_in(log)
    a.onset()
    a.onset()
    a.nothing()
    a.nothing()

    assert log.told == ["duck", "go_on"]


def test_voice_that_is_about_to_sound_waits_for_the_user():
    log = Log(audible=None)
    a = barge_in(log)
    a.onset()
    a.nothing()
    assert log.told == [("hold", True), ("hold", False)]


def test_words_are_looked_at_once_when_there_are_enough_of_them():
    a = barge_in(Log())
    a.onset()

    times = [LISTEN_IN_AT_MS - 1, LISTEN_IN_AT_MS, LISTEN_IN_AT_MS + 20]
    assert [a.wants_words(ms) for ms in times] == [False, True, False]


@pytest.mark.parametrize("text", ["", "sí"])
def test_what_may_be_a_nod_or_a_cough_is_looked_at_again_where_it_goes_on(text: str):
    a = barge_in(Log())
    a.onset()
    assert a.wants_words(LISTEN_IN_AT_MS)
    a.goes_on(900)
    a.heard(text, "es", LISTEN_IN_AT_MS)

    times = [LISTEN_IN_AT_MS + LOOK_AGAIN_MS - 1, LISTEN_IN_AT_MS + LOOK_AGAIN_MS]
    assert [a.wants_words(ms) for ms in times] == [False, True]


def test_words_are_looked_at_again_where_nothing_came_of_a_look():
    a = barge_in(Log())
    a.onset()

    times = range(0, LISTEN_IN_AT_MS + 2 * LOOK_AGAIN_MS + 1, 10)
    looks = [ms for ms in times if a.wants_words(ms)]
    assert looks == [LISTEN_IN_AT_MS + n * LOOK_AGAIN_MS for n in range(3)]


def test_order_is_obeyed_before_its_end():
    log = Log()
    a = barge_in(log)
    a.onset()
    a.goes_on(700)
    a.heard("para ya, por favor", "es", 650)

    assert log.told == ["duck", ("interrupt", "t1")]
    assert not a.is_judging


@pytest.mark.parametrize(("text", "verdict"), [("ajá", "assent"), ("no, eso no", "interruption")])
def test_what_was_said_is_judged_at_its_end(text: str, verdict: str):
    log = Log()
    a = barge_in(log)
    a.onset()
    a.goes_on(400)

    assert a.judge_whole(text, "es") == verdict
    assert (("interrupt", "t1") in log.told) is (verdict == "interruption")


def test_where_answers_are_not_spoken_there_is_nothing_to_judge():
    a = BargeInController(Log(), None, "smart")  # type: ignore[arg-type]
    a.onset()

    assert not a.is_judging
