"""Long speech is cut where it is quiet."""

import numpy as np
import pytest

from app.speech.engines.stt.windows import LONGEST_S, is_noisy, speech_s, windows_of
from app.speech.pcm import Samples
from tests.support.sounds import quiet, white


def test_short_speech_is_one_window():
    sound = white(LONGEST_S)

    assert [piece.size for piece in windows_of(sound)] == [sound.size]
    assert [piece.size for piece in windows_of(sound[:0])] == [0]


def test_long_speech_is_cut_in_its_pauses():
    sound = np.concatenate([white(20), quiet(0.5), white(20), quiet(0.5), white(19)])

    pieces = windows_of(sound)

    assert [round(piece.size / 16_000, 1) for piece in pieces] == pytest.approx([20.3, 20.5, 19.2], abs=0.25)


@pytest.mark.parametrize("sound", [white(100), quiet(61), white(28.01), quiet(28.2)], ids=str)
def test_windows_are_short_enough_and_joined_they_are_the_whole(sound: Samples):
    pieces = windows_of(sound)

    assert all(0 < piece.size <= LONGEST_S * 16_000 for piece in pieces)
    assert np.array_equal(np.concatenate(pieces), sound)


def test_length_of_speech_is_from_the_first_loud_moment_to_the_last():
    sound = np.concatenate([quiet(1), white(0.5), quiet(0.3), white(0.2), quiet(2)])

    assert speech_s(sound) == pytest.approx(1.0, abs=0.05)
    assert speech_s(quiet(1)) == 0
    assert speech_s(quiet(0)) == 0


def test_noise_between_the_words_is_seen_and_silence_is_none():
    words = np.concatenate([white(1), 0.4 * white(1)]).astype(np.float32)

    assert is_noisy(words)
    assert not is_noisy(np.concatenate([white(1), 0.02 * white(1)]).astype(np.float32))
    assert not is_noisy(np.zeros(16_000, np.float32))
    # What is put between two utterances is no noise, and hides none.
    assert is_noisy(np.concatenate([words, np.zeros(64_000, np.float32)]))
