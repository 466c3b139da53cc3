"""Requests for `text_analysis`: that one is wanted, and which words are the text."""

import re

from app.llm.demo.asks import Ask
from app.llm.demo.text import BLANK, MATH_ONLY, Utterance, quotations, utterance
from app.llm.demo.vocabulary import FILLERS

_ANALYSE = (
    r"(?:procesa\w*|process|valora\w*|assess|califica\w*|rate|interpret\w*|desglos\w+"
    r"|break down|chequea\w*|check|analiza\w*|analic\w+|analy[sz]\w*|analisis|examina\w*"
    r"|estudia\w*|evalua\w*|revisa\w*"
    r"|inspect|examine|review|estadisticas?|statistics|stats|metrics|metricas)"
)
_TEXT = (
    r"(?:textos?|frases?|oracion\w*|parrafos?|mensajes?|citas?|poemas?|comentarios?|resenas?"
    r"|escritos?|texts?|sentences?|paragraphs?|phrases?|messages?|quotes?|poems?|passages?"
    r"|reviews?|comments?|words?|excerpts?|titulos?|tuits?|tweets?|articulos?|articles?|notas?"
    r"|emails?|correos?)"
)
_UNITS = (
    r"(?:palabras?|letras?|caracteres|caracter|oraciones|frases|vocales|words?|letters?"
    r"|characters?|chars|sentences?|vowels)"
)
_STRONG = re.compile(
    rf"\b{_ANALYSE} (?:\w+ ){{0,5}}?{_TEXT}\b|\b{_TEXT} (?:\w+ ){{0,2}}?(?:analysis"
    rf"|analizad\w+|stats|statistics)\b|\b{_TEXT}\b.{{0,40}}\b(?:analizalo|analizala"
    rf"|analyz?s?e it)\b"
    rf"|\b(?:cuant[oa]s|how many|number of|numero de|cantidad de) (?:\w+ )?{_UNITS}\b"
    rf"|\b(?:cuent[ae]\w*|conta\w+|count\w*) (?:\w+ ){{0,3}}?{_UNITS}\b"
    rf"|\b(?:how long|que tan larg[oa]|cuan larg[oa]|longitud|length|largo)\b.{{0,25}}(?:\b{_TEXT}\b|{BLANK})"
    r"|\b(?:word|character|letter|sentence) count\b|\b(?:conteo|recuento) de\b"
    r"|\b(?:sentimientos?|sentiment)\b"
    r"|\b(?:que|what|en que|in what|in which|which|cual es el|what's the|detecta\w*"
    r"|identifica\w*|detect|identify|guess|adivina|reconoce\w*) (?:\w+ )?(?:idioma|lengua"
    r"|language)\b|\b(?:idioma|language) (?:de|del|of)\b"
    r"|\b(?:tiempo de lectura|reading time|se tarda en leer|tardaria en leer|tardo en leer"
    r"|tarda en leer|takes? to read|long to read|lleva leer)\b|\b(?:palabras|words?) (?:mas"
    r"|most) (?:frecuentes?|repetidas?|usadas?|comun\w*|frequent|common|used|repeated)\b"
    r"|\bmost (?:frequent|common|used|repeated) words?\b|\b(?:frecuencia de palabras"
    r"|word frequenc\w+)\b"
    r"|\b(?:tono|tone|mood|polaridad|polarity) (?:de|of|tiene|has|is)\b|\banalisis de texto\b"
    r"|\btext analysis\b|\btext_analysis\b"
    r"|\b(?:is|est[ae]n?) (?:this|it|esto|that|eso)?\s*(?:written |escrit[oa] )?(?:in"
    r"|en) (?:english|spanish|french|ingles|espanol|frances)\b"
)
_JUDGED = re.compile(
    r"\b(?:es|is|suena|sounds?|seems?|parece)\b.{0,60}\b(?:positiv[oae]|negativ[oae]|neutral|neutro)\b"
    r"|\b(?:emocion(?:es)?|emotions?|feelings?|tono|tone|mood|sarcasm\w*|transmite|conveys?)\b"
    r"|\b(?:positiv[oae]|negativ[oae])\b.{0,30}\b(?:es|is|suena|sounds?)\b"
)
_WEAK = re.compile(rf"\b{_ANALYSE}\b")
_ANALYSIS = re.compile(r"\b(?:anali[zc]\w*|analy[sz]\w*|analisis)\b")
_COLON = re.compile(r"(?<!https)(?<!http):(?!//)\s*|\n+")
_MARKERS = re.compile(
    rf"\b(?:(?:hay|tiene|tienen|contiene|have|has|are there|are|contain|contains) (?:en |in "
    rf"|there in )?(?:(?:la|el|the|esta?e?|this|that) )?(?:{_TEXT}\b)?"
    rf"|(?:este|esta|esto|el siguiente|la siguiente|el|la|this|the following|the|that"
    rf"|following|mi|my|un|una|a) (?:\w+ )?{_TEXT}(?: (?:siguiente|que dice|que viene"
    rf"|that says|es|is))?"
    rf"|(?:{_UNITS}|sentimiento|sentiment|idioma|language|tono|tone|mood|lectura|reading time"
    rf"|count|analisis|analysis) (?:de|del|en|of|in|for|is|esta|tiene|does) (?:escrito "
    rf"|written |written in )?(?:(?:the|el|la|este|esta|this) )?(?:{_TEXT}\b)?"
    rf"|(?:analiza|analizame|analice|analizar|analyze|analyse|examina|evalua"
    rf"|examine)(?: (?:por favor|please|me|for me))*(?: (?:este|esta|esto|this|el|la"
    rf"|the))?(?: (?:siguiente|following))?(?: {_TEXT})?"
    r"|(?:se tarda en leer|tardo en leer|tardaria en leer|(?:takes?|long) to read)(?: (?:this"
    r"|esto|este texto|the text))?|(?:positiv[oae]|negativ[oae]"
    r"|positive or negative))\b\s*[,.?]?\s*"
)
_NO_TEXT = re.compile(rf"^(?:(?:un|una|el|la|este|esta|mi|a|an|this|the|my|some|algun)\s+)?(?:{_TEXT})$")
_COUNTED = re.compile(rf"\b{_UNITS} (?:de|del|of|in|en)\W*$")
_POINTERS = frozenset("esto eso esta este it this that the la el lo mi my a un una".split())
_WORDS_LEFT = re.compile(r"\w+")


def claim(said: Utterance) -> tuple[int, Ask] | None:
    """The request whose text is everything behind a colon: where the colon's clause begins, and the request.

    It is looked for before the text is parted, since what is to be analysed may hold whole other requests.
    """
    for match in _COLON.finditer(said.plain):
        head = said.plain[: match.start()]
        clause = max(head.rfind(". "), head.rfind("? "), head.rfind("! "), head.rfind("; ")) + 1
        last = max(clause, *(each.start() for each in re.finditer(r"\b(?:y|and|luego|then)\b", head)), 0)
        begin = last if _asks(head[last:]) else clause
        if not _asks(head[begin:]):
            continue
        text = _unquoted(said.raw[match.end() :])
        if text and not (MATH_ONLY.fullmatch(text) and not _STRONG.search(head)):
            return begin, Ask("text_analysis", {"text": text})
    return None


def read(said: Utterance, *, forced: bool = False) -> list[Ask]:
    """The analysis that a piece of text wants; empty if none."""
    quoted = [each.text for each in quotations(said.raw) if _WORDS_LEFT.search(each.text)]
    strong = forced or _STRONG.search(said.plain)
    if quoted and (strong or _WEAK.search(said.plain) or _JUDGED.search(said.plain)):
        return [Ask("text_analysis", {"text": max(quoted, key=len)})]
    return [_with_open_text(said)] if strong else []


def read_weak(said: Utterance) -> list[Ask]:
    """«Analiza me encanta este sitio»: the verb and then the text, if nothing else understood the piece."""
    if not _ANALYSIS.search(said.plain):
        return []
    ask = _with_open_text(said)
    return [ask]


def _asks(plain: str) -> bool:
    return bool(_STRONG.search(plain) or _ANALYSIS.search(plain) or _JUDGED.search(plain)) or bool(
        re.search(rf"\b{_TEXT}\W*$", plain) and re.search(r"\b(?:analy|anali)", plain)
    )


def _unquoted(text: str) -> str:
    text = text.strip()
    found = quotations(text)
    if found and found[0].start == 0 and len(text) - found[0].end <= 40:
        return found[0].text
    return text


def _with_open_text(said: Utterance) -> Ask:
    """Takes what stands behind the request as the text; without any, the text is missing."""
    best = ""
    for match in _MARKERS.finditer(said.plain):
        text = said.raw[match.end() :].strip(" \t\n?¿!¡.,;:" + BLANK)
        plain = _NO_TEXT.sub(" ", utterance(text).plain)
        # «cuenta las letras de hola»: what stands there is the text, however small a word it is.
        beneath = _POINTERS if _COUNTED.search(match[0]) else FILLERS
        if any(word not in beneath for word in _WORDS_LEFT.findall(plain)) and not _STRONG.search(plain):
            best = said.raw[match.end() :].strip().strip("¿¡?:").strip()
            break
    return Ask("text_analysis", {"text": best}) if best else Ask("text_analysis", missing="text")
