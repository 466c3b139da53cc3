"""The client library: its promises in a fake world, its types, and real talks over a network that breaks."""

import asyncio
import json
import random
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.browser import ServerProcess, launched
from tests.support.relay import Fault, relay_to

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
STATIC = ROOT / "static"
MODULES = ROOT / "node_modules"
PATIENCE_S = 50

pytestmark = [
    pytest.mark.node,
    pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    process = ServerProcess()
    process.start()
    yield process
    process.kill()


def test_promises_hold_in_a_world_without_network_and_clock() -> None:
    command = ["node", "--test", *map(str, HERE.glob("*.test.mjs"))]

    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, cwd=ROOT)

    assert done.returncode == 0, done.stdout


# Types


def type_check(*arguments: str) -> None:
    if not (MODULES / "typescript").is_dir():
        pytest.skip("the npm package typescript is not installed")
    command = ["node", str(MODULES / "typescript" / "bin" / "tsc"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, cwd=ROOT)
    assert done.returncode == 0, done.stdout


def test_library_and_page_have_the_types_that_they_say() -> None:
    type_check("-p", str(ROOT))


SAME_SHAPE = """
import * as written from "./implementation.js";
import * as declared from "./voice-agent-client.js";
type Arguments = ConstructorParameters<typeof declared.VoiceAgentClient>;
// The listeners' types are for those who listen; who speaks is `EventTarget`, which knows none.
type Client<T> = Omit<T, "addEventListener">;
export const rest: Omit<typeof declared, "VoiceAgentClient"> = written;
export const make: new (...values: Arguments) => Client<declared.VoiceAgentClient> = written.VoiceAgentClient;
export const back = (client: declared.VoiceAgentClient): Client<written.VoiceAgentClient> => client;
"""


def test_declared_types_are_those_of_the_source(tmp_path: Path) -> None:
    shutil.copy(STATIC / "voice-agent-client.d.ts", tmp_path)
    shutil.copy(STATIC / "voice-agent-client.js", tmp_path / "implementation.js")
    (tmp_path / "same.ts").write_text(SAME_SHAPE, encoding="utf-8")

    options = json.loads((ROOT / "tsconfig.json").read_text(encoding="utf-8"))["compilerOptions"]
    settings = {"compilerOptions": options, "files": ["same.ts"]}
    (tmp_path / "tsconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    type_check("-p", str(tmp_path))


def test_declared_events_are_those_that_are_sent() -> None:
    source = (STATIC / "voice-agent-client.js").read_text(encoding="utf-8")
    types = (STATIC / "voice-agent-client.d.ts").read_text(encoding="utf-8")
    declared = types.partition("interface ClientEvents {")[2].partition("}\n\n")[0]

    assert set(re.findall(r"^  (\w+): ", declared, re.MULTILINE)) == set(
        re.findall(r'#emit\("(\w+)"', source)
    )


# Real talks


async def talk(url: str, *texts: str) -> dict[str, Any]:
    """What a talk of a Node process was like."""
    if not (MODULES / "ws").is_dir():
        pytest.skip("the npm package ws is not installed")
    process = await asyncio.create_subprocess_exec(
        "node", str(HERE / "resuming_talk.mjs"), url, *texts, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    async with asyncio.timeout(PATIENCE_S):
        heard, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(heard)


TEXTS = ("calcula 2+3", "ayuda", "calcula 30+4")


@pytest.mark.e2e
@pytest.mark.parametrize("draw", range(4))
async def test_talk_over_a_network_that_breaks_is_the_uncut_talk(server: ServerProcess, draw: int) -> None:
    chance = random.Random(draw)
    # The first cut is in the middle of the talk, the others anywhere from the handshake on.
    faults = [Fault(chance.choice(["cut", "reset"]), "down", chance.randint(900, 1500))]
    for _ in range(5):
        direction, most = chance.choice([("up", 500), ("down", 1500)])
        faults.append(Fault(chance.choice(["cut", "reset"]), direction, chance.randint(100, most)))
    uncut = await talk(f"ws://127.0.0.1:{server.port}/ws", *TEXTS)

    async with relay_to(server.port, faults) as relay:
        cut = await talk(relay.url, *TEXTS)

    assert cut["resumes"] > 0
    assert cut["answers"] == uncut["answers"]
    assert all(answer["chunks"] == answer["text"] for answer in cut["answers"])
    # 1 is session_created; the others are each heard once and in order.
    assert cut["seqs"] == list(range(2, len(cut["seqs"]) + 2))


@pytest.mark.e2e
def test_talk_is_interrupted_left_and_gone_on_with(tmp_path: Path) -> None:
    if not (MODULES / "ws").is_dir():
        pytest.skip("the npm package ws is not installed")
    server = ServerProcess(DATABASE_URL=f"sqlite+aiosqlite:///{tmp_path}/talks.db")
    server.start()
    try:
        url = f"ws://127.0.0.1:{server.port}/ws"
        command = ["node", str(HERE / "interrupted_talk.mjs"), url]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE_S, cwd=ROOT, check=True
        )
    finally:
        server.kill()

    told = json.loads(done.stdout)
    assert told["waiting"] == ["queued"]
    assert "5" in told["answer"]
    assert told["durable"] is True
    assert told["finishReason"] == "interrupted"
    assert told["heard"] == told["text"] != ""
    assert told["isSame"] is True
    assert told["messages"] == [
        ["user", "calcula 2+3"],
        ["assistant", told["answer"]],
        ["user", "ayuda"],
        ["assistant", told["heard"]],
    ]
    assert "34" in told["later"]


# The documented examples


def documented_examples() -> list[str]:
    page = (ROOT / "docs" / "client.md").read_text(encoding="utf-8")
    return re.findall(r"^```javascript\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)


@pytest.mark.e2e
@pytest.mark.parametrize("kind", ["module", "commonjs", None])
@pytest.mark.parametrize(("example", "name"), [(1, "talk.mjs"), (2, "talk.cjs")])
def test_documented_examples_for_node_are_answered(
    server: ServerProcess, tmp_path: Path, example: int, name: str, kind: str | None
) -> None:
    """As files beside the library as it is downloaded, whatever the folder's package says."""
    if not (MODULES / "ws").is_dir():
        pytest.skip("the npm package ws is not installed")
    page = (ROOT / "docs" / "client.md").read_text(encoding="utf-8")
    download = re.search(r"^curl -o (\S+) http://127.0.0.1:8000(\S+)$", page, re.MULTILINE)
    assert download is not None
    with urllib.request.urlopen(f"{server.url}{download[2]}", timeout=PATIENCE_S) as library:
        (tmp_path / download[1]).write_bytes(library.read())
    (tmp_path / "node_modules").symlink_to(MODULES)
    if kind is not None:
        (tmp_path / "package.json").write_text(json.dumps({"type": kind}))
    (tmp_path / name).write_text(documented_examples()[example].replace("8000", str(server.port)))

    done = subprocess.run(
        ["node", name], capture_output=True, text=True, timeout=PATIENCE_S, cwd=tmp_path, check=True
    )

    lines = [line for line in done.stdout.splitlines() if not line.startswith("connection:")]
    assert re.fullmatch(r"answer: calculate: 2\+2\n+[^\n]*\b4\b[^\n]*", "\n".join(lines))
    if name == "talk.mjs":
        assert lines[-1].endswith(" stop")
        assert done.stdout.splitlines()[:2] == ["connection: connecting", "connection: open"]


@pytest.mark.e2e
@pytest.mark.browser
async def test_documented_example_for_a_page_is_answered(server: ServerProcess) -> None:
    async with launched() as browser:
        # Somebody else's page, which may hold scripts, of the server's origin.
        page = await browser.new_page(bypass_csp=True)
        await page.goto(f"{server.url}/agent/health")
        async with page.expect_console_message(lambda line: line.text.startswith("answer:")) as answer:
            await page.add_script_tag(content=documented_examples()[0], type="module")
        assert re.search(r"\b4\b", (await answer.value).text)
