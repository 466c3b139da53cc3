"""What is to be computed arrives as it was written, whatever stands around it."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import Locale
from app.llm.demo.sums import sums_in
from app.llm.demo.understanding import understand
from app.llm.demo.words import tokens_of
from app.tools.support.arithmetic import ExpressionError
from app.tools.support.expression import compute
from tests.llm.demo.asking import TOOLS, calls, meant

LOCALES: tuple[Locale, ...] = ("es", "en")

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
    ((tool, arguments),) = calls(template.format(expression))

    assert (tool, "".join(arguments["expression"].split())) == ("calculate", "".join(expression.split()))


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
        assert calls(text) == [], text


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
        ("what do 1,234.56 and 10 add up to", "1234.56+10"),
        ("cuánto es 3,5 + 1,5", "3,5+1,5"),
        ("1.000 + 1", "1000+1"),
        ("2.500 + 2.500", "2500+2500"),
        ("2,5 * 1.000", "2,5*1000"),
        ("veinte euros menos el quince por ciento", "20*(1-15/100)"),
        ("ten plus 5%", "10*(1+5/100)"),
        ("20 - 15%", "20*(1-15/100)"),
        ("calcula 100 + 50 + 10%", "(100+50)*(1+10/100)"),
        ("calcula 100 + 10% * 50", "100+10%*50"),
        ("calcula 5% + 5%", "5%+5%"),
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
        ("half of a third of 60", "((60/3)/2)"),
        ("calcula\n8*8", "8*8"),
        ("suma 3, 4 y 5", "3 + 4 + 5"),
        ("add 3, 4, and 5", "3 + 4 + 5"),
        ("resta 3 de 10", "10 - 3"),
        ("resta 15 menos 4", "15 - 4"),
        ("subtract 3 from 10", "10 - 3"),
        ("a 10 réstale 3", "10 - 3"),
        ("multiplica 3+4 por 5", "(3+4) * 5"),
        ("multiplica 12 por 3 más 4", "12 * 3 + 4"),
        ("divide 100 por 7", "100 / 7"),
        ("divide 100 by 7", "100 / 7"),
        ("the difference between 90 and 35", "90 - 35"),
        ("la media de 4, 8 y 12", "(4 + 8 + 12)/3"),
        ("el máximo de 4 y 8", "max(4, 8)"),
        ("mcd de 48 y 36", "gcd(48, 36)"),
        ("remainder of 10 divided by 3", "10 % 3"),
        ("súmale el 21% a 100", "100*(1+21/100)"),
        ("increase 50 by 10%", "50*(1+10/100)"),
        ("veinticinco por cuatro", "25 * 4"),
        ("twenty-five times four", "25 * 4"),
        ("la raíz cuadrada de ciento cuarenta y cuatro", "sqrt(144)"),
        ("the cube root of 27", "cbrt(27)"),
        ("15% de 80", "15/100*80"),
        ("fifteen percent of eighty", "15/100*80"),
        ("la mitad de la raíz de 16", "(sqrt(16)/2)"),
        ("3 al cuadrado más 4 al cuadrado", "3**2 + 4**2"),
        ("two to the tenth power", "2**10"),
        ("2 elevado a la quinta", "2**5"),
        ("seno de 30 grados", "sin(radians(30))"),
        ("logaritmo en base 2 de 8", "log2(8)"),
        ("three quarters of 80", "3/4*80"),
        ("menos cinco más doce", "-5 + 12"),
        ("6 x 7", "6 * 7"),
        ("3x4", "3 * 4"),
        ("√2", "sqrt(2)"),
        ("5²", "5**2"),
        ("20 € más 5 €", "20 + 5"),
    ],
)
def test_a_sum_in_words_and_signs_has_the_value_that_was_meant(text: str, expression: str):
    values = [
        (
            [meant(*call, locale) for call in calls(text)],
            [meant("calculate", {"expression": expression}, locale)],
        )
        for locale in LOCALES
    ]

    assert any(found == expected for found, expected in values), calls(text)


@pytest.mark.parametrize(
    "text", ["2+2", "3 × (4 − 1)", "log(8, 2)", "10 % 3", "80*15%", "5!", "e**2", "1.5e-3*2", "2 * pi"]
)
def test_signs_stay_as_they_are(text: str):
    assert calls(f"dime {text} ya") == [("calculate", {"expression": text})]


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("resuelve 2x+3=7", "2x+3=7"),
        ("solve x^2 = 4", "x^2 = 4"),
        ("12:30 más 2 horas", "12:30 + 2"),
        ("what is 10:15 plus 45 minutes", "10:15 + 45"),
    ],
)
def test_what_cannot_be_computed_is_handed_on_whole_and_the_tool_refuses_it(text: str, expression: str):
    assert calls(text) == [("calculate", {"expression": expression})]
    for locale in LOCALES:
        with pytest.raises(ExpressionError):
            compute(expression, locale)


@pytest.mark.parametrize("text", ["what is 7 choose 2", "what percent of 80 is 20"])
def test_no_part_of_a_question_is_left_out(text: str):
    (intent,) = understand(text, TOOLS).intents

    assert (intent.tool, intent.missing) == ("calculate", "expression")


def test_a_sum_behind_a_colon_is_no_text():
    assert calls("evalúa: 3*(2+5)") == [("calculate", {"expression": "3*(2+5)"})]


# Numbers

_ES_UNITS = "cero uno dos tres cuatro cinco seis siete ocho nueve".split()
_EN_UNITS = "zero one two three four five six seven eight nine".split()
_ES_TENS = {
    3: "treinta",
    4: "cuarenta",
    5: "cincuenta",
    6: "sesenta",
    7: "setenta",
    8: "ochenta",
    9: "noventa",
}
_EN_TENS = {
    2: "twenty",
    3: "thirty",
    4: "forty",
    5: "fifty",
    6: "sixty",
    7: "seventy",
    8: "eighty",
    9: "ninety",
}


def read(text: str) -> str | None:
    """What the first sum of a text has for the calculator."""
    found = sums_in(text, tokens_of(text))
    return found[0][3] if found else None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("cero", "0"),
        ("dieciséis", "16"),
        ("veintidós", "22"),
        ("cien", "100"),
        ("ciento veinte", "120"),
        ("mil", "1000"),
        ("dos mil quinientos", "2500"),
        ("un millón doscientos mil", "1200000"),
        ("5 mil", "5*1000"),
        ("one hundred and five", "105"),
        ("a thousand", "1000"),
        ("two hundred thousand", "200000"),
        ("1.5 million", "1.5*1000000"),
        ("1,2,3", "1"),
        ("3,5", "3,5"),
        ("12.75", "12.75"),
        (".5", ".5"),
        ("1e3", "1e3"),
    ],
)
def test_a_number_is_read_in_all_its_forms(text: str, value: str):
    assert read(text) == value


@given(tens=st.sampled_from(sorted(_ES_TENS)), unit=st.integers(1, 9), hundreds=st.booleans())
def test_spanish_tens_are_joined_by_y(tens: int, unit: int, hundreds: bool):
    text = f"{'ciento ' if hundreds else ''}{_ES_TENS[tens]} y {_ES_UNITS[unit]}"

    assert read(text) == str(100 * hundreds + 10 * tens + unit)


@given(tens=st.sampled_from(sorted(_EN_TENS)), unit=st.integers(1, 9), joint=st.sampled_from(" -"))
def test_english_tens_are_joined_by_a_hyphen_or_a_space(tens: int, unit: int, joint: str):
    assert read(f"{_EN_TENS[tens]}{joint}{_EN_UNITS[unit]}") == str(10 * tens + unit)


@pytest.mark.parametrize(
    ("text", "value"),
    [("dos y tres", "2"), ("two three", "2"), ("treinta y gatos", "30"), ("five and six", "5")],
)
def test_a_number_ends_where_another_begins(text: str, value: str):
    assert read(text) == value


@pytest.mark.parametrize("text", ["", "una casa", "a dog", "y", "perro", "hundred"])
def test_what_is_no_number_is_none(text: str):
    assert read(text) is None
