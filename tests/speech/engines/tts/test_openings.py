from dataclasses import replace

from app.speech.base import AudioPiece, Speech, WordEnd
from app.speech.engines.tts.openings import COMMON, MAX_CHARS, PrefetchCache

SPEECH = Speech("Claro,", "es", is_first=True)


def pieces(size: int = 4, text: str = "Claro,") -> list[AudioPiece]:
    return [AudioPiece(b"\x01" * size, (WordEnd(3, 50.0),)), AudioPiece(b"", (WordEnd(len(text), 100.0),))]


def test_kept_opening_is_found_with_its_words():
    openings = PrefetchCache()
    openings.keep("ef_dora", SPEECH, pieces())

    assert openings.find("ef_dora", SPEECH) == AudioPiece(b"\x01" * 4, (WordEnd(3, 50.0), WordEnd(6, 100.0)))


def test_blank_behind_the_clause_is_counted_as_said():
    openings = PrefetchCache()
    openings.keep("ef_dora", SPEECH, pieces())

    found = openings.find("ef_dora", replace(SPEECH, text="Claro, "))
    assert found and found.words[-1] == WordEnd(7, 100.0)


def test_other_voice_speed_or_text_is_another_opening():
    openings = PrefetchCache()
    openings.keep("ef_dora", SPEECH, pieces())

    assert openings.find("em_alex", SPEECH) is None
    assert openings.find("ef_dora", replace(SPEECH, speed=1.5)) is None
    assert openings.find("ef_dora", replace(SPEECH, text="Claro.")) is None


def test_least_recently_used_leaves_when_the_bytes_are_full():
    openings = PrefetchCache(max_bytes=10)
    first, second, third = (replace(SPEECH, text=text) for text in ("uno", "dos", "tres"))
    openings.keep("v", first, pieces())
    openings.keep("v", second, pieces())
    openings.find("v", first)
    openings.keep("v", third, pieces())

    assert openings.find("v", second) is None
    assert openings.find("v", first) and openings.find("v", third)
    openings.keep("v", second, pieces(size=11))
    assert openings.find("v", second) is None and len(openings) == 2


def test_short_first_clause_that_recurs_is_worth_keeping():
    openings = PrefetchCache()

    assert not openings.recurs("v", SPEECH)
    assert openings.recurs("v", SPEECH)
    later = replace(SPEECH, is_first=False)
    long = replace(SPEECH, text="a" * (MAX_CHARS + 1))
    assert not any(openings.recurs("v", speech) for speech in (later, later, long, long))


def test_common_openings_are_short():
    assert all(len(text) <= MAX_CHARS for texts in COMMON.values() for text in texts)
    assert all(len(set(texts)) == len(texts) >= 12 for texts in COMMON.values())
