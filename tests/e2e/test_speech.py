"""Speech over real sockets, in a world where a word is a level of sound."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from app.speech.base import VoiceEngines
from tests.support.context import settings_with
from tests.support.ears import Vocabulary, WordRecogniser, new_senses, silence
from tests.support.scripted import Answer, ScriptedModel, says
from tests.support.server import Server, client_of, running_server
from tests.support.v2_client import v2_client
from tests.support.voices import BYTES_PER_MS, MS_PER_WORD, CommaSplitter, WordySynthesiser, sound_of

AUDIO = {"in": {"sample_rate_hz": 16000}, "out": True}
FAST = {"in": {"sample_rate_hz": 16000}}


class World:
    """A server that hears and speaks, and its words."""

    def __init__(self) -> None:
        self.vocabulary = Vocabulary()
        self.recogniser = WordRecogniser(self.vocabulary, pass_s=0.01)
        self.model = ScriptedModel([])

    @property
    def engines(self) -> VoiceEngines:
        input_engines = replace(new_senses(self.recogniser), decode_clip=self._decode)
        return VoiceEngines(input_engines, WordySynthesiser(), CommaSplitter)

    async def _decode(self, clip: bytes, owner: str) -> bytes:
        return clip

    def speech(self, text: str) -> bytes:
        return self.vocabulary.sound(text) + silence(1500)

    def clip(self, text: str) -> str:
        return base64.b64encode(self.speech(text)).decode()


@asynccontextmanager
async def talking(*script: Answer, **settings: Any) -> AsyncIterator[tuple[Server, World]]:
    world = World()
    model = world.model = ScriptedModel(list(script))
    async with running_server(
        settings_with(**settings), provider=model, tools=[], engines=world.engines
    ) as server:
        yield server, world
    assert model.invalid == []


async def test_question_is_spoken_and_its_answer_too() -> None:
    async with talking(says("Las dos.")) as (server, world), v2_client(server) as client:
        created = await client.starts(audio=AUDIO)
        await client.sends(world.speech("qué hora es?"))
        complete = await client.hears("response_complete")

    assert created["features"] == ["audio_in", "audio_out"]
    assert created["audio"] == {"in": {"sample_rate_hz": 16000}, "out": True, "turn_detection": "auto"}
    kinds = [m["type"] for m in client.heard if m.get("final", True)]
    wanted = ["speech_started", "speech_stopped", "transcript", "message_accepted", "turn_started"]
    assert [kind for kind in kinds if kind in wanted] == wanted
    order = [kinds.index(k) for k in ("audio_started", "audio_complete", "response_complete")]
    assert order == sorted(order)
    assert client.sound == sound_of("Las") + sound_of("dos.")
    assert complete["timings_ms"]["first_audio"] is not None


async def test_user_who_pauses_is_answered_once_to_all_words_and_nothing_tells_of_the_pause() -> None:
    async with talking(says("<wait/>"), says("Las diez.")) as (server, world), v2_client(server) as client:
        await client.starts(audio=AUDIO)
        await client.sends(world.vocabulary.sound("qué hora es.") + silence(1800) + world.speech("en tokio."))
        complete = await client.hears("response_complete")

    def of(kind: str) -> list[dict[str, Any]]:
        return [m for m in client.heard if m["type"] == kind]

    accepted = next(n for n, m in enumerate(client.heard) if m["type"] == "message_accepted")
    before = {m["type"] for m in client.heard[:accepted] if m.get("final") is not True}
    assert not before & {"response_chunk", "audio_started", "turn_started", "tool_started", "error"}
    assert client.text_of(complete["turn_id"]) == "Las diez."
    assert [m["content"] for m in of("transcript") if m["final"]] == ["qué hora es. en tokio."]
    assert (len(of("message_accepted")), len(of("turn_started")), of("interrupted")) == (1, 1, [])
    assert "wait" not in repr(client.heard)
    assert [request.may_wait for request in world.model.requests] == [True, True]


async def test_recording_on_v1_is_never_taken_for_a_pause() -> None:
    async with talking(says("<wait/>")) as (server, world), client_of(server) as client:
        await client.opens()
        await client.sends({"type": "audio", "content": world.clip("qué hora es"), "user_id": "user123"})
        answer = await client.hears_answer()

    assert "<wait/>" in repr(answer)
    assert [request.may_wait for request in world.model.requests] == [False]


async def test_recording_on_v1_is_received_told_and_answered() -> None:
    async with talking(says("Las dos.")) as (server, world), client_of(server) as client:
        await client.opens()
        await client.sends({"type": "audio", "content": world.clip("qué hora es?"), "user_id": "user123"})
        answer = await client.hears_answer()

    contents = [m["content"] for m in client.heard if m["type"] == "system"]
    assert contents == ["Mensaje recibido", "Has dicho: «qué hora es?»", "Pensando en tu respuesta..."]
    assert answer == "Las dos."


async def test_recording_on_v2_is_told_and_then_received() -> None:
    async with talking(says("Las dos.")) as (server, world), v2_client(server) as client:
        await client.starts()
        await client.sends({"type": "audio", "content": world.clip("qué hora es?"), "format": "clip"})
        await client.hears("response_complete")

    kinds = [m["type"] for m in client.heard]
    assert kinds.index("transcript") < kinds.index("message_accepted") < kinds.index("turn_started")
    accepted = next(m for m in client.heard if m["type"] == "message_accepted")
    transcript = next(m for m in client.heard if m["type"] == "transcript")
    assert accepted["utterance_id"] == transcript["utterance_id"]


async def test_pieces_of_the_stream_may_come_in_messages() -> None:
    async with talking(says("Las dos.")) as (server, world), v2_client(server) as client:
        await client.starts(audio=FAST)
        await client.sends({"type": "audio", "content": world.clip("qué hora es?"), "format": "pcm16"})
        await client.hears("response_complete")

    assert next(m for m in client.heard if m["type"] == "transcript")["content"] == "qué hora es?"


async def test_push_to_talk_is_understood_at_the_clients_word() -> None:
    async with talking(says("Las dos.")) as (server, world), v2_client(server) as client:
        await client.starts(audio={**FAST, "turn_detection": "manual"})
        await client.sends(world.vocabulary.sound("qué hora"))
        await client.sends({"type": "audio_commit"})
        await client.hears("response_complete")

    assert next(m for m in client.heard if m["type"] == "transcript")["content"] == "qué hora"


async def test_answer_that_was_cut_off_goes_on_where_the_client_heard_it_last() -> None:
    text = " ".join(["palabra"] * 10)
    async with talking(says(text)) as (server, _), v2_client(server) as client:
        await client.starts(audio={"out": True})
        await client.says("cuenta")
        turn_id = (await client.hears("audio_started"))["turn_id"]
        # The answer to the ping comes behind the sound that the server sends at once.
        await client.sends({"type": "ping"})
        await client.hears("pong")
        sent = len(client.sound)
        await client.sends({"type": "playback", "turn_id": turn_id, "played_ms": 2 * MS_PER_WORD})
        await client.drops()
        client.sound = b""
        await client.resumes()
        again = await client.hears("audio_started")
        await client.hears("response_complete")

    assert sent >= 3 * MS_PER_WORD * BYTES_PER_MS
    assert 2 * MS_PER_WORD <= again["offset_ms"] < sent / BYTES_PER_MS
    assert len(client.sound) == pytest.approx((10 * MS_PER_WORD - again["offset_ms"]) * BYTES_PER_MS, abs=32)


async def test_answer_goes_on_over_a_second_connection_while_the_first_is_read_to_its_end() -> None:
    text = " ".join(["palabra"] * 10)
    async with talking(says(text)) as (server, _), v2_client(server) as first, v2_client(server) as second:
        await first.starts(audio={"out": True})
        await first.says("cuenta")
        await first.hears("audio_started")
        await first.sends({"type": "ping"})
        await first.hears("pong")
        second.session_id, second.token, second.last_seq = first.session_id, first.token, first.last_seq
        resumed = await second.resumes(overlap=True)
        with pytest.raises(ConnectionClosed):
            while True:
                await first.hears_next()
        begun = len(first.sound) / BYTES_PER_MS
        on = await second.hears("audio_started")
        await second.hears("response_complete")

    assert first.socket is not None and first.socket.close_code == 4409
    assert resumed["type"] == "session_resumed" and not resumed["gap"]
    assert on["offset_ms"] == begun >= 3 * MS_PER_WORD
    assert first.sound + second.sound == b"".join(map(sound_of, text.split()))


@pytest.mark.parametrize("wanted", [AUDIO, {"out": True}, FAST])
async def test_server_without_speech_says_so_and_goes_on_by_text(wanted: dict[str, Any]) -> None:
    model = ScriptedModel([says("Sí.")])
    async with (
        running_server(settings_with(), provider=model, tools=[], engines=VoiceEngines()) as server,
        v2_client(server) as client,
    ):
        created = await client.starts(audio=wanted)
        error = await client.hears("error")
        await client.says("hola")
        complete = await client.hears("response_complete")

    assert (created["features"], created["audio"]) == ([], None)
    assert (error["code"], error["retryable"]) == ("not_available", False)
    assert complete["text"] == "Sí."


async def test_sound_that_was_not_agreed_on_is_bad_audio_and_the_talk_goes_on() -> None:
    async with talking(says("Sí.")) as (server, _), v2_client(server) as client:
        await client.starts()
        await client.sends(b"\0\0")
        error = await client.hears("error")
        await client.says("hola")
        await client.hears("response_complete")

    assert error["code"] == "bad_audio"


async def test_ten_minutes_of_sound_at_once_are_one_error_and_others_talk_on() -> None:
    async with (
        talking(says("Sí."), says("No.")) as (server, _),
        v2_client(server) as loud,
        v2_client(server) as quiet,
    ):
        await loud.starts(audio=FAST)
        await quiet.starts()
        sound = silence(60_000)
        for _ in range(10):
            await loud.sends(sound)
        error = await loud.hears("error")
        await quiet.says("hola")
        await quiet.hears("response_complete")
        await asyncio.sleep(0)
        await loud.says("hola")
        await loud.hears("response_complete")

    assert (error["code"], error["retryable"]) == ("audio_overflow", True)
    assert [m["code"] for m in loud.heard if m["type"] == "error"].count("audio_overflow") >= 1


async def test_large_recording_is_bounded_by_its_own_limit() -> None:
    async with (
        talking(says("Sí."), max_message_bytes=2048, max_audio_message_bytes=200_000) as (server, world),
        v2_client(server) as client,
    ):
        await client.starts()
        await client.sends({"type": "audio", "content": world.clip("hola")[:100_000]})
        await client.hears("response_complete")
        await client.sends({"type": "audio", "content": "A" * 300_000})
        audio = await client.hears("error")
        await client.says("x" * 3000)
        text = await client.hears("error")

    assert (audio["code"], text["code"]) == ("too_large", "too_large")
    assert "200000" in audio["content"] and "2048" in text["content"]
