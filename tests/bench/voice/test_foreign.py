"""Each language says each of its sentences, in two voices that espeak-ng has."""

import pytest

from bench.voice.foreign import SENTENCES, VOICES, foreign
from tests.support.synthesis import need_espeak


async def test_each_sentence_is_said_by_both_voices_and_holds_no_words_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    need_espeak()
    monkeypatch.setattr(
        "bench.voice.foreign.SENTENCES", {"fr": SENTENCES["fr"][:2], "pt": SENTENCES["pt"][:1]}
    )

    said = await foreign()

    assert [one.id for one in said] == [
        *("fr/0", "fr-be+f3/0", "fr/1", "fr-be+f3/1"),
        *("pt/0", "pt-br+f2/0"),
    ]
    assert all(one.text == "" and len(one.pcm) > 16_000 for one in said)
    assert said[0].pcm != said[1].pcm


def test_all_languages_have_voices() -> None:
    assert set(VOICES) == set(SENTENCES)
