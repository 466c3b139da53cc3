import threading
from collections.abc import AsyncIterator

import pytest

from app.speech.detection.end_of_turn import EndOfTurn, Verdict
from app.speech.detection.smart_turn import SmartTurn
from tests.support.models import MODELS_DIR, model
from tests.support.recordings import recording, silence


class Ear:
    """Says what the test wants, and remembers who asked."""

    def __init__(self, likelihood: float) -> None:
        self.likelihood = likelihood
        self.threads: list[str] = []

    def finished(self, pcm: bytes) -> float:
        self.threads.append(threading.current_thread().name)
        return self.likelihood


async def judged(audio_input: Ear, text: str) -> Verdict:
    judge = EndOfTurn(audio_input)
    try:
        return await judge.judge(b"", text, "es")
    finally:
        await judge.aclose()


@pytest.mark.parametrize(
    ("acoustic", "text", "complete"),
    [
        (0.9, "Dime qué hora es", True),
        (0.9, "Me gustaría que me dijeras", False),
        (0.2, "Dime qué hora es", False),
        (0.2, "Me gustaría que me dijeras", False),
    ],
)
async def test_turn_is_complete_only_where_sound_and_words_agree(
    acoustic: float, text: str, complete: bool
) -> None:
    assert (await judged(Ear(acoustic), text)).complete is complete


async def test_sound_is_judged_beside_the_event_loop() -> None:
    audio_input = Ear(0.9)

    await judged(audio_input, "Dime qué hora es")

    assert [name.startswith("end-of-turn") for name in audio_input.threads] == [True]


async def test_sound_of_unfinished_words_is_not_judged() -> None:
    audio_input = Ear(0.9)

    assert await judged(audio_input, "Me gustaría que") == Verdict(0.0, text_complete=False)
    assert audio_input.threads == []


@pytest.fixture
async def judge() -> AsyncIterator[EndOfTurn]:
    model("smart-turn-v3.2-cpu.onnx")
    judge = EndOfTurn(SmartTurn(MODELS_DIR))
    yield judge
    await judge.aclose()


@pytest.mark.parametrize(
    ("name", "text", "language"),
    [
        ("es_calcula", "Hola, ¿puedes calcular dos más dos?", "es"),
        ("es_hora", "Dime qué hora es, por favor.", "es"),
        ("es_barcelona", "¿Cómo está el tiempo en Barcelona?", "es"),
        ("es_espera", "Espera, mejor dime otra cosa.", "es"),
        ("en_time", "What time is it in Tokyo?", "en"),
        ("en_stop", "Wait, stop there for a second.", "en"),
    ],
)
async def test_recorded_sentences_are_complete(judge: EndOfTurn, name: str, text: str, language) -> None:
    assert (await judge.judge(recording(name) + silence(0.2), text, language)).complete


async def test_pause_inside_a_sentence_is_not_its_end_although_it_sounds_so(judge: EndOfTurn) -> None:
    until_the_pause = recording("es_pausa")[: int(2.2 * 16_000) * 2]

    verdict = await judge.judge(until_the_pause, "Me gustaría que me dijeras", "es")

    assert not verdict.complete
    assert await judge.listen(until_the_pause) > 0.5


def test_words_are_judged_without_the_sound():
    judge = EndOfTurn(Ear(0.0))

    assert judge.may_be_all("¿Qué hora es?", "es")
    assert not judge.may_be_all("quiero que", "es")


async def test_sound_that_is_not_judged_in_time_counts_as_unfinished() -> None:
    """A model that hangs must not keep a talk from being answered."""
    release = threading.Event()

    class Stuck:
        def finished(self, pcm: bytes) -> float:
            release.wait(30)
            return 1.0

    judge = EndOfTurn(Stuck(), limit_s=0.05)
    try:
        assert await judge.listen(b"") == 0.0
        assert await judge.listen(b"") == 0.0
    finally:
        release.set()
        await judge.aclose()
