"""The prompts of people: their scripts, and what is done to their sound."""

import json
from pathlib import Path

import numpy as np
import pytest

from app.speech.pcm import to_floats
from bench.voice.people import SCRIPTS, NoPeople, changed, fetch, fetch_scripts, scripts_of
from bench.voice.word_errors import word_errors, words_of
from tests.support.clips import recording

PROMPTS = json.loads(SCRIPTS.read_text(encoding="utf-8"))["prompts"]


def test_each_language_has_its_prompts_once():
    names = [(one["language"], one["id"]) for one in PROMPTS]

    assert len(names) == len(set(names)) == 160
    assert {language for language, _ in names} == {"es", "en"}


@pytest.mark.parametrize("one", [one for one in PROMPTS if "said" in one], ids=lambda one: one["id"])
def test_correction_is_of_a_few_words(one: dict[str, str]):
    errors = word_errors(one["script"], one["said"], "es" if one["language"] == "es" else "en")

    assert 0 < errors.count <= 9


def test_spelling_is_no_error():
    assert words_of("I'm, the black list: log in", "en") == words_of("I am the blacklist. Login!", "en")


def test_telephone_has_no_sound_over_four_kilohertz():
    pcm = recording("es_hora").pcm
    spectrum = np.abs(np.fft.rfft(to_floats(changed(pcm, "telephone"))))
    hertz = np.fft.rfftfreq(len(pcm) // 2, 1 / 16_000)[: spectrum.size]

    assert spectrum[hertz > 4_500].max() < 0.01 * spectrum.max()
    assert np.corrcoef(to_floats(pcm), to_floats(changed(pcm, "telephone"))[: len(pcm) // 2])[0, 1] > 0.95


def test_noise_is_ten_decibels_below_the_speech():
    pcm = recording("es_hora").pcm
    clean, noisy = to_floats(pcm), to_floats(changed(pcm, "10 dB"))
    speech = clean[np.abs(clean) > 0.1 * np.abs(clean).max()]

    ratio = 10 * np.log10(np.mean(speech**2) / np.mean((noisy - clean) ** 2))

    assert abs(ratio - 10) < 0.3
    assert changed(pcm, "clean") == pcm


def test_place_without_apt_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(NoPeople, match="asterisk-core-sounds-es-g722"):
        fetch(tmp_path / "people")
    with pytest.raises(NoPeople, match="asterisk-core-sounds-en"):
        fetch_scripts(tmp_path / "people", "en")


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_scripts_are_read_in_either_encoding(encoding: str):
    listing = "; prompts\nactivated : Activada: sí.\n\nno script here\nagent-pass: Contraseña\n"

    assert scripts_of(listing.encode(encoding)) == {
        "activated": "Activada: sí.",
        "agent-pass": "Contraseña",
    }
