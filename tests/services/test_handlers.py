"""What each message of a client does."""

import asyncio
import base64
import os
from dataclasses import replace
from typing import get_args

import pytest

from app.errors import BadAudio, BadMessage, NotAvailable
from app.protocol.client import AudioMessage, SystemMessage, TextMessage, V1Message
from app.services.handlers import HANDLERS
from app.services.recordings import PART_CHARS, sound_in_parts, sound_of
from app.voice.base import VoiceEngines
from tests.support.ears import Vocabulary, WordRecogniser, new_senses
from tests.support.live import live_of
from tests.support.scripted import ScriptedModel, says
from tests.support.talk import talk
from tests.support.virtual_time import virtual


def test_every_message_of_the_union_has_its_handler() -> None:
    union, _ = get_args(V1Message)

    assert set(get_args(union)) == set(HANDLERS)


@virtual
async def test_text_and_system_with_content_are_what_the_user_says() -> None:
    async with talk(ScriptedModel(lambda r: says("Sí."))) as t:
        for message in (TextMessage(type="text", content="uno"), SystemMessage(type="system", content="dos")):
            HANDLERS[type(message)](live_of(t), message)
        await t.rests()

    assert [m["content"] for m in t.session.conversation_history if m["role"] == "user"] == ["uno", "dos"]


@virtual
async def test_greeting_says_nothing() -> None:
    async with talk(ScriptedModel([])) as t:
        HANDLERS[SystemMessage](live_of(t), SystemMessage(type="system"))
        await t.rests()

    assert t.accepted() == []


@virtual
async def test_text_without_words_is_refused() -> None:
    async with talk(ScriptedModel([])) as t:
        with pytest.raises(BadMessage):
            HANDLERS[TextMessage](live_of(t), TextMessage(type="text", content=" \n"))


@virtual
async def test_recording_is_not_available_on_a_server_that_cannot_hear() -> None:
    async with talk(ScriptedModel([])) as t:
        with pytest.raises(NotAvailable) as raised:
            HANDLERS[AudioMessage](live_of(t), AudioMessage(type="audio", content="AAAA"))

    # A client of v1 is told nothing but this sentence.
    assert "no puedo oírte" in raised.value.sentence("es")
    assert "Please write" in raised.value.sentence("en")


@pytest.mark.parametrize("content", ["", "***", "AAA", "AAAA\n"])
async def test_recording_that_is_no_base64_is_bad_audio(content: str) -> None:
    with pytest.raises(BadAudio):
        sound_of(content)
    with pytest.raises(BadAudio):
        await sound_in_parts(content)


@pytest.mark.parametrize("size", [1, 3 * PART_CHARS // 4, 3 * PART_CHARS // 4 + 1, 2_000_000])
async def test_a_large_recording_is_decoded_in_parts_and_others_go_between(size: int) -> None:
    sound = os.urandom(size)
    content = base64.b64encode(sound).decode()
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    going = asyncio.create_task(others())
    decoded = await sound_in_parts(content)
    going.cancel()

    assert decoded == sound
    assert turns >= len(content) // PART_CHARS


@pytest.mark.parametrize("wrong", ["=", "==", "*", "\n", "á"])
@pytest.mark.parametrize("at", [PART_CHARS - 1, PART_CHARS, 2 * PART_CHARS - 1])
async def test_a_large_recording_is_as_strict_as_a_small_one(at: int, wrong: str) -> None:
    good = "A" * 3 * PART_CHARS
    content = good[: at - len(wrong) + 1] + wrong + good[at + 1 :]
    with pytest.raises(BadAudio):
        sound_of(content)
    with pytest.raises(BadAudio):
        await sound_in_parts(content)


@virtual
async def test_recording_is_answered_like_a_text() -> None:
    vocabulary = Vocabulary()
    senses = replace(new_senses(WordRecogniser(vocabulary)), decode_clip=as_it_is)
    async with talk(ScriptedModel([says("Las dos.")])) as t:
        live = live_of(t, engines=lambda: VoiceEngines(senses))
        clip = base64.b64encode(vocabulary.sound("qué hora es?")).decode()
        HANDLERS[AudioMessage](live, AudioMessage(type="audio", content=clip))
        await t.rests()

    assert [m["content"] for m in t.session.conversation_history] == ["qué hora es?", "Las dos."]


async def as_it_is(clip: bytes, owner: str) -> bytes:
    return clip
