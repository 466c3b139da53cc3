"""Calls by a simulator of Twilio's streams that we did not write: scenarios, over good and bad networks."""

import json
import wave
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.clients.test_stock_clients import ENVIRONMENTS, HERE, environment_of, told_by
from tests.phone.test_calls import LONG, CallableServer, callable_server
from tests.phone.twilio import CALL, Stream, rings
from tests.support.ears import Vocabulary, silence

pytestmark = [pytest.mark.alone, pytest.mark.timeout(120)]

WORDS = {"hello.wav": "hola.", "stop.wav": "espera un momento por favor."}

BAD = {"loss": 0.05, "jitter_ms": 35}
"""On a train: the network loses frames, and brings others when it likes. No later than that: the simulator
sends each frame so much after the one before, which makes the call run slowly, not late."""


@dataclass(frozen=True)
class Case:
    """A call.

    Attributes:
        steps: In the simulator's own words.
        asked: What the model is asked, in order.
        clears: Whether the voice is silenced.
    """

    name: str
    steps: str
    answers: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    clears: bool = False
    speaks: bool = True
    settings: dict[str, Any] = field(default_factory=dict[str, Any])


CASES = [
    Case(
        "greeting",
        "[{wait_for: audio}, {wait_for: mark}, {wait_for: quiet}, {expect: no_violations}]",
        settings={"phone_greeting": "on"},
    ),
    Case(
        "question",
        "[{wait: 0.3}, {say: hello.wav}, {wait_for: audio}, {wait_for: quiet}, {expect: mark}]",
        ("Sí, claro.",),
        ("hola.",),
    ),
    Case(
        "interruption",
        "[{say: hello.wav}, {wait_for: audio}, {wait: 1.2}, {say: stop.wav}, {expect: clear}, {wait: 2}]",
        (LONG, "Dime."),
        ("hola.", "espera un momento por favor."),
        clears=True,
    ),
    Case(
        "keys",
        "[{dtmf: '1234#'}, {wait_for: audio}, {wait_for: quiet}, {expect: audio}]",
        ("Gracias.",),
        ("Pulso en el teclado: 1 2 3 4",),
    ),
    Case("nobody speaks", "[{wait: 2}, {expect: silence}, {expect: no mark}]", speaks=False),
    Case(
        "call drops in an answer",
        "[{say: hello.wav}, {wait_for: audio}, {wait: 0.7}, hangup]",
        (LONG,),
        ("hola.",),
    ),
    Case("call drops at once", "[{wait: 0.1}, hangup]", speaks=False),
]


def write_wav(path: Path, pcm16k: bytes) -> None:
    """A WAV of the caller's, at the telephone's rate."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(b"".join(pcm16k[at : at + 2] for at in range(0, len(pcm16k), 4)))


async def reported(there: CallableServer, case: Case, folder: Path, chaos: dict[str, float]) -> Any:
    """Has a call placed; what the simulator says of it."""
    environment_of("phone")
    for name, text in WORDS.items():
        write_wav(folder / name, sound_of(there.vocabulary, text))
    scenario = folder / "scenario.yaml"
    scenario.write_text(f"name: {case.name}\nsteps: {case.steps}\n")
    stream = Stream.of((await rings(there.server)).text)
    given = json.dumps({"parameters": stream.parameters, "call": CALL, "chaos": chaos})
    python = str(ENVIRONMENTS / "phone/bin/python")
    return await told_by(python, str(HERE / "streamdouble_call.py"), stream.url, str(scenario), given)


def sound_of(vocabulary: Vocabulary, text: str) -> bytes:
    return vocabulary.sound(text) + silence(1200)


@pytest.mark.parametrize("chaos", [{}, BAD], ids=["good", "bad"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "_"))
async def test_call_of_the_simulator_goes_well(case: Case, chaos: dict[str, float], tmp_path: Path):
    async with callable_server(*case.answers, **case.settings) as there:
        report = await reported(there, case, tmp_path, chaos)
        await there.server.is_empty()

    assert report["violations"] == []
    assert [each for each in report["expectations"] if not each["passed"]] == []
    assert (report["sound_bytes"] > 0) == case.speaks
    texts = [request.messages[-1]["content"] for request in there.model.requests]
    assert [text.startswith(asked) for text, asked in zip(texts, case.asked, strict=True)] == [True] * len(
        texts
    )
    assert ("clear_received" in report["kinds"]) == case.clears
