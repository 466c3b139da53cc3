import pytest

from app.errors import Locale
from app.speech.reading import read_aloud, spoken_text


@pytest.mark.parametrize(
    ("locale", "written", "spoken"),
    [
        ("es", "El Sr. López y la Dra. Gil", "El señor López y la doctora Gil"),
        ("es", "p. ej. esto", "por ejemplo esto"),
        ("es", "EE. UU. gana. Fin", "Estados Unidos gana. Fin"),
        ("es", "pan, etc.", "pan, etcétera."),
        ("es", "etc. y más", "etcétera y más"),
        ("es", "La ONU y la NASA", "La onu y la nasa"),
        ("es", "un PDF de la API de la UE", "un pe de efe de la a pe i de la u e"),
        ("es", "¡NO ES ASÍ!", "no es así!"),
        ("es", "OK", "okey"),
        ("es", "Felipe VI y el siglo XXI", "Felipe sexto y el siglo veintiuno"),
        ("es", "Isabel II", "Isabel segunda"),
        ("es", "Alfonso XIII", "Alfonso trece"),
        ("es", "opción B", "opción be"),
        ("es", "C/ Mayor", "calle Mayor"),
        ("es", "n.º 5", "número cinco"),
        ("es", "¿Sí? ¡No! Vale; bueno: ya…", "Sí? No! Vale, bueno: ya."),
        ("es", "«hola» (creo)", "hola, creo,"),
        ("es", "café", "café"),
        ("es", "100 a. C.", "cien antes de Cristo"),
        ("en", "Dr. Smith vs. Mr. Jones", "doctor Smith versus mister Jones"),
        ("en", "e.g. this", "for example this"),
        ("en", "in the U.S. Yes", "in the U S. Yes"),
        ("en", "Main St. is", "Main street is"),
        ("en", "St. John", "saint John"),
        ("en", "No. 5", "number five"),
        ("en", "No. Never", "No. Never"),
        ("en", "the API", "the A P I"),
        ("en", "Henry VIII", "Henry the eighth"),
        ("en", "World War II", "World War two"),
        ("en", "don't well-known", "don't well known"),
        ("en", "R&D", "R and D"),
        ("en", "plan - or not", "plan, or not"),
    ],
)
def test_short_forms_are_said_whole(locale: Locale, written: str, spoken: str):
    assert spoken_text(read_aloud(written, locale)) == spoken
