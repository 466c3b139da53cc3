import pytest

from app.voice.tts.kokoro_symbols import NUMBERS
from app.voice.tts.phonemes import phonemes_of
from tests.support.synthesis import need_espeak


@pytest.fixture(autouse=True)
def _espeak() -> None:
    need_espeak()


def test_spanish_and_english_words_in_the_models_symbols():
    assert phonemes_of(["hola", "chico", "la tarde"], "es") == ["ˈola", "ʧˈiko", "la tˈaɾðe"]
    assert phonemes_of(["judge", "my house", "go now"], "en") == ["ʤˈʌʤ", "mI hˈWs", "ɡˌO nˈW"]


def test_all_symbols_are_known_to_the_model():
    spanish = "el jefe llevó veinte cañas y un whisky a la ciudad de México rápido"
    english = "the better little bird heard a measure of pleasure in the church with joy and fire"

    for phonemes in [*phonemes_of([spanish], "es"), *phonemes_of([english], "en")]:
        assert set(phonemes) <= set(NUMBERS)


def test_each_phrase_has_its_own_phonemes_however_long():
    phrases = ["sí", "palabra " * 150, "no"]

    first, long, last = phonemes_of(phrases, "es")

    assert (first, last) == ("sˈi", "nˈo")
    assert len(long.split()) == 150


def test_word_of_another_language_shows_no_sign_of_the_switch():
    [phonemes] = phonemes_of(["la palabra мир"], "es")

    assert "(" not in phonemes and ")" not in phonemes


def test_nothing_has_no_phonemes():
    assert phonemes_of([], "es") == []
