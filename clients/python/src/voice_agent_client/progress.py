"""How the agent stands, as far as its messages have told."""

from voice_agent_client.events import (
    AgentError,
    AudioComplete,
    AudioStarted,
    Event,
    FeaturesChanged,
    History,
    Interrupted,
    ResponseComplete,
    SessionCreated,
    StateChanged,
    ToolFinished,
    ToolStarted,
    TurnStarted,
)


class Progress:
    """State, running turn, running tools, and the sound that comes now.

    Attributes:
        state: What the agent does (`AgentState`).
        turn_id: The running turn; None where none runs.
        tools: Names of the running tools by call id.
        sounding: What the binary frames of now belong to; None where to nothing.
        features: What the server has, as it said last.
        has_new_features: Whether it has said so since the session began or a gap came.
        is_voice_loading: Whether sound was refused because the server's speech still loads.
    """

    def __init__(self) -> None:
        self.state = "idle"
        self.turn_id: str | None = None
        self.tools: dict[str, str] = {}
        self.sounding: AudioStarted | None = None
        self.features: list[str] = []
        self.has_new_features = False
        self.is_voice_loading = False

    def follow(self, event: Event) -> None:
        """Note what an event says."""
        match event:
            case StateChanged(state):
                self.state = state
            case TurnStarted(turn_id):
                self.turn_id = turn_id
            case ToolStarted(call_id, name):
                self.tools[call_id] = name
            case ToolFinished(call_id):
                self.tools.pop(call_id, None)
            case AgentError(code="voice_loading"):
                self.is_voice_loading = True
            case History():
                self._follow_history(event)
            case FeaturesChanged(features) | SessionCreated(features=features):
                self.features, self.is_voice_loading = features, False
                self.has_new_features = isinstance(event, FeaturesChanged)
            case _:
                self._follow_ending_and_sound(event)

    def _follow_ending_and_sound(self, event: Event) -> None:
        match event:
            case ResponseComplete(turn_id) | AgentError(turn_id=str(turn_id)):
                if self.turn_id == turn_id:
                    self.turn_id = None
                self._end_sound(turn_id)
            case Interrupted(str(turn_id)) | AudioComplete(turn_id):
                self._end_sound(turn_id)
            case AudioStarted():
                self.sounding = event
            case _:
                pass

    def forget(self) -> None:
        """Begin anew: the session is gone."""
        self.state, self.turn_id, self.sounding = "idle", None, None
        self.tools.clear()

    def gap(self) -> None:
        """Note that messages are gone: what the server has is told anew where it has changed."""
        self.has_new_features = self.is_voice_loading = False
        self.sounding = None

    def _follow_history(self, history: History) -> None:
        self.turn_id = history.turn.turn_id if history.turn else None
        self.tools = {tool.call_id: tool.name for tool in history.tools if tool.status == "running"}
        if history.turn:
            self.state = "speaking" if history.turn.text else "thinking"
        else:
            self.state = "processing_tool" if self.tools else "idle"

    def _end_sound(self, turn_id: str) -> None:
        if self.sounding and self.sounding.turn_id == turn_id:
            self.sounding = None
