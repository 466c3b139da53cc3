"""What the documentation says is true: examples run, tables are the code's, links lead somewhere."""

import ast
import asyncio
import json
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing, contextmanager
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter
from websockets.asyncio.client import ClientConnection, connect

from app.errors import AgentError
from app.locales import SENTENCES
from app.protocol.asyncapi import models_of, type_of
from app.protocol.close_codes import CloseCode
from app.protocol.v1.client import V1Message
from app.protocol.v1.server import V1ServerMessage
from app.protocol.v2.client import V2ClientMessage
from app.protocol.v2.server import V2ServerMessage
from app.session.state import MOVES
from app.tools.call_state import CALL_MOVES
from app.tools.registry import load_tools
from config.settings import Settings
from tests.support.browser import ServerProcess, launched
from tests.support.context import arguments_of, settings_with, tool_context
from tests.support.server import client_of, running_server

ROOT = Path(__file__).parents[1]
READMES = [ROOT / "README.md", ROOT / "README.es.md"]
PAGES = [*READMES, *sorted((ROOT / "docs").glob("*.md"))]
PROTOCOL, TOOLS, SETTINGS, MONITORING, SESSIONS, ARCHITECTURE = (
    ROOT / "docs" / f"{name}.md"
    for name in ("protocol", "tools", "settings", "monitoring", "sessions", "architecture")
)
WS = ROOT / "node_modules" / "ws"
PATIENCE_S = 30
MAIN_SETTINGS = 70
"""Those of the settings' page before its advanced part, at most."""

FROM_CLIENT: TypeAdapter[Any] = TypeAdapter(V1Message)

each_readme = pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)


def code_blocks(page: Path) -> list[tuple[str, str]]:
    """Language and text of each fenced block."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def code(page: Path, language: str) -> list[str]:
    return [text for kind, text in code_blocks(page) if kind == language]


def prose(page: Path) -> str:
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def section(page: Path, title: str) -> str:
    """What stands under a heading, up to the next one of its level."""
    level = title.partition(" ")[0]
    return page.read_text(encoding="utf-8").partition(f"\n{title}\n")[2].partition(f"\n{level} ")[0]


def rows(text: str) -> list[list[str]]:
    """The cells of a page's tables, headings left out."""
    lines = re.findall(r"^\| (.*) \|$(?!\n\|-)", text, re.MULTILINE)
    return [[cell.strip() for cell in line.split(" | ")] for line in lines]


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives to headings."""
    titles = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def output_of(*command: str, text: str = "") -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=PATIENCE_S, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    process = ServerProcess()
    process.start()
    yield process
    process.kill()


@contextmanager
def files_given_out(folder: Path) -> Iterator[str]:
    """The files of a folder, by the one-line server that the first page names; its address."""
    command = [sys.executable, "-u", "-m", "http.server", "0"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            assert process.stdout is not None
            port = re.search(r"port (\d+)", process.stdout.readline().decode())
            assert port is not None
            yield f"http://localhost:{port[1]}"
        finally:
            process.kill()


# The first page's examples


@each_readme
@pytest.mark.e2e
class TestExamples:
    @pytest.mark.node
    @pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
    @pytest.mark.skipif(not WS.is_dir(), reason="the npm package ws is not installed")
    @pytest.mark.parametrize("kind", ["module", "commonjs"])
    @pytest.mark.parametrize(
        ("name", "mark"), [("talk.mjs", "In Node: "), ("talk.cjs", "In Node, CommonJS: ")]
    )
    def test_javascript_is_answered_in_node(
        self, readme: Path, server: ServerProcess, tmp_path: Path, name: str, mark: str, kind: str
    ) -> None:
        [script] = code(readme, "javascript")
        assert f"// {mark}" in script and f"`{name}`" in prose(readme)
        (tmp_path / "node_modules").symlink_to(WS.parent)
        (tmp_path / "package.json").write_text(f'{{"type": "{kind}"}}')
        uncommented = script.replace(f"// {mark}", "").replace("8000", str(server.port))
        (tmp_path / name).write_text(uncommented, encoding="utf-8")

        heard = output_of("node", str(tmp_path / name))

        assert heard.startswith("session_created ")
        assert "response_chunk  4\n" in heard
        assert heard.endswith("response_complete Respuesta completada\n")

    @pytest.mark.browser
    @pytest.mark.parametrize("place", ["the server's page", "a server of files", "the disk"])
    async def test_javascript_is_answered_in_a_browser(
        self, readme: Path, server: ServerProcess, tmp_path: Path, place: str
    ) -> None:
        [script] = (text.replace("8000", str(server.port)) for text in code(readme, "javascript"))
        file = tmp_path / "talk.html"
        file.write_text(f"<!doctype html><script>{script}</script>", encoding="utf-8")
        async with launched() as browser:
            page = await browser.new_page()
            if place == "the disk":  # as the page says
                async with page.expect_console_message(lambda line: "403" in line.text):
                    await page.goto(file.as_uri())
                return
            async with page.expect_console_message(lambda line: line.text.startswith("response_complete")):
                if place == "a server of files":
                    with files_given_out(tmp_path) as address:
                        await page.goto(f"{address}/talk.html")
                else:
                    await page.goto(server.url)
                    session = await page.context.new_cdp_session(page)
                    # What the console does with what is written there.
                    await session.send("Runtime.evaluate", {"expression": script, "replMode": True})

    def test_python_is_answered(self, readme: Path, server: ServerProcess) -> None:
        client = next(text for text in code(readme, "python") if "websockets" in text)

        heard = output_of(sys.executable, "-W", "error", "-", text=client.replace("8000", str(server.port)))

        assert heard == "calculate: 2+2\n\n2+2 = 4"

    async def test_tool_runs_from_a_folder(self, readme: Path, tmp_path: Path) -> None:
        tool_file = next(text for text in code(readme, "python") if "@tool" in text)
        (tmp_path / "roll_die.py").write_text(tool_file, encoding="utf-8")

        tool = load_tools(settings_with(tools_dir=tmp_path)).get("roll_die")

        assert tool is not None
        async with tool_context() as ctx:
            assert await tool.run(arguments_of(tool, sides=2), ctx) in (1, 2)


def test_both_readmes_have_the_same_code() -> None:
    english, spanish = map(code_blocks, READMES)

    assert english == spanish


def test_both_readmes_have_the_same_shape() -> None:
    shapes = [
        {
            "sections": re.findall(r"^#+", prose(readme), re.MULTILINE),
            "tables and lists": re.findall(r"^(?:\||\d\.|-)", prose(readme), re.MULTILINE),
            "first cells": [row[0] for row in rows(prose(readme)) if row[0].startswith("`")],
            # Pictures show the page in each one's own language.
            "links": [
                target.replace(".es.png", ".png")
                for target in re.findall(r"\]\(([^)]+)\)", prose(readme))
                if not target.startswith(("README", "#"))
            ],
        }
        for readme in READMES
    ]

    assert shapes[0] == shapes[1]


@each_page
def test_links_and_images_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", prose(page)):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name) if name else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


@each_page
def test_files_that_are_named_exist(page: Path) -> None:
    named = re.findall(r"`((?:app|config|tests|static|docs)/[\w/.-]*)`", prose(page))

    assert [path for path in named if not (ROOT / path).exists()] == []


# The protocol


CHAPTERS = {
    "## Client to server": V1Message,
    "## Server to client": V1ServerMessage,
    "## Client to server, v2": V2ClientMessage,
    "## Server to client, v2": V2ServerMessage,
}


@pytest.mark.parametrize("title", CHAPTERS)
def test_every_message_type_has_its_example_and_each_is_the_protocols(title: str) -> None:
    contract: TypeAdapter[Any] = TypeAdapter(CHAPTERS[title])
    examples = re.findall(r"^```json\n(.*?)^```$", section(PROTOCOL, title), re.DOTALL | re.MULTILINE)
    documented = re.findall(r"^### `(\w+)`", section(PROTOCOL, title), re.MULTILINE)

    for example in examples:
        contract.validate_json(example)
    shown = [name for name, _ in groupby(json.loads(example)["type"] for example in examples)]
    assert shown == documented
    assert sorted(documented) == sorted(type_of(model) for model in models_of(CHAPTERS[title]))


async def with_joined_chunks(socket: ClientConnection) -> AsyncGenerator[dict[str, str]]:
    answer = ""
    async for raw in socket:
        message = json.loads(raw)
        if message["type"] == "response_chunk":
            answer += message["content"]
            continue
        if answer:
            yield {"type": "response_chunk", "content": answer}
            answer = ""
        yield message


@pytest.mark.e2e
async def test_example_talk_is_what_the_server_says(server: ServerProcess) -> None:
    [talk] = [text.splitlines() for text in code(PROTOCOL, "text")]
    heard: list[str] = []

    async with asyncio.timeout(PATIENCE_S), connect(f"ws://127.0.0.1:{server.port}/ws", proxy=None) as socket:
        async with aclosing(with_joined_chunks(socket)) as messages:
            for line in talk:
                if line.startswith("> "):
                    FROM_CLIENT.validate_json(line[2:])
                    await socket.send(line[2:])
                else:
                    heard.append(json.dumps(await anext(messages)))

    def without_what_differs(line: str) -> str:
        line = re.sub(r'("session_id"|"timestamp"): "[^"]+"', r"\1", line)
        return re.sub(r"[\d.]+ s\b", "N s", line)

    said = [json.dumps(json.loads(line[2:])) for line in talk if line.startswith("< ")]
    assert list(map(without_what_differs, heard)) == list(map(without_what_differs, said))


def test_each_sentence_is_the_servers() -> None:
    listed = {(es, en) for _, es, en in rows(section(PROTOCOL, "## The sentences"))}

    on_the_wire = {
        sentence
        for name, sentence in SENTENCES.items()
        if re.fullmatch(
            "accepted|thinking|understood|approval|approval_earlier|finish_.*"
            "|tool_(started|progress|progress_message|done|failed|timed_out|cancelled|may_have_acted)",
            name,
        )
    }
    assert listed == on_the_wire


def all_errors(base: type[AgentError] = AgentError) -> Iterator[type[AgentError]]:
    for error in base.__subclasses__():
        if error.__module__.startswith("app.errors."):
            yield error
            yield from all_errors(error)


def test_each_error_is_listed_with_its_sentences() -> None:
    listed = {(code, es, en, again) for code, _, es, en, again in rows(section(PROTOCOL, "## The errors"))}

    assert listed == {
        (f"`{error.code}`", error.es, error.en, "yes" if error.retryable else "no")
        for error in all_errors()
        if error.es
    }


def test_close_codes_are_the_servers_and_the_pages() -> None:
    listed = {int(code): advice for code, _, advice in rows(section(PROTOCOL, "## Close codes"))}
    script = (ROOT / "static" / "voice-agent-client.js").read_text(encoding="utf-8")
    [returning] = re.findall(r"RETURNING_CODES = new Set\(\[([\d, ]+)\]\)", script)

    assert set(map(int, CloseCode)) <= set(listed)
    assert {code for code, advice in listed.items() if advice.startswith("yes")} == set(
        map(int, returning.split(","))
    )


# Tools


async def test_example_tool_passes_its_test_and_is_used_in_a_talk(tmp_path: Path) -> None:
    tool_file, test_file = code(TOOLS, "python")[:2]
    (tmp_path / "tests").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "search_notes.py").write_text(tool_file, encoding="utf-8")
    (tmp_path / "tests" / "test_search_notes.py").write_text(test_file, encoding="utf-8")
    (tmp_path / "notes" / "monday.txt").write_text("Comprar pan\n", encoding="utf-8")

    options = ["-q", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT)]
    summary = await asyncio.to_thread(output_of, sys.executable, "-m", "pytest", *options, str(tmp_path))
    [request] = re.findall(r"`(usa la herramienta [^`]+)`", prose(TOOLS))
    settings = settings_with(llm_provider="demo", tools_dir=tmp_path)
    async with running_server(settings) as server, client_of(server) as client:
        await client.opens()
        await client.says(request)
        answer = await client.hears_answer()

    assert "2 passed" in summary
    assert "Comprar pan" in answer


async def test_example_toolset_brings_tools_while_people_talk(tmp_path: Path) -> None:
    (tmp_path / "team").mkdir()
    [file] = [text for text in code(TOOLS, "python") if "(Toolset)" in text]
    (tmp_path / "team_notes.py").write_text(file, encoding="utf-8")
    settings = settings_with(llm_provider="demo", tools_dir=tmp_path)
    async with running_server(settings) as server, client_of(server) as client:
        await client.opens()
        (tmp_path / "team" / "monday.txt").write_text("Comprar pan\nLlamar a Ana\n", encoding="utf-8")
        [toolset] = server.service.host.registry.toolsets
        while not toolset.specs:  # noqa: ASYNC110  # the file says when it looks
            await asyncio.sleep(0.05)
        answers = list[str]()
        for arguments in ('{"lines": 1}', '{"lines": 0}'):
            await client.says(f"usa la herramienta read_monday con {arguments}")
            answers.append(await client.hears_answer())

    assert "Comprar pan" in answers[0] and "Ana" not in answers[0]
    assert "lines: must be a whole number" in answers[1]


def test_built_in_tools_are_listed_with_their_arguments() -> None:
    listed = {
        name.strip("`"): re.findall(r"`(\w+\??)`", args)
        for name, args, _ in rows(section(TOOLS, "## The built-in tools"))
    }

    tools = load_tools(settings_with())
    assert listed == {
        name: [
            argument if argument in schema.get("required", []) else f"{argument}?"
            for argument in schema["properties"]
        ]
        for name in tools.names
        for schema in [tools.schemas[tools.names.index(name)]["function"]["parameters"]]
    }


# Operations


def test_each_setting_is_listed_with_its_default() -> None:
    listed = {row[0].strip("`"): row[1].strip("`") for row in rows(SETTINGS.read_text(encoding="utf-8"))}

    defaults = {name.upper(): field.default for name, field in Settings.model_fields.items()}
    shown = {
        name: "not set"
        if value is None
        else (",".join(value) or "none")
        if isinstance(value, tuple)
        else str(value)
        for name, value in defaults.items()
    }
    assert listed == shown


def test_each_setting_is_listed_once_and_most_readers_see_about_sixty() -> None:
    names = [row[0].strip("`") for row in rows(SETTINGS.read_text(encoding="utf-8"))]
    advanced = {row[0].strip("`") for row in rows(section(SETTINGS, "## Advanced"))}
    example = (ROOT / ".env.example").read_text(encoding="utf-8")

    assert len(set(names)) == len(names)
    assert set(re.findall(r"^([A-Z][A-Z0-9_]*)=", example, re.MULTILINE)) == set(names) - advanced
    assert len(set(names) - advanced) <= MAIN_SETTINGS


def logged_events() -> Iterator[str]:
    """The constant names of all log lines."""
    for file in (ROOT / "app").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name("logger" | "_log")), args=[ast.Constant(str(event)), *_]
                ):
                    yield event
                case ast.Call(func=ast.Attribute(attr="tell"), args=[_, ast.Constant(str(event)), *_]):
                    yield event  # a complaint, which writes it


def test_each_log_event_is_listed() -> None:
    first_cells = [row[0] for row in rows(section(MONITORING, "## Logs"))]
    listed = {
        event
        for cell in first_cells
        if not cell.startswith("an error")
        for event in re.findall(r"`(\w+)`", cell)
    }

    codes = {error.code for error in all_errors()} - {"internal"}
    assert listed - codes == set(logged_events()) - codes


@pytest.mark.parametrize(
    ("page", "moves"), [(TOOLS, CALL_MOVES), (SESSIONS, MOVES)], ids=["of a call", "of a session"]
)
def test_each_state_and_move_is_drawn(page: Path, moves: Mapping[StrEnum, frozenset[StrEnum]]) -> None:
    [diagram] = code(page, "mermaid")

    drawn = set(re.findall(r"(\w+) --> (\w+)", diagram))
    assert drawn == {(source.value, target.value) for source, targets in moves.items() for target in targets}


def test_architecture_is_read_on_two_screens_and_names_every_folder() -> None:
    lines = ARCHITECTURE.read_text(encoding="utf-8").splitlines()
    folders = [path.name for path in (ROOT / "app").iterdir() if any(path.glob("*.py"))]
    listed = " ".join(row[0] for row in rows(section(ARCHITECTURE, "## The folders")))

    assert len(lines) <= 120
    assert max(map(len, lines)) <= 160
    assert [name for name in folders if f"`app/{name}/`" not in listed] == []
