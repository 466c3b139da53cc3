"""One talk with one user."""

import ast
import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.protocol.events import Notice
from app.session.history import History
from app.session.outbox import Outbox
from app.session.state import IllegalTransition, SessionState
from app.session.voice_session import VoiceSession
from tests.support.talk import NoTransport

ROOT = Path(__file__).parents[2]
NOW = datetime(2025, 7, 20, 10, 30, 0, 999_999, UTC)


def new_session() -> VoiceSession:
    return VoiceSession(
        session_id="s1",
        websocket=NoTransport(),
        user_id="ana",
        conversation_history=History("Eres amable.", 1000),
        outbox=Outbox(10, 10_000),
        created_at=NOW,
        last_activity=NOW,
    )


def test_new_session_waits_for_its_user():
    session = new_session()

    assert session.state is SessionState.IDLE
    assert session.pending_tools == {}


def test_move_is_made_and_logged(caplog: pytest.LogCaptureFixture):
    session = new_session()
    caplog.set_level(logging.INFO)

    session.move_to(SessionState.THINKING)

    assert session.state is SessionState.THINKING
    (line,) = caplog.records
    assert (line.message, line.__dict__["source"], line.__dict__["target"]) == ("state", "idle", "thinking")


def test_move_that_the_table_does_not_have_leaves_the_state_as_it_is():
    session = new_session()

    with pytest.raises(IllegalTransition):
        session.move_to(SessionState.PROCESSING_TOOL)

    assert session.state is SessionState.IDLE


async def test_what_is_emitted_waits_in_the_outbox():
    session = new_session()

    session.emit(Notice("hola"))

    assert await session.outbox.take() == Notice("hola")


def test_description_has_the_seeds_fields_and_times():
    session = new_session()
    session.conversation_history.begin_turn("t")
    session.conversation_history.add_user("hola")

    assert session.describe() == {
        "session_id": "s1",
        "user_id": "ana",
        "state": "idle",
        "created_at": "2025-07-20T10:30:00Z",
        "last_activity": "2025-07-20T10:30:00Z",
        "message_count": 1,
    }


def test_nothing_but_move_to_writes_a_state():
    writers = set()
    for path in [*ROOT.glob("app/**/*.py"), ROOT / "main.py"]:
        for function in ast.walk(ast.parse(path.read_text())):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for node in ast.walk(function):
                if (
                    isinstance(node, ast.Attribute)
                    and node.attr == "state"
                    and isinstance(node.ctx, ast.Store)
                ):
                    writers.add((path.name, function.name))

    # A WebSocket has a state of its own (RFC 6455, section 4.1).
    assert writers == {("voice_session.py", "move_to"), ("upgraded_socket.py", "_answer")}


@pytest.mark.parametrize(
    ("user_id", "sharing", "sharer"),
    [
        ("ana", "", "user ana"),
        ("anonymous", "", "s1"),
        ("anonymous", "203.0.113.7", "address 203.0.113.7"),
        ("whoever", "203.0.113.7", "address 203.0.113.7"),
    ],
    ids=["a user", "nobody knows", "an address", "an address with a name of its own making"],
)
def test_who_has_a_share_of_what_all_use(user_id: str, sharing: str, sharer: str) -> None:
    session = new_session()
    session.user_id = user_id
    session.sharing = sharing

    assert session.sharer == sharer
