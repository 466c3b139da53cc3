"""From missing to ready, with installers that are small programs of their own."""

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from app.speech.base import Half, Speech, VoiceEngines
from app.speech.engines.loading import load_engines
from app.speech.models.catalogue import KOKORO
from app.speech.models.install import what_is_missing
from app.speech.models.progress import InstallStep
from app.speech.models.readiness import INSTALL_COMMAND, INSTALLER, HalfState, VoiceParts, states_of
from config.settings import Settings
from tests.speech.models.test_install import with_all_models
from tests.support.context import settings_with

PATIENCE_S = 20


def empty(tmp_path: Path) -> Settings:
    return settings_with(voice=True, models_dir=tmp_path / "models")


def program(*lines: str) -> tuple[str, ...]:
    return sys.executable, "-u", "-c", "\n".join(lines)


def says(step: InstallStep) -> str:
    return f"print({step.to_json()!r})"


async def outcome(parts: VoiceParts) -> tuple[str, str]:
    async with asyncio.timeout(PATIENCE_S):
        await parts.start()
        await parts.wait()
    return parts.status, parts.detail


@pytest.mark.parametrize("values", [{"voice": False}, {"stt_provider": "none", "tts_provider": "none"}])
async def test_speech_that_nobody_wants_is_off(values) -> None:
    assert await outcome(VoiceParts(settings_with(**{"voice": True, **values}))) == ("off", "")


async def test_without_installer_it_says_what_to_run(tmp_path: Path) -> None:
    parts = VoiceParts(empty(tmp_path))

    assert await outcome(parts) == ("not_installed", "python -m app.voice.install")


async def test_what_is_missing_is_brought_and_then_loaded_without_a_restart(tmp_path: Path) -> None:
    seen: list[tuple[str, float, str]] = []
    steps: list[InstallStep] = []

    class Shown:
        def show(self, step: InstallStep) -> None:
            steps.append(step)
            seen.append((parts.status, parts.progress, parts.detail))

    async def load(halves: tuple[Half, ...], others: Mapping[Half, str]) -> Mapping[Half, HalfState]:
        seen.append((parts.status, parts.progress, parts.detail))
        return {}

    installer = program(
        says(InstallStep("packages", 0.2, "numpy")),
        says(InstallStep("models", 0.4, "kokoro")),
        says(InstallStep("done", 1)),
    )
    parts = VoiceParts(empty(tmp_path), installer=installer, reporter=Shown())
    parts.on_ready = load

    assert await outcome(parts) == ("ready", "")
    assert seen == [
        ("loading", 0, ""),
        ("loading", 0.2, "numpy"),
        ("loading", 0.4, "kokoro"),
        ("loading", 1, "starting"),
    ]
    assert [step.name for step in steps] == ["packages", "models", "done"]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ((says(InstallStep("failed", 0, "no network")), "raise SystemExit(1)"), "no network"),
        (("raise SystemExit(1)",), "the installer ended without a word"),
        (("raise ValueError('odd')",), "ValueError: odd"),
    ],
)
async def test_installer_that_fails_says_why(tmp_path: Path, lines: tuple[str, ...], reason: str) -> None:
    assert await outcome(VoiceParts(empty(tmp_path), installer=program(*lines))) == ("failed", reason)


async def test_installer_that_cannot_be_started_is_a_failure(tmp_path: Path) -> None:
    parts = VoiceParts(empty(tmp_path), installer=(str(tmp_path / "nothing"),))

    assert (await outcome(parts))[0] == "failed"


async def test_models_that_cannot_be_loaded_are_a_failure_in_one_line(tmp_path: Path) -> None:
    async def load(halves: tuple[Half, ...], others: Mapping[Half, str]) -> Mapping[Half, HalfState]:
        raise RuntimeError("protobuf\nparsing failed")

    parts = VoiceParts(empty(tmp_path), installer=program(says(InstallStep("done", 1))))
    parts.on_ready = load

    assert await outcome(parts) == ("failed", "RuntimeError: protobuf parsing failed")


async def test_stopping_ends_the_installer_and_what_it_started(tmp_path: Path) -> None:
    # Whoever holds the pipe open lives; its reader returns when nobody does.
    pipe = tmp_path / "held"
    os.mkfifo(pipe)
    started = asyncio.Event()

    class Shown:
        def show(self, step: InstallStep) -> None:
            started.set()

    # The installer's child tells the step, once it holds the pipe; both write to the same output.
    sleeper = (
        f"held = open({str(pipe)!r}, 'w'); {says(InstallStep('models', 0.1))}; import time; time.sleep(60)"
    )
    installer = program(
        "import subprocess, sys, time",
        f"subprocess.Popen([sys.executable, '-u', '-c', {sleeper!r}])",
        "time.sleep(60)",
    )
    parts = VoiceParts(empty(tmp_path), installer=installer, reporter=Shown())
    async with asyncio.timeout(PATIENCE_S):
        reading = asyncio.create_task(asyncio.to_thread(pipe.read_bytes))
        await parts.start()
        await started.wait()
        await parts.aclose()
        await reading


async def test_everything_there_is_loaded_at_once(tmp_path: Path) -> None:
    settings = settings_with(voice=True, models_dir=tmp_path)
    with_all_models(tmp_path)
    if what_is_missing(settings):
        pytest.skip("the packages of requirements-voice.ini are not installed")
    loaded: list[str] = []

    async def load(halves: tuple[Half, ...], others: Mapping[Half, str]) -> Mapping[Half, HalfState]:
        loaded.append(parts.status)
        return {}

    parts = VoiceParts(settings, installer=("must not run",))
    parts.on_ready = load

    assert await outcome(parts) == ("ready", "")
    assert loaded == ["loading"]


async def test_installer_of_the_server_finds_the_project_from_any_folder(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *INSTALLER, "--check", cwd=tmp_path, stdout=asyncio.subprocess.PIPE, env={"MODELS_DIR": "here"}
    )
    output, _ = await process.communicate()

    assert process.returncode == 1
    assert b"missing: here/silero_vad.onnx" in output


def half_missing(tmp_path: Path, half: Half) -> Settings:
    """All models but those of one half."""
    settings = settings_with(voice=True, models_dir=tmp_path)
    with_all_models(tmp_path)
    if what_is_missing(settings):
        pytest.skip("the packages of requirements-voice.ini are not installed")
    (tmp_path / {"in": "whisper-base/model.bin", "out": KOKORO.files[0].path}[half]).unlink()
    return settings


def without_espeak(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be said then, with or without Kokoro's model."""
    monkeypatch.setattr("app.speech.models.install.find_library", lambda: None)


@pytest.mark.parametrize(("half", "other"), [("in", "out"), ("out", "in")])
@pytest.mark.parametrize("fails", [False, True], ids=["nobody brings it", "bringing it fails"])
async def test_half_that_is_missing_leaves_the_other_one(
    tmp_path: Path, half: Half, other: Half, fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[tuple[Half, ...], Mapping[Half, str]]] = []

    async def load(halves: tuple[Half, ...], others: Mapping[Half, str]) -> Mapping[Half, HalfState]:
        asked.append((halves, others))
        return {}

    bringing = program(says(InstallStep("failed", 0, "no network")), "raise SystemExit(1)") if fails else None
    parts = VoiceParts(half_missing(tmp_path, half), installer=bringing)
    if half == "out":
        without_espeak(monkeypatch)
    parts.on_ready = load
    lacks = HalfState("failed", "no network") if fails else HalfState("not_installed", INSTALL_COMMAND)

    assert await outcome(parts) == (lacks.status, lacks.detail)
    assert parts.halves == {half: lacks, other: HalfState("ready")}
    assert asked == [((other,), {half: lacks.detail})]


@pytest.mark.parametrize("values", [{}, {"stt_provider": "none"}], ids=["both halves", "speaking alone"])
@pytest.mark.parametrize("fails", [False, True], ids=["nobody brings it", "bringing it fails"])
@pytest.mark.parametrize("content", [None, b"no model"], ids=["missing", "broken"])
async def test_without_kokoro_espeak_speaks_and_health_says_why(
    tmp_path: Path,
    content: bytes | None,
    fails: bool,
    values: dict[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = half_missing(tmp_path, "out").model_copy(update=values)
    kokoro = tmp_path / KOKORO.files[0].path
    if content is not None:
        kokoro.write_bytes(content)
    made: list[VoiceEngines] = []

    async def load(halves: tuple[Half, ...], others: Mapping[Half, str]) -> Mapping[Half, HalfState]:
        assert others == {}
        made.append(await load_engines(settings, [half for half in halves if half == "out"], others))
        return states_of(made[-1])

    bringing = program(says(InstallStep("failed", 0, "no network")), "raise SystemExit(1)") if fails else None
    parts = VoiceParts(settings, installer=bringing)
    parts.on_ready = load
    why = f"espeak-ng speaks in Kokoro's place: {kokoro} is missing or broken"
    try:
        with caplog.at_level("INFO"):
            assert await outcome(parts) == ("degraded", why)
        assert parts.halves["out"] == HalfState("degraded", why)
        assert parts.halves["in"].status == ("off" if values else "ready")
        synthesiser = made[0].synthesiser
        assert synthesiser is not None
        assert [len(piece.pcm) > 0 async for piece in synthesiser.speak(Speech("Hola", "es"))] == [True]
        assert ("voice_degraded", "out") in [
            (one.message, getattr(one, "half", "")) for one in caplog.records
        ]
    finally:
        for engines in made:
            await engines.aclose()


@pytest.mark.parametrize(("half", "other"), [("in", "out"), ("out", "in")])
async def test_half_that_cannot_be_loaded_leaves_the_other_one(
    tmp_path: Path, half: Half, other: Half, caplog: pytest.LogCaptureFixture
) -> None:
    async def load(halves: tuple[Half, ...], others: Mapping[Half, str]) -> Mapping[Half, HalfState]:
        return {half: HalfState("failed", "a model that is broken")}

    parts = VoiceParts(empty(tmp_path), installer=program(says(InstallStep("done", 1))))
    parts.on_ready = load

    with caplog.at_level("INFO"):
        assert await outcome(parts) == ("failed", "a model that is broken")
    assert parts.halves == {half: HalfState("failed", "a model that is broken"), other: HalfState("ready")}
    assert [(record.message, getattr(record, "half", "")) for record in caplog.records] == [
        ("voice_failed", half),
        ("voice_ready", ""),
    ]


async def test_half_that_nobody_wants_is_off_and_not_missed(tmp_path: Path) -> None:
    parts = VoiceParts(settings_with(voice=True, models_dir=tmp_path / "models", tts_provider="none"))

    await outcome(parts)

    assert parts.halves["out"] == HalfState("off")
    assert parts.halves["in"].status == "not_installed"
