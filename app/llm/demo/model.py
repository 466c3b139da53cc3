"""The embedded model: no key, no download, no network; a language model's manners with examples inside."""

import asyncio
import json
import re
import secrets
from collections.abc import AsyncGenerator, Mapping
from typing import Any, cast

from app.chat import FunctionCall
from app.completeness import sounds_finished
from app.errors import Locale
from app.llm.base import WAIT, ChatRequest, Check, Completion
from app.llm.demo.conversation import Situation, read_messages
from app.llm.demo.extractors import Intent
from app.llm.demo.language import language_of, sentence
from app.llm.demo.matching import examples
from app.llm.demo.small_talk import (
    NOTICE,
    ask_for,
    greeting,
    in_manner,
    is_to_greet,
    known_user,
    not_there,
    small_talk,
)
from app.llm.demo.summing_up import sum_up
from app.llm.demo.telling import tell
from app.llm.demo.understanding import understand
from config.agent_settings import AgentSettings

TOKEN_DELAY_S = 0.02
"""Between two words: the pace of a fast model, at which a person still sees them come."""

_PIECE = re.compile(r"\s*\S+\s*?(?=\s|$)|\s+")


class DemoModel:
    """A chat provider that understands requests for the built-in tools, in Spanish and English.

    It keeps nothing between requests: all it knows stands in the messages, as with any other model.

    Args:
        settings: `name_in` is what it calls itself.
        token_delay_s: Pause between two pieces of text, in seconds.
    """

    name = "demo"
    model = "demo"

    def __init__(self, settings: AgentSettings, token_delay_s: float = TOKEN_DELAY_S) -> None:
        self.notice: dict[Locale, str] = dict(NOTICE)
        self.retries: dict[str, int] = {}
        self._name_in = settings.name_in
        self._token_delay_s = token_delay_s

    async def stream(self, request: ChatRequest) -> AsyncGenerator[str | Completion, None]:
        """Stream an answer word by word, then its `Completion`, with tool calls where tools are wanted."""
        if request.purpose == "summary":
            if summary := sum_up(str(request.messages[-1]["content"])):
                yield summary
            yield Completion("stop")
            return
        if not examples.cache_info().currsize:
            # Once, when the first text comes, beside the event loop: the start and others do not wait.
            await asyncio.to_thread(examples)
        text, calls = self._answer(request)
        for i, piece in enumerate(_PIECE.findall(text)):
            if i and self._token_delay_s:
                await asyncio.sleep(self._token_delay_s)
            yield piece
        yield Completion("tool_calls" if calls else "stop", calls)

    async def diagnose(self) -> list[Check]:
        """One line: the demo cannot fail, but it is no language model."""
        return [
            Check(
                "demo",
                ok=True,
                detail="The demo answers by rules; set AZURE_OPENAI_* or OPENAI_* for a language model.",
            )
        ]

    async def aclose(self) -> None:
        """Have nothing to close."""

    def _answer(self, request: ChatRequest) -> tuple[str, tuple[FunctionCall, ...]]:
        situation = read_messages(request.messages)
        language = _language(situation, request.locale)
        if situation.outcomes:
            # Whoever is in a hurry remembers what they have asked for.
            is_told_late = situation.is_late and request.mood != "hurried"
            return tell(situation.outcomes, language, is_late=is_told_late), ()
        user = known_user(request.messages)
        if is_to_greet(request.messages):
            return greeting(self._name_in(request.locale), user, request.locale), ()
        if not situation.is_unanswered:
            return sentence("nothing_new", language), ()
        if request.may_wait and not sounds_finished(situation.text, language):
            return WAIT, ()
        schemas = _schemas(request)
        intents, topic = understand(situation.text, schemas, _earlier(situation, schemas))
        if wanted := [intent for intent in intents if intent.tool in schemas and not intent.missing]:
            # What was understood is said before it is done, so that a wrong guess is seen.
            said = "\n".join(map(str, wanted))
        elif absent := [intent.tool for intent in intents if intent.tool not in schemas]:
            said = not_there(absent, language)
        elif intents:
            said = ask_for(intents[0].tool, intents[0].missing, language)
        else:
            said = small_talk(topic, language, self._name_in(language), list(schemas), user)
        return in_manner(said, request.mood, language, is_call=bool(wanted)), tuple(map(_call, wanted))


def _language(situation: Situation, locale: Locale) -> Locale:
    """Return the language of the user's text; of the latest one before that shows any; else the session's."""
    for text in situation.texts:
        if language := language_of(text):
            return language
    return locale


def _schemas(request: ChatRequest) -> dict[str, dict[str, Any]]:
    """Return the parameter schemas of the tools that may be called, by name."""
    functions = [cast(dict[str, Any], tool["function"]) for tool in request.tools]
    return {each["name"]: each.get("parameters") or {} for each in functions}


def _earlier(situation: Situation, schemas: Mapping[str, Mapping[str, Any]]) -> Intent | None:
    """Return what the text may go on from: a question of ours that is still open, else the last call."""
    asked = understand(situation.text_before, schemas).intents
    last_call = Intent(*situation.last_call) if situation.last_call else None
    return next((intent for intent in asked if intent.missing), last_call)


def _call(intent: Intent) -> FunctionCall:
    arguments = json.dumps(intent.arguments, ensure_ascii=False)
    return FunctionCall(f"call_{secrets.token_hex(8)}", intent.tool, arguments)
