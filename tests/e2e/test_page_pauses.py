"""Somebody who thinks in the middle of a sentence, in front of the page: real Chromium, server and models."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from tests.e2e.test_page_voice import is_ready, played_wav
from tests.support.browser import ServerProcess, launched, visiting
from tests.support.models import MODELS_DIR, model
from tests.support.page_sound import FAKE_DEVICES, Loudspeaker, with_loudspeaker
from tests.support.recordings import recording

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(240),
]

ANOTHER_ANSWER_S = 3
"""A second answer would have begun by then: the longest silence that ends a turn, and as much again."""


async def test_sentence_with_a_pause_is_one_text_and_has_one_answer(tmp_path: Path) -> None:
    for name in ("whisper-base", "kokoro-v1.0.int8.onnx", "silero_vad.onnx", "smart-turn-v3.2-cpu.onnx"):
        model(name)
    question = played_wav(tmp_path / "question.wav", recording("es_pausa"))
    server = ServerProcess(VOICE="true", MODELS_DIR=str(MODELS_DIR), TTS_PROVIDER="espeak")
    server.start()
    speakers: list[Loudspeaker] = []

    async def prepare(page: Any) -> None:
        speakers.append(await with_loudspeaker(page))

    try:
        capture = f"--use-file-for-fake-audio-capture={question}%noloop"
        async with (
            launched(*FAKE_DEVICES, capture) as browser,
            visiting(browser, server.url, prepare=prepare) as visitor,
        ):
            button = visitor.page.locator("[data-part=mic]")
            await is_ready(button)
            await button.click()
            await expect(visitor.answers).to_contain_text("56", timeout=40_000)
            await speakers[0].until(lambda samples, rate_hz: len(samples) > 0 and bool(samples.any()))
            await asyncio.sleep(ANOTHER_ANSWER_S)  # that nothing comes has no event

            await expect(visitor.texts).to_have_count(1)
            await expect(visitor.texts).to_contain_text("siete")
            await expect(visitor.texts).to_contain_text("ocho")
            await expect(visitor.answers).to_have_count(1)
    finally:
        server.kill()
