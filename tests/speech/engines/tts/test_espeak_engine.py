"""The process that holds espeak-ng: asked by many, hung, killed, and without its library."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.errors import VoiceBusy, WorkerFailed
from app.speech.engines.tts import espeak_engine
from app.speech.engines.tts.espeak_engine import EspeakEngine, library_or_refusal, load_engine, running
from app.speech.engines.tts.espeak_library import EspeakLibrary
from tests.support.context import settings_with
from tests.support.synthesis import need_espeak

ROOT = Path(__file__).parents[4]
NOWHERE = EspeakLibrary("/nowhere/libespeak-ng.so")
STANDIN = "tests.support.espeak_worker"
PATIENCE_S = 20


async def test_many_callers_get_each_their_own_answer():
    need_espeak()
    words = [f"{first}{second}" for first in "bcdfglmnprst" for second in ("a", "e", "i", "o")]
    async with running(library_or_refusal()) as engine:
        one_by_one = [(await engine.phonemes([word], "es"))[0] for word in words]
        sounds = [asyncio.create_task(engine.sound(word, "en", 150, owner=word)) for word in words]
        together = await asyncio.gather(*(engine.phonemes([word], "es", word) for word in words))
        lengths = [len(pcm) for pcm, _ in await asyncio.gather(*sounds)]

    assert [phonemes for [phonemes] in together] == one_by_one
    assert len(set(one_by_one)) == len(words)
    assert min(lengths) > 2000


async def test_process_that_was_killed_is_replaced():
    need_espeak()
    async with running(library_or_refusal()) as engine:
        [pid] = engine.pids
        os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(PATIENCE_S):
            while engine.pids in ((), (pid,)):  # noqa: ASYNC110 - the system tells when it is gone
                await asyncio.sleep(0.01)

        assert await engine.phonemes(["hola"], "es") == ["ˈola"]
        assert engine.workers_lost == 1


@pytest.mark.parametrize("text", ["hang", "die", "raise"])
async def test_job_that_fails_costs_itself_alone(text: str):
    engine = EspeakEngine(NOWHERE, timeout_s=2, kind=STANDIN)
    await engine.start()
    try:
        with pytest.raises(WorkerFailed):
            await engine.sound(text, "es", 150)
        async with asyncio.timeout(PATIENCE_S):
            while not engine.pids:  # noqa: ASYNC110 - the engine does not tell: nobody but a test asks
                await asyncio.sleep(0.01)
        assert await engine.sound("hola", "es", 150) == (b"hola", 22_050)
    finally:
        await engine.aclose()


async def test_waiting_behind_a_job_that_hangs_is_bounded():
    engine = EspeakEngine(NOWHERE, timeout_s=0.5, kind=STANDIN)
    await engine.start()
    try:
        jobs = [engine.sound("hang", "es", 150, owner=f"{number}") for number in range(4)]
        async with asyncio.timeout(PATIENCE_S):
            results = await asyncio.gather(*jobs, return_exceptions=True)
    finally:
        await engine.aclose()

    assert all(isinstance(result, WorkerFailed | VoiceBusy) for result in results)


async def test_library_that_cannot_be_loaded_is_a_failure_that_leaves_no_process():
    engine = EspeakEngine(NOWHERE)

    with pytest.raises(WorkerFailed):
        await engine.start()

    assert engine.pids == ()


async def test_library_without_its_data_is_a_failure(tmp_path: Path):
    need_espeak()
    engine = EspeakEngine(EspeakLibrary(library_or_refusal().path, str(tmp_path)))

    with pytest.raises(WorkerFailed):
        await engine.start()


async def test_settings_load_it():
    need_espeak()
    engine = await load_engine(settings_with())
    try:
        pcm, rate_hz = await engine.sound("Son las dos.", "es", 150)
    finally:
        await engine.aclose()

    assert rate_hz == 22_050
    assert 0.5 < len(pcm) / 2 / rate_hz < 3


def test_nothing_of_the_server_is_in_the_process_but_what_carries_the_jobs():
    """espeak-ng is GPL-3: what shares a process with it is what it cannot do without."""
    code = (
        "import json, sys, app.speech.engines.worker, app.speech.engines.tts.espeak_worker;"
        "print(json.dumps(sorted(n for n in sys.modules if n.split('.')[0] in ('app', 'config'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True, timeout=30)

    assert json.loads(done.stdout) == [
        "app",
        "app.speech",
        "app.speech.engines",
        "app.speech.engines.tts",
        "app.speech.engines.tts.espeak_worker",
        "app.speech.engines.worker",
        "app.speech.engines.worker_wire",
    ]


def loaded_by(pid: int | str) -> str:
    return Path(f"/proc/{pid}/maps").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows what a process has loaded")
async def test_server_itself_never_loads_the_library():
    need_espeak()
    async with running(library_or_refusal()) as engine:
        await engine.phonemes(["hola"], "es")
        [pid] = engine.pids
        assert "espeak" in loaded_by(pid)
        assert "espeak" not in loaded_by("self")


async def test_a_phrase_takes_a_fraction_of_what_a_process_would():
    """Measured: 1 ms, where a process for each took 23. Ten times that is what is held."""
    need_espeak()
    async with running(library_or_refusal()) as engine:
        await engine.phonemes(["hola"], "es")
        start = time.perf_counter()
        for _ in range(100):
            await engine.phonemes(["el tiempo en Barcelona"], "es")
        assert (time.perf_counter() - start) / 100 < 0.01


def test_what_is_wrong_is_nothing_where_it_works():
    need_espeak()

    assert espeak_engine.what_is_wrong() == ""
