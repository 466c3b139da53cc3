"""How a model says that the user has not finished, in all the ways in which models write it."""

import pytest

from app.conversation.wait_mark import read_mark
from app.llm.base import WAIT

MARKS = [
    WAIT,
    " <wait/>\n",
    "<wait />",
    "< wait / >",
    "<wait>",
    "</wait>",
    "<wait></wait>",
    "<WAIT/>",
    "<Wait>",
    "`<wait/>`",
    "```\n<wait/>\n```",
    '"<wait/>"',
    "«<wait/>»",
    "**<wait/>**",
    "<wait/>.",
    "<wait/> <wait/>",
]
BESIDE = [
    "Te escucho. <wait/>",
    "Te escucho.\n`<wait />`",
    "Go on. <WAIT>.",
    "<wait/> Las dos.",
    "<wait>Te escucho.</wait>",
    "<wait/>" + " Son las dos." * 20,
]
TEXTS = [
    "Las dos.",
    "<waiter/>",
    "<b>Hola</b>",
    "wait",
    "Wait...",
    "Escribe <wait/> y ya.",
    "Te escucho. <waiter/>",
    '"',
    "*",
    "Una respuesta larga" + " y más" * 20 + " <wait/>",
]


@pytest.mark.parametrize("answer", MARKS)
def test_mark_is_read_however_it_is_written(answer: str):
    assert read_mark(answer, is_whole=True) == "mark"


@pytest.mark.parametrize("answer", BESIDE)
def test_mark_before_a_text_or_after_a_short_one_is_neither_a_mark_nor_an_answer(answer: str):
    assert read_mark(answer, is_whole=True) == "beside"


@pytest.mark.parametrize("answer", TEXTS)
def test_all_else_is_text(answer: str):
    assert read_mark(answer, is_whole=True) == "text"


@pytest.mark.parametrize("answer", MARKS)
def test_no_beginning_of_a_mark_is_taken_for_a_text(answer: str):
    begun = {read_mark(answer[:length], is_whole=False) for length in range(len(answer) + 1)}

    assert begun <= {"open", "beside"}


@pytest.mark.parametrize(
    ("answer", "known_at"),
    [("Las dos.", "L"), ("<b>Hola</b>", "<b"), ("<waiter/>", "<waite"), ('"Ya"', '"Y')],
)
def test_text_is_known_as_soon_as_it_can_be_no_mark(answer: str, known_at: str):
    readings = [read_mark(answer[:length], is_whole=False) for length in range(len(answer) + 1)]

    assert readings.index("text") == len(known_at)
    assert set(readings[len(known_at) :]) == {"text"}
