"""The Realtime API aloud: sound both ways, as the stock client of the `openai` package sends and hears it."""

import asyncio
import base64
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from app.speech.base import VoiceEngines
from app.speech.g711 import encoder
from app.speech.pcm import Resampler
from app.tools.base import Tool
from config.settings import Settings
from tests.realtime.app import App, app_of, said
from tests.support.ears import FullStops, Vocabulary, WordRecogniser, new_senses, silence
from tests.support.scripted import ScriptedModel, says
from tests.support.server import Server, running_server
from tests.support.voices import MS_PER_WORD, CommaSplitter, WordySynthesiser


@dataclass
class Spoken:
    """An app on a server that hears and speaks; the world's words are sounds of one level."""

    app: App
    server: Server
    vocabulary: Vocabulary
    model: ScriptedModel

    async def says(self, text: str, silence_ms: int = 1500) -> None:
        """Sends sound faster than it would be said, as the API allows."""
        sound = self.vocabulary.sound(text) + silence(silence_ms)
        for start in range(0, len(sound), 6400):
            audio = base64.b64encode(sound[start : start + 6400]).decode()
            await self.app.sends("input_audio_buffer.append", audio=audio)

    async def updates(self, **session: Any) -> Any:
        """Changes the session; returns it."""
        await self.app.sends("session.update", session=session)
        return (await self.app.hears("session.updated")).session


@asynccontextmanager
async def spoken(
    *answers: Any, settings: Settings | None = None, tools: Sequence[Tool] | None = None, **options: Any
) -> AsyncIterator[Spoken]:
    vocabulary = Vocabulary()
    senses = new_senses(WordRecogniser(vocabulary, pass_s=0.01), FullStops())
    engines = VoiceEngines(senses, WordySynthesiser(), CommaSplitter, new_rate=Resampler)
    model = ScriptedModel([says(answer) if isinstance(answer, str) else answer for answer in answers])
    more = {} if tools is None else {"tools": list(tools)}
    running = running_server(settings, provider=model, engines=engines, **more)
    async with running as server, app_of(server, **options) as app:
        yield Spoken(app, server, vocabulary, model)


def sound_of(app: App) -> bytes:
    """All that was heard."""
    deltas = (event.delta for event in app.heard if event.type == "response.output_audio.delta")
    return b"".join(map(base64.b64decode, deltas))


async def test_what_is_said_is_understood_and_answered_aloud_in_the_order_of_the_api():
    async with spoken("Sí, claro.") as talk:
        await talk.updates(audio={"input": {"transcription": {"model": "whisper-1"}}})
        await talk.says("buenos días.")
        response = (await talk.app.hears("response.done")).response
        kinds = talk.app.kinds(2)

    assert kinds[:10] == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed",
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
    ]
    assert kinds[10] == "response.content_part.added"
    assert set(kinds[11:-7]) == {"response.output_audio_transcript.delta", "response.output_audio.delta"}
    assert kinds[-6:] == [
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "response.output_item.done",
        "conversation.item.done",
        "response.done",
    ]
    assert said(response) == "Sí, claro." and response.status == "completed"
    items = {event.item_id for event in talk.app.heard if event.type.startswith("input_audio_buffer")}
    assert len(items) == 1
    assert len(sound_of(talk.app)) == pytest.approx(2 * MS_PER_WORD * 48, rel=0.02)  # 24 kHz, two bytes


async def test_telephone_sound_goes_both_ways():
    async with spoken("Sí.") as talk:
        written = {"format": {"type": "audio/pcmu"}}
        session = await talk.updates(audio={"input": written, "output": written})
        talk.vocabulary.sound("a b c d e f g")  # the next word's level, 8, is one that mu-law has
        pcm = talk.vocabulary.sound("hola.") + silence(1500)
        await talk.app.sends(
            "input_audio_buffer.append", audio=base64.b64encode(encoder("mulaw")(pcm)).decode()
        )
        await talk.app.hears("response.done")

    assert session.audio.output.format.type == "audio/pcmu"
    assert talk.model.requests[0].messages[-1]["content"].startswith("hola.")
    assert len(sound_of(talk.app)) == pytest.approx(MS_PER_WORD * 8, rel=0.02)


async def test_text_may_be_answered_by_text():
    async with spoken("Sí.") as talk:
        session = await talk.updates(output_modalities=["text"])
        await talk.app.asks("hola")

    assert session.output_modalities == ["text"]
    assert "response.output_text.delta" in talk.app.kinds() and sound_of(talk.app) == b""


async def test_push_to_talk_is_answered_when_that_is_asked_for_with_all_that_was_said():
    async with spoken("Sí.") as talk:
        await talk.updates(audio={"input": {"turn_detection": None}})
        await talk.says("abre la puerta.", silence_ms=100)
        await talk.app.sends("input_audio_buffer.commit")
        await talk.app.sends("response.create")
        await talk.app.hears("response.done")
        kinds = talk.app.kinds(2)

    assert kinds[:4] == [
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
    ]
    assert talk.model.requests[0].messages[-1]["content"].startswith("abre la puerta.")


async def test_nothing_to_commit_is_an_error_and_a_cleared_buffer_is_empty():
    async with spoken() as talk:
        await talk.updates(audio={"input": {"turn_detection": None}})
        await talk.says("abre la puerta.", silence_ms=100)
        await talk.app.sends("input_audio_buffer.clear")
        await talk.app.hears("input_audio_buffer.cleared")
        await talk.app.sends("input_audio_buffer.commit")
        error = (await talk.app.hears("error")).error

    assert error.code == "input_audio_buffer_commit_empty"


async def test_detected_speech_only_joins_where_the_client_asks_for_answers_itself():
    async with spoken("Sí.") as talk:
        await talk.updates(
            audio={"input": {"turn_detection": {"type": "server_vad", "create_response": False}}}
        )
        await talk.says("abre la puerta.")
        await talk.app.hears("conversation.item.done")
        assert talk.model.requests == []
        await talk.app.responds()

    assert talk.model.requests[0].messages[-1]["content"].startswith("abre la puerta.")


LONG = " ".join(f"palabra{n}" for n in range(30)) + "."


async def test_speech_over_the_voice_ends_the_answer():
    async with spoken(LONG, "Dime.") as talk:
        await talk.app.adds("cuenta")
        await talk.app.sends("response.create")
        await talk.app.hears("response.output_audio.delta")
        await talk.says("espera un momento por favor.")
        response = (await talk.app.hears("response.done")).response
        second = (await talk.app.hears("response.done")).response

    assert (response.status, response.status_details.reason) == ("cancelled", "turn_detected")
    assert response.output[0].status == "incomplete"
    assert said(second) == "Dime."


async def test_truncation_is_what_the_model_is_told_was_heard():
    async with spoken(LONG, "Sigo.") as talk:
        await talk.app.adds("cuenta")
        await talk.app.sends("response.create")
        item = (await talk.app.hears("response.output_item.added")).item
        for _ in range(4):
            await talk.app.hears("response.output_audio.delta")
        await talk.app.sends("response.cancel")
        end = {"item_id": item.id, "content_index": 0, "audio_end_ms": MS_PER_WORD + 10}
        await talk.app.sends("conversation.item.truncate", **end)
        told = await talk.app.hears("conversation.item.truncated")
        await talk.app.hears("response.done") if "response.done" not in talk.app.kinds() else None
        await talk.app.asks("sigue")

    assert (told.item_id, told.audio_end_ms) == (item.id, MS_PER_WORD + 10)
    assert [m["content"] for m in talk.model.requests[1].messages if m["role"] == "assistant"] == ["palabra0"]


async def test_answer_that_has_ended_may_be_truncated_too():
    async with spoken("uno dos tres.", "Sigo.") as talk:
        item = (await talk.app.asks("cuenta")).output[0]
        end = {"item_id": item.id, "content_index": 0, "audio_end_ms": 2 * MS_PER_WORD}
        await talk.app.sends("conversation.item.truncate", **end)
        await talk.app.hears("conversation.item.truncated")
        await talk.app.asks("sigue")

    assert [m["content"] for m in talk.model.requests[1].messages if m["role"] == "assistant"] == ["uno dos"]


async def test_sound_that_plays_is_cleared():
    async with spoken(LONG) as talk:
        await talk.app.adds("cuenta")
        await talk.app.sends("response.create")
        await talk.app.hears("response.output_audio.delta")
        await talk.app.sends("output_audio_buffer.clear")
        cleared, done = None, None
        async with asyncio.timeout(5):
            while cleared is None or done is None:
                event = await talk.app.next()
                cleared = event if event.type == "output_audio_buffer.cleared" else cleared
                done = event if event.type == "response.done" else done

    assert done.response.id == cleared.response_id and done.response.status == "cancelled"


async def test_sound_where_the_server_has_no_ears_is_refused():
    async with running_server(provider=ScriptedModel([])) as server, app_of(server) as app:
        await app.sends("input_audio_buffer.append", audio="AAAA", event_id="e1")
        error = (await app.hears("error")).error

    assert (error.code, error.event_id) == ("not_available", "e1")
