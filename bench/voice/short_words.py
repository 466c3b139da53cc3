"""Single words that people have said: numbers, days, months and the like, of the packages of `people.py`."""

from pathlib import Path
from typing import Final

from app.errors import Locale
from bench.voice.corpus import Spoken
from bench.voice.people import FOLDERS, changed, prompt

_NUMBERS: Final[dict[Locale, str]] = {
    "es": "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis"
    " diecisiete dieciocho diecinueve veinte",
    "en": "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    " sixteen seventeen eighteen nineteen twenty",
}
_TENS: Final[dict[Locale, str]] = {
    "es": "treinta cuarenta cincuenta sesenta setenta ochenta noventa",
    "en": "thirty forty fifty sixty seventy eighty ninety",
}
_DAYS: Final[dict[Locale, str]] = {
    "es": "domingo lunes martes miércoles jueves viernes sábado",
    "en": "Sunday Monday Tuesday Wednesday Thursday Friday Saturday",
}
_MONTHS: Final[dict[Locale, str]] = {
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "en": "January February March April May June July August September October November December",
}
_ORDINALS: Final = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
_LETTERS: Final = (
    "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november oscar papa quebec"
    " romeo sierra tango uniform victor whiskey x-ray yankee zulu"
)
_OTHERS: Final[dict[Locale, dict[str, str]]] = {
    "es": {
        **{"digits/thousand": "mil", "digits/million": "millón", "digits/today": "hoy"},
        **{"digits/yesterday": "ayer", "digits/tomorrow": "mañana", "digits/minus": "menos"},
        **{"vm-message": "mensaje", "vm-messages": "mensajes", "minutes": "minutos"},
        **{"seconds": "segundos", "hours": "horas"},
    },
    "en": {
        **{"digits/hundred": "hundred", "digits/thousand": "thousand", "digits/million": "million"},
        **{"digits/today": "today", "digits/yesterday": "yesterday", "digits/tomorrow": "tomorrow"},
        **{"digits/minus": "minus", "digits/star": "star", "digits/pound": "pound"},
        **{"vm-message": "message", "vm-messages": "messages", "vm-goodbye": "goodbye"},
        **{"vm-password": "password", "minutes": "minutes", "seconds": "seconds", "hours": "hours"},
        **{"activated": "activated", "added": "added", "removed": "removed", "hello-world": "hello world"},
    },
}


def short_words(folder: Path, kind: str = "clean") -> list[Spoken]:
    """All that are there, as a corpus; `people.fetch` brings the recordings.

    Args:
        folder: Where they are.
        kind: What is done to them, as in `people.changed`.
    """
    found: list[Spoken] = []
    for language in FOLDERS:
        for seed, (name, said) in enumerate(_prompts(language).items()):
            try:
                pcm = prompt(folder, language, name)
            except OSError:  # not all packages have all of them
                continue
            found.append(Spoken(f"{language}/{name}", said, language, (), changed(pcm, kind, seed), kind))
    return found


def _prompts(language: Locale) -> dict[str, str]:
    """Name of the recording -> what is said in it."""
    tens = enumerate(_TENS[language].split(), 3)
    prompts = {f"digits/{number}": word for number, word in enumerate(_NUMBERS[language].split())}
    prompts |= {f"digits/{10 * number}": word for number, word in tens}
    prompts |= {f"digits/day-{number}": word for number, word in enumerate(_DAYS[language].split())}
    prompts |= {f"digits/mon-{number}": word for number, word in enumerate(_MONTHS[language].split())}
    if language == "en":
        prompts |= {f"digits/h-{number}": word for number, word in enumerate(_ORDINALS.split(), 1)}
        prompts |= {f"phonetic/{word[0]}_p": word for word in _LETTERS.split()}
    return prompts | _OTHERS[language]
