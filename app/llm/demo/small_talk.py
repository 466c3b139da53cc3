"""What the demo says when no tool is wanted: who it is, what it can do, what it knows of the user."""

import json
import re
from collections.abc import Collection, Sequence
from typing import Any, cast

from app.chat import ApiMessage
from app.errors import Locale
from app.letters import bare
from app.llm.demo.conversation import Outcome
from app.llm.demo.language import pick, sentence, table
from app.llm.demo.telling import named
from app.llm.demo.words import data

NOTICE: dict[Locale, str] = {"es": data("sentences")["notice"][0], "en": data("sentences")["notice"][1]}

_OPEN_TAG, _CLOSE_TAG = "<user_profile>\n", "\n</user_profile>"
_GREETS = re.compile(r"\b(?:saluda|greet)")


def known_user(messages: Sequence[ApiMessage]) -> dict[str, Any]:
    """Return what the system prompt tells of the user; empty where it tells nothing."""
    content = messages[0].get("content") if messages and messages[0].get("role") == "system" else ""
    marked = str(content or "").rpartition(_OPEN_TAG)[2].partition(_CLOSE_TAG)
    try:
        told: object = json.loads(marked[0]) if marked[1] else {}
    except (ValueError, RecursionError):
        return {}
    return cast(dict[str, Any], told) if isinstance(told, dict) else {}


def name_of(user: dict[str, Any]) -> str:
    """Return what the user is called; empty where that is not known."""
    return str(user.get("name") or "")


def is_to_greet(messages: Sequence[ApiMessage]) -> bool:
    """Return whether the last message is the server's, and has the model greet the user."""
    last = messages[-1] if len(messages) > 1 else {}
    return last.get("role") == "system" and bool(_GREETS.search(bare(str(last.get("content")))))


def greeting(agent_name: str, user_name: str, language: Locale) -> str:
    """Greet the user, by name if it is known."""
    return sentence("greeting", language, f", {user_name}" if user_name else "", agent_name)


def small_talk(
    topic: str,
    language: Locale,
    *,
    agent_name: str,
    tools: Collection[str],
    running: Sequence[Outcome] = (),
    user: dict[str, Any] | None = None,
) -> str:
    """Return the answer to a text that asks for no tool, by the kind of small talk that it is nearest to."""
    user = user or {}
    match topic:
        case "status" | "how_are_you" if running:
            return sentence("still", language, ", ".join(named(outcome, language) for outcome in running))
        case "greeting":
            return greeting(agent_name, name_of(user), language)
        case "who":
            return sentence("who", language, agent_name) + offer(tools, language)
        case "help":
            return offer(tools, language)
        case "my_name":
            name = name_of(user)
            return sentence("your_name", language, name) if name else sentence("no_name", language)
        case "about_me":
            return _about(user, language)
        case _:
            answer = table("topics").get(topic)
            return (
                pick(answer, language) if answer else sentence("fallback", language) + offer(tools, language)
            )


def _about(user: dict[str, Any], language: Locale) -> str:
    lines = [f"- {sentence(f'known_{m}', language)} {user[m]}" for m in ("name", "language") if user.get(m)]
    lines += [
        f"- {name}: {value}" for name, value in cast(dict[str, Any], user.get("preferences", {})).items()
    ]
    lines += [f"- {note}" for note in cast(list[Any], user.get("notes", []))]
    return "\n".join([sentence("known", language), *lines]) if lines else sentence("nothing_known", language)


def offer(tools: Collection[str], language: Locale) -> str:
    """Return what the demo can do with the tools that are there, each with an example."""
    if not tools:
        return sentence("no_tools", language)
    known = [f"- {pick(words, language)}" for name, words in table("can").items() if name in tools]
    if others := [name for name in tools if name not in table("can")]:
        known.append(sentence("other_tools", language, others[0]) + ", ".join(others))
    return sentence("i_can", language) + "\n".join(known)


def ask_for(tool: str, argument: str, language: Locale) -> str:
    """Ask the user for an argument that a call needs."""
    words = table("missing").get(argument) or table("missing").get(tool)
    return pick(words, language) if words else sentence("missing_any", language, tool, argument)


def not_there(tools: Sequence[str], language: Locale) -> str:
    """Say that what was asked for needs tools that are not available."""
    if "remember" in tools:
        return sentence("no_profile", language)
    return sentence("not_there", language, ", ".join(tools))


def nothing_new(language: Locale) -> str:
    """Return what is said where nothing was asked."""
    return sentence("nothing_new", language)
