"""Which voice a name means."""

import pytest

from app.speech.engines.tts import azure, kokoro
from app.speech.voices import find_voice, is_called, voice_called


@pytest.mark.parametrize(
    ("asked", "language", "meant"),
    [
        ("ef_dora", "es", "ef_dora"),
        ("Dora", "es", "ef_dora"),
        ("ALEX", "es", "em_alex"),
        ("ef-dora", "es", "ef_dora"),
        ("ef_dorra", "es", "ef_dora"),
        ("micheal", "en", "am_michael"),
        ("dora", "en", None),
        ("em_alex", "en", None),
        ("", "es", None),
        ("  ", "es", None),
        ("nobody", "es", None),
        ("x" * 100_000, "es", None),
    ],
)
def test_voice_is_found_by_its_name(asked: str, language: str, meant: str | None) -> None:
    assert find_voice(asked, kokoro.VOICES[language]) == meant  # type: ignore[index]


@pytest.mark.parametrize(
    ("asked", "meant"), [("nova", "nova"), ("Nova", "nova"), ("shimer", "shimmer"), ("ef_dora", None)]
)
def test_so_is_one_of_the_service(asked: str, meant: str | None) -> None:
    assert find_voice(asked, azure.VOICES) == meant


def test_people_have_a_name_for_each_and_no_two_have_the_same() -> None:
    for voices in (azure.VOICES, (*kokoro.VOICES["es"], *kokoro.VOICES["en"])):
        labels = [voice.label for voice in voices]
        assert len(set(labels)) == len(labels)
        assert all(label.isalpha() and label.istitle() for label in labels)


def test_a_slip_is_no_name() -> None:
    dora = voice_called("ef_dora", "es")

    assert is_called("dora", dora) and is_called("EF_Dora", dora)
    assert not is_called("dorra", dora) and not is_called("", dora)
