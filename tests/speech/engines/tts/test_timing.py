from app.speech.base import WordEnd
from app.speech.engines.tts.timing import nothing_said, proportional, weights_of
from app.speech.reading import read_aloud


def test_words_end_in_order_and_the_last_with_the_sound():
    tokens = read_aloud("Son las 10:30, sí.", "es")

    ends = proportional(tokens, 2000)
    assert [end.chars for end in ends] == [3, 7, 13, 18]
    assert [end.ms for end in ends] == sorted(end.ms for end in ends)
    assert ends[-1].ms == 2000


def test_long_word_takes_longer_and_a_pause_takes_time():
    short, long = weights_of(read_aloud("a extraordinariamente", "es"))
    with_pause = weights_of(read_aloud("a, extraordinariamente", "es"))

    assert short < 0.1 and long == 1
    assert with_pause[0] < short


def test_text_without_sound_has_its_end_at_once():
    assert nothing_said("😀😀") == (WordEnd(2, 0.0),)
