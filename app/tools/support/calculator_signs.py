"""Texts for the calculator, with every sign in the one form that its language has."""

import re
import unicodedata
from typing import Final

from app.tools.support.written_numbers import DECIMAL_MARK

RAISED: Final = "⁰¹²³⁴⁵⁶⁷⁸⁹"
LOWERED: Final = "₀₁₂₃₄₅₆₇₈₉"
FRACTIONS: Final = "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"

_SIGNS = str.maketrans(
    {
        **dict.fromkeys("×·⋅∙•∗✕✖⨉⨯\u2062", "*"),
        **dict.fromkeys("÷∕➗", "/"),
        **dict.fromkeys("−–—‐‑‒﹣➖", "-"),
        **dict.fromkeys("➕﹢\u2064", "+"),
        **dict.fromkeys("’‘`´ʹ٬", "'"),
        **dict.fromkeys("٪﹪", "%"),
        **dict.fromkeys("؉", "‰"),
        **dict.fromkeys("“”„", '"'),
        "٫": DECIMAL_MARK,
        "º": "°",
        "˚": "°",
        "،": ",",
        "؛": ";",
    }
)
_AROUND = "=?¿ \t\r\n"
_FULL_WIDTH = re.compile("[\uff01-\uff5e\u3000\uffe0-\uffe6]")
_FULL_WIDTH_DIGIT = re.compile("[０-９]")
_HALF_WIDTH_SIGN = re.compile(r"[-+*/^%()]")
_FORMS = (
    (re.compile(r"\b(?:por\s?cien(?:to)?|per\s?cent|pct)\b", re.IGNORECASE), "%"),
    (re.compile(r"\b(?:por\s?mil|per\s?mill?e?)\b", re.IGNORECASE), "‰"),
    (re.compile(r"\bmod\b(?!\s*\()", re.IGNORECASE), " % "),
    (re.compile(r"\|([^|]+)\|"), r"abs(\1)"),
    # One and a half; three digits would be thousands, and what they are divided by.
    (re.compile(r"(?<![0-9.,'/^*])\b([0-9]+) ([0-9]{1,2})/([0-9]{1,3})(?![0-9.,/])"), r"(\1+\2/\3)"),
    (re.compile(r"\b(?:US|MX|AR|A|C|NZ|HK|S|R|U)\$"), "$"),
    (re.compile(r"\b(?:EUR|euros?)\b", re.IGNORECASE), "€"),
    (re.compile(r"\b(?:USD|MXN|ARS|d[oó]lar(?:es)?|dollars?|pesos?)\b", re.IGNORECASE), "$"),
    (re.compile(r"\b(?:GBP|libras?|pounds?)\b", re.IGNORECASE), "£"),
    (re.compile(r"\b(?:JPY|CNY|yen(?:es)?|yuan(?:es)?)\b", re.IGNORECASE), "¥"),
    (re.compile(r"\b(?:CHF|SEK|NOK|DKK|PLN|CZK|COP|CLP|PEN|UYU|INR|BRL)\b"), "¤"),
    # Not the x of hexadecimal digits.
    (re.compile(r"(?<=[0-9)!%])(?<!\b0)\s*[xX]\s*(?=[0-9(.√])"), "*"),
)


def with_plain_signs(text: str) -> str:
    """The text with digits in ASCII, signs and spaces in one form each, and nothing that cannot be seen."""
    if not text.isascii():
        text = _in_ascii(text)
    for form, sign in _FORMS:
        text = form.sub(sign, text)
    # People end a sum with "=", or with a full stop, or ask it as a question.
    return text.strip(_AROUND).rstrip(f".{_AROUND}")


def _in_ascii(text: str) -> str:
    is_mixed = bool(_FULL_WIDTH_DIGIT.search(text) and _HALF_WIDTH_SIGN.search(text))
    if not is_mixed:
        text = _FULL_WIDTH.sub(lambda char: unicodedata.normalize("NFKC", char[0]), text)
    # Whoever types in full width types all of it so; a mixture only looks like a number.
    text = "".join(
        char if is_mixed and _FULL_WIDTH_DIGIT.match(char) else _ascii_digit(char) for char in text
    )
    return "".join(_visible(char) for char in text.translate(_SIGNS))


def is_currency(char: str) -> bool:
    """Return whether the character is the sign of a currency."""
    return char == "$" if char.isascii() else unicodedata.category(char) == "Sc"


def _ascii_digit(char: str) -> str:
    digit = unicodedata.decimal(char, None)
    return char if digit is None else str(digit)


def _visible(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Zs":
        return " "
    return "" if category == "Cf" or "\ufe00" <= char <= "\ufe0f" else char
