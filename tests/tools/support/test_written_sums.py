"""Sums as people write them, in both languages: the value, and whether it is said how they were read."""

import time

import pytest

from app.errors import Locale
from app.tools.support.arithmetic import ExpressionError
from app.tools.support.expression import compute, evaluate

SAME_IN_BOTH = [
    # What a separator is, shows.
    ("1.234,56", 1234.56),
    ("1,234.56", 1234.56),
    ("1.234.567", 1234567),
    ("1,234,567", 1234567),
    ("1.234.567,89", 1234567.89),
    ("1,234,567.89", 1234567.89),
    ("12.345.678 + 1", 12345679),
    ("1,00,000", 100000),
    ("12,34,567.5", 1234567.5),
    ("3,5+1,5", 5),
    ("3.5+1.5", 5),
    ("0.125*8", 1),
    ("0,125*8", 1),
    ("1234.567", 1234.567),
    ("1234,567", 1234.567),
    ("1.2345", 1.2345),
    ("1,2345", 1.2345),
    (".5", 0.5),
    (",5", 0.5),
    (".5+,5", 1),
    ("5.", 5),
    ("5.+1", 6),
    ("2+2.", 4),
    ("1 000 000", 1000000),
    ("1\u00a0000\u202f000", 1000000),
    ("1\u2009234,5", 1234.5),
    ("1 234.5", 1234.5),
    ("1'000", 1000),
    ("1’000’000.5", 1000000.5),
    ("1_000", 1000),
    ("1e3", 1000),
    ("1E3", 1000),
    ("1.234e3", 1234),
    ("1,5e3", 1500),
    ("2.5e-3", 0.0025),
    ("6.022E+23", 6.022e23),
    # One number tells of the others.
    ("2,5 + 1.000", 1002.5),
    ("2.5 + 1,000", 1002.5),
    ("1.000.000 + 2,500", 1000002.5),
    ("1,000,000 + 2.500", 1000002.5),
    ("0.5 + 1.000", 1.5),
    ("1.234,50 + 1.000", 2234.5),
    # Parentheses of functions.
    ("max(3,5)", 5),
    ("max(1,000,000, 2)", 1000000),
    ("max(100,200)", 200),
    ("round(1.234, 2)", 1.23),
    ("pow(2; 0,5)", 1.4142135623731),
    ("round(2.675, 2)", 2.68),
    ("round(2.675,2)", 2.68),
    ("sqrt(2,25)", 1.5),
    ("sqrt(2.25)", 1.5),
    ("max(2,5; 3,5)", 3.5),
    ("max(1,000, 2,000)", 2000),
    ("max(1 000, 2)", 1000),
    ("sum(1,2,3)", 6),
    ("(3,5)*2", 7),
    ("sqrt((2,25))", 1.5),
    ("max((1,5)", None),
    # Per cent.
    ("100+10%", 110),
    ("100 + 10 %", 110),
    ("100-20%", 80),
    ("200+10%+5%", 231),
    ("1000*3+21%", 3630),
    ("(100+10%)*2", 220),
    ("100+(10%)", 100.1),
    ("100+10%*2", 100.2),
    ("100*10%", 10),
    ("100/10%", 1000),
    ("50%+10%", 0.6),
    ("50%+1", 1.5),
    ("50 %", 0.5),
    ("50％", 0.5),
    ("٥٠٪", 0.5),
    ("10 % 3", 1),
    ("10 % -3", -2),
    ("15% de 80", 12),
    ("15 % of 80", 12),
    ("15 por ciento de 80", 12),
    ("15 percent of 80", 12),
    ("15 per cent of 80", 12),
    ("20% de 50% de 200", 20),
    ("100 + 10% de 50", 105),
    ("5‰ de 1000", 5),
    ("20% off 50", 40),
    ("10 mod 3", 1),
    ("mod(10, 3)", 1),
    ("|-5|+1", 6),
    ("|2-5|*|3|", 9),
    ("sqrt 16", 4),
    ("sin 30°", 0.5),
    ("log₂ 8", 3),
    ("sqrt", None),
    ("atan2 3", None),
    ("100-10%-10%", 81),
    ("10**400+10%", None),
    ("2**2000-5%", None),
    ("2**2000+100%-2**2001", 0),
    ("1" + "0" * 400 + "½", None),
    ("¹" * 400 + "⁄₂", None),
    ("(10**400)°30'", None),
    ("1°" + "9" * 400 + "'", None),
    ("-10%+10%", 0),
    ("-10%-5%", -0.15),
    ("+10%+5%", 0.15),
    ("100+-10%", 90),
    ("100 - -10%", 110),
    ("100+(-10%)", 99.9),
    ("-10%+100", 99.9),
    ("-100+10%", -110),
    ("100+12,5%", 112.5),
    # Fractions, raised and lowered digits, roots.
    ("½", 0.5),
    ("2½", 2.5),
    ("2 ½", 2.5),
    ("¾*4", 3),
    ("½+¼", 0.75),
    ("½ de 80", 40),
    ("1 1/2", 1.5),
    ("2 1/2 + 1 1/4", 3.75),
    ("1 000/4", 250),
    ("2^1 1/2", None),
    ("1/2 de 80", 40),
    ("¼ of 100", 25),
    ("³⁄₄", 0.75),
    ("1 ³⁄₄", 1.75),
    ("3⁄4", 0.75),
    ("4^½", 2),
    ("10⁻³", 0.001),
    ("10⁺²", 100),
    ("2¹⁰", 1024),
    ("π²", 9.86960440108936),
    ("(1+1)³", 8),
    ("3·10⁸", 300000000),
    ("log₂(8)", 3),
    ("log₁₀(1000)", 3),
    ("log₃(9)", 2),
    ("1010₂", 10),
    ("777₈", 511),
    ("√2", 1.4142135623731),
    ("√(16)", 4),
    ("2√9", 6),
    ("∛27", 3),
    ("∜16", 2),
    ("2π", 6.28318530717959),
    ("3!", 6),
    # Angles.
    ("sin(30°)", 0.5),
    ("cos(60º)", 0.5),
    ("tan(45°)", 1),
    ("30°", 0.523598775598299),
    ("30°30'", 0.532325421858270),
    ("30°15′36″", 0.528136631653484),
    ("30°15'36\"", 0.528136631653484),
    ("30° 15' 36\"", 0.528136631653484),
    ("degrees(90°)", 90),
    # Signs.
    ("6×7", 42),
    ("84÷2", 42),
    ("5−3", 2),
    ("5–3", 2),
    ("5—3", 2),
    ("3·4", 12),
    ("3•4", 12),
    ("3∗4", 12),
    ("3x4", 12),
    ("3 X 4", 12),
    ("2 ➕ 2", 4),
    ("6 ✖️ 7", 42),
    ("10 ➗ 4", 2.5),
    ("10∕4", 2.5),
    ("2+2=", 4),
    ("2+2 = ?", 4),
    ("¿2+2?", 4),
    ("=2+2", 4),
    ("\u200b2+2\ufeff", 4),
    ("\u200e5−3\u200f", 2),
    # Currencies.
    ("$5", 5),
    ("5€+3€", 8),
    ("5 € * 2", 10),
    ("$1,234.50*2", 2469),
    ("1.234,50 €", 1234.5),
    ("£3.50 + £1.50", 5),
    ("-$5", -5),
    ("$-5", -5),
    ("100€+21%", 121),
    ("US$ 5*2", 10),
    ("5 USD + 3 USD", 8),
    ("5 euros + 2,50 €", 7.5),
    ("3 dólares", 3),
    ("5 euros + 5 dollars", None),
    ("100 CHF - 10%", 90),
    ("5$+5€", None),
    ("$", None),
    ("$x", None),
    # Digits of other scripts.
    ("١٢+٣", 15),
    ("١٢٫٥", 12.5),
    ("١٬٠٠٠٬٠٠٠", 1000000),
    ("۱۲×۲", 24),
    ("१२+३", 15),
    ("๑๒+๓", 15),
    ("１２＋３", 15),
    ("１，０００，０００", 1000000),
    ("（１＋２）×３", 9),
    ("𝟏𝟐+𝟑", 15),
    # No numbers.
    ("1.2.3", None),
    ("1,2,3", None),
    ("1.23,4", None),
    ("1,2.3", None),
    ("1.234.56", None),
    ("1,234,56", None),
    ("1.234,567.8", None),
    ("12.34.567", None),
    ("1'00", None),
    ("2 3", None),
    ("10 00", None),
    ("1 00 000", None),
    ("1..2", None),
    ("2,,3", None),
    ("5,", None),
    ("①+1", None),
    ("１+１", None),
    ("0x10", None),
    ("12₂", None),
    ("10₁", None),
    ("½½", None),
    ("½3", None),
    ("1⁄₀", None),
    ("5e", 13.5914091422952),
    ("∞", None),
    ("30°C", None),
]

BY_LOCALE = [
    ("1.000+1", 1001, 2),
    ("1,000+1", 2, 1001),
    ("1.500*2", 3000, 3),
    ("2,500*2", 5, 5000),
    ("100.000", 100000, 100),
    ("999.999+1", 1000000, 1000.999),
    ("-1.000", -1000, -1),
    ("1.000 + 1.5", 2.5, 2.5),
    ("1.000 + 1,5", 1001.5, 1001.5),
    ("sqrt(1.000)", 31.6227766016838, 1),
    ("sqrt(1,000)", 1, 31.6227766016838),
    ("1.000%", 10, 0.01),
    ("1.000 €", 1000, 1),
    ("$1,500", 1.5, 1500),
    ("1.000 + 10%", 1100, 1.1),
    ("1.000²", 1000000, 1),
]


def outcome(text: str, locale: Locale) -> float | None:
    try:
        return evaluate(text, locale)
    except ExpressionError as exc:
        assert exc.sentence(locale).endswith((".", "…)."))
        return None


@pytest.mark.parametrize("locale", ["es", "en"])
@pytest.mark.parametrize(("text", "value"), SAME_IN_BOTH)
def test_sum_means_the_same_in_both_languages(text: str, value: float | None, locale: Locale):
    got = outcome(text, locale)

    assert got == (value if value is None else pytest.approx(value, rel=1e-12))


@pytest.mark.parametrize(("text", "spanish", "english"), BY_LOCALE)
def test_the_language_decides_what_could_be_either(text: str, spanish: float, english: float):
    assert outcome(text, "es") == pytest.approx(spanish, rel=1e-12)
    assert outcome(text, "en") == pytest.approx(english, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "locale", "read_as", "note"),
    [
        ("1.000+1", "es", "1000+1", "«1.000» se ha leído como 1000."),
        ("1,000 + 1", "en", "1000+1", "“1,000” was read as 1000."),
        ("1,000+1", "es", "1.000+1", "«1,000» se ha leído como 1."),
        ("1.000+1", "en", "1.000+1", "“1.000” was read as 1."),
        ("100+10%", "es", "100+10%", "Se ha sumado el 10 % de 100."),
        ("100-12,5%", "en", "100-12.5%", "12.5 % of 100 was taken off."),
        ("50% de 1.000", "es", "50% de 1000", "«1.000» se ha leído como 1000."),
        ("5 € * 2", "es", "5*2", "El signo € no cuenta en el cálculo."),
        ("sin(30°)", "en", "sin(30°)", "Degrees (°) were turned into radians."),
        ("2.500*1.21", "es", "2.500*1.21", "«2.500» se ha leído como 2.5."),
        ("2,500*1,21", "en", "2.500*1.21", "“2,500” was read as 2.5."),
        ("15% 80", "es", "15%80", "«%» se ha leído como resto de la división."),
        ("15% 80", "en", "15%80", "“%” was read as a remainder."),
        ("max(2.500, 2)", "es", "max(2.500,2)", "«2.500» se ha leído como 2.5."),
    ],
)
def test_what_could_be_read_in_two_ways_is_told(text: str, locale: Locale, read_as: str, note: str):
    computed = compute(text, locale)

    assert (computed.read_as, computed.notes) == (read_as, (note,))


@pytest.mark.parametrize(
    "text",
    [
        "2+2",
        "10%3",
        "10 % 3",
        "10 mod 3",
        "15% of 80",
        "3.142*2",
        "1234.5",
        "1.234.567,5",
        "15% de 80",
        "max(3,5)",
        "½",
        "1 000",
    ],
)
def test_what_is_beyond_doubt_needs_no_word(text: str):
    assert compute(text, "en").notes == ()


def test_notes_are_few():
    text = "+".join(f"{number}.000" for number in range(1, 200))

    assert len(compute(text, "es").notes) == 5


@pytest.mark.parametrize(
    "text",
    [
        "1.000" * 400,
        "1,00" * 500,
        "1 000 " * 333,
        "max(1,000;" * 180,
        "(;" * 1000,
        "$" * 2000,
        "½" * 2000,
        "1°1'1\"" * 330,
        "100" + "+10%" * 490,
        "⁻¹" * 1000,
        "1'000" * 400,
        "log₂(" * 300,
        "x3" * 1000,
        "3 x " * 500,
        " " * 2000,
        "por ciento " * 180,
        "%" * 2000,
    ],
    ids=lambda text: text[:8],
)
@pytest.mark.parametrize("locale", ["es", "en"])
def test_worst_of_these_is_quick(text: str, locale: Locale):
    started = time.thread_time()
    outcome(text, locale)

    assert time.thread_time() - started < 2
