"""What of an answer's text is shown, in whatever pieces it comes."""

import json
from itertools import cycle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.llm.answer_text import AnswerText
from app.llm.base import FunctionCall, ToolSchema
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
) -> tuple[str, tuple[FunctionCall, ...]]:
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


def cut(text: str, sizes: list[int]) -> list[str]:
    """The text in pieces of these sizes, over and over."""
    pieces: list[str] = []
    for size in cycle(sizes):
        if not text:
            break
        pieces.append(text[:size])
        text = text[size:]
    return pieces


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


@pytest.mark.parametrize("closing", ["</think>", "[/THINK]", "\u25c1/think\u25b7", "</seed:think>"])
def test_closing_token_alone_is_noticed_in_whatever_pieces_it_comes(closing: str):
    text = f"Consideremos todo.\n{closing}\n\nHola"
    for pieces in ways(text):
        answer = AnswerText(TOOLS, ThinkingHabit("m"))
        said = ""
        for piece in pieces:
            more = answer.feed(piece, said)
            said = more if answer.is_recalled else said + more
            answer.is_recalled = False

        assert said + answer.finish(is_cut=False) == "Hola"


@pytest.mark.parametrize(
    "text",
    [
        "Un pensamiento va entre [THINK] y [/THINK], y nada más.",
        "Kimi escribe \u25c1think\u25b7 antes y \u25c1/think\u25b7 detrás.",
        "Mira [esto](x) y [/esto] también.",
        "La lista [1, 2] y el resto.",
    ],
)
def test_text_about_closing_tokens_stays(text: str):
    for pieces in ways(text):
        assert shown(pieces) == (text, ())


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
    assert shown(cut(text, sizes), habit=apart()) == shown([text], habit=apart())


# Calls


@pytest.mark.parametrize("case", CALLS["calls"], ids=lambda case: case["text"][:60])
def test_answer_that_is_nothing_but_calls_is_those_calls(case: dict[str, object]):
    text, expected = str(case["text"]), case["calls"]
    for pieces in [*ways(text), [f"\n {text}\n"]]:
        said, calls = shown(pieces)
        assert said == ""
        assert [[call.name, call.arguments] for call in calls] == expected


FORMS = [
    '{"name": "search_talk", "arguments": %s}',
    '{"arguments": %s, "name": "search_talk"}',
    '[{"name": "search_talk", "arguments": %s}, {"name": "get_public_ip", "arguments": {}}]',
    '<tool_call>\n{"name": "search_talk", "arguments": %s}\n</tool_call>',
    "<function=search_talk>%s</function>",
    '```json\n{"name": "search_talk", "arguments": %s}\n```',
    '[TOOL_CALLS][{"name": "search_talk", "arguments": %s}]',
    "[TOOL_CALLS]search_talk[ARGS]%s",
    '<|python_tag|>{"name": "search_talk", "parameters": %s}',
    "<|channel|>commentary to=functions.search_talk <|constrain|>json<|message|>%s<|call|>",
    '{"search_talk": %s}',
]
NASTY = [
    "dijo: }} eso", "{ abre", '"}" y "{"', "it's } here", "\\", '\\"}', "a]} b", "([{", "```", "</think>",
    "</tool_call>", "<|im_end|> y", "</function>", "[TOOL_CALLS]", "</s>", "```json\n{}\n```",
]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("query", NASTY)
def test_brackets_and_quotes_in_arguments_end_no_call(form: str, query: str):
    text = form % json.dumps({"query": query})
    expected = shown([text])

    assert expected[0] == "" and json.loads(expected[1][0].arguments) == {"query": query}
    for pieces in ways(text):
        assert shown(pieces) == expected


@pytest.mark.parametrize(
    "text",
    [
        "<function=search_talk>\n<parameter=query>\ndijo: }} eso (y {aquello\n</parameter>\n</function>",
        "<tool_call>search_talk\n<arg_key>query</arg_key>\n<arg_value>a } b</arg_value>\n</tool_call>",
        '[search_talk(query="a } b) c")]',
        "{'name': 'search_talk', 'arguments': {'query': \"it's } so\"}}",
    ],
)
def test_brackets_in_other_values_end_no_call_either(text: str):
    for pieces in ways(text):
        said, calls = shown(pieces)
        assert (said, [call.name for call in calls]) == ("", ["search_talk"])


@given(
    st.sampled_from(FORMS),
    st.text(alphabet="{}[]()\"'\\`<>/:,. \nab", max_size=20),
    st.lists(st.integers(1, 7), min_size=1, max_size=9),
)
def test_pieces_of_a_call_are_the_call(form: str, query: str, sizes: list[int]):
    text = form % json.dumps({"query": query})

    assert shown(cut(text, sizes)) == shown([text])


@given(
    st.lists(
        st.sampled_from([*"{}[]\"': \n`.a", '{"name": "calculate"', "<tool_call>", "</tool_call>", "2"])
    ),
    st.lists(st.integers(1, 7), min_size=1, max_size=9),
)
def test_pieces_of_what_is_nearly_a_call_say_what_the_whole_says(parts: list[str], sizes: list[int]):
    text = "".join(parts)

    assert shown(cut(text, sizes), habit=apart()) == shown([text], habit=apart())


# Calls behind a sentence

CALL = '{"name": "calculate", "arguments": {"expression": "2+2"}}'
LATE = [
    f"<tool_call>{CALL}</tool_call>",
    f"<tool_call>\n{CALL}\n</tool_call>\n",
    f"<tool_call>{CALL}",
    f"[TOOL_CALLS][{CALL}]",
    '[TOOL_CALLS]calculate[ARGS]{"expression": "2+2"}',
    f"<|python_tag|>{CALL}<|eom_id|>",
    '<function=calculate>{"expression": "2+2"}</function>',
    "<tool_call>\n<function=calculate>\n<parameter=expression>\n2+2\n</parameter>\n</function>\n</tool_call>",
    '<function_calls>\n<invoke name="calculate">\n<parameter name="expression">2+2</parameter>\n</invoke>\n'
    "</function_calls>",
    '<|channel|>commentary to=functions.calculate <|constrain|>json<|message|>{"expression": "2+2"}<|call|>',
]


@pytest.mark.parametrize("call", LATE)
@pytest.mark.parametrize(
    "sentence",
    [
        "Voy a mirarlo.\n\n",
        "Un momento. ",
        "¿Te lo calculo? ",
        "Ahora mismo 😊 ",
        "Voy a calcularlo:\n",
        "Vale…",
        "```\nx = 1\n```\nLo calculo. ",
        "Uso `calculate`.\n",
        "Mira [esto](x). ",
    ],
)
def test_calls_behind_a_sentence_are_calls_and_the_sentence_is_said(sentence: str, call: str):
    for pieces in ways(sentence + call):
        said, calls = shown(pieces, habit=apart())
        assert said == sentence
        assert [(each.name, each.arguments) for each in calls] == [("calculate", '{"expression": "2+2"}')]


@pytest.mark.parametrize(
    "text",
    [
        f"Se escribe así:\n```\n<tool_call>{CALL}</tool_call>\n```",
        f"Se escribe así:\n```xml\n<tool_call>{CALL}</tool_call>\n```\nY ya.",
        f"Se escribe así.\n```\n<tool_call>{CALL}</tool_call>",
        f"Se escribe `<tool_call>{CALL}</tool_call>`.",
        f"El formato es <tool_call>{CALL}</tool_call>",
        f'Ella dijo "<tool_call>{CALL}</tool_call>"',
        f"Un ejemplo.\n<tool_call>{CALL}</tool_call>\nAsí se escribe.",
        'Otra.\n<tool_call>{"name": "borrar", "arguments": {}}</tool_call>',
        "Una etiqueta.\n<tool_call> es una etiqueta.",
        f"Uno.\n{CALL}",
        f"Uno.\n```json\n{CALL}\n```",
        "Se abre.\n<tool_call>",
        "Hola.\n<tool",
        "Dos. [TOOL_CALLS] es el formato.",
        "Ya.\n[1] Fuente\n[2] Otra",
    ],
)
def test_tags_that_are_shown_stay_text(text: str):
    for pieces in ways(text):
        assert shown(pieces, habit=apart()) == (text, ())


@pytest.mark.parametrize("call", LATE)
def test_call_behind_a_sentence_stays_text_where_the_tool_is_not_offered(call: str):
    text = f"Voy. {call}"

    assert shown([text], tools=NONE, habit=apart()) == (text, ())
    assert shown([text], tools=OfferedTools([schema("other", required=[])]), habit=apart()) == (text, ())


@given(
    st.lists(
        st.sampled_from(
            [*"`\n .a:[<", "```", "Voy. ", "\n<tool_call>", CALL, "</tool_call>", "[TOOL_CALLS]"]
        ),
        max_size=12,
    ),
    st.lists(st.integers(1, 9), min_size=1, max_size=9),
)
def test_pieces_of_a_text_with_calls_say_what_the_whole_says(parts: list[str], sizes: list[int]):
    text = "Voy " + "".join(parts)

    assert shown(cut(text, sizes), habit=apart()) == shown([text], habit=apart())


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
