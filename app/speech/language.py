"""Which of the two languages a clause is in, so that the right voice speaks it."""

from app.errors import Locale


def clause_language(text: str, fallback: Locale) -> Locale:
    """Return the language of a clause, where its words show one; else the talk's."""
    words = [word.strip(".,;:!?¡¿«»\"'()").lower() for word in text.split()]
    spanish = sum(word in _SPANISH for word in words) + sum(any(c in "ñ¿¡áéíóú" for c in w) for w in words)
    english = sum(word in _ENGLISH for word in words)
    if spanish == english:
        return fallback
    return "es" if spanish > english else "en"


_SPANISH = frozenset(
    "el la los las un una unos unas de del al y o que en por para con es son está están no sí como más pero "
    "su sus se lo le les ya hay muy también cuando donde qué cómo cuál vale claro hola gracias".split()
)
_ENGLISH = frozenset(
    "the an of to and or that in for with is are was were not yes as more but his her it its they you your "
    "there very also when where what how which sure hello thanks this have has will would can could".split()
)
