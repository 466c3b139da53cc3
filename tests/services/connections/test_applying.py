"""What each message of a client does."""

import asyncio
import base64
import os
from dataclasses import replace

import pytest

from app.errors import BadAudio, BadMessage, NotAvailable
from app.protocol.v1.client import V1AudioMessage, V1OpeningMessage, V1TextMessage
from app.protocol.v1.wire import commands_of
from app.services.connections.applying import apply
from app.services.connections.recordings import PART_CHARS, sound_in_parts, sound_of
from app.services.sessions.live_session import LiveSession
from app.speech.base import VoiceEngines
from tests.support.context import settings_with
from tests.support.ears import Vocabulary, WordRecogniser, new_senses, silence
from tests.support.live import live_of
from tests.support.scripted import ScriptedModel, calls, last_text, says
from tests.support.server import client_of, running_server
from tests.support.talk import Workshop, talk
from tests.support.virtual_time import virtual


def handle(live: LiveSession, message: V1TextMessage | V1OpeningMessage | V1AudioMessage) -> None:
    """Does what a message asks for."""
    for command in commands_of(message):
        apply(live, command)


@virtual
async def test_text_and_system_with_content_are_what_the_user_says() -> None:
    async with talk(ScriptedModel(lambda r: says("Sí."))) as t:
        for message in (
            V1TextMessage(type="text", content="uno"),
            V1OpeningMessage(type="system", content="dos"),
        ):
            handle(live_of(t), message)
        await t.rests()

    assert [m["content"] for m in t.session.conversation_history if m["role"] == "user"] == ["uno", "dos"]


@virtual
async def test_greeting_says_nothing() -> None:
    async with talk(ScriptedModel([])) as t:
        handle(live_of(t), V1OpeningMessage(type="system"))
        await t.rests()

    assert t.accepted() == []


@virtual
async def test_text_without_words_is_refused() -> None:
    async with talk(ScriptedModel([])) as t:
        with pytest.raises(BadMessage):
            handle(live_of(t), V1TextMessage(type="text", content=" \n"))


@virtual
async def test_recording_is_not_available_on_a_server_that_cannot_hear() -> None:
    async with talk(ScriptedModel([])) as t:
        with pytest.raises(NotAvailable) as raised:
            handle(live_of(t), V1AudioMessage(type="audio", content="AAAA"))

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
    input_engines = replace(new_senses(WordRecogniser(vocabulary)), decode_clip=as_it_is)
    async with talk(ScriptedModel([says("Las dos.")])) as t:
        live = live_of(t, engines=lambda: VoiceEngines(input_engines))
        clip = base64.b64encode(vocabulary.sound("qué hora es?")).decode()
        handle(live, V1AudioMessage(type="audio", content=clip))
        await t.rests()

    assert [m["content"] for m in t.session.conversation_history] == ["qué hora es?", "Las dos."]


async def as_it_is(clip: bytes, owner: str) -> bytes:
    return clip


@pytest.mark.parametrize(
    ("said", "runs"), [("sí", ["w"]), ("no", []), ("sí gracias y la hora", [])], ids=["yes", "no", "else"]
)
@pytest.mark.parametrize("is_spoken", [False, True], ids=["typed", "spoken"])
async def test_word_about_a_call_may_be_typed_or_spoken(said: str, runs: list[str], is_spoken: bool) -> None:
    shop, vocabulary = Workshop(), Vocabulary()

    async def decoded(clip: bytes, owner: str) -> bytes:
        return clip

    order = calls(("send", {"tag": "w"}))
    model = ScriptedModel(lambda r: order if last_text(r) == "envía" else says("Vale."))
    settings = settings_with(tool_approval="writes")
    async with running_server(settings, provider=model, tools=[shop.tool("send", "write")]) as server:
        input_engines = replace(new_senses(WordRecogniser(vocabulary, pass_s=0.1)), decode_clip=decoded)
        server.service.session_host.engines = VoiceEngines(input_engines)
        async with client_of(server) as client:
            await client.opens()
            await client.says("envía")
            await client.hears("system", "¿Permites")
            await client.hears_answer()
            if is_spoken:
                sound = base64.b64encode(vocabulary.sound(said) + silence(500)).decode()
                await client.sends({"type": "audio", "content": sound})
            else:
                await client.says(said)
            await client.hears("system", "terminada" if runs else "cancelada")
            await client.hears_answer()

    assert [tag for _, tag in shop.runs] == runs
