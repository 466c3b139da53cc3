"""Reads a streamed chat completion: bytes in, text, tool calls and the ending out. Knows no socket.

This runs once per token, so it reads plain dicts: no models, no logging, no objects beside the text.
"""

from typing import Any, cast

import orjson

from app.errors import LlmBadResponse, LlmCut
from app.llm.answer_text import TAG_CHARS, AnswerText, has_mark
from app.llm.base import Completion, TokenUsage
from app.llm.extras import GIVEN_BESIDE, MessageExtras, stamped
from app.llm.finish_reasons import end_of
from app.llm.odd_json import Halves, read_odd_values, whole_text
from app.llm.offered_tools import OfferedTools
from app.llm.openai_errors import Failure, Hints, complaint_of, says_error, stream_error
from app.llm.plain_tools import without_placeholder
from app.llm.sse import SseEvent, SseSplitter
from app.llm.thinking_habit import ThinkingHabit
from app.llm.tool_call_pieces import ToolCallPieces
from app.llm.written_calls import is_wrapper

_THINKING_FIELDS = ("reasoning_content", "reasoning", "thinking", "reasoning_details", "reasoning_text")
"""Where models that think aloud put it: no text for the user, but a sign of life; some want it back."""

_THINKING_PARTS = ("thinking", "reasoning", "thought", "reasoning_text", "redacted_thinking")
_SIGNS_OF_LIFE = (b"ping", b"keepalive", b"keep-alive", b"heartbeat")
"""Names of events that mean nothing, whatever they hold."""

_BESIDE_TEXT = ("finish_reason", "finishReason", "error", "extra_content", "usage")
"""What in a choice wants a closer look than a piece of text does."""

_NO_REASONS = ("", "null", "none")
_AROUND = b"\"' \t\r\n"
_NO_TOOLS = OfferedTools(())


class AnswerDecoder:
    """One answer, as far as it has come.

    Args:
        hints: What the log tells an operator.
        tools: What the request offers, for calls that the model writes as text.
        habit: How the model thinks; it learns from this answer.

    Attributes:
        has_events: Something that can be read as an event of an answer has come.
        odd_event: The beginning of what came instead.
        has_progress: The answer has begun: text, a piece of a tool call, a thought or an ending.
        has_calls: A piece of a tool call has come.
        progress: Counts what brought the answer on; comments, empty deltas and the like do not.
        finish_reason: The service's word, once it has come.
        is_ending: Nothing but token counts and `[DONE]` should come any more.
        is_done: The service has said `[DONE]`.
        failure: What is wrong with the stream; what came before it is good.
    """

    def __init__(
        self, hints: Hints, tools: OfferedTools = _NO_TOOLS, habit: ThinkingHabit | None = None
    ) -> None:
        self.has_events = False
        self.odd_event = b""
        self.has_calls = False
        self.progress = 0
        self.finish_reason: str | None = None
        self.is_ending = False
        self.is_done = False
        self.failure: Failure | None = None
        self._hints = hints
        self._tools = tools
        self._splitter = SseSplitter()
        self._calls = ToolCallPieces(tools.parameters)
        self._extras = MessageExtras()
        self._usage: TokenUsage | None = None
        self._text = AnswerText(tools, habit or ThinkingHabit(""))
        self._halves = Halves()
        # The one question that is asked of each piece: whether it can be shown as it is.
        self._is_plain = False
        self._last = ""
        self._has_thought = False
        self._goes_on_after_reason = False
        self._has_gone_without_reason = False
        self._is_over = False

    @property
    def has_progress(self) -> bool:
        """Whether the answer has begun."""
        return self.progress > 0

    @property
    def has_ended(self) -> bool:
        """Whether the service has said that the answer is complete."""
        return self.is_done or (self.finish_reason is not None and not self._goes_on_after_reason)

    def feed(self, chunk: bytes) -> list[str]:
        """Take the next bytes; return the pieces of text that they complete, none of them empty."""
        return self._read_events(self._splitter.feed(chunk))

    def finish(self) -> list[str]:
        """The stream is over; returns what its last bytes complete."""
        self._is_over = True
        pieces = self._read_events(self._splitter.finish())
        # A body that ends properly is an end, also where each chunk carried a reason.
        self._goes_on_after_reason = False
        return pieces

    def rest(self) -> list[str]:
        """The answer is over; returns the text that was held back, and nothing the next time."""
        is_cut = self.finish_reason is not None and end_of(self.finish_reason) == "length"
        text = self._text.feed(self._halves.finish())
        text += self._text.finish(is_cut=is_cut, has_calls=self.has_calls)
        if self.has_calls and (self._text.calls or is_wrapper(text)):
            return []  # the same once more, or the tags around it
        return [text] if text else []

    def ending_failure(self) -> Failure | None:
        """What is wrong with an answer whose service says, as the reason for its end, that it broke off."""
        if self.failure is None and self.finish_reason is not None and end_of(self.finish_reason) == "error":
            reason = self._hints.quoted(self.finish_reason)
            return Failure(
                LlmCut(f"the service broke the answer off: finish_reason={reason}"), may_retry=True
            )
        return self.failure

    def completion(self, service: str = "") -> Completion:
        """Return the ending. Ask only after `rest`: before it, a tool call may be half a call.

        Args:
            service: Whose answer it is, as `Extras` name it.
        """
        called = map(self._tools.meant, self._calls.calls(service) or self._text.calls)
        calls = tuple(map(without_placeholder, called))
        usual = "tool_calls" if calls else "stop"
        reason = usual if self.finish_reason is None else end_of(self.finish_reason)
        return Completion(reason, calls, self._usage, stamped(self._extras.fields(), service))

    def _read_events(self, events: list[SseEvent]) -> list[str]:
        pieces: list[str] = []
        for name, data in events:
            if self.failure is not None or self.is_done:
                break
            if data == b"[DONE]":
                self.is_done = self.has_events = True
            else:
                self._read_event(name, data, pieces)
        if self._splitter.is_overlong and self.failure is None:
            self.failure = Failure(LlmBadResponse("a line of the stream is over its limit"))
        return pieces

    def _read_event(self, name: bytes, data: bytes, pieces: list[str]) -> None:
        try:
            chunk = orjson.loads(data)
        except orjson.JSONDecodeError as exc:
            self._read_odd_event(name, data, exc.msg, pieces)
            return
        if not isinstance(chunk, dict):
            self._read_value(name, chunk, data, pieces)
            return
        # The types of casts are quoted in this module: unquoted, Python would build each anew for each token.
        fields = cast("dict[str, Any]", chunk)
        if self._is_plain and not name and self.finish_reason is None and (text := _plain_text(fields)):
            self.has_events = self._has_gone_without_reason = True
            self.progress += 1
            self._show(text, pieces)
        else:
            self._read_fields(name, fields, pieces)

    def _read_odd_event(self, name: bytes, data: bytes, fault: str, pieces: list[str]) -> None:
        """Read an event that is no JSON as it should be, or whose end is missing."""
        self._is_plain = False  # its texts may end in half a character
        try:
            values = read_odd_values(data)
        except ValueError:
            self.is_done = _is_done(data)
            self.has_events |= self.is_done
            if self.is_done or self._is_over or name in _SIGNS_OF_LIFE or not data.strip():
                return
            text = self._hints.quoted(data.decode("utf-8", errors="replace"))
            self.failure = Failure(LlmBadResponse(f"an event is no JSON ({fault}): {text}"))
            return
        for value in values:
            if self.failure is None:
                self._read_value(name, value, data, pieces)

    def _read_value(self, name: bytes, value: object, data: bytes, pieces: list[str]) -> None:
        """Read what an event holds; nearly always it is an object."""
        if isinstance(value, dict):
            self._read_fields(name, cast("dict[str, Any]", value), pieces)
        elif _is_done(data):
            self.is_done = self.has_events = True
        elif isinstance(value, list) and all(isinstance(each, dict) for each in cast("list[Any]", value)):
            for each in cast("list[dict[str, Any]]", value):
                if self.failure is None:
                    self._read_fields(name, each, pieces)
        elif value and name not in _SIGNS_OF_LIFE:
            text = self._hints.quoted(data.decode("utf-8", errors="replace"))
            self.failure = Failure(LlmBadResponse(f"an event is no object: {text}"))

    def _read_fields(self, name: bytes, fields: dict[str, Any], pieces: list[str]) -> None:
        if fields.get("error") or name == b"error":
            self.failure = stream_error(complaint_of(fields), self._hints)
            return
        # Azure sends the prompt's filter result first, in a chunk without choices, and the token counts last,
        # in another one.
        choices = fields.get("choices")
        if isinstance(choices, list) and choices:
            self.has_events = True
            listed = cast("list[Any]", choices)
            self._read_choice(listed[0] if len(listed) == 1 else _first_choice(listed), pieces)
        elif isinstance(choices, dict):
            self.has_events = True
            self._read_choice(cast("object", choices), pieces)
        elif says_error(fields):
            self.failure = stream_error(complaint_of(fields), self._hints)
            return
        else:
            self._note_other(fields)
        usage = fields.get("usage")
        if usage is None and "x_groq" in fields:
            beside = fields["x_groq"]
            usage = cast("dict[str, Any]", beside).get("usage") if isinstance(beside, dict) else None
        if usage is not None:
            self._read_usage(usage, is_alone=not choices)

    def _note_other(self, fields: dict[str, Any]) -> None:
        """An event without a choice: token counts, a filter's result, or something that is no answer."""
        # Empty choices alone are a chunk of a stream; as a document of their own they are no answer.
        is_chunk = isinstance(fields.get("choices"), list) and not self._splitter.has_bare_json
        if "usage" in fields or is_chunk or ("choices" in fields and len(fields) > 1):
            self.has_events = True
        elif not self.odd_event:
            self.odd_event = orjson.dumps(fields)[:1000]

    def _read_choice(self, choice: object, pieces: list[str]) -> None:
        if not isinstance(choice, dict):
            return
        fields = cast("dict[str, Any]", choice)
        before = self.progress
        delta = fields.get("delta")
        if not isinstance(delta, dict) or not delta:
            delta = _odd_delta(fields, is_first=before == 0)
        if isinstance(delta, dict):
            self._read_delta(cast("dict[str, Any]", delta), pieces)
        if self.finish_reason is not None and self.progress > before:
            self._goes_on_after_reason = True
            self.is_ending = False
        if fields.get("error"):
            self.failure = stream_error(complaint_of(fields), self._hints)
            return
        if "extra_content" in fields:
            self._extras.add({"extra_content": fields["extra_content"]})
        if fields.get("usage"):
            self._read_usage(fields["usage"], is_alone=False)
        reason = fields.get("finish_reason") or fields.get("finishReason")
        if isinstance(reason, str) and reason.strip().lower() not in _NO_REASONS:
            self._read_reason(reason, is_alone=self.progress == before)
        elif isinstance(delta, dict):
            self._has_gone_without_reason = True

    def _read_reason(self, reason: str, *, is_alone: bool) -> None:
        """Some services put `stop` on each chunk, from the first: then it says nothing about the end."""
        self.finish_reason = whole_text(reason)
        self.progress += 1
        is_told = self._has_gone_without_reason or end_of(reason) != "stop"
        self.is_ending = not self._goes_on_after_reason and (is_told or (is_alone and self.progress > 1))

    def _read_delta(self, delta: dict[str, Any], pieces: list[str]) -> None:
        content = delta.get("content")
        # A plain piece of text is `content` alone; the rest is looked for where there is more.
        is_alone = len(delta) == 1
        if content and not is_alone and _is_thought(delta):
            self._read_thought()
        elif content and (text := content if isinstance(content, str) else _text_of_parts(content)):
            self.progress += 1
            self._show(text, pieces)
        elif content and isinstance(content, list | dict):
            self._read_thought()
        if not is_alone or not content:
            self._read_rare(delta, pieces)

    def _show(self, text: str, pieces: list[str]) -> None:
        """Add a piece of text, as it is where nothing speaks against it."""
        if self._is_plain and not has_mark(text):
            self._last = (self._last + text)[-TAG_CHARS:] if text.isspace() else text
            pieces.append(text)
        else:
            self._sift(text, pieces)

    def _sift(self, text: str, pieces: list[str]) -> None:
        """Add what of a piece is for the user."""
        shown = self._text.feed(self._halves.feed(text), self._last)
        if self._text.is_recalled:
            # What has not left yet of the thought is not told.
            pieces.clear()
            self._text.is_recalled = False
        if shown:
            self._last = (self._last + shown)[-TAG_CHARS:] if shown.isspace() else shown
            pieces.append(shown)
        self._is_plain = self._text.is_plain and not self._halves

    def _read_thought(self) -> None:
        self.progress += 1
        if not self._has_thought:
            self._has_thought = True
            self._text.thinks_apart()

    def _read_rare(self, delta: dict[str, Any], pieces: list[str]) -> None:
        refusal = delta.get("refusal")
        if isinstance(refusal, str) and refusal:
            self.progress += 1
            self._sift(refusal, pieces)
        calls = delta.get("tool_calls") or delta.get("function_call")
        if calls and self._calls.add(calls):
            self.has_calls = True
            self.progress += 1
        for name in _THINKING_FIELDS:
            if delta.get(name):
                self._read_thought()
                self._extras.add(delta)
                break
        else:
            if any(delta.get(name) for name in GIVEN_BESIDE):
                self._extras.add(delta)
        if self._calls.is_overlong:
            self.failure = Failure(LlmBadResponse("the tool calls of one answer are over their limit"))

    def _read_usage(self, usage: object, *, is_alone: bool) -> None:
        if not isinstance(usage, dict):
            return
        fields = cast("dict[str, Any]", usage)
        prompt, completion = _count(fields.get("prompt_tokens")), _count(fields.get("completion_tokens"))
        if prompt is not None and completion is not None:
            self._usage = TokenUsage(prompt, completion)
            if is_alone and self.finish_reason is not None:
                self.is_ending = not self._goes_on_after_reason


def _text_of_parts(content: object) -> str:
    """Return the text of a content that is a list of parts, as some compatible services send it."""
    listed = cast("list[Any]", content if isinstance(content, list) else [content])
    parts = [cast("dict[str, Any]", part) for part in listed if isinstance(part, dict)]
    texts = [part.get("text") for part in parts if part.get("type") not in _THINKING_PARTS]
    texts += [part for part in listed if isinstance(part, str)]
    plain = [cast("dict[str, Any]", text).get("value") if isinstance(text, dict) else text for text in texts]
    return "".join(text for text in plain if isinstance(text, str))


def _odd_delta(fields: dict[str, Any], *, is_first: bool) -> object:
    """Return what stands for the delta of a choice that has none: a text, or a whole message."""
    match fields:
        case {"delta": str(text)} | {"text": str(text)}:
            return {"content": text}
        case {"delta": [first, *_]}:
            return cast("object", first)
        case {"message": {**message}} if is_first:
            # A service that answers whole, in one event.
            return message
        case _:
            return fields.get("delta")


def _is_done(data: bytes) -> bool:
    bare = data.strip(_AROUND).removeprefix(b"data:").lstrip(_AROUND)
    return bare[:6].upper() == b"[DONE]"


def _count(value: object) -> int | None:
    """Return a count of tokens; some services write whole numbers as fractions."""
    if type(value) is int:
        return value
    return int(value) if type(value) is float and value.is_integer() else None


def _is_thought(delta: dict[str, Any]) -> bool:
    """Return whether a delta says of its content that it is a thought, as Gemini's do."""
    if delta.get("thought") is True:
        return True
    extra = delta.get("extra_content")
    google = cast("dict[str, Any]", extra).get("google") if isinstance(extra, dict) else None
    return isinstance(google, dict) and cast("dict[str, Any]", google).get("thought") is True


def _plain_text(fields: dict[str, Any]) -> str:
    """The text of an event that is nothing but a piece of text; empty for one to be looked at closely."""
    try:
        (choice,) = fields["choices"]
        delta = choice["delta"]
        text = delta["content"]
    except (KeyError, TypeError, ValueError):
        return ""
    is_more = len(delta) > 1 or any(map(choice.get, _BESIDE_TEXT))
    if is_more or fields.get("usage") is not None or fields.get("error") or "x_groq" in fields:
        return ""
    return text if isinstance(text, str) else ""


def _first_choice(choices: list[Any]) -> object:
    """The choice with the index 0, which is the only one that was asked for; nearly always the only one."""
    objects = [cast("dict[str, Any]", choice) for choice in choices if isinstance(choice, dict)]
    return next((choice for choice in objects if choice.get("index", 0) == 0), choices[0])
