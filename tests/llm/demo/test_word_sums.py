"""Verbs and nouns take the numbers that stand around them."""

import pytest

from app.llm.demo.math_tokens import tokens_of
from app.llm.demo.text import utterance
from app.llm.demo.word_sums import word_sum


@pytest.mark.parametrize(
    ("text", "expression"),
    [
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
        ("20% off 50", "50*(1-20/100)"),
        ("súmale el 21% a 100", "100*(1+21/100)"),
        ("el 21% de IVA de 300", "21/100*300"),
        ("what percent of 80 is 20", "20/80*100"),
        ("increase 50 by 10%", "50*(1+10/100)"),
    ],
)
def test_a_said_sum_is_written_down(text: str, expression: str):
    said = utterance(text)

    assert word_sum(said, tokens_of(said)) == expression


@pytest.mark.parametrize(
    "text", ["suma y sigue", "el resto del día", "quita eso", "add this song", "la media hora", "2+2"]
)
def test_such_a_word_without_its_numbers_is_no_sum(text: str):
    said = utterance(text)

    assert word_sum(said, tokens_of(said)) is None
