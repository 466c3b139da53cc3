"""Praise and blame."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.tools.support.sentiment import sentiment_of

SPANISH = {
    "positive": """
        Me gusta mucho esta película|El servicio fue excelente y el personal muy amable|Te quiero|Nada mal
        |¡Qué día tan maravilloso!|Estoy muy contento con el resultado|No está mal|No hay ningún problema
        |Sin problemas, todo perfecto|La comida estaba riquísima|Me encanta 😍|No me arrepiento|Vale la pena
        |La habitación era fea, pero el desayuno fue fantástico|Gracias|Es la mejor compra que he hecho|👍
        |no puedo estar más contento|Fue un placer conocerte|Muy buena atención y precios baratos
    """,
    "negative": """
        No me gusta nada|No me gusta|El servicio es muy malo|Odio los lunes|¡Qué asco!|Es una basura
        |Nunca volveré, es horrible|No estoy contento|No lo recomiendo|No es bueno|Poco útil|Tengo miedo|😡
        |Ni es bonito ni es barato|No, no me gusta|Me ha decepcionado mucho 😞|El peor hotel de mi vida
        |No me ha gustado nada|Bonito, pero no funciona y es carísimo|Es una pérdida de tiempo
        |Menudo desastre de envío|Mala calidad|no me ha parecido interesante|No vale la pena|No se oye bien
        |Estoy enfadadísimo con la empresa
    """,
    "neutral": """
        La reunión es el martes a las diez|Madrid es la capital de España|El tren sale a las 5|Hoy es lunes
        |Necesito una mesa para dos|Mi hermano trabaja en Sevilla|calcula dos más dos|¿Qué hora es?
        |Quiero saber la hora|Solo tengo dos preguntas|¿Cómo funciona esto?|Mañana por la tarde voy al cine
    """,
}
ENGLISH = {
    "positive": "I love it|Not bad at all|Thanks, great job!|The staff was friendly|😍",
    "negative": "I don't like it at all|This is terrible|The waiter was rude|Not good|What a horrible day",
    "neutral": "The meeting is on Tuesday|London is the capital of England|The train leaves at five",
}


def _cases(language: str, listed: dict[str, str]) -> list[tuple[str, str, str]]:
    texts = [(label, text) for label, group in listed.items() for text in group.split("|")]
    return [(language, " ".join(text.split()), label) for label, text in texts]


@pytest.mark.parametrize(("language", "text", "label"), _cases("es", SPANISH) + _cases("en", ENGLISH))
def test_everyday_sentences_are_told_apart(language: str, text: str, label: str):
    assert sentiment_of(text, language).label == label


@pytest.mark.parametrize(
    ("weaker", "stronger", "language"),
    [
        ("es bueno", "es muy bueno", "es"),
        ("es un poco malo", "es malo", "es"),
        ("es bueno", "¡es bueno!", "es"),
        ("es bueno", "es maravilloso", "es"),
        ("it is good", "it is very good", "en"),
    ],
)
def test_words_and_signs_of_strength_count(weaker: str, stronger: str, language: str):
    assert abs(sentiment_of(weaker, language).score or 0) < abs(sentiment_of(stronger, language).score or 0)


def test_negation_ends_with_its_clause():
    assert sentiment_of("no, es genial", "es").label == "positive"
    assert sentiment_of("no fui ayer, estuvo genial", "es").label == "positive"


def test_accents_and_capitals_do_not_matter():
    assert sentiment_of("ES PÉSIMO", "es").label == sentiment_of("es pesimo", "es").label == "negative"


def test_long_text_is_the_mean_of_its_telling_sentences():
    mixed = "Es maravilloso. Hoy es lunes. Es horrible."

    assert abs(sentiment_of(mixed, "es").score or 0) < 0.2
    assert sentiment_of("Es bueno. " * 1000, "es") == sentiment_of("Es bueno.", "es")


def test_languages_without_a_lexicon_are_said_to_be_unknown():
    assert sentiment_of("C'est merveilleux", "fr") == ("unknown", None)


@pytest.mark.parametrize("language", ["es", "en"])
@given(text=st.text())
def test_any_text_has_a_score_between_minus_one_and_one(language: str, text: str):
    score = sentiment_of(text, language).score

    assert score is not None and -1 <= score <= 1
