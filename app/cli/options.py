"""The command line of the console client."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit, urlunsplit

from voice_agent_client import AudioOptions, ClientOptions

from app.cli.messages import Locale

DEFAULT_URL: Final = "ws://localhost:8000/ws"
DEFAULT_TIMEOUT_S: Final = 120.0

_DESCRIPTION = """Talks with the agent from a terminal: by text, by voice, or with WAV files for scripts.

Without options it talks by text: answers come as they are written, on stdout; states, tools and errors on
stderr, so that stdout can be piped. Ctrl+C interrupts the agent, and ends the client where there is nothing
to interrupt. After a drop it comes back by itself and loses nothing."""

_EPILOG = """examples:
  python -m app.cli                                        type and read
  echo "¿Cuánto es 2+2?" | python -m app.cli --quiet       one answer, in a script
  python -m app.cli --voice                                speak and listen (needs: pip install sounddevice)
  python -m app.cli --wav question.wav --out answer.wav    ask by a recording, keep the spoken answer

exit codes:
  0  all went well                    3  the server cannot be reached
  1  the server answered with an      4  the server has no voice, or this
     error, or heard no words            machine no sound card
  2  wrong options, or a file that    130  ended by Ctrl+C
     cannot be read or written"""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says.

    Attributes:
        wav: The recording to ask with, for scripts; None for a talk.
        out: Where the spoken answer is written.
        is_fast: The recording is sent as fast as it goes, not in real time.
        timeout_s: For the whole of a script's run.
    """

    url: str = DEFAULT_URL
    user: str | None = None
    locale: Locale = "es"
    token: str | None = None
    voice: bool = False
    speaker: str | None = None
    wav: Path | None = None
    out: Path | None = None
    is_fast: bool = False
    turns: Literal["manual", "auto"] = "manual"
    timeout_s: float = DEFAULT_TIMEOUT_S
    is_quiet: bool = False

    def client(self, audio: AudioOptions | None = None) -> ClientOptions:
        """Return what the talk's client is made with."""
        client = ClientOptions(locale=self.locale)
        if self.user is not None:
            client["user_id"] = self.user
        if self.token is not None:
            client["token"] = self.token
        if self.speaker is not None:
            client["voice"] = self.speaker
        if audio is not None:
            client["audio"] = audio
        return client


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Read the command line.

    Raises:
        SystemExit: `--help` was asked for (0), or something is wrong (2); argparse has said what.
    """
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.voice and given.wav:
        parser.error("--voice and --wav do not go together")
    for name in ("out", "fast", "turns"):
        if getattr(given, name) and not given.wav:
            parser.error(f"--{name} goes with --wav")
    return Options(
        url=given.url,
        user=given.user,
        locale=given.locale,
        token=_token(parser, given.token, given.token_file),
        voice=given.voice,
        speaker=given.speaker,
        wav=given.wav,
        out=given.out,
        is_fast=given.fast,
        turns=given.turns or "manual",
        timeout_s=given.timeout,
        is_quiet=given.quiet,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m app.cli",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    talk = parser.add_argument_group("the talk")
    talk.add_argument(
        "--url", type=_address, default=DEFAULT_URL, help="the server's socket, or its page (%(default)s)"
    )
    talk.add_argument("--user", metavar="ID", help="who is talking (the server's default: anonymous)")
    talk.add_argument(
        "--locale", choices=("es", "en"), default="es", help="language of the talk and of this client (es)"
    )
    talk.add_argument("--token", help="where the server asks for one; others on this machine may see it")
    talk.add_argument("--token-file", type=Path, metavar="FILE", help="the same, from a file's first line")
    talk.add_argument("--quiet", action="store_true", help="only answers and errors: no states, no tools")
    voice = parser.add_argument_group("voice")
    voice.add_argument("--voice", action="store_true", help="talk by microphone and loudspeaker")
    voice.add_argument("--speaker", metavar="NAME", help="the voice that the agent speaks with")
    files = parser.add_argument_group("WAV files, for scripts")
    files.add_argument(
        "--wav", type=Path, metavar="IN", help="ask with this recording (16-bit PCM), then end"
    )
    files.add_argument("--out", type=Path, metavar="OUT", help="write the spoken answer to this file")
    files.add_argument("--fast", action="store_true", help="send the recording faster than real time")
    files.add_argument(
        "--turns",
        choices=("manual", "auto"),
        help="the recording is one utterance (manual), or the server hears where it ends (auto)",
    )
    files.add_argument(
        "--timeout",
        type=_seconds,
        default=DEFAULT_TIMEOUT_S,
        metavar="S",
        help="give up after so many seconds (%(default)g)",
    )
    return parser


def _address(text: str) -> str:
    """A socket's address; a page's address is turned into one."""
    try:
        parts = urlsplit(text if "://" in text else f"ws://{text}")
        is_usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable, parts = False, urlsplit("")
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    if not is_usable or scheme not in ("ws", "wss"):
        raise argparse.ArgumentTypeError(f"{text!r} is no address such as {DEFAULT_URL}")
    path = parts.path if parts.path not in ("", "/") else "/ws"
    return urlunsplit((scheme, parts.netloc, path, parts.query, ""))


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError("must be more than 0")
    return seconds


def _token(parser: argparse.ArgumentParser, token: str | None, file: Path | None) -> str | None:
    if file is None:
        return token
    if token is not None:
        parser.error("--token and --token-file do not go together")
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        parser.error(f"--token-file: {file} cannot be read")
    return lines[0].strip() if lines else parser.error(f"--token-file: {file} is empty")
