"""The shape of the project, held by its source: who imports whom, how long things are, where doors are."""

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from config.settings import Settings
from tests.support.context import OF_TESTS, settings_with

ROOT = Path(__file__).parents[1]
APP = sorted((ROOT / "app").rglob("*.py"))
CLIENT = sorted((ROOT / "clients" / "python" / "src").rglob("*.py"))
SOURCES = [*APP, *sorted((ROOT / "config").rglob("*.py")), ROOT / "main.py"]

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 60

Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def nodes_of(tree: ast.AST) -> list[ast.AST]:
    """All of a tree, which a dozen tests look through."""
    return list(ast.walk(tree))


def each(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=name_of)


def imports(tree: ast.AST) -> Iterator[str]:
    """The modules that a source imports; `from a import b` may mean `a.b` as well."""
    for node in nodes_of(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, "imports are written out in full"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


# Who imports whom

RANKS = {
    "errors": 0,
    "locales": 0,
    "clock": 0,
    "letters": 0,
    "unseen": 0,
    "cancelling": 0,
    "weakly": 0,
    "chat": 0,
    "completeness": 0,
    "interpreter": 0,
    "listening": 0,
    "watchdog": 0,
    "shutdown": 0,
    "descriptors": 0,
    "outbound": 0,
    "release": 0,
    "stall_timeout": 0,
    "protocol": 1,
    "session": 2,
    "storage": 2,
    "llm": 3,
    "tools": 3,
    "speech": 4,
    "conversation": 5,
    "speech.output": 6,
    "speech.turns": 7,
    "speech.session_audio": 8,
    "voice": 8,
    "services": 9,
    "telemetry": 10,
    "router": 11,
    "fleet": 12,
    "cli": 13,
}
"""A package may import itself and what has a lower rank. `config` may be imported by all."""

TOP = 13


SESSION_BOUND = ("app.speech.turns", "app.speech.output", "app.speech.session_audio")
"""What of speech belongs to one session; the rest knows none."""


def part_of(module: str) -> str:
    for part in SESSION_BOUND:
        if module == part or module.startswith(f"{part}."):
            return part.removeprefix("app.")
    return module.split(".")[1] if module.startswith("app.") else module.split(".")[0]


def part_of_path(path: Path) -> str:
    return part_of(name_of(path).removesuffix(".py").replace("/", "."))


@each(SOURCES)
def test_imports_go_one_way(path: Path):
    own = part_of(name_of(path).removesuffix(".py").replace("/", "."))
    rank = RANKS.get(own, TOP if own == "main" else -1)
    for module in imports(tree_of(path)):
        assert not module.startswith(("tests", "bench", "main.")), f"{module} is no part of the product"
        if module.startswith("app."):
            other = part_of(module)
            is_below = RANKS[other] < rank or RANKS[other] == rank == 0
            assert other == own or is_below, f"{name_of(path)} may not import {module}"


@each([path for path in APP if "cli" in path.parts])
def test_the_console_knows_the_client_package_and_nothing_of_the_server(path: Path):
    parts = {module for module in imports(tree_of(path)) if module.startswith("app.")}

    # How the arguments of a call are shown to the person who is asked is the same here and on the wire.
    assert {part_of(module) for module in parts - {"app.protocol.asking.shown_arguments"}} <= {"cli"}
    assert not any(module.startswith("websockets") for module in imports(tree_of(path)))


@each(CLIENT)
def test_the_client_package_stands_on_websockets_alone(path: Path):
    roots = {module.split(".")[0] for module in imports(tree_of(path))}

    assert roots - sys.stdlib_module_names <= {"voice_agent_client", "websockets"}


@each([path for path in APP if "cli" in path.parts])
def test_class_names_of_the_console_stand_nowhere_else(path: Path):
    def classes(source: Path) -> set[str]:
        return {node.name for node in nodes_of(tree_of(source)) if isinstance(node, ast.ClassDef)}

    others = [other for other in APP if other != path]
    assert not classes(path) & set().union(*map(classes, others))


def test_every_part_of_the_application_has_its_rank():
    assert {part_of(name_of(path).removesuffix(".py").replace("/", ".")) for path in APP} - {
        "__init__"
    } == set(RANKS)


def test_no_class_name_stands_for_two_things():
    names = [
        node.name for path in APP for node in nodes_of(tree_of(path))
        if isinstance(node, ast.ClassDef)
    ]  # fmt: skip
    assert [name for name, count in Counter(names).items() if count > 1] == []


@each(SOURCES)
def test_imports_stand_at_the_top(path: Path):
    tree = tree_of(path)
    top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    everywhere = [node for node in nodes_of(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert everywhere == top, "an import inside something hides a cycle or does work late"
    assert "TYPE_CHECKING" not in path.read_text(encoding="utf-8")


# How long things are


@each([*SOURCES, *CLIENT])
def test_file_is_short_enough_to_be_read(path: Path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_FILE_LINES


@each([*SOURCES, *CLIENT])
def test_functions_are_short_enough_to_be_seen_at_once(path: Path):
    for node in nodes_of(tree_of(path)):
        if isinstance(node, Function):
            assert (node.end_lineno or 0) - node.lineno < MAX_FUNCTION_LINES, node.name


# Where the doors are

SOCKET_MODULES = {
    "app/router/routes/websocket_route.py",
    # It lets processes in, as the route does clients, and hands their connections to the same transport.
    "app/fleet/peer_port.py",
}
SOCKET_METHODS = re.compile(r"accept|(receive|send|iter)_(text|bytes|json)|send_denial_response")


@each([path for path in SOURCES if name_of(path) not in SOCKET_MODULES])
def test_only_the_transport_touches_a_websocket(path: Path):
    for node in nodes_of(tree_of(path)):
        if isinstance(node, ast.Attribute):
            assert not SOCKET_METHODS.fullmatch(node.attr), f"line {node.lineno}: {node.attr}"
            inner = node.value
            assert not (isinstance(inner, ast.Attribute) and inner.attr == "websocket"), f"line {node.lineno}"
    assert not any(module.endswith(".WebSocket") for module in imports(tree_of(path)))


@each([path for path in APP if part_of_path(path) in {"router", "telemetry"}])
def test_what_looks_at_sessions_from_outside_asks_their_port(path: Path):
    """Another process may own them; whoever reaches into live objects finds those of this one alone."""
    tree = tree_of(path)
    inner = ("live_session", "session_host", "registry")
    assert not [
        m for m in imports(tree) if m.startswith(tuple(f"app.services.sessions.{name}" for name in inner))
    ]
    reached = [ast.unparse(node) for node in nodes_of(tree) if isinstance(node, ast.Attribute)]
    assert not [path for path in reached if path.endswith(("service.sessions", ".session_host.sessions"))]


WIRE_FREE = {
    "session",
    "conversation",
    "services",
    "speech",
    "speech.output",
    "speech.turns",
    "speech.session_audio",
    "tools",
    "router",
    "cli",
}
"""Parts that know commands and events, and no wire protocol; `app.protocol.wires` is where they find one."""


WIRES = r"app\.protocol\.(v\d|realtime|telephone)\b"
"""The packages of wire protocols."""


@each([path for path in APP if part_of(name_of(path).replace("/", ".")) in WIRE_FREE])
def test_only_the_protocols_own_packages_know_a_wire(path: Path):
    wires = [module for module in imports(tree_of(path)) if re.match(WIRES, module)]

    assert wires == []
    assert "is_resumable" not in path.read_text(encoding="utf-8")


@each(SOURCES)
def test_only_the_settings_read_the_environment(path: Path):
    names = {node.attr for node in nodes_of(tree_of(path)) if isinstance(node, ast.Attribute)}

    assert not names & {"environ", "environb", "getenv"}


TAKES_ALL_SETTINGS = {
    "app/services/websocket_agent_service.py": "makes the parts of the server, each with its slice",
    "app/services/sessions/session_host.py": "makes the parts of a session, each with its slice",
}
"""Who may be given `Settings` as a whole, beside `main.py`."""


@each(APP)
def test_settings_are_taken_by_the_slice(path: Path):
    takes_all = "config.settings.Settings" in imports(tree_of(path))

    assert takes_all == (name_of(path) in TAKES_ALL_SETTINGS)


@each(APP)
def test_nothing_is_run_that_came_as_data(path: Path):
    tree = tree_of(path)
    called = {
        node.func.id
        for node in nodes_of(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }

    assert not called & {"eval", "exec", "compile", "__import__"}
    roots = {module.split(".")[0] for module in imports(tree)}
    assert not roots & {"pickle", "marshal", "shelve", "yaml", "jinja2", "mako"}
    assert "string.Template" not in imports(tree)


# What goes with what


def env_example() -> dict[str, str]:
    """Its settings, also those that are commented out as examples of their default."""
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    found = re.findall(r"^#? ?([A-Z][A-Z0-9_]*)=(.*)$", text, re.MULTILINE)
    assert len(dict(found)) == len(found), "a setting stands there twice"
    return dict(found)


def test_env_example_lists_every_setting_and_no_other():
    assert {name.lower() for name in env_example()} == set(Settings.model_fields)


def test_env_example_shows_the_defaults(tmp_path: Path):
    file = tmp_path / "example"
    file.write_text("\n".join(f"{name}={value}" for name, value in env_example().items()), encoding="utf-8")

    own = {name: Settings.model_fields[name].default for name in OF_TESTS}
    defaults = settings_with(**own)
    assert Settings(_env_file=file).model_dump() == defaults.model_dump()  # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize(
    "name",
    [
        "requirements.ini",
        "requirements-voice.ini",
        "requirements-otel.ini",
        "requirements-dev.ini",
    ],
)
def test_requirements_are_read_by_pip(name: str):
    """pip reads `.ini` like any other; a `[section]`, or a line that begins with `;`, would stop it."""
    lines = [line.strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines()]
    wanted = [line for line in lines if line and not line.startswith(("#", "-r ", "./"))]
    names = [Requirement(line).name.lower().replace("_", "-") for line in wanted]

    assert len(set(names)) == len(names)
    assert names


def required_in(name: str) -> set[str]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    wanted = [line for line in lines if line.strip() and not line.startswith(("#", "-r ", "./"))]
    return {Requirement(line).name.replace("-", "_").lower() for line in wanted}


def foreign_roots(path: Path) -> set[str]:
    """The packages that a source imports and that are neither Python's nor ours."""
    comes_with = {"pydantic_core": "pydantic", "starlette": "fastapi"}
    roots = {module.split(".")[0] for module in imports(tree_of(path))}
    ours = sys.stdlib_module_names | {"app", "config", "voice_agent_client"}
    return {comes_with.get(root, root) for root in roots if root not in ours}


TRACES = {"app/telemetry/traces.py": "opentelemetry", "app/telemetry/bounded_session.py": "requests"}
"""The one module that imports OpenTelemetry, and the one that makes a session for its exporter."""


def test_what_the_application_imports_is_required():
    imported_as = {"nltk_vader_sentiment": "vader", "pyjwt": "jwt", "python_dotenv": "dotenv"}
    required = required_in("requirements.ini")
    known = required | {imported_as.get(name, name) for name in required}
    for path in SOURCES:
        allowed = known | optional_in(path)
        assert foreign_roots(path) <= allowed, f"{name_of(path)} imports {foreign_roots(path) - allowed}"


def optional_in(path: Path) -> set[str]:
    """What a module may import beside what every server has."""
    if part_of_path(path) == "speech":
        return required_in("requirements-voice.ini")
    return {TRACES[name_of(path)]} if name_of(path) in TRACES else set()


def test_the_server_starts_without_the_packages_of_speech_and_of_traces():
    """Modules that import them are found by name when they are wanted, and by nobody who is there before."""
    module_of = {
        name_of(path).removesuffix(".py").removesuffix("/__init__").replace("/", "."): path for path in APP
    }
    optional = required_in("requirements-voice.ini") | set(TRACES.values())
    others = [path for path in APP if part_of_path(path) != "speech" and name_of(path) not in TRACES]
    seen, to_see = set[Path](), [ROOT / "main.py", *others]
    while to_see:
        path = to_see.pop()
        assert not foreign_roots(path) & optional, f"{name_of(path)} is imported at the start"
        seen.add(path)
        found = {module_of[name] for name in imports(tree_of(path)) if name in module_of}
        to_see.extend(found - seen)


# The page

STATIC = ROOT / "static"
MODULES = sorted(STATIC.rglob("*.js"))
LIBRARY = STATIC / "voice-agent-client.js"
"""Somebody else's page takes it as one file."""


@each(MODULES)
def test_module_of_the_page_is_short_typed_and_makes_no_markup(path: Path):
    source = path.read_text(encoding="utf-8")

    assert source.startswith("// @ts-check\n")
    assert path == LIBRARY or len(source.splitlines()) <= MAX_FILE_LINES
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|setAttribute\(.style", source
    )


def test_page_has_neither_scripts_nor_styles_inside():
    index = (STATIC / "index.html").read_text(encoding="utf-8")

    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|javascript:", index)


@pytest.mark.parametrize(("kind", "least"), [("", 100), ("voice-", 40)])
def test_page_says_the_same_things_in_both_languages(kind: str, least: int):
    spanish, english = (
        re.findall(
            r'^  "?([\w.]+)"?: "',
            (STATIC / f"texts-{kind}{name}.js").read_text(encoding="utf-8"),
            re.MULTILINE,
        )
        for name in ("es", "en")
    )

    assert spanish == english
    assert len(spanish) > least
