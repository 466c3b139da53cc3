"""The client as a process: its exit codes, what it prints where, and Ctrl+C."""

import asyncio
import signal
import sys
import wave
from pathlib import Path

import pytest

from tests.cli.fake_server import Peer, playing

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.e2e


async def client(*arguments: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app.cli", *arguments, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe
    )


async def run(*arguments: str, typed: str = "") -> tuple[int | None, str, str]:
    """Exit code, stdout, stderr."""
    process = await client(*arguments)
    async with asyncio.timeout(30):
        out, err = await process.communicate(typed.encode())
    return process.returncode, out.decode(), err.decode()


def recording(path: Path) -> str:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(b"\1\0" * 8_000)
    return str(path)


async def test_a_line_is_answered_on_stdout_alone():
    async def act(peer: Peer) -> None:
        assert (await peer.creates())["user_id"] == "ana"
        await peer.accepts()
        await peer.answers("Son cuatro.")

    async with playing(act) as script:
        assert await run("--url", script.url, "--user", "ana", typed="2+2\n") == (
            0,
            "Son cuatro. \n",
            "· pensando\n",
        )


async def test_a_wave_file_is_answered_by_another(tmp_path: Path):
    async def act(peer: Peer) -> None:
        await peer.creates("audio_in", "audio_out")
        await peer.hears("audio_commit")
        await peer.sends("transcript", utterance_id="u1", content="¿Qué hora es?", final=True, language="es")
        await peer.sends("turn_started", turn_id="t1", source="user")
        await peer.sends("audio_started", turn_id="t1", format="pcm16", sample_rate_hz=24_000, offset_ms=0)
        await peer.says(b"\3\0" * 24_000)
        await peer.sends("audio_complete", turn_id="t1")
        await peer.completes("Las diez.")

    out = tmp_path / "answer.wav"
    async with playing(act) as script:
        code, said, _ = await run(
            "--url", script.url, "--wav", recording(tmp_path / "in.wav"), "--out", str(out), "--fast"
        )

    assert (code, said) == (0, "Tú: ¿Qué hora es?\nAgente: Las diez.\n")
    with wave.open(str(out)) as file:
        assert (file.getframerate(), file.readframes(10**6)) == (24_000, b"\3\0" * 24_000)


async def test_a_server_without_voice_ends_it_with_4(tmp_path: Path):
    async def act(peer: Peer) -> None:
        await peer.creates()
        await peer.hears("end")

    async with playing(act) as script:
        code, out, err = await run("--url", script.url, "--wav", recording(tmp_path / "in.wav"))

    assert (code, out) == (4, "")
    assert "no tiene voz" in err


async def test_a_server_that_is_not_there_ends_it_with_3():
    code, out, err = await run("--url", "ws://127.0.0.1:1/ws", "--locale", "en", typed="hi\n")

    assert (code, out) == (3, "")
    assert err.startswith("I cannot connect to ws://127.0.0.1:1/ws")


async def test_a_file_that_is_no_recording_ends_it_with_2(tmp_path: Path):
    code, _, err = await run("--wav", str(tmp_path / "none.wav"))

    assert code == 2
    assert "no existe" in err


async def test_an_answer_that_does_not_come_ends_it_with_1(tmp_path: Path):
    async def act(peer: Peer) -> None:
        await peer.creates("audio_in")
        await peer.hears("audio_commit")
        await peer.hears("end")

    async with playing(act) as script:
        wav = recording(tmp_path / "in.wav")
        code, _, err = await run("--url", script.url, "--wav", wav, "--fast", "--timeout", "1")

    assert code == 1
    assert "1 s" in err


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals there")
async def test_ctrl_c_interrupts_the_agent_and_then_ends_the_client():
    interrupted = asyncio.Event()

    async def act(peer: Peer) -> None:
        await peer.creates()
        await peer.accepts()
        await peer.sends("turn_started", turn_id="t1", source="user")
        await peer.sends("response_chunk", turn_id="t1", content="Érase")
        assert (await peer.hears("interrupt"))["turn_id"] == "t1"
        await peer.completes("Érase", "t1", "interrupted")
        interrupted.set()
        await peer.hears("end")

    async with playing(act) as script, asyncio.timeout(30):
        process = await client("--url", script.url)
        assert process.stdin and process.stdout and process.stderr
        process.stdin.write(b"cuenta\n")
        await process.stdout.readexactly(len("Érase".encode()))
        process.send_signal(signal.SIGINT)
        await interrupted.wait()
        while "interrumpido" not in (await process.stderr.readline()).decode():
            pass
        process.send_signal(signal.SIGINT)
        await process.communicate()

    assert process.returncode == 130
