"""What a tool says in one language is said again in the other."""

import pytest

from app.llm.demo.retelling import failure, in_language, time_sentence, unknown_place, weather_words
from app.tools.support.weather_codes import WEATHER_CODES


@pytest.mark.parametrize("words", WEATHER_CODES.values())
def test_every_description_of_the_weather_tool_is_known_in_both_languages(words: dict[str, str]):
    for spoken in words.values():
        assert weather_words(spoken, "es") == words["es"]
        assert weather_words(spoken, "en") == words["en"]


def test_a_description_that_is_not_known_is_never_told_in_the_wrong_language():
    assert weather_words("hace un calor de mil demonios", "en") == ""
    assert weather_words("hace un calor de mil demonios", "es") == "hace un calor de mil demonios"


def test_a_moment_is_told_from_its_fields_and_not_without_them():
    moment = {"date": "2026-01-05", "time": "01:30:00", "timezone": "Asia/Tokyo", "utc_offset": "+09:00"}

    assert (
        time_sentence(moment, "es") == "En Asia/Tokyo (UTC+09:00) es la 01:30 del lunes, 5 de enero de 2026."
    )
    assert time_sentence({"time": "01:30"}, "es") == ""


def test_a_sentence_is_kept_in_its_own_language_alone():
    own = ("nuestra", "ours")

    assert in_language("This is the answer.", "en", own) == "This is the answer."
    assert in_language("This is the answer.", "es", own) == "nuestra"


def test_a_tool_from_outside_keeps_its_words():
    assert failure("echo", "failed", "The server is not there.", "es") == "The server is not there."
    assert "servicio" in failure("get_public_ip", "failed", "The server is not there.", "es")
    assert failure("echo", "cancelled", "The call was cancelled by you.", "es") == ""


def test_an_unknown_place_is_named():
    assert "“Narnia”" in unknown_place({"timezone": "Narnia"}, "en")
