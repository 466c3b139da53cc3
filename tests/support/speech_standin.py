"""A stand-in for the speech models of Azure OpenAI on loopback, as strict as the service.

    async with SpeechStandin() as standin:
        standin.script(Heard("Hola"), Status(429))
        ...  # an engine made with `settings_with(**standin.azure())`
        assert standin.clips[0].seconds == 2.0

A request that the real service would refuse is refused and noted in `standin.violations`. Without a script
every clip is heard as `standin.text`, and every text is said as `standin.sound`.
"""

import asyncio
import io
import re
import ssl
import wave
from collections import deque
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any, Self

from tests.support.answers import Answer
from tests.support.azure_standin import AZURE_VERSION, KEY
from tests.support.http_wire import Exchange, Received, WireServer

STT_DEPLOYMENT = "standin-whisper"
TTS_DEPLOYMENT = "standin-tts"
PATH = re.compile(r"/openai/deployments/([^/]+)/audio/(transcriptions|speech)")
VOICES = {"alloy", "ash", "ballad", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer", "verse"}
FIELDS = {"model", "language", "prompt", "response_format", "temperature"}
MAX_CLIP_BYTES = 25 << 20


@dataclass(frozen=True)
class Heard:
    """The answer to a clip."""

    text: str

    async def send(self, exchange: Exchange) -> None:
        await exchange.json(200, {"text": self.text})


@dataclass(frozen=True)
class Said:
    """The answer to a text: sound, in pieces of these sizes.

    Attributes:
        goes_on: Awaited before each piece but the first.
        is_cut: The connection breaks after the pieces.
    """

    pcm: bytes
    pieces: tuple[int, ...] = ()
    goes_on: asyncio.Event | None = None
    is_cut: bool = False

    async def send(self, exchange: Exchange) -> None:
        await exchange.start(200, {"content-type": "audio/pcm"})
        start = 0
        for size in self.pieces or (len(self.pcm),):
            if start and self.goes_on is not None:
                await self.goes_on.wait()
            await exchange.send(self.pcm[start : start + size])
            start += size
        if self.is_cut:
            exchange.cut(reset=True)
        else:
            await exchange.finish()


@dataclass
class Clip:
    """A clip as it came, with the other fields of its form."""

    pcm: bytes
    rate_hz: int
    fields: dict[str, str] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        return len(self.pcm) / 2 / self.rate_hz


class SpeechStandin:
    """The stand-in service.

    Attributes:
        text: What is heard when the script is empty.
        sound: What is said when the script is empty.
        texts: The bodies of all requests for speech that were accepted, in order.
        clips: Every clip that was accepted, in order.
        requests: Every request, also those that were refused.
        violations: What was wrong with requests.
    """

    def __init__(self, ssl_context: ssl.SSLContext | None = None) -> None:
        self.text = "Hola"
        self.sound = b"\x01\x00" * 2400
        self.texts: list[dict[str, Any]] = []
        self.clips: list[Clip] = []
        self.requests: list[Received] = []
        self.violations: list[str] = []
        self._scheme = "https" if ssl_context else "http"
        self._steps: deque[Answer] = deque()
        self.server = WireServer(self._answer, ssl_context)

    async def __aenter__(self) -> Self:
        await self.server.start()
        return self

    async def __aexit__(self, exc_type: type[BaseException] | None, *exc_info: object) -> None:
        await self.server.stop()
        if exc_type is None:
            assert not self._steps, f"steps of the script that nobody asked for: {list(self._steps)}"

    def script(self, *answers: Answer) -> None:
        """Answers the next clips with these, in their order."""
        self._steps.extend(answers)

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.server.port}"

    def azure(self, **values: Any) -> dict[str, Any]:
        """Settings that make this the Azure resource; the language model stays the demo."""
        return {
            "llm_provider": "demo",
            "azure_openai_endpoint": self.url,
            "azure_openai_api_key": KEY,
            "azure_openai_stt_deployment": STT_DEPLOYMENT,
            "azure_openai_tts_deployment": TTS_DEPLOYMENT,
            **values,
        }

    async def _answer(self, exchange: Exchange) -> None:
        request = exchange.request
        self.requests.append(request)
        refusal = self._refusal(request)
        is_text = request.path.endswith("/speech")
        if refusal is None:
            try:
                if is_text:
                    self.texts.append(text_in(request))
                else:
                    self.clips.append(clip_in(request))
            except ValueError as exc:
                self.violations.append(str(exc))
                refusal = 400, "invalid_request_error", str(exc)
        if refusal is not None:
            status, code, words = refusal
            await exchange.json(status, {"error": {"code": code, "message": words}})
            return
        usual = Said(self.sound) if is_text else Heard(self.text)
        await (self._steps.popleft() if self._steps else usual).send(exchange)

    def _refusal(self, request: Received) -> tuple[int, str, str] | None:
        path = PATH.fullmatch(request.path)
        if request.method != "POST" or path is None:
            return 404, "404", "Resource not found"
        if request.headers.get("api-key") != KEY or "authorization" in request.headers:
            return 401, "401", "Access denied due to invalid subscription key or wrong API endpoint."
        if not AZURE_VERSION.fullmatch(request.query.get("api-version", "")):
            return 404, "404", "Resource not found"
        if path[1] != (TTS_DEPLOYMENT if path[2] == "speech" else STT_DEPLOYMENT):
            return 404, "DeploymentNotFound", "The API deployment for this resource does not exist."
        return None


def text_in(request: Received) -> dict[str, Any]:
    """The body of a request for speech; ValueError says what the service would not take."""
    body = request.body
    unknown = body.keys() - {"model", "input", "voice", "response_format", "speed", "instructions"}
    if unknown:
        raise ValueError(f"unknown: {unknown}")
    if not isinstance(body.get("input"), str) or not 0 < len(body["input"]) <= 4096:
        raise ValueError("input: 1 to 4096 characters")
    if body.get("voice") not in VOICES:
        raise ValueError(f"voice: {body.get('voice')}")
    if body.get("response_format") != "pcm" or not 0.25 <= body.get("speed", 1) <= 4:
        raise ValueError("response_format or speed")
    return body


def clip_in(request: Received) -> Clip:
    """The clip of a form; ValueError says what the service would not take."""
    kind = request.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data; boundary="):
        raise ValueError(f"content-type: {kind}")
    form = BytesParser(policy=HTTP).parsebytes(f"content-type: {kind}\r\n\r\n".encode() + request.raw_body)
    fields: dict[str, str] = {}
    clips: list[bytes] = []
    for part in form.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        if name == "file":
            if not str(part.get_filename()).endswith(".wav"):
                raise ValueError("file: its name does not say its format")
            clips.append(content)
        elif name not in FIELDS or name in fields:
            raise ValueError(f"{name}: unknown, or there twice")
        else:
            fields[str(name)] = content.decode()
    if len(clips) != 1:
        raise ValueError(f"{len(clips)} files")
    if fields.get("language", "es") not in ("es", "en") or fields.get("response_format") != "json":
        raise ValueError("language or response_format is unknown")
    return _read(clips[0], fields)


def _read(content: bytes, fields: dict[str, str]) -> Clip:
    if len(content) > MAX_CLIP_BYTES:
        raise ValueError("Maximum content size limit exceeded")
    try:
        with wave.open(io.BytesIO(content)) as file:
            if (file.getnchannels(), file.getsampwidth()) != (1, 2):
                raise ValueError("not PCM16, mono")
            clip = Clip(file.readframes(file.getnframes()), file.getframerate(), fields)
    except (wave.Error, EOFError) as exc:
        raise ValueError(f"Invalid file format: {exc}") from exc
    if clip.seconds < 0.1:
        raise ValueError("Audio file is too short. Minimum audio length is 0.1 seconds.")
    return clip
