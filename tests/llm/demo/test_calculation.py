"""What is to be computed arrives as it was written, whatever stands around it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.llm.demo import calculation
from app.llm.demo.text import utterance
from app.llm.demo.understanding import understand
from tests.llm.demo.asking import TOOLS, calls

TEMPLATES = [
    "{}",
    "calcula {}",
    "Calcula {} por favor",
    "Hola, ¿puedes calcular {}?",
    "¿Cuánto es {}?",
    "cuanto es {}",
    "¿cuánto da {}, gracias?",
    "dime el resultado de {}",
    "Necesito saber cuánto es {} ahora",
    "resuelve: {}",
    "¿Me ayudas con esta cuenta: {}?",
    "¡Calcula {}!",
    "haz la operación {}.",
    "{} =",
    "calculate {}",
    "What is {}?",
    "what's {}",
    "How much is {}, please?",
    "Can you compute {} for me?",
    "I need the result of {}",
    "evaluate {}",
    "tell me the answer to {}.",
    "Hey! Solve {} please",
    'calculate "{}"',
]

NUMBERS = st.one_of(
    st.integers(0, 10**12).map(str),
    st.decimals(0, 10_000, places=2, allow_nan=False, allow_infinity=False).map(str),
)
FUNCTIONS = st.sampled_from(
    ["sqrt", "sin", "cos", "tan", "abs", "ln", "log10", "log2", "exp", "floor", "round"]
)
CONSTANTS = st.sampled_from(["pi", "tau", "π"])
OPERATORS = st.sampled_from(
    ["+", "-", "*", "/", "**", "^", "//", " + ", " - ", " * ", " / ", " % ", "×", "÷", "−"]
)


def _bigger(smaller: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(smaller, OPERATORS, smaller).map("".join),
        smaller.map("({})".format),
        smaller.map("-({})".format),
        st.tuples(FUNCTIONS, smaller).map(lambda pair: f"{pair[0]}({pair[1]})"),
        st.tuples(smaller, smaller).map(lambda pair: f"log({pair[0]}, {pair[1]})"),
        st.tuples(NUMBERS, OPERATORS, smaller).map("".join),
        st.tuples(NUMBERS, st.just("%")).map("".join),
    )


EXPRESSIONS = st.recursive(NUMBERS, _bigger, max_leaves=8) | st.recursive(
    NUMBERS | CONSTANTS, _bigger, max_leaves=8
)
SUMS = EXPRESSIONS.filter(
    lambda text: any(sign in text for sign in "+-*/^×÷−%(") and not text.startswith("-")
)


@given(expression=SUMS, template=st.sampled_from(TEMPLATES))
@settings(max_examples=400, deadline=None)
def test_an_expression_is_taken_out_of_any_sentence_exactly(expression: str, template: str):
    expected = "".join(expression.split())

    assert calls(template.format(expression)) == [("calculate", {"expression": expected})]


@given(number=NUMBERS, template=st.sampled_from([each for each in TEMPLATES if each not in ("{}", "{} =")]))
@settings(deadline=None)
def test_a_number_alone_is_computed_where_that_is_asked(number: str, template: str):
    assert calls(template.format(number)) == [("calculate", {"expression": number})]


@given(left=st.integers(0, 999), right=st.integers(1, 999))
@settings(deadline=None)
def test_dates_ranges_and_counted_things_are_no_sums(left: int, right: int):
    for text in (
        f"tengo {left} perros y {right} gatos",
        f"I have {left} dogs and {right} cats",
        f"trabajo de {left} a {right}",
        f"nací el {left}/{right}/1990",
        f"my number is {left}-{right}-555",
    ):
        assert understand(text, TOOLS) == [], text


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("calcula (2+3", "(2+3"),
        ("calcula 2+", "2+"),
        ("calcula 2+3)", "2+3)"),
        ("calculate 2*(3", "2*(3"),
        ("calcula foo(2)", "foo(2)"),
        ("calcula x+1", "x+1"),
        ("calcula 1/0", "1/0"),
        ("calculate sqrt(-1)", "sqrt(-1)"),
        ("calcula 9**9**9", "9**9**9"),
    ],
)
def test_a_broken_sum_is_handed_on_so_that_the_tool_can_say_what_is_wrong(text: str, expression: str):
    assert calls(text) == [("calculate", {"expression": expression})]


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("what is 1,000 * 3", "1000*3"),
        ("what is max(1,000)", "max(1,000)"),
        ("cuánto es 1.000.000 + 1", "1000000+1"),
        ("cuánto es 1.125 + 1", "1.125+1"),
        ("cuánto es 3,5 + 1,5", "3,5+1,5"),
    ],
)
def test_thousands_are_told_from_decimals_where_that_is_certain(text: str, expression: str):
    assert calls(text) == [("calculate", {"expression": expression})]


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("y por 3?", "(2+2) * 3"),
        ("multiplícalo por 3", "(2+2) * 3"),
        ("and divide it by 4", "(2+2) / 4"),
        ("plus 10", "(2+2) + 10"),
        ("súmale 5", "(2+2) + 5"),
        ("¿y al cuadrado?", "(2+2)**2"),
        ("half of that", "((2+2)/2)"),
    ],
)
def test_an_operation_without_its_first_number_goes_on_from_another_sum(text: str, whole: str):
    carried = calculation.continuation(utterance(text))

    assert carried is not None
    assert carried.applied_to("2+2") == whole


@pytest.mark.parametrize("text", ["hola", "3 por 4", "dime la hora", "más o menos"])
def test_a_text_that_is_whole_or_no_operation_goes_on_from_nothing(text: str):
    assert calculation.continuation(utterance(text)) is None
