"""What a transcript's text gives away."""

import pytest

from app.speech.engines.stt.checks import (
    is_interjection,
    is_made_up,
    is_out_of_prompt,
    plain,
    without_asides,
)


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
     ("E-r-a", True), ("A-a-h.", True), ("U-S-A", False), ("J-O-H-N.", False), ("E-mail", False),
     ("Sí", False), ("Oye", False), ("Ya", False), ("Ok", False), ("No", False), ("Hola", False)],
)  # fmt: skip
def test_sounds_of_a_throat_are_no_words(text: str, is_one: bool):
    assert is_interjection(text) == is_one
