"""What is to be computed arrives as it was written, whatever stands around it."""

import re

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
# A percentage that is added is one of the rest, and written as such: a test of its own.
ADDED_PERCENTAGE = re.compile(r"[+\-−]\s*[\d.]+%")
SUMS = EXPRESSIONS.filter(
    lambda text: (
        any(sign in text for sign in "+-*/^×÷−%(")
        and not text.startswith("-")
        and not ADDED_PERCENTAGE.search(text)
    )
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
        ("cuánto es 1.125 + 1", "1125+1"),
        ("cuánto es 1.125 + 0.5", "1.125+0.5"),
        ("cuánto es 0.125 + 1", "0.125+1"),
        ("¿3.000 entre 2?", "3000/2"),
        ("what is 1.500 + 1", "1.500+1"),
        ("¿cuánto es 12 000 entre 4?", "12000/4"),
        ("what is 2 000 + 5", "2000+5"),
        ("1 500 más 1 500", "1500+1500"),
        ("1\u2009000\u202f000 + 1", "1000000+1"),
        ("1_000 + 1", "1000+1"),
        ("suma 100 200 300", "100+200+300"),
        ("what do 1,234.56 and 10 add up to", "1234.56+10"),
        ("cuánto es 3,5 + 1,5", "3,5+1,5"),
    ],
)
def test_thousands_are_told_from_decimals_where_that_is_certain(text: str, expression: str):
    assert calls(text) == [("calculate", {"expression": expression})]


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("1.000 + 1", "1000+1"),
        ("2.500 + 2.500", "2500+2500"),
        ("2,5 * 1.000", "2,5*1000"),
    ],
)
def test_a_bare_sum_is_read_as_the_talks_language_writes_numbers(text: str, expression: str):
    asks = understand(text, TOOLS, language="es")

    assert ["".join(ask.arguments["expression"].split()) for ask in asks] == [expression]


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("veinte euros menos el quince por ciento", "20*(1-15/100)"),
        ("ten plus 5%", "10*(1+5/100)"),
        ("20 - 15%", "20*(1-15/100)"),
        ("calcula 100 + 50 + 10%", "(100+50)*(1+10/100)"),
        ("calcula 100 + 10% * 50", "100+10%*50"),
        ("calcula 5% + 5%", "5%+5%"),
    ],
)
def test_a_percentage_that_is_added_is_one_of_the_rest(text: str, expression: str):
    assert calls(text) == [("calculate", {"expression": expression})]


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("calcula 2(3+4)", "2(3+4)"),
        ("2(3+4)", "2(3+4)"),
        ("5(2)", "5(2)"),
        ("calcula 2sqrt(9)", "2sqrt(9)"),
        ("calcula (3+4)2", "(3+4)2"),
        ("el 5 por mil de 2000", "5/1000*2000"),
        ("mean(1,2,3)", "mean(1,2,3)"),
        ("calcula mean(1, 2, 3)", "mean(1,2,3)"),
        ("suma(1,2,3)", "suma(1,2,3)"),
        ("|−5|", "abs(−5)"),
        ("calcula |-5| + 2", "abs(-5)+2"),
        ("what is 7 choose 2", "comb(7,2)"),
        ("half of a third of 60", "((60/3)/2)"),
        ("calcula\n8*8", "8*8"),
    ],
)
def test_no_part_of_a_sum_gets_lost(text: str, expression: str):
    assert calls(text) == [("calculate", {"expression": expression})]


@pytest.mark.parametrize(
    "text", ["resuelve 2x+3=7", "solve x^2 = 4", "12:30 más 2 horas", "what is 10:15 plus 45 minutes"]
)
def test_what_the_calculator_cannot_do_is_declined(text: str):
    (ask,) = understand(text, TOOLS)

    assert (ask.tool, ask.arguments) == ("calculate", {})
    assert ask.missing.startswith("an expression without")


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
