"""A talk's history as the strictest model service takes it.

Services that speak the chat-completions API are a family of dialects: a template of one refuses a system
message that is not the first, of another two neighbours of one role, of a third a user's message right behind
a tool's. Whatever is sent is acceptable to all of them: one system message at the head; then a user's
message; roles that alternate, with calls and their results between; a user's or a tool's message last; no
empty contents; ids of nine letters or digits; of a user's text nothing that nobody sees. What a service gave
along with a call goes back to it, and to nobody else.
"""

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

from app.chat import ApiMessage, Extras
from app.errors import Locale
from app.llm.returns import SIGNATURE, THOUGHTS, Returns
from app.unseen import holds_unseen, without_unseen

FILLER = "…"
"""Stands where a dialect wants the user to have spoken, and they did not."""

NODDED = "OK."
"""Stands where a dialect wants the agent to have spoken, and it did not; a model may well imitate it."""

BREAK = "\n\n"
"""Between messages that have become one."""

NO_SIGNATURE = "skip_thought_signature_validator"
"""What Gemini documents for calls that it did not sign itself: another model's, or the server's own."""

_ID_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_CHARS = 9
_INTERRUPTED = '{"status":"interrupted"}'

_TASK: dict[Locale, str] = {
    "es": "[Instrucción del servicio, no del usuario] ",
    "en": "[Instruction of the service, not of the user] ",
}


_MARK_BEGINNING = "[Instruc"
"""How the service's marks begin, in both languages."""

_ANSWERED = {"user": "assistant", "assistant": "user"}
"""Who has spoken before, where a message leaves as it is."""


def request_messages(
    messages: Sequence[ApiMessage], locale: Locale = "es", returns: Returns | None = None
) -> list[ApiMessage]:
    """Return the messages as they leave; those that are given are not changed.

    Args:
        messages: A prompt of `History.for_api`, with the system prompt first if there is one.
        locale: The language of the words around an instruction of the service.
        returns: What the service is given back; nothing without it.
    """
    return _Projection(locale, returns or Returns()).of(messages)


def short_id(call_id: str, attempt: int = 0) -> str:
    """Nine letters or digits for a call's id, always the same ones; `attempt` makes others."""
    return _short_id(call_id, attempt)


@lru_cache(maxsize=8192)
def _short_id(call_id: str, attempt: int) -> str:
    seed = f"{attempt}:{call_id}" if attempt else call_id
    digest = hashlib.blake2b(seed.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    number = int.from_bytes(digest)
    letters: list[str] = []
    for _ in range(_ID_CHARS):
        number, letter = divmod(number, len(_ID_LETTERS))
        letters.append(_ID_LETTERS[letter])
    return "".join(letters)


class _Projection:
    """One request on its way from the history; used once."""

    def __init__(self, locale: Locale, returns: Returns) -> None:
        self._locale: Locale = locale
        self._returns = returns
        self._head: list[str] = []
        self._out: list[ApiMessage] = []
        self._asides: list[str] = []
        self._waiting: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._taken: set[str] = set()
        self._has_calls = False
        self._wanted = set(returns.wanted)

    def of(self, messages: Sequence[ApiMessage]) -> list[ApiMessage]:
        """Return the request's messages."""
        last = len(messages) - 1
        before = ""
        for place, message in enumerate(messages):
            role = message["role"]
            # Nearly all of a long talk: who speaks is who may, and a bare message leaves as it is.
            content = message["content"]
            if len(message) == 2 and before == _ANSWERED.get(role) and _is_clean(content):
                if not self._asides and (role != "user" or not holds_unseen(content)):
                    self._out.append(message)
                    before = role
                    continue
            elif role == "tool":
                self._add_result(message)
                before = "tool"
                continue
            self._answer_waiting()
            if role == "user":
                self._add_user(message["content"])
            elif role == "assistant":
                self._add_assistant(message)
            else:
                self._add_note(message, is_last=place == last)
            before = "" if self._waiting else self._last_role
        self._end()
        if not self._head:
            return self._out
        head = BREAK.join(self._head)
        if self._returns.system_role:
            return [{"role": "system", "content": head}, *self._out]
        first, *others = self._out
        return [{"role": "user", "content": _joined(head, first["content"])}, *others]

    def _end(self) -> None:
        self._answer_waiting()
        if self._asides and self._last_role == "user":
            # The text that they are about has left.
            self._put_user(BREAK.join(f"[{aside}]" for aside in self._asides))
        if not self._out or self._out[-1]["role"] == "assistant":
            self._out.append({"role": "user", "content": FILLER})
        if self._has_calls and self._wanted:
            self._add_wanted()

    # Who speaks

    @property
    def _last_role(self) -> str:
        return self._out[-1]["role"] if self._out else ""

    def _add_user(self, content: Any) -> None:
        if isinstance(content, str):
            content = without_unseen(content)
            content = _unmarked(content) if _has_words(content) else FILLER
            if self._asides:
                content = BREAK.join([content, *(f"[{aside}]" for aside in self._asides)])
                self._asides.clear()
        self._put_user(content)

    def _put_user(self, content: Any) -> None:
        role = self._last_role
        if role == "user":
            self._out[-1] = {"role": "user", "content": _joined(self._out[-1]["content"], content)}
            return
        if role == "tool":
            self._out.append({"role": "assistant", "content": NODDED})
        self._out.append({"role": "user", "content": content})

    def _add_assistant(self, message: ApiMessage) -> None:
        calls = message.get("tool_calls")
        content = message["content"] or ""
        if not calls and not _has_words(content):
            return
        role = self._last_role
        if role == "":
            self._out.append({"role": "user", "content": FILLER})
        fields = self._fields(message.get("extras"))
        if role == "assistant":
            # What was said before belongs to the same message: nobody else has spoken since.
            said = self._out.pop()
            content = _joined(said["content"], content)
            fields = {**{name: said[name] for name in said.keys() - {"role", "content"}}, **fields}
        if not calls:
            self._out.append({"role": "assistant", "content": content, **fields})
            return
        if content and not self._returns.text_beside_calls:
            self._out += [{"role": "assistant", "content": content}, {"role": "user", "content": FILLER}]
            content = ""
        elif not content and not self._returns.empty_beside_calls:
            content = FILLER
        self._has_calls = True
        sent = [self._call(call) for call in calls]
        self._out.append({"role": "assistant", "content": content, "tool_calls": sent, **fields})

    def _add_note(self, message: ApiMessage, *, is_last: bool) -> None:
        kind, content = message.get("note"), message["content"]
        if not content:
            return
        if kind == "aside":
            self._asides.append(content)
        elif kind == "task" or (kind is None and is_last and self._head):
            self._put_user(_TASK[self._locale] + content)
        else:
            self._head.append(content)

    # Calls and their results

    def _call(self, call: Mapping[str, Any]) -> dict[str, Any]:
        call_id = call["id"]
        sent_id = self._sent_id(call_id)
        self._waiting[call_id] = sent_id
        self._names[sent_id] = call["function"]["name"]
        fields = self._fields(call.get("extras"))
        function = {**fields.pop("function", {}), **call["function"]}
        return {"id": sent_id, "type": "function", "function": function, **fields}

    def _sent_id(self, call_id: str) -> str:
        attempt = 0
        while (sent := short_id(call_id, attempt)) in self._taken:
            attempt += 1
        self._taken.add(sent)
        return sent

    def _add_result(self, message: ApiMessage) -> None:
        sent_id = self._waiting.pop(message["tool_call_id"], None)
        if sent_id is not None:
            content = message["content"] if _has_words(message["content"] or "") else FILLER
            self._put_result(sent_id, content)

    def _put_result(self, sent_id: str, content: Any) -> None:
        name = {"name": self._names[sent_id]} if self._returns.named_results else {}
        self._out.append({"role": "tool", "tool_call_id": sent_id, **name, "content": content})

    def _answer_waiting(self) -> None:
        """No call leaves without a result, whatever has become of it."""
        for sent_id in self._waiting.values():
            self._put_result(sent_id, _INTERRUPTED)
        self._waiting.clear()

    # What the service gave

    def _fields(self, extras: Extras | None) -> dict[str, Any]:
        if extras is None or extras["service"] != self._returns.service:
            return {}
        fields = {
            name: value for name, value in extras["fields"].items() if name not in self._returns.refused
        }
        if THOUGHTS in fields:
            self._wanted.add(THOUGHTS)
        if signature_in(fields):
            self._wanted.add(SIGNATURE)
        return fields

    def _add_wanted(self) -> None:
        wanted = self._wanted - self._returns.refused
        for place, message in enumerate(self._out):
            if message["role"] != "assistant":
                continue
            if THOUGHTS in wanted and THOUGHTS not in message:
                message = self._out[place] = {**message, THOUGHTS: ""}
            calls = message.get("tool_calls")
            is_signed = signature_in(message) or any(map(signature_in, calls or ()))
            if calls and SIGNATURE in wanted and not is_signed:
                calls[0]["extra_content"] = {"google": {SIGNATURE: NO_SIGNATURE}}


def signature_in(fields: Mapping[str, Any]) -> bool:
    """Return whether these fields hold Gemini's signature of a thought."""
    match fields.get("extra_content"):
        case {"google": {"thought_signature": str(signature)}}:
            return bool(signature)
        case _:
            return False


def _is_clean(content: Any) -> bool:
    """Return whether a content may leave as it is; looked at without a copy, since talks are long."""
    return (
        bool(content)
        and isinstance(content, str)
        and not content.isspace()
        and ("[" not in content or _MARK_BEGINNING not in content)
    )


def _has_words(content: str) -> bool:
    return bool(content) and not content.isspace()


def _unmarked(content: str) -> str:
    """Return a user's text in which nothing looks like an instruction of the service."""
    if _MARK_BEGINNING not in content:
        return content
    for mark in _TASK.values():
        if mark[:-2] in content:
            content = content.replace(mark[:-1], f"({mark[1:-2]})").replace(mark[:-2], f"({mark[1:-2]}")
    return content


def _joined(before: Any, after: Any) -> Any:
    """Two contents as one; lists of parts stay lists."""
    if isinstance(before, str) and isinstance(after, str):
        return BREAK.join(text for text in (before, after) if text)
    return [*_parts(before), *_parts(after)]


def _parts(content: Any) -> list[Any]:
    if isinstance(content, list):
        return cast("list[Any]", content)
    return [{"type": "text", "text": content}]
