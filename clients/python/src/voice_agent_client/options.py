"""Types of what a client is made with and of what it can change later."""

from collections.abc import Callable
from typing import Literal, TypedDict

from voice_agent_client.resume_state import ResumeState


class AudioInput(TypedDict):
    """The user's sound, as it is sent: PCM16, little endian, mono, of 8000, 16000, 24000 or 48000 Hz."""

    sample_rate_hz: int


AudioOptions = TypedDict(
    "AudioOptions",
    {"in": AudioInput, "out": bool, "turn_detection": Literal["auto", "manual"]},
    total=False,
)
"""What sound a session has; without `in`, or with `out` false, that side has none."""


class SessionValues(TypedDict, total=False):
    """What can be changed during a talk.

    Attributes:
        locale: The language of the agent's own sentences.
        voice: A voice's name; empty for the language's own.
        speed: From 0.5 to 2.
    """

    locale: Literal["es", "en"]
    voice: str
    speed: float
    audio: AudioOptions


class ClientOptions(SessionValues, total=False):
    """What a client is made with; all may be left out.

    Attributes:
        user_id: Who talks.
        token: The server's, where it asks for one.
        continue_session: The id of an earlier session of this user, to go on with.
        resume: A state that was kept from an earlier client: its session is taken up.
        give_up_after_s: For so many seconds without a session, `GaveUpError` is raised. Default 120.
        max_open_texts: So many texts may be at the server without an ending; the others wait here. Default 8.
        chance: Gives numbers from 0 to 1 for the back-off; `random.random` by default.
    """

    user_id: str
    token: str
    continue_session: str
    resume: ResumeState
    give_up_after_s: float
    max_open_texts: int
    chance: Callable[[], float]
