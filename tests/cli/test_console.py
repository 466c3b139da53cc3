"""The talk by text: what is typed goes out, answers come in order, and the end waits for what is due."""

import asyncio
import io
from collections.abc import AsyncGenerator

from voice_agent_client import Event, ReconnectingClient, ResponseChunk

from app.cli.cli_error import Exit
from app.cli.console import Console
from app.cli.terminal_renderer import TerminalRenderer
from tests.cli.fake_server import Act, Peer, playing


async def typed(*lines: str) -> AsyncGenerator[str, None]:
    for line in lines:
        yield line


async def talk(*acts: Act, lines: tuple[str, ...], locale: str = "es") -> tuple[Exit, str, str, list[str]]:
    """Exit code, answers, notes, and the types of what the server heard."""
    answers, notes = io.StringIO(), io.StringIO()
    async with playing(*acts) as script, asyncio.timeout(10):
        client = ReconnectingClient(script.url, chance=lambda: 0.01)
        code = await Console(client, typed(*lines), TerminalRenderer(answers, notes, "es")).run()
    return code, answers.getvalue(), notes.getvalue(), [message["type"] for message in script.heard]


async def test_answers_are_streamed_and_the_end_waits_for_them():
    async def act(peer: Peer) -> None:
        await peer.creates()
        await peer.accepts("t1")
        await peer.accepts("t2")
        await peer.answers("Uno dos.", "t1")
        await peer.answers("Tres.", "t2")

    code, answers, _, heard = await talk(act, lines=("hola", "", "adiós"))

    assert (code, answers) == (Exit.OK, "Uno dos. \nTres. \n")
    assert heard == ["start", "text", "text", "end"]


async def test_an_error_is_noted_and_told_to_the_shell():
    async def act(peer: Peer) -> None:
        await peer.creates()
        text = await peer.hears("text")
        await peer.sends("error", id=text["id"], code="queue_full", content="Demasiado.", retryable=True)

    code, _, notes, _ = await talk(act, lines=("hola",))

    assert code is Exit.FAILED
    assert "Demasiado." in notes


async def test_the_end_waits_for_tools_that_still_run():
    async def act(peer: Peer) -> None:
        await peer.creates()
        await peer.accepts("t1")
        await peer.sends("turn_started", turn_id="t1", source="user")
        await peer.sends("state", state="thinking")
        await peer.sends("tool_started", turn_id="t1", call_id="c1", name="slow", arguments={})
        await peer.sends("response_complete", turn_id="t1", text="", finish_reason="stop")
        await peer.sends("state", state="processing_tool")
        await peer.sends("tool_finished", call_id="c1", name="slow", status="done", elapsed_s=2.0)
        await peer.answers("Ya está.", "t2")

    _, answers, notes, _ = await talk(act, lines=("hola",))

    assert "Ya está." in answers
    assert "slow [c1]: en marcha" in notes and "slow: terminada (2.0 s)" in notes


async def test_commands_speak_to_tools_and_a_doubled_slash_is_text():
    async def act(peer: Peer) -> None:
        await peer.creates()
        text = await peer.accepts("t1")
        assert text["content"] == "/hola"
        assert (await peer.hears("cancel_tool"))["call_id"] == "c1"
        assert (await peer.hears("approve_tool"))["approved"] is True
        assert (await peer.hears("approve_tool"))["approved"] is False
        await peer.answers("Bien.")

    async def slowly() -> AsyncGenerator[str, None]:
        for line in ("//hola", "/cancel c1", "/approve c2", "/deny c3", "/cancel", "/dance", "/help"):
            yield line

    notes = io.StringIO()
    async with playing(act) as script, asyncio.timeout(10):
        client = ReconnectingClient(script.url)
        opened = asyncio.Event()

        async def lines() -> AsyncGenerator[str, None]:
            # Commands make sense only in a session.
            await opened.wait()
            async for line in slowly():
                yield line

        class Opening(TerminalRenderer):
            def write(self, event: Event) -> None:
                super().write(event)
                opened.set()

        await Console(client, lines(), Opening(io.StringIO(), notes, "es")).run()

    assert "A /cancel le falta" in notes.getvalue() and "No conozco /dance" in notes.getvalue()


async def test_the_agent_is_interrupted_once_and_then_there_is_nothing_to_interrupt():
    shown = asyncio.Event()

    class Showing(TerminalRenderer):
        def write(self, event: Event) -> None:
            super().write(event)
            if isinstance(event, ResponseChunk):
                shown.set()

    async def act(peer: Peer) -> None:
        await peer.creates()
        await peer.accepts("t1")
        await peer.sends("turn_started", turn_id="t1", source="user")
        await peer.sends("response_chunk", turn_id="t1", content="Érase una vez")
        assert (await peer.hears("interrupt"))["turn_id"] == "t1"
        await peer.sends("interrupted", turn_id="t1", heard="Érase una vez")
        await peer.completes("Érase una vez", "t1", "interrupted")

    notes = io.StringIO()
    async with playing(act) as script, asyncio.timeout(10):
        console = Console(
            ReconnectingClient(script.url), typed("cuenta"), Showing(io.StringIO(), notes, "es")
        )
        running = asyncio.create_task(console.run())
        assert await console.interrupt() is False
        await shown.wait()
        assert await console.interrupt() is True
        assert await console.interrupt() is False
        assert await running is Exit.OK

    assert "[interrumpido]" in notes.getvalue()


async def test_an_answer_that_a_gap_swallowed_is_read_from_the_history():
    async def first(peer: Peer) -> None:
        await peer.creates()
        await peer.accepts("t1")
        peer.drops()

    async def second(peer: Peer) -> None:
        await peer.resumes(gap=True, next_seq=1)
        said = {
            "role": "assistant",
            "content": "Son cuatro.",
            "turn_id": "t1",
            "created_at": "",
            "interrupted": False,
        }
        await peer.says({"type": "history", "messages": [said], "turn": None, "tools": []})

    code, answers, _, _ = await talk(first, second, lines=("2+2",))

    assert (code, answers) == (Exit.OK, "Son cuatro.\n")


async def test_answers_that_are_lost_with_their_session_are_told_of():
    async def first(peer: Peer) -> None:
        await peer.creates()
        await peer.accepts("t1")
        peer.drops()

    async def second(peer: Peer) -> None:
        await peer.hears("resume")
        await peer.says({"type": "error", "code": "resume_refused", "content": "No.", "retryable": False})
        await peer.creates(session_id="s2")

    code, _, notes, _ = await talk(first, second, lines=("hola",))

    assert code is Exit.FAILED
    assert "no se sabe" in notes


async def test_quit_does_not_wait():
    async def act(peer: Peer) -> None:
        await peer.creates()
        await peer.hears("end")

    async with playing(act) as script, asyncio.timeout(10):
        opened = asyncio.Event()

        class Opening(TerminalRenderer):
            def write(self, event: Event) -> None:
                opened.set()

        async def lines() -> AsyncGenerator[str, None]:
            await opened.wait()
            yield "/quit"
            raise AssertionError("nothing is read after /quit")

        assert (
            await Console(
                ReconnectingClient(script.url), lines(), Opening(io.StringIO(), io.StringIO(), "es")
            ).run()
            is Exit.OK
        )
