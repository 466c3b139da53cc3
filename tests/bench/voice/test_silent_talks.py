"""The measurement of talks without words, against a server in a world where words are levels of sound."""

import pytest

import bench.voice.silent_talks as silent_talks
from bench.voice.silent_talks import Sound, as_streams, as_v1_clips, as_v2_clips, wav
from tests.e2e.test_speech import talking
from tests.support.ears import silence
from tests.support.scripted import says


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this world a recording is its bare sound, and words end soon."""
    monkeypatch.setattr(silent_talks, "wav", lambda pcm: pcm)
    monkeypatch.setattr(silent_talks, "SILENCE_S", 2.0)


async def test_what_is_no_word_is_right_and_what_is_taken_for_one_is_wrong() -> None:
    script = [says("Dime.")] * 3
    async with talking(*script, max_messages_per_s=1000, max_messages_burst=1000) as (server, world):
        word = world.vocabulary.sound("para") + silence(500)
        sounds = [Sound("hiss 1", silence(400), is_voice=True), Sound("tune 2", word, is_voice=True)]
        ways = [
            await as_v1_clips(server.url, sounds),
            await as_v2_clips(server.url, "es", sounds),
            await as_streams(server.url, "es", sounds),
        ]

    assert [(way.sounds, len(way.wrong)) for way in ways] == [(2, 1)] * 3
    assert [way.said["nothing_heard"] for way in ways] == [1, 1, 0]
    assert all(way.wrong[0].startswith("tune 2: ") and way.said["response_complete"] == 1 for way in ways)


async def test_stream_is_for_sounds_that_pass_for_a_voice() -> None:
    async with talking() as (server, _):
        outcome = await as_streams(server.url, "es", [Sound("hiss 1", silence(100), is_voice=False)])

    assert outcome.sounds == 0


def test_recording_is_a_wav_of_that_sound() -> None:
    made = wav(bytes(320))

    assert (made[:4], made[8:16], made[36:40], made[44:]) == (b"RIFF", b"WAVEfmt ", b"data", bytes(320))
