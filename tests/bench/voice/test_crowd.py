"""The measurement of talks side by side."""

import pytest

from app.speech.base import VoiceEngines
from bench.voice.crowd import TURNS, Crowd, longest_gap_s, measure_crowds
from tests.bench.voice.test_talks import One
from tests.e2e.test_speech import talking
from tests.support.scripted import says

A_SECOND = 48_000


@pytest.mark.parametrize(
    ("arrivals", "gap_s"),
    [
        ([], 0),
        ([(5.0, A_SECOND)], 0),
        ([(5.0, A_SECOND), (5.5, A_SECOND), (7.0, A_SECOND)], 0),
        ([(5.0, A_SECOND), (6.4, A_SECOND)], 0.4),
        ([(5.0, A_SECOND), (6.2, A_SECOND), (7.9, A_SECOND)], 0.7),
    ],
)
def test_gap_is_how_long_a_player_has_nothing(arrivals: list[tuple[float, int]], gap_s: float) -> None:
    assert longest_gap_s(arrivals) == pytest.approx(gap_s)


def test_silence_without_anything_to_say_is_no_gap() -> None:
    arrivals = [(5.0, A_SECOND), (8.5, A_SECOND)]

    assert longest_gap_s(arrivals, [4.5, 8.2]) == pytest.approx(0.3)
    assert longest_gap_s(arrivals, [4.5, 4.6]) == pytest.approx(2.5)


def test_a_crowd_without_answers_says_so() -> None:
    assert "first sound none" in Crowd(3).as_line()


async def test_each_talker_of_a_crowd_is_answered_each_time() -> None:
    assert VoiceEngines().answers_begun == {}
    script = [says("Sí.")] * (2 * TURNS)
    async with talking(*script, max_messages_per_s=1000, max_messages_burst=1000) as (server, world):
        corpus = [One("a", "hola.", world.vocabulary.sound("hola."))]
        [crowd] = await measure_crowds(server.url, corpus, [2])

    assert (crowd.talkers, crowd.answers, crowd.refused, crowd.unheard) == (2, 2 * TURNS, 0, 0)
    assert len(crowd.transcripts_s) == len(crowd.sounds_s) == 2 * TURNS
