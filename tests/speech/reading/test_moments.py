import pytest

from app.errors import Locale
from app.speech.reading import read_aloud, spoken_text


@pytest.mark.parametrize(
    ("locale", "written", "spoken"),
    [
        ("es", "Son las 10:30.", "Son las diez y media."),
        ("es", "a las 22:05", "a las veintidós cero cinco"),
        ("es", "a las 9:15", "a las nueve y cuarto"),
        ("es", "a las 1:45", "a las una y cuarenta y cinco"),
        ("es", "a las 13:00", "a las trece horas"),
        ("es", "A las 3 p. m. salimos", "A las tres de la tarde salimos"),
        ("es", "a las 9:30 a.m.", "a las nueve y media de la mañana."),
        ("es", "a las 2 a. m.", "a las dos de la madrugada."),
        ("es", "2026-11-25", "veinticinco de noviembre de dos mil veintiséis"),
        ("es", "2026-11-25T10:30:00Z", "veinticinco de noviembre de dos mil veintiséis, diez y media"),
        ("es", "25/11/2026", "veinticinco de noviembre de dos mil veintiséis"),
        ("es", "el 25/11 nos vemos", "el veinticinco de noviembre nos vemos"),
        ("es", "01-02-99", "uno de febrero de dos mil noventa y nueve"),
        ("es", "99/99/2026", "noventa y nueve entre noventa y nueve entre dos mil veintiséis"),
        ("es", "12:99", "doce: noventa y nueve"),
        ("es", "10:30:15", "diez y media y quince segundos"),
        ("en", "It's 10:30, or 10:05.", "It's ten thirty, or ten oh five."),
        ("en", "at 22:05", "at twenty-two oh five"),
        ("en", "3pm", "three P M"),
        ("en", "at 10:00", "at ten o'clock"),
        ("en", "at 8 a.m.", "at eight A M."),
        ("en", "2026-11-25", "November twenty-fifth, twenty twenty-six"),
        ("en", "11/25/2026", "November twenty-fifth, twenty twenty-six"),
        ("en", "25/11/2026", "November twenty-fifth, twenty twenty-six"),
        ("en", "November 25, 2026", "November twenty-fifth, twenty twenty-six"),
        ("en", "in 1999", "in nineteen ninety-nine"),
        ("en", "1999 people", "one thousand nine hundred and ninety-nine people"),
    ],
)
def test_times_and_dates_are_said_as_people_say_them(locale: Locale, written: str, spoken: str):
    assert spoken_text(read_aloud(written, locale)) == spoken
