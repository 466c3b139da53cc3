"""How the server starts and stops, as processes of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.speech.models.packages import required_packages
from main import model_words
from tests.support.context import settings_with
from tests.support.forking import CAN_FORK, forks

ROOT = Path(__file__).parents[1]
PATIENCE_S = 45
"""A start takes a second of a free processor, and many of a busy one."""


def environment(**values: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1", "DATABASE_URL": "none", **values}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextmanager
def started(*command: str, **values: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment(**values),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def is_healthy(port: int) -> bool:
    try:
        return (
            httpx.get(f"http://127.0.0.1:{port}/agent/health", verify=False, trust_env=False).json()["status"]
            == "ok"
        )
    except httpx.TransportError:
        return False


def wait_until_healthy(port: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_healthy(port):
        assert time.monotonic() < deadline, "the server does not answer"
        time.sleep(0.05)


def runs(*command: str, **values: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment(**values),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def ended(folder: Path, *command: str, **values: str) -> subprocess.CompletedProcess[str]:
    """The same, forked where that can be: without the seconds of imports (`tests/support/forking.py`)."""
    if not CAN_FORK:
        return runs(*command, **values)
    output, errors = folder / "output", folder / "errors"
    with output.open("wb") as out, errors.open("wb") as err:
        process = forks().fork(command, environment(**values), out.fileno(), err.fileno())
    try:
        assert process.is_over_within(PATIENCE_S), "it runs on"
    finally:
        process.kill()
    assert process.returncode is not None
    texts = [path.read_text(encoding="utf-8") for path in (output, errors)]
    return subprocess.CompletedProcess(command, process.returncode, *texts)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_server_says_where_it_is_and_stops_cleanly(stop: signal.Signals) -> None:
    port = free_port()
    with started("main.py", PORT=str(port)) as process:
        wait_until_healthy(port)
        process.send_signal(stop)
        output, errors = process.communicate(timeout=PATIENCE_S)

    assert process.returncode == 0
    assert f"http://127.0.0.1:{port}/" in output
    assert "demo" in output
    assert "Traceback" not in errors


def test_the_seeds_own_command_works() -> None:
    port = free_port()
    command = ("-m", "uvicorn", "main:app", "--host", "127.0.0.1", "--port", str(port))
    with started(*command) as process:
        wait_until_healthy(port)
        page = httpx.get(f"http://127.0.0.1:{port}/", verify=False, trust_env=False)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE_S)

    assert page.status_code == 200
    assert "text/html" in page.headers["content-type"]


@pytest.mark.parametrize(("host", "is_open"), [("0.0.0.0", True), ("127.0.0.1", False)])
def test_health_says_what_uvicorn_opens_to_the_network(host: str, is_open: bool) -> None:
    """Also to whoever asks from this machine."""
    port = free_port()
    with started("-m", "uvicorn", "main:app", "--host", host, "--port", str(port), VOICE="false") as process:
        wait_until_healthy(port)
        health = httpx.get(f"http://127.0.0.1:{port}/agent/health", verify=False, trust_env=False).json()
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=PATIENCE_S)

    assert health["open_to_network"] is is_open
    assert ("open_to_the_network" in errors) is is_open


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ({}, "(model: demo, which answers by rules)"),
        (
            {"OPENAI_BASE_URL": "http://me:secret@127.0.0.1:9/v1", "OPENAI_MODEL": "llama"},
            "(model: llama, 127.0.0.1:9)",
        ),
        ({"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}, "(model: the first of 127.0.0.1:9)"),
        ({"OPENAI_API_KEY": "k", "OPENAI_MODEL": "gpt"}, "(model: gpt, OpenAI)"),
        (
            {
                "AZURE_OPENAI_ENDPOINT": "https://x.example",
                "AZURE_OPENAI_API_KEY": "k",
                "AZURE_OPENAI_DEPLOYMENT_NAME": "mine",
            },
            "(model: mine, Azure OpenAI)",
        ),
    ],
)
def test_start_names_the_model_and_not_its_service_alone(values: dict[str, str], shown: str) -> None:
    settings = settings_with(**{name.lower(): value for name, value in values.items()})

    assert f"(model: {model_words(settings)})" == shown


def test_importing_main_starts_nothing() -> None:
    done = runs("-c", "import main; print('create_app' in vars(main), 'app' in vars(main))", PORT="nonsense")

    assert done.stdout.split() == ["True", "False"]


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"PORT": "eighty"}, "PORT"),
        ({"LLM_PROVIDER": "magic"}, "LLM_PROVIDER"),
        ({"AZURE_OPENAI_ENDPOINT": "https://x.example"}, "AZURE_OPENAI_API_KEY"),
        ({"TOOLS": "calculate,nope"}, "TOOLS"),
        ({"TOOLS_DIR": "/nowhere"}, "TOOLS_DIR"),
        ({"TOOL_TIMEOUT_S": "-1"}, "TOOL_TIMEOUT_S"),
    ],
)
@pytest.mark.parametrize("command", [("main.py",), ("-m", "uvicorn", "main:app", "--port", "0")])
def test_wrong_setting_stops_the_start_with_one_line(
    command: tuple[str, ...], values: dict[str, str], named: str, tmp_path: Path
) -> None:
    # One of them as people start it; the others are as wrong in a process that is forked.
    done = runs(*command, **values) if named == "PORT" else ended(tmp_path, *command, **values)

    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if line]
    assert len(lines) == 1
    assert named in lines[0]


def test_taken_port_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        done = ended(tmp_path, "main.py", "--port", str(port))

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert str(port) in done.stderr


def test_help_says_how_to_configure_it() -> None:
    done = runs("main.py", "--help")

    assert done.returncode == 0
    assert ".env" in done.stdout
    assert "--port" in done.stdout


def test_second_server_on_the_same_database_stops_with_one_line(tmp_path: Path) -> None:
    database = f"sqlite+aiosqlite:///{tmp_path}/talks.db"
    port = free_port()
    with started("main.py", PORT=str(port), DATABASE_URL=database):
        wait_until_healthy(port)
        second = ended(tmp_path, "main.py", "--port", "0", DATABASE_URL=database)
        by_uvicorn = ended(tmp_path, "-m", "uvicorn", "main:app", "--port", "0", DATABASE_URL=database)

    for done in (second, by_uvicorn):
        assert done.returncode == 3
        assert "Traceback" not in done.stderr
        assert [
            line for line in done.stderr.splitlines() if " INFO " not in line and not line.startswith("INFO")
        ] != []


def test_talks_are_kept_where_the_setting_says(tmp_path: Path) -> None:
    port = free_port()
    with started("main.py", PORT=str(port), DATABASE_URL=f"sqlite:///{tmp_path}/deep/talks.db"):
        wait_until_healthy(port)
        health = httpx.get(f"http://127.0.0.1:{port}/agent/health", verify=False, trust_env=False).json()

    assert health["storage"]["status"] == "ok"
    assert (tmp_path / "deep" / "talks.db").exists()


# Speech


def voice_of(port: int) -> dict[str, Any]:
    return httpx.get(f"http://127.0.0.1:{port}/agent/health", verify=False, trust_env=False).json()["voice"]


def test_server_without_models_says_what_brings_them(tmp_path: Path) -> None:
    port = free_port()
    with started("main.py", PORT=str(port), MODELS_DIR=str(tmp_path)):
        wait_until_healthy(port)

        missing = {"status": "not_installed", "detail": "python -m app.voice.install"}
        assert voice_of(port) == {**missing, "progress": 0, "in": missing, "out": missing, "voices": []}


def test_installation_that_fails_leaves_the_server_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    port = free_port()
    with started("main.py", "--install-voice", PORT=str(port), MODELS_DIR=str(tmp_path / "file" / "models")):
        wait_until_healthy(port)
        deadline = time.monotonic() + PATIENCE_S
        while (voice := voice_of(port))["status"] == "loading":
            assert time.monotonic() < deadline
            time.sleep(0.05)

        assert voice["status"] == "failed"
        assert "Not a directory" in voice["detail"]
        assert is_healthy(port)


WITHOUT_SPEECH = """
import sys
from importlib import metadata

version = metadata.version

def version_of_others(name):
    if name.replace("-", "_") in {packages}:
        raise metadata.PackageNotFoundError(name)
    return version(name)

metadata.version = version_of_others

class Without:
    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, path=None, target=None):
        return None if name.split(".")[0] in {packages} else self.finder.find_spec(name, path, target)

sys.meta_path[:] = map(Without, sys.meta_path)
import main
main.main()
"""


def test_server_starts_where_no_package_of_speech_is_installed() -> None:
    port = free_port()
    packages = [name.replace("-", "_") for name in required_packages()]
    with started("-c", WITHOUT_SPEECH.replace("{packages}", repr(packages)), PORT=str(port)):
        wait_until_healthy(port)

        assert voice_of(port)["status"] == "not_installed"
