"""The sentences of subtitles, as recognisers write them, and what people say that is like them."""

import pytest

from app.speech.engines.stt.checks import is_made_up
from app.speech.engines.stt.credits import without_credits


@pytest.mark.parametrize(
    "text",
    [
        "Subtítulos realizados por la comunidad de Amara.org",
        "Subtítulos por la comunidad de Amara.org",
        "Subtítulos creados por la comunidad de Amara.org.",
        "Subtitulado por Jnkoil",
        "Transcripción por Sonia Ruiz",
        "Traducción y subtítulos por Carlos Gómez",
        "¡Gracias por ver el video!",
        "Gracias por ver el vídeo.",
        "Muchas gracias por ver este programa.",
        "Gracias por ver.",
        "¡Suscríbete al canal!",
        "¡Suscríbete!",
        "No olvides suscribirte al canal y activar la campanita.",
        "Nos vemos en el próximo video.",
        "¡Hasta el próximo vídeo!",
        "Más información: www.alimmenta.com",
        "Thanks for watching!",
        "Thank you so much for watching this video.",
        "Please subscribe to my channel.",
        "Like, comment and subscribe!",
        "Don't forget to like and subscribe.",
        "I'll see you in the next video.",
        "Subtitles by the Amara.org community",
        "Captions by GetTranscribed.com",
        "Transcribed by ESO, translated by —",
        "Sous-titres réalisés par la communauté d'Amara.org",
        "Untertitel von Stephanie Geiges",
        "Sottotitoli creati dalla comunità Amara.org",
        "Legendas pela comunidade Amara.org",
        "¡Gracias por ver el video! ¡Suscríbete!",
    ],
)
def test_words_of_subtitles_were_never_said(text: str):
    assert without_credits(text) == ""
    assert is_made_up(text, 0.95)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("¿Qué hora es? ¡Gracias por ver el video!", "¿Qué hora es?"),
        (
            "Pon una alarma a las siete. Subtítulos por la comunidad de Amara.org",
            "Pon una alarma a las siete.",
        ),
        ("Thanks for watching! What time is it in London?", "What time is it in London?"),
        ("Hello there. Please subscribe. Bye.", "Hello there. Bye."),
    ],
)
def test_what_was_said_beside_them_stays(text: str, kept: str):
    assert without_credits(text) == kept


@pytest.mark.parametrize(
    "text",
    [
        "¿Puedes buscar vídeos de gatos?",
        "Quiero subtítulos en español",
        "Subtítulos, por favor.",
        "Subtítulos por favor",
        "Ponme los subtítulos por defecto",
        "Gracias por ver si puedes arreglarlo",
        "Gracias por mirarlo.",
        "Gracias por la información",
        "Suscríbeme a la revista",
        "Busca la canción Suscríbete de Ana",
        "¿Qué significa suscríbete?",
        "Traducción por favor",
        "Nos vemos mañana en el próximo tren",
        "Hasta la próxima",
        "Thank you for the information.",
        "Thanks for watching the kids today",
        "How do I subscribe to the newsletter?",
        "Turn on subtitles by default",
        "Subtitles by default",
        "See you next time",
        "Who is it translated by?",
        "Abre www.amazon.es",
        "Hola... ¿qué tal?",
        "¡Hola! ¿Qué hora es en EE.UU.? 3.5 por 2",
        "",
    ],
)
def test_what_people_do_say_is_left(text: str):
    assert without_credits(text) == text
