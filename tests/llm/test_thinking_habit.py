"""What answers show of a model counts in their talk at once, and in others where more talks agree."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.llm.answer_text import AnswerText
from app.llm.offered_tools import OfferedTools
from app.llm.thinking_habit import ModelHabits

NO_TOOLS = OfferedTools([])


def answered(habits: ModelHabits, talk: str, text: str) -> str:
    """How much of an answer is shown before its end."""
    answer = AnswerText(NO_TOOLS, habits.in_talk(talk))
    said = "".join(answer.feed(word, "") for word in text.replace(" ", " \0").split("\0"))
    answer.finish(is_cut=False)
    return said


CLOSING = "La etiqueta va sola.\n</think>\n\nAsí."
THOUGHT = "Consideremos todo.\n</think>\n\nHola"


@pytest.mark.parametrize("times", [1, 5])
@pytest.mark.parametrize("odd", [CLOSING, "</think>", "[/THINK]\n\nSí.", "<think>así</think> se escribe."])
def test_odd_answers_of_one_talk_hold_back_no_other_talk(odd: str, times: int):
    habits = ModelHabits("m")
    for _ in range(times):
        answered(habits, "a", odd)

    assert answered(habits, "b", "Hola, ¿qué tal?") == "Hola, ¿qué tal?"
    assert not habits.in_talk("c").is_unopened


def test_what_one_talk_has_shown_counts_in_it():
    habits = ModelHabits("m")
    answered(habits, "a", THOUGHT)

    assert habits.in_talk("a").is_unopened
    assert answered(habits, "a", "Consideremos más.\n</think>Hola") == "Hola"


def test_what_several_talks_have_shown_counts_in_all():
    habits = ModelHabits("m")
    for talk in "ab":
        answered(habits, talk, THOUGHT)

    assert habits.in_talk("c").is_unopened


def test_few_odd_talks_among_many_change_nothing():
    habits = ModelHabits("m")
    for talk in "abcde":
        answered(habits, talk, "Hola, ¿qué tal?")
    for talk in "xyz":
        answered(habits, talk, CLOSING)

    assert not habits.in_talk("n").is_unopened
    assert habits.in_talk("n").is_known


def test_answer_without_a_thought_does_not_make_a_thinker_by_name_another_in_other_talks():
    habits = ModelHabits("deepseek-r1:8b")
    answered(habits, "a", "Hola, ¿qué tal?")

    assert not habits.in_talk("a").is_unopened
    assert habits.in_talk("b").is_unopened

    answered(habits, "b", "Hola, ¿qué tal?")
    assert not habits.in_talk("c").is_unopened, "its server tells its thoughts apart"


def test_only_the_last_talks_are_remembered():
    habits = ModelHabits("m")
    for number in range(1000):
        answered(habits, f"t{number}", THOUGHT if number < 500 else "Hola.")

    assert not habits.in_talk("new").is_unopened
    assert habits.in_talk("t0").own == "unknown"


SAW = st.sampled_from(["asked", "saw_closing", "saw_apart"])


@given(st.lists(st.tuples(st.integers(0, 80), SAW), max_size=300))
def test_what_others_have_shown_is_what_the_last_talks_show_now(events: list[tuple[int, str]]):
    """It is counted as it changes; talks that are forgotten may still have an answer under way."""
    habits = ModelHabits("m")
    held = {number: habits.in_talk(str(number)) for number in range(80)}
    last = list(range(16, 80))
    for number, saw in events:
        if saw == "asked":
            held[number] = habits.in_talk(str(number))
            last = [*(other for other in last if other != number), number][-64:]
        else:
            getattr(held.get(number, held[0]), saw)()

    asked_now = habits.in_talk("new")
    shown = Counter(held[number].own for number in last[-63:])
    unopened, apart = shown["unopened"], shown["apart"]
    assert asked_now.is_known == (max(unopened, apart) >= 2)
    assert asked_now.is_unopened == (unopened > apart and unopened >= 2)
