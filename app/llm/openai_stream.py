"""Reads a streamed chat completion: bytes in, text, tool calls and the ending out. Knows no socket.

This runs once per token, so it reads plain dicts: no models, no logging, no objects beside the text.
"""

from typing import Any, cast

import orjson

from app.errors import LlmBadResponse
from app.llm.base import Completion, Usage
from app.llm.extras import MessageExtras, stamped
from app.llm.openai_errors import Failure, Hints, complaint_of, stream_error
from app.llm.sse import SseEvent, SseSplitter
from app.llm.tool_call_pieces import ToolCallPieces

_THINKING_FIELDS = ("reasoning_content", "reasoning", "thinking", "reasoning_details")
"""Where models that think aloud put it: no text for the user, but a sign of life; some want it back."""


class AnswerDecoder:
    """One answer, as far as it has come.

    Attributes:
        has_events: Something that can be read as an event has come.
        has_progress: The answer has begun: text, a piece of a tool call, a thought or an ending.
        progress: Counts what brought the answer on; comments, empty deltas and the like do not.
        finish_reason: The service's word, once it has come.
        is_done: The service has said `[DONE]`.
        failure: What is wrong with the stream; what came before it is good.
    """

    def __init__(self, hints: Hints) -> None:
        self.has_events = False
        self.progress = 0
        self.finish_reason: str | None = None
        self.is_done = False
        self.failure: Failure | None = None
        self._hints = hints
        self._splitter = SseSplitter()
        self._calls = ToolCallPieces()
        self._extras = MessageExtras()
        self._usage: Usage | None = None

    @property
    def has_progress(self) -> bool:
        """Whether the answer has begun."""
        return self.progress > 0

    @property
    def has_ended(self) -> bool:
        """Whether the service has said that the answer is complete."""
        return self.is_done or self.finish_reason is not None

    def feed(self, chunk: bytes) -> list[str]:
        """Takes the next bytes; returns the pieces of text that they complete, none of them empty."""
        return self._read_events(self._splitter.feed(chunk))

    def finish(self) -> list[str]:
        """The stream is over; returns what was still held back."""
        return self._read_events(self._splitter.finish())

    def completion(self, service: str = "") -> Completion:
        """The ending. Ask only when `has_ended`: before it, a tool call may be half a call.

        Args:
            service: Whose answer it is, as `Extras` name it.
        """
        calls = self._calls.calls(service)
        reason = self.finish_reason or ("tool_calls" if calls else "stop")
        return Completion(reason, calls, self._usage, stamped(self._extras.fields(), service))

    def _read_events(self, events: list[SseEvent]) -> list[str]:
        pieces: list[str] = []
        for name, data in events:
            if self.failure is not None or self.is_done:
                break
            self.has_events = True
            if data == b"[DONE]":
                self.is_done = True
            else:
                self._read_event(name, data, pieces)
        if self._splitter.is_overlong and self.failure is None:
            self.failure = Failure(LlmBadResponse("a line of the stream is over its limit"))
        return pieces

    def _read_event(self, name: bytes, data: bytes, pieces: list[str]) -> None:
        try:
            chunk = orjson.loads(data)
        except orjson.JSONDecodeError as exc:
            text = self._hints.quoted(data.decode("utf-8", errors="replace"))
            self.failure = Failure(LlmBadResponse(f"an event is no JSON ({exc.msg}): {text}"))
            return
        if not isinstance(chunk, dict):
            text = self._hints.quoted(data.decode("utf-8", errors="replace"))
            self.failure = Failure(LlmBadResponse(f"an event is no object: {text}"))
            return
        # The types of casts are quoted in this module: unquoted, Python would build each anew for each token.
        fields = cast("dict[str, Any]", chunk)
        if fields.get("error") or name == b"error":
            self.failure = stream_error(complaint_of(fields), self._hints)
            return
        # Azure sends the prompt's filter result first, in a chunk without choices, and the token counts last,
        # in another one.
        choices = fields.get("choices")
        if isinstance(choices, list) and choices:
            listed = cast("list[Any]", choices)
            self._read_choice(listed[0] if len(listed) == 1 else _first_choice(listed), pieces)
        usage = fields.get("usage")
        if usage is not None:
            self._read_usage(usage)

    def _read_choice(self, choice: object, pieces: list[str]) -> None:
        if not isinstance(choice, dict):
            return
        fields = cast("dict[str, Any]", choice)
        delta = fields.get("delta")
        if isinstance(delta, dict):
            self._read_delta(cast("dict[str, Any]", delta), pieces)
        reason = fields.get("finish_reason")
        if isinstance(reason, str) and reason:
            self.finish_reason = reason
            self.progress += 1

    def _read_delta(self, delta: dict[str, Any], pieces: list[str]) -> None:
        content = delta.get("content")
        if content and (text := content if isinstance(content, str) else _text_of_parts(content)):
            self.progress += 1
            pieces.append(text)
        # A plain piece of text is `content` alone; the rest is looked for where there is more.
        if len(delta) > 1 or not content:
            self._read_rare(delta, pieces)

    def _read_rare(self, delta: dict[str, Any], pieces: list[str]) -> None:
        refusal = delta.get("refusal")
        if isinstance(refusal, str) and refusal:
            self.progress += 1
            pieces.append(refusal)
        if self._calls.add(delta.get("tool_calls")):
            self.progress += 1
        for name in _THINKING_FIELDS:
            if delta.get(name):
                self.progress += 1
                self._extras.add(delta)
                break
        if self._calls.is_overlong:
            self.failure = Failure(LlmBadResponse("the tool calls of one answer are over their limit"))

    def _read_usage(self, usage: object) -> None:
        if not isinstance(usage, dict):
            return
        fields = cast("dict[str, Any]", usage)
        prompt, completion = fields.get("prompt_tokens"), fields.get("completion_tokens")
        if type(prompt) is int and type(completion) is int:
            self._usage = Usage(prompt, completion)


def _text_of_parts(content: object) -> str:
    """The text of a content that is a list of parts, as some compatible services send it."""
    if not isinstance(content, list):
        return ""
    parts = cast("list[Any]", content)
    texts = [cast("dict[str, Any]", part).get("text") for part in parts if isinstance(part, dict)]
    return "".join(text for text in texts if isinstance(text, str))


def _first_choice(choices: list[Any]) -> object:
    """The choice with the index 0, which is the only one that was asked for; nearly always the only one."""
    objects = [cast("dict[str, Any]", choice) for choice in choices if isinstance(choice, dict)]
    return next((choice for choice in objects if choice.get("index", 0) == 0), choices[0])
