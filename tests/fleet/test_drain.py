"""A process that stops while others serve: its sessions go to them, and nobody is cut off before time."""

import asyncio
import json
import signal
import time
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.faults.test_group_d_kills import all_has_ended, check
from tests.fleet.conftest import fleet
from tests.fleet.test_moves import faults, moved, moves
from tests.fleet.test_resume_anywhere import SLOW, SLOW_TEXT, answers, drops, knows
from tests.support.answers import Text
from tests.support.azure_standin import AzureStandin
from tests.support.process import PATIENCE_S
from tests.support.resuming_client import resuming_client

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

LONG_S = 600
"""A grace that no test waits for."""


async def test_an_answer_that_streams_over_a_link_ends_whole_and_then_its_session_moves(
    tmp_path: Path, postgres_address: str
):
    async with (
        AzureStandin() as model,
        fleet(tmp_path, postgres_address, model, drain_grace_s=LONG_S) as (owner, other),
    ):
        model.reply = lambda _: SLOW
        async with resuming_client(owner.url, heartbeat_s=5, back_off_s=0.1) as client:
            await client.until(lambda: bool(client.session_id))
            await client.says("cuenta", "cuenta")
            await client.until(lambda: len(client.heard("response_chunk")) >= 2)
            await knows(owner, 2)
            owner.signals(signal.SIGTERM)
            await client.until(lambda: bool(client.heard("going_away")))
            await drops(client, other.url)
            await client.until(lambda: bool(answers(client)) or bool(client.wrong))
            assert answers(client) == [SLOW_TEXT]
            await moved(other, client)
            assert await owner.ends() == 0

            model.reply = lambda _: Text("bien y tú")
            await client.says("y ahora", "y ahora")
            await client.until(lambda: len(answers(client)) == 2 or bool(client.wrong))
            assert (client.resumes, client.gaps, client.wrong) == (1, 0, [])
            check(client, ["cuenta", "y ahora"], await all_has_ended(other, client.session_id))
            assert faults(owner, other) == []


async def test_a_text_that_comes_in_a_drain_is_answered_and_who_stays_is_sent_elsewhere_when_that_is_over(
    tmp_path: Path, postgres_address: str
):
    """A client that does not go by itself; its session moves all the same, without a gap."""
    async with (
        AzureStandin() as model,
        fleet(tmp_path, postgres_address, model, drain_grace_s=LONG_S) as (owner, other),
    ):
        model.reply = lambda request: Text(f"eco de {request.last_text}", 0.3)
        async with resuming_client(owner.url, heartbeat_s=5, back_off_s=0.1) as client:
            await client.until(lambda: bool(client.session_id))
            await knows(owner, 2)
            owner.signals(signal.SIGTERM)
            await client.until(lambda: bool(client.heard("going_away")))
            await client.says("uno", "uno")
            await client.says("dos", "dos")
            client.url = other.url
            await client.until(lambda: client.resumes == 1 or bool(client.wrong))
            assert answers(client) == ["eco de uno", "eco de dos"]
            assert client.close_codes[0] == 1012
            await moved(other, client)
            assert await owner.ends() == 0

            await client.says("tres", "tres")
            await client.until(lambda: len(answers(client)) == 3 or bool(client.wrong))
            assert (client.resumes, client.gaps, client.wrong) == (1, 0, [])
            check(client, ["uno", "dos", "tres"], await all_has_ended(other, client.session_id))
            assert faults(owner, other) == []


async def test_who_cannot_come_back_is_waited_for(tmp_path: Path, postgres_address: str):
    """A v1 client talks on while its process drains; when it has gone, the process ends."""
    async with (
        AzureStandin() as model,
        fleet(tmp_path, postgres_address, model, drain_grace_s=LONG_S) as (owner, other),
    ):
        model.reply = lambda request: Text(f"eco de {request.last_text}")
        async with (
            resuming_client(owner.url, heartbeat_s=5, back_off_s=0.1) as onlooker,
            connect(owner.url, proxy=None) as client,
        ):
            await onlooker.until(lambda: bool(onlooker.session_id))
            await client.send(json.dumps({"type": "text", "content": "uno"}))
            await knows(owner, 2)
            owner.signals(signal.SIGTERM)
            onlooker.url = other.url
            await onlooker.until(lambda: onlooker.resumes == 1 or bool(onlooker.wrong))
            await client.send(json.dumps({"type": "text", "content": "dos"}))
            heard = ""
            async with asyncio.timeout(PATIENCE_S):
                while "eco de dos" not in heard:
                    said = json.loads(await client.recv())
                    heard += said.get("content", "") if said["type"] == "response_chunk" else ""
        assert await owner.ends() == 0


async def test_what_still_talks_when_the_time_is_over_is_cut_and_asked_again_elsewhere(
    tmp_path: Path, postgres_address: str
):
    async with (
        AzureStandin() as model,
        fleet(tmp_path, postgres_address, model, drain_grace_s=3) as (owner, other),
    ):
        model.reply = lambda _: Text("uno dos tres y", delay_s=60)
        async with (
            resuming_client(owner.url, heartbeat_s=5, back_off_s=0.1) as client,
            connect(owner.url, proxy=None) as old,
        ):
            await client.until(lambda: bool(client.session_id))
            await client.says("cuenta", "cuenta")
            await client.until(lambda: len(client.receipts) == 1)
            await knows(owner, 2)
            began = time.monotonic()
            owner.signals(signal.SIGTERM)
            await client.until(lambda: bool(client.heard("going_away")))
            model.reply = lambda _: SLOW
            client.url = other.url
            await client.until(lambda: client.resumes == 1 or bool(client.wrong))
            assert time.monotonic() - began >= 3
            with pytest.raises(ConnectionClosed):
                while True:
                    await old.recv()
            assert old.close_code == 1012
            assert await owner.ends() == 0
            await client.until(lambda: bool(answers(client)) or bool(client.wrong))

            assert answers(client) == [SLOW_TEXT]
            assert moves(other, client) == []
            check(client, ["cuenta"], await all_has_ended(other, client.session_id))
