"""A recording goes out as frames and comes back as a transcript, an answer, and its sound."""

import asyncio
from typing import Any

import pytest
from voice_agent_client import ReconnectingClient

from app.cli.cli_error import CliError, Exit
from app.cli.recorded_question import RecordedAnswer, RecordedQuestion, audio_options
from tests.cli.fake_server import RATE_HZ, Act, Peer, playing

PCM = bytes(range(256)) * 50


async def ask(*acts: Act, out: bool = True, **options: Any) -> tuple[RecordedAnswer, bytes]:
    """The answer, and what sound the server heard."""
    async with playing(*acts) as script, asyncio.timeout(15):
        audio = audio_options(RATE_HZ, out=out, turns=options.get("turns", "manual"))
        client = ReconnectingClient(script.url, audio=audio, chance=lambda: 0.01)
        question = RecordedQuestion(client, PCM, RATE_HZ, is_fast=True, wants_sound=out, **options)
        answer = await question.ask()
        return answer, script.sound


async def understands(peer: Peer, text: str = "¿Qué hora es?", turn_id: str = "t1") -> None:
    await peer.sends("transcript", utterance_id="u1", content=text, final=True, language="es")
    await peer.sends("message_accepted", id=None, turn_id=turn_id, durable=False, utterance_id="u1")
    await peer.sends("turn_started", turn_id=turn_id, source="user")


async def sounds(peer: Peer, pcm: bytes, turn_id: str = "t1", offset_ms: float = 0) -> None:
    await peer.sends(
        "audio_started", turn_id=turn_id, format="pcm16", sample_rate_hz=1_000, offset_ms=offset_ms
    )
    await peer.says(pcm)


async def test_the_whole_recording_is_sent_and_the_answer_kept():
    async def act(peer: Peer) -> None:
        start = await peer.creates("audio_in", "audio_out")
        assert start["audio"] == {"in": {"sample_rate_hz": RATE_HZ}, "out": True, "turn_detection": "manual"}
        await peer.hears("audio_commit")
        await understands(peer)
        await sounds(peer, b"\1\2" * 20)
        await peer.sends("audio_complete", turn_id="t1")
        await peer.completes("Son las diez.")

    answer, sound = await ask(act)

    assert sound == PCM
    assert answer == RecordedAnswer("¿Qué hora es?", "Son las diez.", bytearray(b"\1\2" * 20), 1_000)


async def test_without_a_file_for_it_the_answer_needs_no_voice():
    async def act(peer: Peer) -> None:
        await peer.creates("audio_in")
        await peer.hears("audio_commit")
        await understands(peer)
        await peer.completes("Hola.")

    answer, _ = await ask(act, out=False)

    assert (answer.text, answer.pcm) == ("Hola.", b"")


@pytest.mark.parametrize("features", [(), ("audio_out",), ("audio_in",)])
async def test_a_server_without_voice_is_told_of(features: tuple[str, ...]):
    async def act(peer: Peer) -> None:
        await peer.creates(*features)
        await peer.hears("end")

    with pytest.raises(CliError) as ended:
        await ask(act)

    assert ended.value.code is Exit.NO_VOICE


async def test_a_recording_without_words_is_told_of():
    async def act(peer: Peer) -> None:
        await peer.creates("audio_in", "audio_out")
        await peer.hears("audio_commit")
        await peer.sends("speech_stopped", utterance_id="u1", empty=True)
        await peer.hears("end")

    with pytest.raises(CliError) as ended:
        await ask(act)

    assert ended.value.sentence("en") == "No words were heard."


async def test_an_error_ends_it():
    async def act(peer: Peer) -> None:
        await peer.creates("audio_in", "audio_out")
        await peer.hears("audio_commit")
        await peer.sends("error", code="worker_failed", content="Ha fallado.", retryable=True)
        await peer.hears("end")

    with pytest.raises(CliError) as ended:
        await ask(act)

    assert ended.value.sentence("es") == "Error: Ha fallado."


async def test_a_turn_that_the_recording_itself_cut_is_not_the_answer():
    async def act(peer: Peer) -> None:
        await peer.creates("audio_in", "audio_out")
        await peer.hears("audio_commit")
        await understands(peer, "Dime", "t1")
        await sounds(peer, b"\1\1", "t1")
        await peer.completes("", "t1", "interrupted")
        await understands(peer, "Dime la hora", "t2")
        await sounds(peer, b"\2\2", "t2")
        await peer.completes("Las diez.", "t2")

    answer, _ = await ask(act)

    assert (answer.transcript, answer.text, answer.pcm) == ("Dime la hora", "Las diez.", b"\2\2")


async def test_after_a_drop_the_sound_goes_on_where_the_server_says():
    async def first(peer: Peer) -> None:
        await peer.creates("audio_in", "audio_out")
        await peer.hears("audio_commit")
        await understands(peer)
        await sounds(peer, b"\1\1" * 30)
        await peer.hears("playback")
        peer.drops()

    async def second(peer: Peer) -> None:
        await peer.resumes()
        await sounds(peer, b"\2\2" * 5, offset_ms=20)
        await peer.completes("Las diez.")

    answer, _ = await ask(first, second)

    assert answer.pcm == b"\1\1" * 20 + b"\2\2" * 5


async def test_where_the_server_hears_the_end_silence_follows_the_recording():
    async def act(peer: Peer) -> None:
        await peer.creates("audio_in", "audio_out")
        while len(peer._talk.sound) < len(PCM) + 640:
            frame = await peer._socket.recv()
            assert isinstance(frame, bytes)
            peer._talk.sound += frame
        await understands(peer)
        await peer.completes("Hola.")

    _, sound = await ask(act, turns="auto")

    assert sound.startswith(PCM)
    assert set(sound[len(PCM) :]) == {0}
