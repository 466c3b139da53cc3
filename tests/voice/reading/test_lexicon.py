from app.voice.reading import lexicon
from app.voice.reading.lexicon import in_locale


def test_each_entry_has_both_languages():
    for one, many in [*lexicon.UNITS.values(), *lexicon.CURRENCIES.values()]:
        assert all(in_locale(pair, locale) for pair in (one, many) for locale in ("es", "en"))


def test_alphabets_are_whole():
    assert len(lexicon.LETTERS["es"]) == 27
    assert len(lexicon.LETTERS["en"]) == 26


def test_exceptions_are_about_abbreviations_that_are_there():
    known = set(lexicon.ABBREVIATIONS["es"]) | set(lexicon.ABBREVIATIONS["en"])

    assert known >= lexicon.ENDS_SENTENCES
    assert known >= lexicon.ONLY_BEFORE_NUMBERS
