"""What of an answer's text is shown, in whatever pieces it comes."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.llm.answer_text import AnswerText
from app.llm.base import ToolCall, ToolSchema
from app.llm.offered_tools import OfferedTools
from app.llm.thinking_habit import ThinkingHabit

CASES = Path(__file__).parents[1] / "cases"
THOUGHTS = json.loads((CASES / "thoughts.json").read_text(encoding="utf-8"))
CALLS = json.loads((CASES / "written_calls.json").read_text(encoding="utf-8"))


def schema(name: str, *, required: list[str], **properties: str) -> ToolSchema:
    typed = {key: {"type": kind} for key, kind in properties.items()}
    parameters = {"type": "object", "properties": typed, "required": required}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


TOOLS = OfferedTools(
    [
        schema("calculate", required=["expression"], expression="string"),
        schema("get_public_ip", required=[]),
        schema("get_weather_info", required=["location"], location="string"),
        schema("search_talk", required=["query"], query="string", limit="integer"),
    ]
)
NONE = OfferedTools([])


def apart() -> ThinkingHabit:
    """A model that is known to say where its thoughts begin, or to have none."""
    habit = ThinkingHabit("m")
    habit.saw_apart()
    return habit


def unopened() -> ThinkingHabit:
    """A model that is known to begin inside a thought."""
    habit = ThinkingHabit("m")
    habit.saw_closing()
    return habit


def shown(
    pieces: list[str],
    *,
    tools: OfferedTools = TOOLS,
    habit: ThinkingHabit | None = None,
    is_cut: bool = False,
) -> tuple[str, tuple[ToolCall, ...]]:
    text = AnswerText(tools, habit or ThinkingHabit("m"))
    out = ""
    for piece in pieces:
        out += text.feed(piece, out)
        assert not text.is_recalled, out
    return out + text.finish(is_cut=is_cut), text.calls


def ways(text: str) -> list[list[str]]:
    """The text whole, by character, by two, and cut once at each place."""
    cuts = [[text[:at], text[at:]] for at in range(1, len(text))]
    return [[text], list(text), [text[at : at + 2] for at in range(0, len(text), 2)], *cuts]


@pytest.mark.parametrize(("text", "answer"), THOUGHTS["thoughts"])
def test_thought_at_the_beginning_is_left_out_however_it_is_cut(text: str, answer: str):
    for pieces in ways(text):
        assert shown(pieces) == (answer, ())


@pytest.mark.parametrize("text", THOUGHTS["texts"])
def test_text_about_the_tags_stays_however_it_is_cut(text: str):
    for pieces in ways(text):
        assert shown(pieces) == (text, ())
        assert shown(pieces, habit=apart()) == (text, ())


@pytest.mark.parametrize(("text", "answer"), THOUGHTS["unopened"])
def test_thought_without_its_opening_is_left_out_where_the_model_is_known(text: str, answer: str):
    for pieces in ways(text):
        assert shown(pieces, habit=unopened()) == (answer, ())
        assert shown(pieces, habit=ThinkingHabit("deepseek-r1:8b")) == (answer, ())


@pytest.mark.parametrize(
    "text",
    [
        "El usuario saluda.\n</think>\n\nHola",
        "Okay, the user says hi.\n</think>\n\nHola",
        "Hmm, let me think.\n</think>\n\nHola",
        "We need to answer briefly.</think>Hola",
        "Okay, so first: the user wants a greeting.</think>Hola",
        "Veamos.\n</think>\n\nHola",
    ],
)
def test_thought_that_speaks_of_the_user_is_known_by_that(text: str):
    words = text.replace(" ", " \0").split("\0")

    assert shown(words) == ("Hola", ())


def test_thought_without_its_opening_is_learned_from_the_first_answer():
    habit = ThinkingHabit("m")
    first = AnswerText(NONE, habit)
    said = first.feed("Consideremos ") + first.feed("todo.\n")
    rest = first.feed("</think>\n\nHola") + first.finish(is_cut=False)

    assert (said, first.is_recalled, rest) == ("Consideremos todo.\n", True, "Hola")
    assert shown(["Consideremos ", "más.\n", "</think>", "Hola"], habit=habit) == ("Hola", ())


@pytest.mark.parametrize(
    "text",
    [
        "Para cerrar usa\n</think>\nal final.",
        "The block ends with\n</think>\nand the answer follows.",
        "```xml\nhm.\n</think>\n```\nAsí se ve.",
        "Usa:\n</think>\r\nal final.",
    ],
)
def test_closing_tag_on_a_line_of_a_known_models_answer_stays(text: str):
    for pieces in ways(text):
        assert shown(pieces, habit=apart()) == (text, ())


@pytest.mark.parametrize("pieces", [["Pienso.\n</think>\n\nHola"], ["Pienso.\n", "</think>", "\n\n", "Hola"]])
def test_known_model_that_begins_to_think_is_noticed(pieces: list[str]):
    answer = AnswerText(NONE, apart())
    said = ""
    for piece in pieces:
        shown_now = answer.feed(piece, said)
        said = shown_now if answer.is_recalled else said + shown_now
        answer.is_recalled = False

    assert said + answer.finish(is_cut=False) == "Hola"


def test_model_that_stops_thinking_is_no_longer_waited_for():
    habit = unopened()
    for _ in range(3):
        assert shown(["Ho", "la"], habit=habit) == ("Hola", ())

    assert AnswerText(NONE, habit).feed("Ho") == "Ho"


def test_answer_that_is_all_thought_and_cut_is_not_shown():
    assert shown(["Consideremos ", "todo"], habit=unopened(), is_cut=True) == ("", ())


@pytest.mark.parametrize(
    "first",
    ["H", "Hola", "Sí", "Claro", "It", "1", "¿", "—", "#", "*", "(", '"', "«", "Voy", "So", "Well", "I"],
)
def test_ordinary_answer_is_shown_from_its_first_piece_on(first: str):
    """The delay of an ordinary answer's first token is none at all."""
    assert AnswerText(TOOLS, apart()).feed(first) == first


@pytest.mark.parametrize("first", ["Okay", "The", "El", "Let me see", "Hmm"])
def test_known_model_is_never_waited_for(first: str):
    assert AnswerText(TOOLS, apart()).feed(first) == first


@pytest.mark.parametrize(
    ("text", "longest"),
    [
        ("<b>x</b> y", 2),
        ("[Hola](x)", 2),
        ('{"name": "Ana", "age": 3}', 11),
        ("```python\nprint(1)\n", 18),
        ("<tool_call> es una etiqueta", 13),
        ("[nota] hola", 2),
        ("Okay, here it is", 12),
        ("The capital", 6),
    ],
)
def test_beginning_that_could_be_a_tag_or_a_call_is_held_for_few_characters(text: str, longest: int):
    answer = AnswerText(TOOLS, ThinkingHabit("m"))

    held = next(number for number, char in enumerate(text) if answer.feed(char))

    assert held < longest


@given(
    st.text(alphabet='<>/think[]THINK◁▷|a \n`"{}:,name'), st.lists(st.integers(1, 9), min_size=1, max_size=9)
)
def test_pieces_say_what_the_whole_says(text: str, sizes: list[int]):
    pieces, rest, turn = [], text, 0
    while rest:
        size = sizes[turn % len(sizes)]
        pieces.append(rest[:size])
        rest, turn = rest[size:], turn + 1

    assert shown(pieces, habit=apart()) == shown([text], habit=apart())


# Calls


@pytest.mark.parametrize("case", CALLS["calls"], ids=lambda case: case["text"][:60])
def test_answer_that_is_nothing_but_calls_is_those_calls(case: dict[str, object]):
    text, expected = str(case["text"]), case["calls"]
    for pieces in [[text], list(text), [f"\n {text}\n"], [text[:7], text[7:]]]:
        said, calls = shown(pieces)
        assert said == ""
        assert [[call.name, call.arguments] for call in calls] == expected


@pytest.mark.parametrize("text", CALLS["texts"])
def test_explanation_and_other_json_stay_text(text: str):
    for pieces in ways(text):
        assert shown(pieces) == (text, ())


@pytest.mark.parametrize("case", CALLS["calls"][:20], ids=lambda case: case["text"][:60])
def test_call_to_a_tool_that_is_not_offered_is_text(case: dict[str, object]):
    text = str(case["text"])

    assert shown([text], tools=NONE) == (text, ())
    assert shown([text], tools=OfferedTools([schema("other", required=[])])) == (text, ())


def test_call_that_the_limit_has_cut_is_not_completed():
    said, calls = shown(['{"name": "calculate", "arguments": {"expression": "2+'], is_cut=True)

    assert said == ""
    assert [(call.name, call.arguments) for call in calls] == [("calculate", '{"expression": "2+')]


def test_text_that_is_longer_than_any_call_is_shown():
    pieces = ['{"name": "calculate", "arguments": {"expression": "', *["x" * 1000] * 200]

    said, calls = shown(pieces)

    assert (said, calls) == ("".join(pieces), ())
