import pytest

from app.errors import Locale
from app.speech.reading import read_aloud, spoken_text


@pytest.mark.parametrize(
    ("locale", "written", "spoken"),
    [
        ("es", "El resultado es **4**, _creo_.", "El resultado es cuatro, creo."),
        ("es", "# Título\n\n- uno\n- dos", "Título. uno. dos"),
        ("es", "1. primero\n2. segundo", "uno. primero. dos. segundo"),
        ("es", "Mira [la guía](https://x.com/a_(b)) ahora", "Mira la guía ahora"),
        ("es", "![un gato](https://x.com/g.png)", "un gato"),
        ("es", "Usa `print`.", "Usa print."),
        ("es", "Así:\n```python\nx = 1\n\ny = 2\n```\nListo.", "Así: un bloque de código. Listo."),
        ("es", "```\nsin cerrar", "un bloque de código."),
        ("es", "| a | uno |\n|---|---|\n| ocho | tres |", "a, uno, ocho, tres,"),
        ("es", "> cita\n\n---\n\nfin", "cita. fin"),
        ("es", "<b>hola</b><br/>", "hola"),
        ("es", "Visita https://www.example.com/a/b?c=d, por favor.", "Visita example punto com, por favor."),
        ("es", "(https://example.com)", "example punto com,"),
        ("es", "<https://example.com/a>", "example punto com"),
        ("es", "example.com/x", "example punto com"),
        ("es", "ana.gil@example.com", "ana punto gil arroba example punto com"),
        ("es", "~~no~~ sí", "no sí"),
        ("es", "Según eso[1], vale", "Según eso, vale"),
        ("es", "- [x] hecho", "hecho"),
        ("es", "a&nbsp;b", "a be"),
        ("en", "see https://github.com/a/b.", "see github dot com."),
        ("en", "write to bob@mail.co.uk", "write to bob at mail dot co dot uk"),
    ],
)
def test_what_is_there_for_the_eye_is_not_said(locale: Locale, written: str, spoken: str):
    assert spoken_text(read_aloud(written, locale)) == spoken
