"""What a transcript's text gives away."""

import pytest

from app.voice.stt.checks import (
    has_loop,
    is_made_up,
    is_out_of_prompt,
    plain,
    without_asides,
    without_repeats,
)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("hola hola hola hola hola", "hola"),
        ("¿Qué hora es? ¿Qué hora es? ¿Qué hora es?", "¿Qué hora es?"),
        ("Dime la hora. la hora, la hora. La hora en Tokio", "Dime la hora. en Tokio"),
        ("and so on and so on and so on and so on", "and so on"),
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
        "dos más dos más dos",
        "2 2 2 y 3 3",
        "",
        "¿? ...",
        "Muy, muy lejos, muy lejos",
    ],
)
def test_what_people_do_repeat_is_left(text: str):
    assert not has_loop(text)
    assert without_repeats(text) == " ".join(text.split())


def test_digits_of_a_long_number_are_no_loop():
    assert not has_loop("el 600 111 222")


def test_sounds_that_are_no_words_are_taken_out():
    assert without_asides("[Música] Hola (risas) ♪ la la ♪ *cough*") == "Hola"
    assert without_asides("Hola") == "Hola"


@pytest.mark.parametrize(
    "text",
    [
        "Subtítulos realizados por la comunidad de Amara.org",
        "¡Gracias por ver el video!",
        "Thanks for watching!",
        "¡Suscríbete al canal!",
        "...",
        "",
        "♪",
    ],
)
def test_words_of_subtitles_were_never_said(text: str):
    assert is_made_up(text, 0.95)


@pytest.mark.parametrize("text", ["Thank you.", "Gracias.", "¡Adiós!", "you", "Bye."])
def test_common_words_of_noise_need_confidence(text: str):
    assert is_made_up(text, 0.3)
    assert not is_made_up(text, 0.8)


def test_ordinary_words_are_believed():
    assert not is_made_up("¿Puedes buscar vídeos de gatos?", 0.2)
    assert not is_made_up("Quiero subtítulos en español", 0.9)


def test_plain_words_have_no_accents_and_no_marks():
    assert plain("¿Qué HORA es, señor?") == "que hora es senor"


def test_sentences_that_were_only_given_as_likely_are_known():
    prompt = "¿Qué hora es? Dime qué hora es en Madrid. Espera, para."

    assert is_out_of_prompt("¿Qué hora es? Dime qué hora es", prompt)
    assert is_out_of_prompt("espera", prompt)
    assert not is_out_of_prompt("¿Qué hora es en Tokio?", prompt)
    assert not is_out_of_prompt("¿Qué hora es? Hola", prompt)
    assert not is_out_of_prompt("era", prompt)
    assert not is_out_of_prompt("", prompt)
    assert not is_out_of_prompt("Hola", "")
