"""What a transcript's text gives away."""

import pytest

from app.voice.stt.checks import (
    has_loop,
    is_interjection,
    is_made_up,
    is_out_of_prompt,
    plain,
    says_again,
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
        ("Amla-na-na-na-na-na-na-na", "Amla na"),
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


@pytest.mark.parametrize("text", ["No, no, no.", "Go, go, go!", "Sí, sí"])
def test_one_word_over_and_over_needs_more_confidence(text: str):
    assert is_made_up(text, 0.6)
    assert not is_made_up(text, 0.7)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("Hmm.", True), ("¡Ah! Oh...", True), ("Errr", True), ("Mm-hmm.", False), ("Uh-huh", False),
     ("Sí", False), ("Oye", False), ("Ya", False), ("Ok", False), ("No", False), ("Hola", False)],
)  # fmt: skip
def test_sounds_of_a_throat_are_no_words(text: str, is_one: bool):
    assert is_interjection(text) == is_one


@pytest.mark.parametrize(
    ("text", "again"),
    [("Pulse la tecla. Pulse la tecla.", True), ("Para. Para.", False), ("No sé. No sé.", False),
     ("Uno dos tres. Cuatro cinco seis.", False), ("", False)],
)  # fmt: skip
def test_whole_sentence_that_stands_twice_is_seen(text: str, again: bool):
    assert says_again(text) == again
