"""The measurement of pauses against a running server, in a world where words are levels of sound."""

from collections.abc import Callable

import pytest

from app.llm.base import ChatRequest
from bench.voice.pauses import Prompt
from bench.voice.pauses_live import Figures, say
from tests.e2e.test_speech import World
from tests.support.context import settings_with
from tests.support.ears import silence
from tests.support.scripted import Answer, ScriptedModel, last_text, says
from tests.support.server import running_server


def said(sound: Callable[[str], bytes], pause_ms: int) -> Prompt:
    """Two halves with a pause between them."""
    first, second = sound("hola."), sound("qué tal.")
    begin_ms = len(first) / 32
    pcm = first + silence(pause_ms) + second
    return Prompt("hola", "es", pcm, ((begin_ms, pause_ms),), len(pcm) / 32)


@pytest.mark.parametrize(("pause_ms", "texts", "cut"), [(200, 0, []), (1500, 1, ["hola"])])
async def test_pause_that_is_answered_is_counted(pause_ms: int, texts: int, cut: list[str]) -> None:
    def answer(request: ChatRequest) -> Answer:
        return says("Sí." if "tal" in last_text(request) else "Hola.")

    figures, world = Figures(), World()
    settings = settings_with(max_messages_per_s=1000, max_messages_burst=1000)
    model = ScriptedModel(answer)
    async with running_server(settings, provider=model, tools=[], engines=world.engines) as server:
        await say(server.url, said(world.vocabulary.sound, pause_ms), figures)

    assert (figures.recordings, figures.pauses, figures.texts) == (1, 1, texts)
    assert figures.cut == cut
    assert len(figures.heard) == len(cut)
    assert figures.silent == []
    assert len(figures.sounds_s) == 1
    assert all(figures.lines())
