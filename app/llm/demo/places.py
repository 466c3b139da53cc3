"""Finds the places that a text is about: «¿qué hora es en Tokio y en Lima?», “weather in New York”."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from app.llm.demo.place_names import COUNTRIES, places, zones
from app.llm.demo.text import BLANK, Utterance, fold
from app.llm.demo.vocabulary import DAY_WORDS, FILLERS, POLITE, STARTERS

_PREPOSITIONS = ("en in at", "para for por over around near cerca of de del desde from a to about sobre")
"""The first group says where; the second may also say something else and comes after it."""

_TOPIC_WORDS = frozenset(
    """
    hora horas time times clima tiempo weather temperatura temperature temperatures pronostico forecast
    forecasts fecha date lluvia rain raining rainy llueve llover llovera lloviendo nieva nevar nevara
    nevando snow snowing snowy sunny soleado nublado cloudy windy wind viento calor frio hot cold warm humid
    humidity humedad paraguas umbrella grados degrees local actual current exacta exact oficial official
    zona horaria zone timezone huso reloj clock meteorologico meteorologica meteorological parte prevision
    conditions condiciones outside fuera afuera like hace hara hay habra haciendo va van estado cielo sky
    sol sun looking look report informe informacion information ambiente tenemos tienen tienes tiene marca
    marcan bring llevar llevo saco chaqueta abrigo coat jacket expected espera esperan esperado previsto
    datos data o'clock oclock todavia still already podemos sunset storm stormy tormenta tormentas fresco
    bueno malo nice bad good feels gmt hoy dia mean actualizada actualizado detalle detallado they there
    ciudad city people gente vivo live estoy zonas husos standard estandar mucho mucha muy gonna going
    expect heavy hacer haber tomorrow's today's tonight's averigua averiguame find out averiguar consulta
    consultame consultar check lookup busca buscame buscar search obten obtener ensename cuentame call llama
    tool herramienta usa use usando using with con is're what're llueva nieve cuando when where happening
    pasando aqui here aca alli alla moment momento instante preciso precise precisely justo currently
    presently hr hrs hs please show display preguntaba wonder wondering supieras knows temp temps moving
    diferencia difference horas late early night dark madrugada
    nighttime daytime midnight noon bedtime chilly freezing mild cloud clouds foggy fog niebla nubes
    """.split()
)
_STOPS = (
    POLITE
    | DAY_WORDS
    | _TOPIC_WORDS
    | frozenset(
        """
    como how es is are it's its what what's que cual cuanto cuantos cuantas if si tell dime can could puedes
    podrias por porque because please thanks i i'm i'd you me quiero necesito need want know saber should
    will would do does debo deberia was were when cuando donde where pero but mientras while then luego also
    tambien after during right segun according hasta until
    """.split()
    )
)
_WEAK_STARTS = re.compile(
    r"^(?:(?:la|el|the|una|a) )?(?:(?:bonita |hermosa |lovely )?(?:ciudad|city|capital|zona"
    r"|zone|region|area|pueblo|town|localidad"
    r"|timezone|zona horaria|time zone|huso horario|pais|country|isla|island)(?: (?:de|del"
    r"|of))? )(?!(?:de |del )?(?:mexico|panama|guatemala|"
    r"cabo|ho chi minh|bell|real|juarez|victoria|obregon)\b)"
)
_TAILS = re.compile(
    r"(?:\s+(?:a|al|en|in|at|de|for|para|por|the|el|la|y|and|o|or|of|on|this|este|esta|is|it|be"
    r"|as|to))+$"
)
_SEPARATOR = re.compile(
    r"\s*(?:,\s*(?:y|e|and|o|or)\b|,|(?<!\w)(?:y|e|and|o|or)(?=\s)|&)\s*(?:tambien |also )?(?:(?:en|in|at"
    r"|de|for|para)\s+)?"
)
_JOINED_NAMES = re.compile(
    r"\b(?:trinidad (?:y|and) tobago|bosnia (?:y|and|e) herzegovina|antigua (?:y|and) barbuda"
    r"|castilla y leon|turks and caicos"
    r"|saint kitts and nevis|tyne and wear|sao tome (?:y|and) principe)\b"
)
_WORD = re.compile(r"[^\W_]+(?:[.'/+_-][^\W_]+)*\.?")
_ZONE = re.compile(
    r"\b[a-z]+(?:/[a-z0-9_+-]+)+|\b(?:utc|gmt|zulu|cet|eet|wet|est|mst|hst|est5edt|cst6cdt"
    r"|mst7mdt|pst8pdt)\b(?:[+−-]\d{1,2}(?::?[0-5]\d)?(?!\d))?"
)
_OFFSET = re.compile(r"(?:utc|gmt)[+−-]\d{1,2}(?::?\d\d)?")
_SHORT_FORMS = frozenset({"st", "sta", "sto", "mt", "ft", "dr"})
_MAX_WORDS = 6


@dataclass(frozen=True, slots=True)
class Place:
    """A place that a text names.

    Attributes:
        name: As the user wrote it.
        zone: Its IANA zone; empty where the demo does not know it.
    """

    name: str
    zone: str = ""


def zone_of(name: str) -> str:
    """The IANA zone that a zone's or a place's name stands for; empty if unknown."""
    folded = " ".join(fold(name).replace("’", "'").split()).strip(" .,")
    candidates = (folded, folded.replace(" ", "_"), folded.removeprefix("the "), folded.replace("_", " "))
    for each in candidates:
        zone = zones().get(each) or places().get(each)
        if zone:
            return zone
    return ""


def places_in(said: Utterance, *, after: int = 0, only_known_leftovers: bool = False) -> list[Place]:
    """The places of a text that asks for a time or the weather, in their order; empty if it names none.

    `after` is where the question ends: a place behind it is likelier than one before. With
    `only_known_leftovers`, a word that nothing marks as a place must be a known one.
    """
    named = _ZONE.search(said.plain)
    if named and (zone := zones().get(named[0])):
        return [Place(said.raw[named.start() : named.end()], zone)]
    if named and _OFFSET.fullmatch(named[0]):
        return [Place(said.raw[named.start() : named.end()].upper())]
    for start, end in _candidates(said, after):
        found = _split(said.cut(start, end))
        if found:
            return found
    leftovers: list[list[Place]] = [
        found for start, end in _left_over(said) if (found := _split(said.cut(start, end)))
    ]
    for found in leftovers:
        if found[0].zone or not only_known_leftovers:
            return found
    return []


def without_names(said: Utterance) -> str:
    """The text for the rules, without zones and longer names: there is no rain in “Rainy River”."""
    plain = _ZONE.sub(lambda match: BLANK * len(match[0]), said.plain)
    known = _known_name(said)
    if known and " " in plain[slice(*known)]:
        plain = plain[: known[0]] + BLANK * (known[1] - known[0]) + plain[known[1] :]
    return plain


def place_alone(said: Utterance) -> list[Place]:
    """The places of a text that is hardly more than their names: «¿y en Londres?», “Paris and Rome”."""
    named = _ZONE.search(said.plain)
    if named and _OFFSET.fullmatch(named[0]):
        return [Place(said.raw[named.start() : named.end()].upper())]
    words = list(_WORD.finditer(said.plain))
    while (
        words
        and words[0][0] in STARTERS | FILLERS | {"about", "en", "in", "at"}
        and words[0][0] not in ("el", "la")
    ):
        words = words[1:]
    if not words or len(words) > _MAX_WORDS:
        return []
    return _split(said.cut(*_until_stop(said, words[0].start())))


def _candidates(said: Utterance, after: int) -> Iterable[tuple[int, int]]:
    """Where a place may stand, the likeliest first: behind a preposition, or by its known name."""
    known = _known_name(said)
    for group in _PREPOSITIONS:
        matches = re.finditer(rf"\b(?:{'|'.join(group.split())})\s+", said.plain)
        for match in sorted(matches, key=lambda match: match.end() < after):
            yield _until_stop(said, match.end())
        if known and re.search(r" (?:de|del|of) ", said.plain[slice(*known)]):
            # «clima Santiago de Chile»: the name has a preposition of its own.
            yield known
    possessive = re.search(
        r"(?<![\w'])((?:[^\W\d_]+ ){0,2}[^\W\d_]+)'s? (?:weather|time|local|current|temperature"
        r"|forecast)",
        said.plain,
    )
    if possessive:
        yield _trimmed_left(said, possessive.start(1), possessive.end(1))
    if known:
        yield known


def _until_stop(said: Utterance, start: int) -> tuple[int, int]:
    """From `start` to the word at which a name cannot go on."""
    end, known_until = start, _known_until(said, start)
    for count, match in enumerate(_WORD.finditer(said.plain, start)):
        gap = said.plain[end : match.start()]
        word = match[0].rstrip(".")
        if re.search(rf"[^\s,&()'-]|{BLANK}|\s-\s", gap) or count > 3 * _MAX_WORDS:
            break
        if word in _STOPS and match.end() > known_until and not _belongs_to_name(said, start, match):
            break
        is_short_form = match[0].count(".") > 1 or word in _SHORT_FORMS
        end = match.end() if is_short_form else match.start() + len(word)
    text = said.plain[start:end]
    weak = _WEAK_STARTS.match(text)
    start += weak.end() if weak else 0
    tail = _TAILS.search(said.plain[start:end])
    return start, start + tail.start() if tail else end


def _known_until(said: Utterance, start: int) -> int:
    """Where a known name of several words ends that begins there: there is no Sunday in «Santo Domingo»."""
    ends = [match.end() for match, _ in zip(_WORD.finditer(said.plain, start), range(4), strict=False)]
    return next((end for end in reversed(ends[1:]) if said.plain[start:end] in places()), start)


def _belongs_to_name(said: Utterance, start: int, match: re.Match[str]) -> bool:
    """Whether a stop word is part of a name: «Ciudad de México», “Mexico City”."""
    if match.start() != start:
        return match[0] == "city"
    rest = said.plain[start:]
    return any(
        rest.startswith(name)
        for name in ("ciudad de ", "ciudad del cabo", "ciudad real", "ciudad juarez", "ciudad ho")
    )


def _split(said: Utterance) -> list[Place]:
    """Parts a list of places: «Tokio, Lima y en Roma»; leaves “Paris, France” whole."""
    raw, plain = said.raw, said.plain
    if not plain.strip(" ,.'-()"):
        return []
    if _JOINED_NAMES.search(plain):
        return _named([raw])
    if _is_with_country(plain):
        head, _, tail = raw.partition(",")
        region = tail.strip()
        # “Bali, weather-wise”: what follows must look like a name to be part of it.
        return _named(
            [raw if region[:1].isupper() or len(region) <= 3 or fold(region) in COUNTRIES else head]
        )
    cuts = [0, *(edge for match in _SEPARATOR.finditer(plain) for edge in match.span()), len(plain)]
    return _named(raw[start:end] for start, end in zip(cuts[::2], cuts[1::2], strict=True))


def _named(parts: Iterable[str]) -> list[Place]:
    found: list[Place] = []
    for part in parts:
        name = _cleaned(part)
        if _is_name(name):
            found.append(Place(name, zone_of(name) or zone_of(name.partition(",")[0])))
    return found


def _cleaned(part: str) -> str:
    name = " ".join(part.split()).strip(" ,;:.?!¿¡()\"'«»-")
    bare = re.sub(
        r"^(?:en|in|at|de|for|para|the city of|la ciudad de(?! m[eé]xico))\s+", "", name, flags=re.I
    )
    return bare if fold(bare) else name


def _is_name(name: str) -> bool:
    words = _WORD.findall(fold(name))
    if (
        not words
        or len(words) > _MAX_WORDS
        or fold(name) in ("mi", "my", "casa", "home", "it", "eso", "that")
    ):
        return False
    meaningful = [word for word in words if word not in FILLERS | DAY_WORDS | _TOPIC_WORDS]
    return bool(zone_of(name)) or (
        bool(meaningful)
        and not all(word.isdigit() for word in meaningful)
        and words[0] not in ("mi", "my", "your", "tu")
    )


def _is_with_country(plain: str) -> bool:
    """Whether a single comma parts a city from its country or state."""
    head, comma, tail = plain.partition(",")
    tail = tail.strip()
    if not comma or "," in tail or re.search(r"\b(?:y|and|e|o|or)\b", plain):
        return False
    return tail in COUNTRIES or not zone_of(tail) or not zone_of(head)


def _known_name(said: Utterance) -> tuple[int, int] | None:
    """The longest run of words that is a known place."""
    words = list(_WORD.finditer(said.plain))
    for length in range(5, 0, -1):
        for i in range(len(words) - length + 1):
            start, end = words[i].start(), words[i + length - 1].end()
            if length == 1 and words[i][0] in FILLERS | DAY_WORDS | _TOPIC_WORDS:
                continue
            if said.plain[start:end] in places():
                return start, end
    return None


def _trimmed_left(said: Utterance, start: int, end: int) -> tuple[int, int]:
    for match in _WORD.finditer(said.plain, start, end):
        if match[0] not in FILLERS | _STOPS:
            return match.start(), end
    return end, end


def _left_over(said: Utterance) -> Iterable[tuple[int, int]]:
    """The runs of words that mean nothing else; those with a capital first."""
    runs: list[tuple[int, int]] = []
    for match in _WORD.finditer(said.plain):
        if match[0] in FILLERS | _STOPS or match[0].isdigit():
            continue
        joined = runs and re.fullmatch(
            r"\s+(?:(?:de|del|la|los|of)\s+){0,2}", said.plain[runs[-1][1] : match.start()]
        )
        if joined:
            runs[-1] = (runs[-1][0], match.end())
        else:
            runs.append(match.span())
    is_short = len(said.plain.split()) <= 4
    names = [run for run in runs if is_short or (said.raw[run[0]].isupper() and run[0] > 0)]
    short = [run for run in names if len(said.plain[slice(*run)].split()) <= 4]
    return sorted(short, key=lambda run: not said.raw[run[0]].isupper())
