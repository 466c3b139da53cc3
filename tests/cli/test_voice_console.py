"""The talk by voice, with a sound card of the test's own and a server over real sockets."""

import asyncio
import io
from collections.abc import Callable

import pytest
from voice_agent_client import AudioOptions, ReconnectingClient, SessionClosedError

from app.cli.cli_error import CliError, Exit
from app.cli.terminal_renderer import TerminalRenderer
from app.cli.voice_console import VoiceConsole
from tests.cli.fake_server import Act, Peer, Script, playing

AUDIO: AudioOptions = {"in": {"sample_rate_hz": 16_000}, "out": True, "turn_detection": "auto"}
LOADING = {"code": "voice_loading", "content": "Aún no.", "retryable": True}
MISSING = {"code": "not_available", "content": "No hay.", "retryable": False}


class Card:
    """A microphone that the test speaks into, and a loudspeaker that it listens to."""

    rate_hz = 16_000

    def __init__(self) -> None:
        self.heard: Callable[[bytes], None] | None = None
        self.pull: Callable[[int], bytes] | None = None
        self.rates: list[int] = []
        self.is_closed = False

    def listen(self, heard: Callable[[bytes], None]) -> None:
        self.heard = heard
        for _ in range(3):
            heard(b"\5" * 640)

    def speak(self, rate_hz: int, pull: Callable[[int], bytes]) -> None:
        self.rates.append(rate_hz)
        self.pull = pull

    def close(self) -> None:
        self.is_closed = True


async def talk(*acts: Act, code: Exit = Exit.FAILED) -> tuple[Card, Script, str]:
    card, answers = Card(), io.StringIO()
    async with playing(*acts) as script, asyncio.timeout(15):
        client = ReconnectingClient(script.url, audio=AUDIO, chance=lambda: 0.01)
        renderer = TerminalRenderer(answers, io.StringIO(), "es")
        with pytest.raises((CliError, SessionClosedError)) as ended:
            await VoiceConsole(client, card, renderer, AUDIO).run()
        assert getattr(ended.value, "code") in (code, 1000)  # noqa: B009
        assert isinstance(ended.value, CliError) == (code is Exit.NO_VOICE)
    return card, script, answers.getvalue()


async def hears_sound(peer: Peer, size: int) -> None:
    while len(peer._talk.sound) < size:
        frame = await peer._socket.recv()
        assert isinstance(frame, bytes)
        peer._talk.sound += frame


async def test_the_microphone_is_heard_and_the_answer_reaches_the_loudspeaker():
    async def act(peer: Peer) -> None:
        await peer.creates("audio_in", "audio_out")
        await hears_sound(peer, 3 * 640)
        await peer.sends("turn_started", turn_id="t1", source="user")
        await peer.sends("response_chunk", turn_id="t1", content="Hola.")
        await peer.sends("audio_started", turn_id="t1", format="pcm16", sample_rate_hz=24_000, offset_ms=0)
        await peer.says(b"\1\2\3\4")
        # Its report of what was played says that all before has been taken.
        assert (await peer.hears("playback"))["turn_id"] == "t1"
        await peer.closes(1000)

    card, script, answers = await talk(act)

    assert script.sound == b"\5" * (3 * 640)
    assert card.rates == [24_000]
    assert card.pull and card.pull(4) == b"\1\2\3\4"
    assert answers.startswith("Hola.")
    assert card.is_closed


async def test_an_interruption_drops_what_was_not_played():
    async def act(peer: Peer) -> None:
        await peer.creates("audio_in", "audio_out")
        await hears_sound(peer, 3 * 640)
        await peer.sends("audio_started", turn_id="t1", format="pcm16", sample_rate_hz=24_000, offset_ms=0)
        await peer.says(b"\1\2\3\4")
        await peer.sends("interrupted", turn_id="t1", heard="")
        await peer.hears("playback")
        await peer.closes(1000)

    card, _, _ = await talk(act)

    assert card.pull and card.pull(4) == bytes(4)


async def test_a_server_without_voice_is_told_of_and_nobody_listens():
    async def act(peer: Peer) -> None:
        await peer.creates()
        await peer.sends("error", **MISSING)
        await peer.hears("end")

    card, _, _ = await talk(act, code=Exit.NO_VOICE)

    assert card.heard is None
    assert card.is_closed


@pytest.mark.parametrize("speaks", [True, False])
async def test_a_voice_that_still_loads_is_waited_for(speaks: bool):
    async def act(peer: Peer) -> None:
        await peer.creates()
        await peer.sends("error", **LOADING)
        await peer.sends("features", features=["audio_in", "audio_out"] if speaks else ["audio_in"])
        assert (await peer.hears("session_update"))["audio"] == {**AUDIO, "out": speaks}
        await hears_sound(peer, 3 * 640)
        await peer.closes(1000)

    _, script, _ = await talk(act)

    assert script.sound == b"\5" * (3 * 640)


async def test_a_voice_that_could_not_be_loaded_is_told_of_and_nobody_listens():
    async def act(peer: Peer) -> None:
        await peer.creates()
        await peer.sends("error", **LOADING)
        await peer.sends("features", features=[])
        await peer.hears("end")

    card, _, _ = await talk(act, code=Exit.NO_VOICE)

    assert card.heard is None


async def test_after_a_restart_the_sound_is_asked_for_again_and_again_when_it_is_loaded():
    async def before(peer: Peer) -> None:
        await peer.creates("audio_in", "audio_out")
        await hears_sound(peer, 3 * 640)
        await peer.closes(1012)

    async def after(peer: Peer) -> None:
        await peer.resumes(gap=True)
        await peer.says({"type": "history", "messages": [], "turn": None, "tools": []})
        assert (await peer.hears("session_update"))["audio"] == AUDIO
        await peer.sends("error", **LOADING)
        await peer.closes(1012)

    async def later(peer: Peer) -> None:
        await peer.resumes()
        await peer.sends("features", features=["audio_in", "audio_out"])
        assert (await peer.hears("session_update"))["audio"] == AUDIO
        await peer.closes(1000)

    await talk(before, after, later)


async def test_a_server_that_only_hears_after_a_restart_is_asked_for_that():
    async def before(peer: Peer) -> None:
        await peer.creates("audio_in", "audio_out")
        await peer.closes(1012)

    async def after(peer: Peer) -> None:
        await peer.resumes(gap=True)
        await peer.says({"type": "history", "messages": [], "turn": None, "tools": []})
        await peer.hears("session_update")
        await peer.sends("error", **MISSING)
        assert (await peer.hears("session_update"))["audio"] == {**AUDIO, "out": False}
        await peer.sends("error", **MISSING)
        await peer.hears("end")

    await talk(before, after, code=Exit.NO_VOICE)
