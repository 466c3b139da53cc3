from app.speech.engines.tts.kokoro_symbols import MOST_SYMBOLS, NUMBERS, phrases_of, write


def text_of(numbers: list[int]) -> str:
    names = {number: symbol for symbol, number in NUMBERS.items()}
    return "".join(names[number] for number in numbers)


def test_symbols_have_the_models_numbers():
    assert len(NUMBERS) == len(set(NUMBERS.values())) == 114
    assert [NUMBERS[symbol] for symbol in " .aˈʧᵻ"] == [16, 4, 43, 156, 133, 177]


def test_phrases_end_at_pauses():
    phrases = phrases_of([("hola", ","), ("qué", ""), ("tal", "?"), ("bien", "")])

    assert [(phrase.words, phrase.pause) for phrase in phrases] == [
        (["hola"], ","),
        (["qué", "tal"], "?"),
        (["bien"], ""),
    ]


def test_tokens_end_where_their_words_do():
    phrases = phrases_of([("dos mil", ""), ("euros", "."), ("sí", "")])

    written = write(phrases, ["ðos mil eʊɾos", "si"])

    assert text_of(written.numbers) == "ðos mil eʊɾos. si"
    assert written.ends == [7, 13, 17]


def test_words_that_sound_as_one_share_it_by_their_letters():
    written = write(phrases_of([("of", ""), ("the", ""), ("day", "")]), ["ʌvðə dA"])

    assert len(written.ends) == 3
    assert written.ends == sorted(written.ends)
    assert written.ends[-1] == len(written.numbers)


def test_word_without_phonemes_ends_with_the_one_before():
    written = write(phrases_of([("hola", ","), ("мир", "")]), ["ola", ""])

    assert written.ends == [3, 4]


def test_what_the_model_cannot_take_at_once_is_left_for_later():
    tokens = [("palabra", "")] * 300

    written = write(phrases_of([*tokens]), [" ".join(["palabra"] * 300)])

    assert len(written.numbers) <= MOST_SYMBOLS
    assert 0 < len(written.ends) < 300


def test_endless_word_is_cut():
    written = write(phrases_of([("a", "")]), ["a" * 10_000])

    assert len(written.ends) == 1
