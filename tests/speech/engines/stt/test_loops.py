"""Texts as lost recognisers write them, and as people do repeat themselves."""

import pytest

from app.speech.engines.stt.loops import has_loop, may_be_loop, says_again, without_repeats

SENTENCE = "Quiero que me digas qué tiempo va a hacer mañana por la tarde en Madrid"
COUNTED = ", ".join(str(number) for number in range(1, 31))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("hola hola hola hola hola", "hola"),
        ("¿Qué hora es? ¿Qué hora es? ¿Qué hora es?", "¿Qué hora es?"),
        ("Dime la hora. la hora, la hora. La hora en Tokio", "Dime la hora. en Tokio"),
        ("and so on and so on and so on and so on", "and so on"),
        ("Amla-na-na-na-na-na-na-na", "Amla na"),
        ("Hola, hello, hola, hello, hola, hello, hola, hello", "Hola, hello,"),
        ("Stop, para, stop, para. Stop, para. Stop", "Stop, para, Stop"),
        (f"{SENTENCE}. {SENTENCE}. {SENTENCE}.", f"{SENTENCE}."),
        ("nananananananana", "na"),
        ("aaaaaaaaaaaaaaaah no", "ah no"),
        ("Llama al 1000000000000000", "Llama al 10"),
        ("1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1", "1.1.1.1"),
        ("the the the the the weather", "the weather"),
        ("I don't know. I don't know. I don't know. I don't", "I don't know. I don't"),
    ],
)
def test_what_is_said_over_and_over_is_said_once(text: str, kept: str):
    assert has_loop(text)
    assert without_repeats(text) == kept


@pytest.mark.parametrize(
    "text",
    [
        "No, no, no.",
        "Sí, sí, claro.",
        "no sé, no sé",
        "wait, wait, stop",
        "very very very good",
        "uno dos uno dos",
        "Probando, uno, dos, uno, dos.",
        "one two three, one two three",
        "dos más dos más dos",
        "2 2 2 y 3 3",
        "el 600 111 222",
        "Llama al 900 100 100",
        "un millón son 1000000",
        "jajajaja",
        "",
        "¿? ...",
        "Muy, muy lejos, muy lejos",
        "bye bye, bye",
        "Madrid, Barcelona, Madrid, Valencia",
    ],
)
def test_what_people_do_repeat_is_left(text: str):
    assert not has_loop(text)
    assert not may_be_loop(text)
    assert without_repeats(text) == " ".join(text.split())


@pytest.mark.parametrize(
    "text",
    [
        "Pulse la tecla. Pulse la tecla.",
        f"{SENTENCE}. {SENTENCE}.",
        "Password incorrect. Please enter it again. Password incorrect. Please enter it again.",
        "quiero saber la hora de Madrid quiero saber la hora de Madrid",
        "I'm going to the store. I'm going to the shop. I'm going to the stop.",
        "Quiero ir a Madrid. Quiero ir a Barcelona. Quiero ir a Sevilla.",
        COUNTED,
        f"El número es el {COUNTED}",
        "uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece",
        "Seven, eight, nine, ten, eleven, twelve, thirteen, fourteen, fifteen, sixteen, seventeen, eighteen",
    ],
)
def test_what_only_may_be_a_loop_is_looked_at_again_and_left(text: str):
    assert may_be_loop(text)
    assert without_repeats(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "Uno, dos, tres.",
        "Quiero ir a Madrid. Quiero ir a Barcelona.",
        "Pon una alarma a las siete. Apunta leche en la lista. ¿Qué hora es?",
        "Set the timers to 5, 10 and 15 minutes.",
        "Mi número es 1 2 3 4 5 6 7 8 9",
    ],
)
def test_ordinary_sentences_are_read_once(text: str):
    assert not may_be_loop(text)


@pytest.mark.parametrize(
    ("text", "again"),
    [("Pulse la tecla. Pulse la tecla.", True), ("Para. Para.", False), ("No sé. No sé.", False),
     ("Uno dos tres. Cuatro cinco seis.", False), ("", False)],
)  # fmt: skip
def test_whole_sentence_that_stands_twice_is_seen(text: str, again: bool):
    assert says_again(text) == again
