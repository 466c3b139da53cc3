from app.speech.reading import formula_words, lexicon, units
from app.speech.reading.lexicon import in_locale


def test_each_entry_has_both_languages():
    for one, many in lexicon.CURRENCIES.values():
        assert all(in_locale(pair, locale) for pair in (one, many) for locale in ("es", "en"))


def test_each_unit_has_both_languages_and_both_forms():
    for unit in units.UNITS.values():
        assert all((*unit.es, *unit.en))


def test_no_spanish_word_is_taken_for_a_unit():
    assert not {"a", "e", "y", "o", "u", "de", "en", "la", "lo", "el", "mi", "se", "d", "c"} & (
        set(units.UNITS) - units.ENGLISH_ONLY
    )


def test_each_sign_of_a_formula_has_both_languages():
    tables = (
        formula_words.COMMANDS,
        formula_words.FUNCTIONS,
        formula_words.LARGE_OPERATORS,
        formula_words.ACCENTS,
    )
    for table in tables:
        assert all(all(pair) for pair in table.values())


def test_alphabets_are_whole():
    assert len(lexicon.LETTERS["es"]) == 27
    assert len(lexicon.LETTERS["en"]) == 26


def test_exceptions_are_about_abbreviations_that_are_there():
    known = set(lexicon.ABBREVIATIONS["es"]) | set(lexicon.ABBREVIATIONS["en"])

    assert known >= lexicon.ENDS_SENTENCES
    assert known >= lexicon.ONLY_BEFORE_NUMBERS
    assert known >= lexicon.ONLY_BEHIND_NUMBERS
