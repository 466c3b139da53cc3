"""Words, sentences and paragraphs."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.tools.support.text_counts import frequent_words, paragraphs_of, sentences_of, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hola, ¿qué tal?", ["Hola", "qué", "tal"]),
        ("it's well-known", ["it's", "well-known"]),
        ("1.234,56 € y 3.5", ["1.234,56", "y", "3.5"]),
        ("hola,mundo fin.Otra", ["hola", "mundo", "fin", "Otra"]),
        ("snake_case", ["snake", "case"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("שָׁלוֹם עולם", ["שָׁלוֹם", "עולם"]),
        ("مرحبا بالعالم", ["مرحبا", "بالعالم"]),
        ("今天很好", ["今", "天", "很", "好"]),
        ("😀 ... —", []),
        ("", []),
    ],
)
def test_words_of_many_scripts_are_found(text: str, words: list[str]):
    assert words_of(text) == words


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Hola. ¿Qué tal? ¡Bien!", ["Hola.", "¿Qué tal?", "¡Bien!"]),
        ("El Sr. López pesa 3.5 kg. Vale...", ["El Sr. López pesa 3.5 kg.", "Vale..."]),
        ("J. R. R. Tolkien wrote it. Yes.", ["J. R. R. Tolkien wrote it.", "Yes."]),
        ("Come at 5 p.m. on Monday.", ["Come at 5 p.m. on Monday."]),
        ('Dijo "hola." Y se fue', ['Dijo "hola."', "Y se fue"]),
        ("uno\ndos", ["uno", "dos"]),
        ("今天很好。你好！", ["今天很好。", "你好！"]),
        ("आप कैसे हैं। ठीक", ["आप कैसे हैं।", "ठीक"]),
        ("... !!! ?", []),
        ("", []),
    ],
)
def test_sentences_end_where_people_end_them(text: str, sentences: list[str]):
    assert sentences_of(text) == sentences


def test_blank_lines_part_paragraphs():
    assert paragraphs_of("\n\nuno\ndos\n \n\n tres\n\n") == ["uno\ndos", "tres"]
    assert paragraphs_of(" \n\n ") == []


def test_frequent_words_leave_out_what_every_text_has():
    words = words_of("El gato y el perro. El Gato de la casa; the cat and 7 7 7 x x x")

    assert frequent_words(words, 2) == [("gato", 2), ("perro", 1)]


MEBIBYTE = 2**20
HARD = ["a.", ".", "\n", "\n ", "a-", "'", ".'", '."""', "e.g. ", "\r\n", " ", "。", "¿", "a\u0301", "😀"]


@pytest.mark.parametrize("piece", HARD, ids=ascii)
def test_time_grows_with_the_length_only(piece: str):
    text = (piece * MEBIBYTE)[:MEBIBYTE]
    started = time.perf_counter()

    words_of(text), sentences_of(text), paragraphs_of(text)

    assert time.perf_counter() - started < 4


@given(st.text())
def test_there_is_no_sentence_without_a_word_and_no_more_than_words(text: str):
    plain = text.replace("_", "")

    assert len(sentences_of(plain)) <= len(words_of(plain)) or not plain.isascii()
