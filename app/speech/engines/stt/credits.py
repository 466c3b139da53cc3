"""What the subtitles that recognisers have learnt from hold, and nobody says to an agent.

They come where there is only noise, and behind what was said, when the rest is silence: so the sentence goes,
and what stands beside it stays.
"""

import re
from typing import Final

from app.letters import bare

_SENTENCE: Final = re.compile(r"[¡¿]*[^.?!¡¿\n]*(?:[.](?=\w)[^.?!¡¿\n]*)*[.?!\n]*")
"""A point inside a word ends none: `Amara.org`."""

_WHO_MADE_IT: Final = (
    r"(?:subtitul(?:os?|ado|acion)|transcripcion|traduccion)"
    r"(?: (?:realizad|hech|cread|corregid)[oa]s?| en espanol)?"
    r"(?: y \w+)? por (?!favor\b|defecto\b|que\b|correo\b|escrito\b)\w+.*"
    r"|(?:subtitles?|(?:closed )?captions?|captioning|transcri(?:bed|ption|pt)|translat(?:ed|ion))"
    r"(?: and \w+)? by (?!default\b|hand\b|the way\b|email\b)\w+.*"
    r"|(?:sous titres?|untertitel|sottotitoli|legendas|ondertitel\w*|napisy|undertexter|teksting|tekstet)"
    r"(?: (?:realises?|creati|erstellt|im auftrag|stworzone|gemaakt|e revisione))?"
    r" (?:par|by|a cura|von|des|der|do|da|dal|pela|pelo|door|av|przez)\b.*"
    r"|.*\bamara org\b.*|(?:mas informacion|more information)(?: en| at)? www .*"
)
_GOODBYE_TO_VIEWERS: Final = (
    r"(?:muchas |muchisimas )?gracias por (?:ver|mirar)(?:nos)?"
    r"(?: (?:el|este|mi|nuestro|todo el) (?:video|programa|canal))?"
    r"|(?:thanks|thank you)(?: (?:so|very) much)?(?: (?:all|guys|everyone))? for (?:watching|viewing)"
    r"(?: (?:this|the|my|our) (?:video|channel|show|episode))?"
    r"|(?:no (?:te )?olvid\w+ (?:de )?|recuerd\w+ )?(?:suscribete|suscribirte|suscribanse|suscribiros)"
    r"(?: a(?:l| mi| este| nuestro) canal)?(?: y .*)?"
    r"|(?:please |like |comment |share |and |don t forget to |remember to |make sure to )+subscribe"
    r"(?: to (?:my|the|our|this) channel)?(?: and .*)?|subscribe to (?:my|our) channel.*"
    r"|(?:nos vemos|hasta) (?:en )?(?:el|la) (?:proxim[oa]|siguiente) (?:video|programa|capitulo|episodio)"
    r"|(?:i ll |i will |we ll )?see you (?:all |guys )?in the next (?:video|episode|one)"
)
_CREDIT: Final = re.compile(f"(?:{_WHO_MADE_IT}|{_GOODBYE_TO_VIEWERS})\\Z")
_LONGEST_CHARS: Final = 300


def without_credits(text: str) -> str:
    """Return the text without the sentences that stand at the end of films."""
    kept = [one[0] for one in _SENTENCE.finditer(text) if not _is_credit(one[0])]
    left = "".join(kept)
    return " ".join(left.split()) if left != text else text


def _is_credit(sentence: str) -> bool:
    words = " ".join(re.findall(r"\w+", bare(sentence)))
    return bool(words) and len(words) <= _LONGEST_CHARS and _CREDIT.match(words) is not None
