"""Where texts come in: written down first, then receipted, then in line; in their order, and once each."""

import asyncio

import pytest

from app.conversation.intake import REMEMBERED_IDS, Intake, UserText
from app.protocol.events import MessageAccepted
from app.speech.base import Transcription
from tests.support.scripted import ScriptedModel
from tests.support.slow_journal import SlowJournal
from tests.support.stage import Stage, stage
from tests.support.virtual_time import VirtualClock, virtual


def text(number: int, client_id: str | None = None) -> UserText:
    return UserText(f"turn_{number}", f"texto {number}", 0.0, client_id)


def intake(s: Stage, line: list[UserText]) -> Intake:
    return Intake(s.session, s.turns.record, VirtualClock(), line.append)


@virtual
async def test_without_a_journal_a_text_is_in_line_at_once() -> None:
    line: list[UserText] = []
    async with stage(ScriptedModel([])) as s:
        made = intake(s, line)
        made.take(text(1, "c1"))

        assert await s.seen() == [MessageAccepted("turn_1", "c1", durable=False)]
    assert line == [text(1, "c1")]
    assert next(iter(s.session.transcript)).content == "texto 1"


@virtual
async def test_text_is_written_down_before_its_receipt_and_texts_keep_their_order() -> None:
    line: list[UserText] = []
    async with stage(ScriptedModel([])) as s:
        s.session.journal = SlowJournal(3, 0)
        made = intake(s, line)
        made.take(text(1))
        made.take(text(2))
        await asyncio.sleep(2)
        assert (await s.seen(), line, len(list(made.arriving))) == ([], [], 2)
        await asyncio.sleep(2)
        receipts = await s.seen(MessageAccepted)

    assert [receipt.turn_id for receipt in receipts] == ["turn_1", "turn_2"]
    assert all(receipt.durable for receipt in receipts)
    assert line == [text(1), text(2)]


@virtual
async def test_text_that_could_not_be_written_in_time_is_taken_and_says_so() -> None:
    line: list[UserText] = []
    async with stage(ScriptedModel([])) as s:
        s.session.journal = SlowJournal(1, survives=False)
        intake(s, line).take(text(1))
        await asyncio.sleep(2)

        assert [receipt.durable for receipt in await s.seen(MessageAccepted)] == [False]
    assert line == [text(1)]


@virtual
async def test_text_that_comes_again_gets_its_receipt_again_and_just_one_while_it_arrives() -> None:
    line: list[UserText] = []
    async with stage(ScriptedModel([])) as s:
        s.session.journal = SlowJournal(1)
        made = intake(s, line)
        made.take(text(1, "c1"))
        assert made.again("c1") == "turn_1"
        await asyncio.sleep(2)
        assert made.again("c1") == "turn_1"

        assert len(await s.seen(MessageAccepted)) == 2
    assert len(line) == 1


@pytest.mark.parametrize("client_id", [None, "c9"])
def test_text_without_a_known_id_is_new(client_id: str | None) -> None:
    @virtual
    async def test() -> None:
        async with stage(ScriptedModel([])) as s:
            made = intake(s, [])
            made.take(text(1))

            assert made.again(client_id) is None

    test()


@virtual
async def test_the_last_thousand_ids_are_known() -> None:
    async with stage(ScriptedModel([])) as s:
        made = intake(s, [])
        made.remember(MessageAccepted(f"turn_{n}", f"c{n}", True) for n in range(REMEMBERED_IDS + 1))

        assert made.again("c0") is None
        assert made.again("c1") == "turn_1"


@virtual
async def test_closing_takes_nothing_more_in() -> None:
    line: list[UserText] = []
    async with stage(ScriptedModel([])) as s:
        s.session.journal = SlowJournal(5)
        made = intake(s, line)
        made.take(text(1))
        await asyncio.sleep(1)
        await made.aclose()
        await asyncio.sleep(10)

        assert (await s.seen(), line) == ([], [])


@virtual
async def test_recording_has_its_place_behind_a_text_that_is_still_being_written_down() -> None:
    line: list[UserText] = []
    async with stage(ScriptedModel([])) as s:
        s.session.journal = SlowJournal(1.0)
        made = intake(s, line)
        made.take(text(1))
        made.take_clip(text(2), understood("hola"))
        await asyncio.sleep(2)
        await made.aclose()

        assert [event.turn_id for event in await s.seen()] == ["turn_1", "turn_2"]
    assert [each.turn_id for each in line] == ["turn_1", "turn_2"]


async def understood(words: str) -> Transcription:
    return Transcription(words, "es", 1.0)
