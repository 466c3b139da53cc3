"""Counts what a text is made of: words, sentences, paragraphs."""

import re
import unicodedata
from collections import Counter
from functools import cache

_PARAGRAPH_END = re.compile(r"\n[^\S\n]*\n\s*")
# Behind a full stop a space must come, not behind the signs of Chinese and Japanese, which need none. A run
# of stops is tried from its first one only: a million of them must not take a million squared.
_SENTENCE_END = re.compile(
    r"(?<![.!?…])[.!?…]++[\"'”’»)\]]*+(?=\s)|[。！？]+[」』”’）]*|(?<![؟।۔])[؟।۔]++(?=\s)|\n+"
)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(«“\"¿¡])(?:sra?s?|srta|dra?s?|dña|prof|lic|ing|av|avda|núm|nº|pág|art|cap|vol|ej|aprox|tel|ee|uu"
    r"|mr|mrs|ms|jr|st|vs|fig|[ap]\.\s?m|e\.g|i\.e|p\.ej|[^\W\d_])\.$",
    re.IGNORECASE,
)
_LAST_WORD_CHARS = 12

# Chinese characters and kana are written without spaces; each counts as a word, as in word processors.
_UNSPACED = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"

# Closed classes only: articles, pronouns, prepositions, conjunctions, auxiliaries, and the commonest adverbs.
_STOP_WORDS = frozenset(
    """
    a al algo alguna algunas alguno algunos ante antes aquel aquella aquellas aquello aquellos aquí así aun
    aunque aún bajo bien cada casi como con contra cual cuales cualquier cuando cuanto cuál cuándo cuánto
    cómo de del desde donde dos durante dónde e el ella ellas ello ellos en entonces entre era eran eras
    eres es esa esas ese eso esos esta estaba estaban estamos estar estas este esto estos estoy está están
    estás ésta éste fue fueron fui gran ha haber había habían hace hacer hacia han has hasta hay haya he
    hemos hoy la las le les lo los luego me mi mis misma mismo mucha muchas mucho muchos muy más mí mío nada
    ni no nos nosotros nuestra nuestras nuestro nuestros nunca o os otra otras otro otros para pero poco por
    porque pues puede pueden puedo que quien quienes quién qué se sea sean ser si sido sin sobre sois solo
    somos son soy su sus suya suyo sí sólo tal también tampoco tan tanto te tenemos tener tengo ti tiene
    tienen tienes toda todas todavía todo todos tras tu tus tú u un una unas uno unos usted ustedes va vamos
    van vez vosotros voy vuestra vuestro y ya yo él about above after again against all also always am an
    and any are aren't as at be because been before being below between both but by can can't cannot could
    couldn't did didn't do does doesn't doing don't down during each either every few for from further get
    got had hadn't has hasn't have haven't having he he's her here hers herself him himself his how i i'd
    i'll i'm i've if in into is isn't it it's its itself just less let's many may me might more most much
    must my myself never nor not now of off often on once one only or other ought our ours ourselves out
    over own per quite rather really same shall she she's should shouldn't since so some such than that
    that's the their theirs them themselves then there there's these they they're this those though through
    to too under until up upon us very was wasn't we we're we've were weren't what when where whether which
    while who whom whose why will with within without won't would wouldn't yet you you'd you'll you're
    you've your yours yourself yourselves
    """.split()
)


@cache
def _word_pattern() -> re.Pattern[str]:
    # Vowel signs of Hindi or Thai and the points of Arabic and Hebrew belong to words, but not to \w.
    marks = "".join(
        chr(code) for code in range(0x300, 0xFE30) if unicodedata.category(chr(code)) in ("Mn", "Mc")
    )
    # Nothing that follows can fail, so that nothing is tried twice. Not by possessive groups: before 3.11.5
    # Python lets them match what they must not.
    letter = rf"[^\W_{_UNSPACED}]"
    part = rf"{letter}(?:{letter}+|[{marks}]+)*"
    return re.compile(rf"[{_UNSPACED}]|{part}(?:(?:['’·\-]|(?<=[0-9])[.,](?=[0-9])){part})*")


def words_of(text: str) -> list[str]:
    """The words and numbers of a text, as they stand there."""
    return _word_pattern().findall(text)


def sentences_of(text: str) -> list[str]:
    """Return the sentences of a text: its utterances that have a letter or a digit."""
    return [sentence for sentence in utterances_of(text) if any(map(str.isalnum, sentence))]


def utterances_of(text: str) -> list[str]:
    """Return the sentences of a text and what stands between them, such as a lone emoji.

    A line break ends one too; an abbreviation or a decimal point does not.
    """
    utterances: list[str] = []
    start = 0
    for match in _SENTENCE_END.finditer(text):
        last = text[max(start, match.end() - _LAST_WORD_CHARS) : match.end()]
        if match[0] == "." and _ABBREVIATION.search(last):
            continue
        utterances.append(text[start : match.end()])
        start = match.end()
    utterances.append(text[start:])
    return [stripped for utterance in utterances if (stripped := utterance.strip())]


def paragraphs_of(text: str) -> list[str]:
    """Return the parts of a text between blank lines."""
    return [part for part in _PARAGRAPH_END.split(text.strip()) if part.strip()]


def frequent_words(words: list[str], most: int) -> list[tuple[str, int]]:
    """Return the words that come most often, in lower case, and how often.

    Left out are numbers, single letters, and the Spanish and English words that every text has.
    """
    counts = Counter(word.casefold() for word in words)
    telling = Counter({word: count for word, count in counts.items() if _is_telling(word)})
    return telling.most_common(most)


def _is_telling(word: str) -> bool:
    is_long_enough = len(word) > 1 or not word.isascii()
    return is_long_enough and word.replace("’", "'") not in _STOP_WORDS and any(map(str.isalpha, word))
