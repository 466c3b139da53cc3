"""What `python -m app.cli` does: reads the options, talks in the way they say, and ends with an exit code."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Final

from voice_agent_client import ReconnectingClient, VoiceAgentError

from app.cli.cli_error import CliError, Exit, cli_error_of
from app.cli.console import Console
from app.cli.lines import lines_of
from app.cli.messages import message_text
from app.cli.options import Options, parse
from app.cli.recorded_question import RecordedQuestion, audio_options
from app.cli.sound_card import load_sound_card
from app.cli.terminal_renderer import TerminalRenderer
from app.cli.voice_console import VoiceConsole
from app.cli.wave_file import read_wave, write_wave

_GOODBYE_LIMIT_S: Final = 2.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the client; return the exit code.

    Raises:
        SystemExit: The options are wrong, or help was asked for.
    """
    options = parse(arguments)
    try:
        return asyncio.run(_run(options))
    except (CliError, VoiceAgentError) as exc:
        error = exc if isinstance(exc, CliError) else cli_error_of(exc)
        print(error.sentence(options.locale), file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # Whoever read our answers has gone; nobody is there to be told.
        sys.stderr.close()
        return Exit.OK


async def _run(options: Options) -> int:
    if options.wav is not None:
        return await _by_recording(options, options.wav)
    return await (_by_voice(options) if options.voice else _by_text(options))


async def _by_text(options: Options) -> int:
    renderer = _renderer(options)
    client = ReconnectingClient(options.url, **options.client())
    console = Console(client, lines_of(sys.stdin.fileno()), renderer)
    if sys.stdin.isatty():
        renderer.note("help")
    return await _until_interrupted(console.run(), console.interrupt)


async def _by_voice(options: Options) -> int:
    renderer = _renderer(options)
    card = load_sound_card()
    audio = audio_options(card.rate_hz, out=True, turns="auto")
    client = ReconnectingClient(options.url, **options.client(audio))
    console = VoiceConsole(client, card, renderer, audio)
    renderer.note("speak")
    return await _until_interrupted(console.run(), console.interrupt)


async def _by_recording(options: Options, path: Path) -> int:
    pcm, rate_hz = read_wave(path)
    if options.out is not None:
        # Said before anybody waits for an answer that could not be kept.
        write_wave(options.out, b"", rate_hz)
    audio = audio_options(rate_hz, out=options.out is not None, turns=options.turns)
    question = RecordedQuestion(
        ReconnectingClient(options.url, **options.client(audio)),
        pcm,
        rate_hz,
        turns=options.turns,
        is_fast=options.is_fast,
        wants_sound=options.out is not None,
    )
    try:
        async with asyncio.timeout(options.timeout_s):
            answer = await question.ask()
    except TimeoutError as exc:
        raise CliError(Exit.FAILED, "timed_out", seconds=options.timeout_s) from exc
    print(message_text(options.locale, "you", text=answer.transcript))
    print(message_text(options.locale, "agent", text=answer.text))
    if options.out is not None:
        write_wave(options.out, bytes(answer.pcm), answer.rate_hz)
        seconds = len(answer.pcm) / 2 / answer.rate_hz
        _renderer(options).note("written", path=options.out, seconds=seconds)
    return Exit.OK


def _renderer(options: Options) -> TerminalRenderer:
    is_shared = sys.stdout.isatty() and sys.stderr.isatty()
    return TerminalRenderer(
        sys.stdout, sys.stderr, options.locale, is_quiet=options.is_quiet, is_shared=is_shared
    )


async def _until_interrupted(
    talk: Coroutine[Any, Any, Exit], interrupt: Callable[[], Coroutine[Any, Any, bool]]
) -> Exit:
    """Run the talk; Ctrl+C interrupts the agent where it has something to say, else it ends the talk."""
    loop = asyncio.get_running_loop()
    pressed = asyncio.Event()
    # Windows has no such handlers: there Ctrl+C ends the client.
    with contextlib.suppress(NotImplementedError):
        loop.add_signal_handler(signal.SIGINT, pressed.set)
    talking = asyncio.create_task(talk, name="talk")
    try:
        while not talking.done():
            press = asyncio.create_task(pressed.wait(), name="press")
            try:
                await asyncio.wait({talking, press}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                press.cancel()
            if not pressed.is_set():
                break
            pressed.clear()
            if not await interrupt():
                return Exit.INTERRUPTED
        return await talking
    finally:
        talking.cancel()
        await asyncio.wait({talking}, timeout=_GOODBYE_LIMIT_S)
        with contextlib.suppress(NotImplementedError):
            loop.remove_signal_handler(signal.SIGINT)
