"""A JavaScript client against a real server process: the documented example, in Node with `ws`."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.browser import ServerProcess

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

pytestmark = [
    pytest.mark.node,
    pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed"),
    pytest.mark.skipif(
        not (ROOT / "node_modules" / "ws").is_dir(), reason="the npm package ws is not installed"
    ),
]


def heard_by_node(server: ServerProcess, *texts: str) -> list[dict[str, str]]:
    url = f"ws://127.0.0.1:{server.port}/ws"
    command = ["node", str(HERE / "seed_client.mjs"), url, *texts]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True, cwd=ROOT)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_documented_example_is_answered(server: ServerProcess) -> None:
    messages = heard_by_node(server)

    types = [message["type"] for message in messages]
    assert types[0] == "session_created"
    assert types[-1] == "response_complete"
    assert messages[-1]["content"] == "Respuesta completada"
    assert "4" in "".join(m["content"] for m in messages if m["type"] == "response_chunk")


def test_several_texts_are_answered_in_order(server: ServerProcess) -> None:
    messages = heard_by_node(server, "calcula 25*4", "calcula 10-3")

    answers = [""]
    for message in messages:
        if message["type"] == "response_chunk":
            answers[-1] += message["content"]
        elif message["type"] == "response_complete":
            answers.append("")
    assert ["4" in answers[0], "100" in answers[1], "7" in answers[2]] == [True] * 3
