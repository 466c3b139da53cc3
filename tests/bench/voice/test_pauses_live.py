"""The measurement of pauses against a running server: what it counts, and a talk of its own world."""

from typing import Any

import pytest

from app.llm.base import ChatRequest
from bench.voice.pauses import Prompt
from bench.voice.pauses_live import Figures, count, say
from bench.voice.talks import Heard
from tests.e2e.test_speech import World
from tests.support.context import settings_with
from tests.support.ears import silence
from tests.support.scripted import Answer, ScriptedModel, last_text, says
from tests.support.server import running_server

LONG_PAUSE_MS = 4000
"""Ten times what ends a turn, so that its answer is heard on a busy machine too."""


def text(at: float) -> tuple[float, dict[str, Any]]:
    return at, {"type": "transcript", "final": True}


def answer(at: float, reason: str = "stop") -> tuple[float, dict[str, Any]]:
    return at, {"type": "response_complete", "finish_reason": reason}


@pytest.mark.parametrize(
    ("messages", "sounds", "texts", "heard", "cut", "sound_s"),
    [
        ([text(13.5), answer(15)], [14.0], 0, [], [], [1.0]),
        ([text(11.5), answer(11.9, "interrupted"), text(13.5), answer(15)], [14.2], 1, [], [], [1.2]),
        ([text(11.5), text(13.5), answer(15)], [11.8, 14.0], 1, ["p@1000"], [], [1.0]),
        ([text(11.5), answer(12.5), text(13.5), answer(15)], [11.8, 14.0], 1, ["p@1000"], ["p"], [1.0]),
    ],
    ids=["listened on", "joined", "broken off", "answered twice"],
)
def test_what_is_heard_of_a_pause_is_counted(
    messages: Any, sounds: list[float], texts: int, heard: list[str], cut: list[str], sound_s: list[float]
) -> None:
    figures = Figures()
    came = Heard(messages, [(at, 640) for at in sounds])

    count(came, Prompt("p", "es", b"", ((1000.0, 1000.0),), 3000.0), (10.0, 13.0), figures)

    assert (figures.recordings, figures.pauses, figures.texts) == (1, 1, texts)
    assert (figures.heard, figures.cut) == (heard, cut)
    assert figures.sounds_s == pytest.approx(sound_s)
    assert all(figures.lines())


async def test_pause_that_was_answered_is_seen_in_a_talk() -> None:
    def reply(request: ChatRequest) -> Answer:
        return says("Sí." if "tal" in last_text(request) else "Hola.")

    figures, world = Figures(), World()
    first, second = world.vocabulary.sound("hola."), world.vocabulary.sound("qué tal.")
    pcm = first + silence(LONG_PAUSE_MS) + second
    prompt = Prompt("p", "es", pcm, ((len(first) / 32, LONG_PAUSE_MS),), len(pcm) / 32)
    settings = settings_with(max_messages_per_s=1000, max_messages_burst=1000)
    model: Any = ScriptedModel(reply)
    async with running_server(settings, provider=model, tools=[], engines=world.engines) as server:
        await say(server.url, prompt, figures)

    assert (figures.cut, figures.silent) == (["p"], [])
    assert len(figures.heard) == 1
