"""What the model is asked: the history, what is known of the user, the tools, notes on emotion and speech."""

from dataclasses import dataclass, replace

from app.chat import ApiMessage, ToolSchema
from app.conversation.prompt import about_user, clients_wishes, heard_note, wait_note
from app.llm.base import WAIT, ChatRequest
from app.protocol.events import EmotionEstimate
from app.session.history import LeftOut
from app.session.voice_session import VoiceSession
from app.speech.detection.emotion import note_for
from app.tools.runner import ToolRunner
from config.agent_settings import AgentSettings


@dataclass(frozen=True, slots=True)
class EarlyRequest:
    """A request for words that are no text of the talk yet.

    Attributes:
        request: What is sent; never twice, whatever fails: the turn of its words is more patient.
        plain: What the turn of these words would ask, if nothing changed until then.
        tokens: What is sent, as estimated.
        aside_bytes: What is sent beside what the turn would ask.
    """

    request: ChatRequest
    plain: ChatRequest
    tokens: int
    aside_bytes: int = 0


class RequestBuilder:
    """Builds the requests of one session."""

    def __init__(self, session: VoiceSession, tools: ToolRunner, settings: AgentSettings) -> None:
        self._session = session
        self._history = session.conversation_history
        self._tools = tools
        self._settings = settings

    @property
    def has_tools(self) -> bool:
        """Whether there are tools to offer."""
        return bool(self._tools.offer.names)

    def next(
        self,
        emotion: EmotionEstimate | None = None,
        without: LeftOut | None = None,
        *,
        with_tools: bool = True,
    ) -> ChatRequest:
        """Return the next request of the turn that runs.

        Args:
            emotion: How the user seems to feel whose text is answered.
            without: What the prompt is to leave out for once.
            with_tools: Whether the model may call tools.

        Raises:
            ContextTooLong: The newest turn alone is over the prompt's budget.
        """
        offer = self._tools.offer
        schemas: list[ToolSchema] = offer.schemas if with_tools else []
        self._tell_of_user()
        messages = self._history.for_api(offer.schema_bytes if schemas else 0, without)
        return self._request(messages, schemas, emotion, may_retry=without is None)

    def early(
        self, text: str, emotion: EmotionEstimate | None = None, *, may_wait: bool
    ) -> EarlyRequest | None:
        """Return the request that a turn of these words would begin with; nothing of it enters the talk.

        Args:
            text: What the user may have said.
            emotion: How they seem to feel.
            may_wait: Tells the model how to say that they have not finished.

        Returns:
            None where the prompt has no room for it without changing the history.
        """
        offer = self._tools.offer
        limits = self._session.answer_limits
        schemas: list[ToolSchema] = offer.schemas if self.has_tools and limits.with_tools else []
        self._tell_of_user()
        preview = self._history.preview(text, offer.schema_bytes if schemas else 0)
        if preview is None:
            return None
        messages, tokens = preview
        plain = replace(self._request(messages, schemas, emotion), max_tokens=limits.max_tokens)
        asked = replace(plain, may_retry=False)
        if not may_wait or WAIT in text:
            return EarlyRequest(asked, plain, tokens)
        note = wait_note(plain.locale)
        asked = replace(asked, messages=_with_aside(plain.messages, note), may_wait=True)
        return EarlyRequest(asked, plain, tokens, len(note.encode()))

    def _tell_of_user(self) -> None:
        profile, wishes = self._session.profile, self._session.client_instructions
        known = about_user(profile.current, self._settings) if profile is not None else ""
        told = [known, clients_wishes(wishes, self._settings) if wishes else ""]
        self._history.tell_of_user("\n\n".join(filter(None, told)))

    def _request(
        self,
        messages: list[ApiMessage],
        schemas: list[ToolSchema],
        emotion: EmotionEstimate | None,
        *,
        may_retry: bool = True,
    ) -> ChatRequest:
        session = self._session
        if session.speech_output.is_on:
            messages = _with_aside(messages, heard_note(session.locale))
        note = note_for(emotion, session.locale) if emotion is not None else ""
        return ChatRequest(
            _with_aside(messages, note) if note else messages,
            schemas,
            session.locale,
            mood=emotion.label if emotion is not None else None,
            may_retry=may_retry,
            talk=session.session_id,
        )


def _with_aside(messages: list[ApiMessage], note: str) -> list[ApiMessage]:
    """Return the messages with a remark beside the user's newest text.

    It is there for one request: it is not part of what was said.
    """
    place = len(messages) - 1
    while place >= 0 and messages[place]["role"] != "user":
        place -= 1
    place = place if place >= 0 else len(messages)
    return [*messages[:place], {"role": "system", "content": note, "note": "aside"}, *messages[place:]]
