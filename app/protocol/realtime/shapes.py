"""What a session of the Realtime API looks like, and what an update makes of it.

An update is merged, deep: what it does not name stays, what nobody here knows is ignored. The names of the
API's beta are understood too.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from app.protocol.commands import AnswerLimits
from app.protocol.fields import Text

PCM_RATE_HZ: Final = 24_000
"""The only rate of the API's `audio/pcm`."""

G711_RATE_HZ: Final = 8_000

MAX_INSTRUCTION_CHARS: Final = 32 * 1024
"""Of a client's; they stand in every request."""


class WrongValue(Exception):
    """A field does not hold what it should.

    Attributes:
        param: Where it stands, as the API writes it: `session.audio.input.format`.
    """

    def __init__(self, param: str, message: str) -> None:
        super().__init__(message)
        self.param = param


class Shape(BaseModel):
    """A part of a session. Fields that we do not know are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class SoundFormat(Shape):
    """How sound is written."""

    type: Literal["audio/pcm", "audio/pcmu", "audio/pcma"] = "audio/pcm"
    rate: Literal[24000] | None = None

    @property
    def rate_hz(self) -> int:
        """Samples a second."""
        return PCM_RATE_HZ if self.type == "audio/pcm" else G711_RATE_HZ

    @property
    def bytes_per_ms(self) -> int:
        """What a millisecond weighs: two bytes a sample, or one."""
        return self.rate_hz // 1000 * (2 if self.type == "audio/pcm" else 1)


class TurnDetection(Shape):
    """How the end of what the user says is found; how much silence it takes, the server knows by itself."""

    type: Literal["server_vad", "semantic_vad"] = "server_vad"
    create_response: bool = True
    interrupt_response: bool = True
    threshold: float | None = None
    prefix_padding_ms: int | None = None
    silence_duration_ms: int | None = None
    idle_timeout_ms: int | None = None
    eagerness: Literal["low", "medium", "high", "auto"] | None = None


class TranscriptionOptions(Shape):
    """Whether the client is told what was understood; which model does it, the server decides."""

    model: Text | None = None
    language: Text | None = None
    prompt: Text | None = None


class SoundIn(Shape):
    """What the client sends."""

    format: SoundFormat = SoundFormat(rate=PCM_RATE_HZ)
    turn_detection: TurnDetection | None = TurnDetection()
    transcription: TranscriptionOptions | None = None


def _voice_name(value: Any) -> Any:
    return cast("dict[str, Any]", value).get("id") if isinstance(value, dict) else value


class SoundOut(Shape):
    """What the client hears."""

    format: SoundFormat = SoundFormat(rate=PCM_RATE_HZ)
    voice: Annotated[Text, BeforeValidator(_voice_name), Field(max_length=200)] = ""
    speed: Annotated[float, Field(ge=0.25, le=2)] = 1.0


class Sound(Shape):
    """Both ways."""

    input: SoundIn = SoundIn()
    output: SoundOut = SoundOut()


class ClientFunction(Shape):
    """A function that the client runs."""

    type: Literal["function"] = "function"
    name: Annotated[Text, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    description: Text = ""
    parameters: dict[str, Any] = Field(default_factory=lambda: {"type": "object", "properties": {}})


APPROVE: Final = "approve_tool_call"
"""The function by which a client takes what waits for approval; the model is never offered it."""

OutputTokens = Annotated[int, Field(ge=1, le=4096)] | Literal["inf"]

Modalities = Annotated[list[Literal["text", "audio"]], Field(min_length=1)]


class SessionShape(Shape):
    """A session, whole."""

    type: Literal["realtime"] = "realtime"
    model: Text = ""
    output_modalities: Modalities = ["audio"]
    instructions: Annotated[Text, Field(max_length=MAX_INSTRUCTION_CHARS)] = ""
    tools: list[ClientFunction] = []
    tool_choice: Text | dict[str, Any] = "auto"
    max_output_tokens: OutputTokens = "inf"
    audio: Sound = Sound()

    @model_validator(mode="before")
    @classmethod
    def _without_nothing(cls, value: Any) -> Any:
        """Take a null for the default, where a session must have something."""
        if not isinstance(value, dict):
            return value
        members = cast("dict[str, Any]", value)
        return {name: part for name, part in members.items() if part is not None}

    @property
    def functions(self) -> list[ClientFunction]:
        """The client's functions that a model may call."""
        return [tool for tool in self.tools if tool.name != APPROVE]

    @property
    def takes_approvals(self) -> bool:
        """Whether the client is called for what waits for approval."""
        return len(self.functions) < len(self.tools)

    @property
    def limits(self) -> AnswerLimits:
        """What answers keep to."""
        return limits_of(self.tool_choice, self.max_output_tokens)

    @property
    def speaks(self) -> bool:
        """Whether answers are to be sound."""
        return "audio" in self.output_modalities

    def described(self, session_id: str) -> dict[str, Any]:
        """Return it as the client is told it."""
        told = self.model_dump(exclude_none=True)
        sound = told["audio"]["input"]
        for name in ("turn_detection", "transcription", "noise_reduction"):
            sound.setdefault(name, None)
        return {"object": "realtime.session", "id": session_id, **told}


def limits_of(tool_choice: Any, max_output_tokens: int | str) -> AnswerLimits:
    """Return what answers keep to, by what a client writes."""
    limit = max_output_tokens if isinstance(max_output_tokens, int) else None
    return AnswerLimits(limit, with_tools=tool_choice != "none")


def updated(session: SessionShape, update: Mapping[str, Any]) -> SessionShape:
    """Return a session with an update merged into it.

    Raises:
        WrongValue: A field does not hold what it should.
    """
    merged = _merged(session.model_dump(), from_beta(update))
    try:
        return SessionShape.model_validate(merged)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise WrongValue(
            f"session.{place}", f"Invalid value for 'session.{place}': {first['msg']}."
        ) from None


def _merged(before: Mapping[str, Any], update: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(before)
    for name, value in update.items():
        old = result.get(name)
        if isinstance(value, dict) and isinstance(old, dict) and name != "parameters":
            result[name] = _merged(cast("dict[str, Any]", old), cast("dict[str, Any]", value))
        else:
            result[name] = value
    return result


# The beta's names

_BETA_FORMATS: Final = {
    "pcm16": {"type": "audio/pcm", "rate": PCM_RATE_HZ},
    "g711_ulaw": {"type": "audio/pcmu", "rate": None},
    "g711_alaw": {"type": "audio/pcma", "rate": None},
}
_BETA_PLACES: Final[dict[str, tuple[str, ...]]] = {
    "modalities": ("output_modalities",),
    "max_response_output_tokens": ("max_output_tokens",),
    "voice": ("audio", "output", "voice"),
    "speed": ("audio", "output", "speed"),
    "output_audio_format": ("audio", "output", "format"),
    "input_audio_format": ("audio", "input", "format"),
    "input_audio_transcription": ("audio", "input", "transcription"),
    "turn_detection": ("audio", "input", "turn_detection"),
}


def from_beta(update: Mapping[str, Any]) -> dict[str, Any]:
    """Return an update under the names of today; one that has them stays as it is."""
    result = _merged({}, {name: value for name, value in update.items() if name not in _BETA_PLACES})
    for name, place in _BETA_PLACES.items():
        if name not in update:
            continue
        value: Any = update[name]
        if isinstance(value, str) and value in _BETA_FORMATS:
            value = _BETA_FORMATS[value]
        if name == "modalities" and isinstance(value, list) and "audio" in value:
            value = ["audio"]
        result = _merged(result, _placed(value, place))
    return _with_plain_formats(result)


def _placed(value: Any, place: tuple[str, ...]) -> dict[str, Any]:
    first, *rest = place
    return {first: _placed(value, tuple(rest)) if rest else value}


def _with_plain_formats(update: dict[str, Any]) -> dict[str, Any]:
    """Let a format that is only named be an object, and one of 8 kHz have no rate of another's."""
    sound = update.get("audio")
    if not isinstance(sound, dict):
        return update
    for way in cast("dict[str, Any]", sound).values():
        if not isinstance(way, dict):
            continue
        members = cast("dict[str, Any]", way)
        written = members.get("format")
        if isinstance(written, str):
            members["format"] = _BETA_FORMATS.get(written, {"type": written})
        if isinstance(written, dict):
            is_pcm = cast("dict[str, Any]", written).get("type", "audio/pcm") == "audio/pcm"
            members["format"] = {"rate": PCM_RATE_HZ if is_pcm else None} | cast("dict[str, Any]", written)
            if not is_pcm:
                members["format"]["rate"] = None
    return update
