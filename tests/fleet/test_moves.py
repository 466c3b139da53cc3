"""A session moves to the process where its client has landed, when nothing happens in it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import asyncpg
import pytest

from tests.faults.test_group_d_kills import all_has_ended, check
from tests.fleet.conftest import fleet, fleet_settings, free_port
from tests.fleet.test_resume_anywhere import SLOW, SLOW_TEXT, answers, drops
from tests.support.answers import Text
from tests.support.azure_standin import AzureStandin
from tests.support.process import PATIENCE_S, ServerProcess, server_process
from tests.support.resuming_client import ResumingClient, resuming_client

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def moves(server: ServerProcess, client: ResumingClient) -> list[str]:
    return [line for line in server.log if "session_moved" in line and client.session_id in line]


async def moved(server: ServerProcess, client: ResumingClient) -> None:
    """Waits until a client's session has come to a process."""
    async with asyncio.timeout(PATIENCE_S):
        while not moves(server, client) and not client.wrong:  # noqa: ASYNC110  # it is in its log
            await asyncio.sleep(0.05)
    assert client.wrong == []


def has_answer_to(client: ResumingClient, text: str) -> bool:
    """Whether a text has its answer to its end, heard or from a history."""
    turn_id = client.receipts.get(text, "")
    heard = any(message["turn_id"] == turn_id for message in client.heard("response_complete"))
    told = any(
        entry["turn_id"] == turn_id and entry["role"] == "assistant"
        for message in client.heard("history")
        for entry in message["messages"]
    )
    return heard or told


def faults(*servers: ServerProcess) -> list[str]:
    return [line for server in servers for line in server.log if "Traceback" in line or " ERROR " in line]


async def test_a_quiet_session_moves_and_its_client_does_not_notice(tmp_path: Path, postgres_address: str):
    """Not even when the process that had it is killed."""
    async with AzureStandin() as model, fleet(tmp_path, postgres_address, model) as (owner, other):
        model.reply = lambda request: Text(f"eco de {request.last_text}")
        async with resuming_client(owner.url, heartbeat_s=2) as client:
            await client.until(lambda: bool(client.session_id))
            await client.says("uno", "a")
            await client.until(lambda: len(answers(client)) == 1)
            await drops(client, other.url)
            await moved(other, client)
            await owner.is_killed()

            await client.says("dos", "b")
            await client.until(lambda: len(answers(client)) == 2 or bool(client.wrong))
            assert client.heard("error") == []
            assert (client.resumes, client.gaps) == (1, 0)
            asked = [message["content"] for message in model.requests[-1].body["messages"]][1:]
            assert asked == ["uno", "eco de uno", "dos"]

            # What was said before the move can be had again, and so can what came after it.
            client.last_seq = 1
            await drops(client, other.url)
            await client.until(lambda: client.last_seq >= client.heard("session_resumed")[-1]["next_seq"] + 1)
            await client.says("tres", "c")
            await client.until(lambda: len(client.receipts) == 3 or bool(client.wrong))

            assert client.wrong == []
            assert client.gaps == 0
            assert faults(owner, other) == []


async def test_a_session_in_which_something_happens_stays_until_that_is_over(
    tmp_path: Path, postgres_address: str
):
    async with AzureStandin() as model, fleet(tmp_path, postgres_address, model) as (owner, other):
        model.reply = lambda _: SLOW
        async with resuming_client(owner.url, heartbeat_s=2) as client:
            await client.until(lambda: bool(client.session_id))
            await client.says("cuenta", "a")
            await client.until(lambda: len(client.heard("response_chunk")) >= 2)
            await drops(client, other.url)
            await client.until(lambda: bool(answers(client)) or bool(client.wrong))
            assert moves(other, client) == []
            await moved(other, client)

            assert answers(client) == [SLOW_TEXT]
            assert faults(owner, other) == []


class Crossroads:
    """A relay on the link between two processes, which stops at a word of theirs.

    Attributes:
        at: At which word; the next connection's frames go on as they are once it has been there.
        does: What is done there.
        cuts: Whether the link is cut then, before the word has passed or after it.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self.at: Literal["", "quiet", "freeze", "parcel"] = ""
        self.does: Callable[[], Awaitable[None]] | None = None
        self.cuts: Literal["", "before", "after"] = ""
        self._was_quiet = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        self._was_quiet = False
        ends = [
            asyncio.create_task(self._copy(reader, back, writer, is_from_owner=False)),
            asyncio.create_task(self._copy(there, writer, back, is_from_owner=True)),
        ]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.cancel()
        await asyncio.gather(*ends, return_exceptions=True)
        writer.close()
        back.close()

    def _is_at(self, piece: bytes, *, is_from_owner: bool) -> bool:
        if self.at == "freeze":  # what the other end says is masked; it answers nothing but that
            return self._was_quiet and not is_from_owner
        return is_from_owner and bool(self.at) and self.at.encode() + b"\nv1 " in piece

    async def _copy(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        other: asyncio.StreamWriter,
        *,
        is_from_owner: bool,
    ) -> None:
        while piece := await source.read(2**20):
            is_there = self._is_at(piece, is_from_owner=is_from_owner)
            self._was_quiet |= is_from_owner and b"quiet\nv1 " in piece
            cuts = ""
            if is_there:
                cuts, self.at = self.cuts, ""
                if self.does is not None:
                    await self.does()
            if cuts != "before":
                sink.write(piece)
                await sink.drain()
            if cuts:
                other.transport.abort()
                return


@asynccontextmanager
async def crossroads(
    folder: Path, address: str, model: AzureStandin, **settings: Any
) -> AsyncIterator[tuple[ServerProcess, ServerProcess, Crossroads]]:
    """Two processes; the way from the second one to the first leads over a relay."""
    bound = free_port()
    relay = Crossroads(bound)
    async with AsyncExitStack() as stack:
        listener = await stack.enter_async_context(await asyncio.start_server(relay.serve, "127.0.0.1", 0))
        port = listener.sockets[0].getsockname()[1]
        servers: list[ServerProcess] = []
        for number in range(2):
            own = folder / f"process{number}"
            own.mkdir()
            named = fleet_settings(address, model, **settings)
            if number == 0:
                named |= {"fleet_address": f"http://127.0.0.1:{port}", "fleet_bind": f"127.0.0.1:{bound}"}
            servers.append(await stack.enter_async_context(server_process(own, **named)))
            await servers[-1].starts()
        yield servers[0], servers[1], relay


POINTS: list[tuple[Literal["quiet", "freeze", "parcel"], Literal["", "before", "after"]]] = [
    ("quiet", ""),
    ("quiet", "before"),
    ("quiet", "after"),
    ("freeze", ""),
    ("freeze", "before"),
    ("freeze", "after"),
    ("parcel", ""),
    ("parcel", "before"),
    ("parcel", "after"),
]


async def test_a_text_in_the_moment_of_the_move_is_answered_once(tmp_path: Path, postgres_address: str):
    """Wherever the move is then, and wherever the way between the two breaks."""
    async with AzureStandin() as model, crossroads(tmp_path, postgres_address, model) as made:
        owner, other, relay = made
        model.reply = lambda request: Text(f"eco de {request.last_text} y ya")
        for number, (at, cuts) in enumerate(POINTS):
            async with resuming_client(owner.url, heartbeat_s=5, back_off_s=0.05, user_id="ana") as client:
                texts = [f"{word} {number}" for word in ("uno", "dos", "tres")]
                await client.until(lambda one=client: bool(one.session_id))
                await client.says(texts[0], texts[0])
                await client.until(lambda one=client: len(answers(one)) == 1)

                async def says(one: ResumingClient = client, content: str = texts[1]) -> None:
                    await one.says(content, content)

                await drops(client, other.url)
                relay.at, relay.cuts, relay.does = at, cuts, says
                await client.until(lambda one=client: len(one.receipts) == 2 or bool(one.wrong))
                await client.until(
                    lambda one=client, text=texts[1]: has_answer_to(one, text) or bool(one.wrong)
                )
                await client.says(texts[2], texts[2])
                await client.until(
                    lambda one=client, last=texts[2]: has_answer_to(one, last) or bool(one.wrong)
                )
                assert client.wrong == [], (at, cuts)
                check(client, texts, await all_has_ended(owner, client.session_id))
                if not cuts:
                    assert (client.gaps, client.resumes) == (0, 1), at
        assert faults(owner, other) == []


async def test_a_session_that_somebody_else_claims_on_the_way_is_found_again(
    tmp_path: Path, postgres_address: str
):
    async with AzureStandin() as model, crossroads(tmp_path, postgres_address, model) as made:
        owner, other, relay = made
        model.reply = lambda request: Text(f"eco de {request.last_text} y ya")
        database = await asyncpg.connect(postgres_address)

        async def claims() -> None:
            await database.execute(
                "UPDATE sessions SET owner_epoch = owner_epoch + 1, owner ="
                " (SELECT id FROM nodes ORDER BY started_at LIMIT 1)"
            )

        try:
            async with resuming_client(owner.url, heartbeat_s=5, back_off_s=0.05) as client:
                await client.until(lambda: bool(client.session_id))
                await client.says("uno", "uno")
                await client.until(lambda: len(answers(client)) == 1)
                await drops(client, other.url)
                relay.at, relay.does = "parcel", claims
                await client.until(lambda: client.resumes == 2 or bool(client.wrong))
                await client.says("dos", "dos")
                await client.until(lambda: has_answer_to(client, "dos") or bool(client.wrong))

                assert client.wrong == []
                check(client, ["uno", "dos"], await all_has_ended(owner, client.session_id))
                assert faults(owner, other) == []
        finally:
            await database.close()
