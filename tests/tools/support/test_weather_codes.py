"""Weather codes in words."""

from app.tools.support.weather_codes import WEATHER_CODES, describe_weather


def test_every_code_has_words_of_its_own_in_both_languages():
    for locale in ("es", "en"):
        words = [describe_weather(code, locale) for code in WEATHER_CODES]
        assert all(words)
        assert len(words) == len(set(words))


def test_an_unknown_code_is_described_neutrally():
    assert describe_weather(4711, "es") == "tiempo sin describir"
