"""What a reading is worth: whether somebody said it, in one of our languages, or whether to look again.

The bounds were found on sounds that nobody said (`bench/voice/unspoken.py`, music, prompts in other
languages) beside the short words and the prompts of two people; see docs/voice.md.
"""

from typing import Final

from app.speech.detection.barge_in_words import ASSENTS, STOPS
from app.speech.engines.stt.checks import (
    is_interjection,
    is_made_up,
    is_out_of_prompt,
    plain,
    without_asides,
)
from app.speech.engines.stt.loops import has_loop, may_be_loop
from app.speech.engines.stt.whisper import Asked, Reading

SHORT_SPEECH_S: Final = 1.0
"""Under it the language cannot be told for sure, and the talk's own is kept."""

_DOUBTFUL: Final = 0.5
"""Confidence under which a reading is not taken as it is; speech that is well understood has 0.7 and more."""
_VERY_DOUBTFUL: Final = 0.4
_HARDLY_ONE: Final = 0.5
"""The same as `_NEITHER_LANGUAGE`, for a reading with less confidence than `_VERY_DOUBTFUL`."""
_NO_SPEECH: Final = 0.5
_NO_LANGUAGE_AT_ALL: Final = 0.1
_NEITHER_LANGUAGE: Final = 0.35
"""Likelihood of our languages together, under which nobody spoke in one of them."""
_FOREIGN: Final = 0.02
"""The same for speech in another language, however well it reads: the model translates it. Of 42 prompts by
people in French, Italian and Russian all were under 0.012, of 110 in ours none that was long enough."""
_SURE_IN_NOISE: Final = 0.6
_RIVAL: Final = 0.5
"""From here on another language is sure; in noise ours may be unlikely, and no other one be likely."""
_LIKELIER_RIVAL: Final = 5.0
"""So many times as likely as ours another language makes a sentence foreign that is not read well. Of 55
sentences in ten other languages two came through before, with 6 and 10; prompts by people in ours that have
as much are read with a confidence of 0.8, or are shorter than a second."""
_LIKELY_RIVAL: Final = 0.3
_READ_WELL: Final = 0.7
_SURE_OF_ECHO: Final = 0.65
"""Confidence under which a sentence of the likely words may be nothing but them."""
_ECHO_WORDS: Final = 3
"""Words of such a sentence; shorter ones are what people do say: "sí", "espera, para"."""
_EVIDENCE: Final = 0.33
"""How much surer of its words than of silence the model has to be. Coughs, hums, barks and music that passed
for a voice reached 0.32 (of 90 such sounds), short words said by people began at 0.31 (of 90)."""
_SHORT_SENTENCE: Final = 3
"""Words up to which evidence is asked: over noise and in long speech with pauses the model is never sure that
somebody spoke, however well it reads; what it writes for sounds is no longer."""
_SURE_OF_SENTENCE: Final = 0.42
"""Confidence that a longer sentence needs: with less, most of its words are others."""
_CLEAR_EVIDENCE: Final = 0.55
"""The same, from which on a word or two are believed without asking whether they are heard unaided."""
_NO_EVIDENCE: Final = 0.0
"""The same, under which a second look is not worth its second."""
_EVIDENCE_UNAIDED: Final = 0.15
"""The same for a few words heard without the likely words; short words that everybody says need none. Of 47
sounds in which nobody spoke none had more than 0, but for sounds of a throat."""
_EVIDENCE_ALONE: Final = 0.2
"""The same where nothing else speaks for the words: hardly surer than silence, or in neither language. Of 83
single words said by people one had less, and was read wrong."""
_WORDS_PER_S: Final = 5.0
"""Nobody speaks faster: right readings reach 3.8."""
_FEW_WORDS: Final = 2
"""Up to so many words the pace of speech cannot be told."""


def is_doubtful(reading: Reading, seconds: float) -> bool:
    """Return whether so many seconds of speech are worth a second look, with the full window."""
    is_lost = reading.is_cut or has_loop(reading.text) or may_be_loop(reading.text)
    return is_lost or is_too_fast(reading, seconds) or reading.confidence < _DOUBTFUL


def is_too_fast(reading: Reading, seconds: float) -> bool:
    """Return whether there are more words than anybody says in that time."""
    words = len(plain(reading.text).split())
    return words > _FEW_WORDS and words > _WORDS_PER_S * seconds


def is_foreign(reading: Reading, seconds: float, *, is_noisy: bool = False) -> bool:
    """Return whether somebody speaks another language than ours, for long enough to tell.

    Noise makes any language unlikely: there a reading that is sure of its words is believed all the same, and
    a short one is asked for again.
    """
    is_ours = sum(reading.likelihoods.values()) >= _FOREIGN
    if is_noisy and (reading.confidence >= _SURE_IN_NOISE or is_short(reading)):
        return False
    if seconds < SHORT_SPEECH_S:
        return False
    return (not is_noisy and is_rivalled(reading)) or (not is_ours and reading.rival >= _RIVAL)


def is_rivalled(reading: Reading) -> bool:
    """Return whether a sentence that is not read well is far likelier in another language than in ours."""
    needed = max(_LIKELY_RIVAL, _LIKELIER_RIVAL * sum(reading.likelihoods.values()))
    is_word = len({*plain(reading.text).split()}) < _FEW_WORDS
    return not is_word and reading.confidence < _READ_WELL and reading.rival >= needed


def is_unsure_echo(reading: Reading, asked: Asked) -> bool:
    """Return whether the model may only repeat a sentence of the likely words."""
    if reading.confidence >= _SURE_OF_ECHO or len(plain(reading.text).split()) < _ECHO_WORDS:
        return False
    return is_out_of_prompt(reading.text, asked.prompts.get(reading.language, ""))


def is_believed(reading: Reading, share: float = 1.0, *, is_expected: bool = False) -> bool:
    """Return whether the last reading of a sound is what somebody said.

    Args:
        reading: What is left of it without repeats and asides.
        share: Of the evidence that is asked of others.
        is_expected: Some of the likely words are known to come; a sound of a throat is one of them.
    """
    # "Okay" for a row of coughs is as sure as 0.7 of its word, and as 0.3 that nobody spoke.
    if is_made_up(reading.text, evidence(reading)):
        return False
    if not is_expected and (is_interjection(reading.text) or is_of_neither_language(reading)):
        return False
    if not is_short(reading):
        return reading.confidence >= _SURE_OF_SENTENCE * share
    return evidence(reading) >= _EVIDENCE * share


def may_be_word(reading: Reading) -> bool:
    """Whether few words that are not believed as they are deserve a reading without the likely ones."""
    is_nothing = is_interjection(reading.text) or is_made_up(reading.text, evidence(reading))
    return is_short(reading) and not is_nothing and not is_worthless(reading)


def is_short(reading: Reading) -> bool:
    """Whether the words are so few that the model also writes them for sounds, such as a row of coughs.

    A word that comes again is no other one.
    """
    return len({*plain(reading.text).split()}) <= _SHORT_SENTENCE


def is_worthless(reading: Reading) -> bool:
    """Return whether the model is as sure that nobody spoke as it is of the words."""
    return evidence(reading) < _NO_EVIDENCE


def is_heard_unaided(reading: Reading, unaided: Reading, *, is_alone: bool = False) -> bool:
    """Return whether a few words are believed, after a reading without the likely words.

    Args:
        reading: With them.
        unaided: Without.
        is_alone: Nothing else speaks for them.
    """
    if is_alone:
        # Speech that is turned round reads each time as other words.
        is_other = is_of_neither_language(reading) and plain(reading.text) != plain(unaided.text)
        return evidence(unaided) >= _EVIDENCE_ALONE and not is_other and not is_interjection(unaided.text)
    is_usual = plain(reading.text) in ASSENTS["both"] | STOPS["both"]
    return evidence(unaided) >= (_NO_EVIDENCE if is_usual else _EVIDENCE_UNAIDED)


def is_clear(reading: Reading) -> bool:
    """Return whether a reading of a few words needs no other one beside it; longer ones never do."""
    return evidence(reading) >= _CLEAR_EVIDENCE or not is_short(reading)


def evidence(reading: Reading) -> float:
    """Return how much surer of its words than of silence the model is, -1 to 1."""
    return reading.confidence - reading.no_speech


def is_prompted(reading: Reading, asked: Asked) -> bool:
    """Whether the model repeats the likely words over sound that is no speech of ours, however sure it is."""
    is_echo = is_out_of_prompt(reading.text, asked.prompts.get(reading.language, ""))
    return is_echo and sum(reading.likelihoods.values()) < _NO_LANGUAGE_AT_ALL


def is_wordless(reading: Reading, *, is_expected: bool = False) -> bool:
    """Return whether the model wrote words though nobody spoke."""
    if is_made_up(without_asides(reading.text), reading.confidence):
        return True
    if reading.confidence >= _DOUBTFUL:
        return False
    if is_worthless(reading):
        return True
    is_foreign_sound = not is_expected and not is_short(reading) and is_of_neither_language(reading)
    return reading.no_speech > _NO_SPEECH or is_foreign_sound


def is_of_neither_language(reading: Reading) -> bool:
    """Return whether words that are hardly believed are in sound that is hardly one of our languages."""
    needed = _HARDLY_ONE if reading.confidence < _VERY_DOUBTFUL else _NEITHER_LANGUAGE
    return reading.confidence < _DOUBTFUL and sum(reading.likelihoods.values()) < needed
