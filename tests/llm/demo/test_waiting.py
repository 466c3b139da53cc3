"""The test call is asked for with a duration in any form."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.llm.demo.text import utterance
from app.llm.demo.waiting import MAX_CALLS, MAX_DELAY_S, delays_in, read
from tests.llm.demo.asking import calls


@given(
    seconds=st.integers(0, 25),
    template=st.sampled_from(
        [
            "prueba una llamada lenta de {} segundos",
            "simula una API lenta durante {} s",
            "llama a la API de prueba y que tarde {} segundos",
            "try a slow call of {} seconds",
            "simulate a slow call for {} sec",
            "make a {}-second test call",
        ]
    ),
)
@settings(deadline=None)
def test_a_duration_is_taken_as_it_is_said(seconds: int, template: str):
    assert calls(template.format(seconds)) == [("placeholder_api_call", {"delay_s": seconds})]


@pytest.mark.parametrize(
    ("text", "delays"),
    [
        ("2,5 segundos", [2.5]),
        ("dos segundos y medio", [2.5]),
        ("a second and a half", [1.5]),
        ("500 ms", [0.5]),
        ("un par de segundos", [2]),
        ("medio minuto", [MAX_DELAY_S]),
        ("3 minutes", [MAX_DELAY_S]),
        ("5, 10 y 15 segundos", [5, 10, 15]),
        ("veinte segundos", [20]),
        ("3 perros", []),
    ],
)
def test_durations_come_in_many_forms_and_are_bounded(text: str, delays: list[float]):
    assert delays_in(utterance(text)) == delays


def test_so_many_calls_are_made_as_are_asked_for_within_reason():
    assert len(read(utterance("lanza tres llamadas lentas de 2 segundos"))) == 3
    assert len(read(utterance("lanza 500 llamadas lentas"))) == MAX_CALLS


@pytest.mark.parametrize(
    "text", ["la reunión dura 5 segundos", "quedan 5 minutos", "trabajo lento", "call me at 5"]
)
def test_a_duration_alone_is_no_request(text: str):
    assert [ask for ask in read(utterance(text)) if "delay_s" in ask.arguments] == []
