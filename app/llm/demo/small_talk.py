"""What the demo says when no tool is wanted, of itself and of the user; and how, to somebody in a mood."""

import re
from collections.abc import Collection, Sequence
from typing import Any, cast

from app.chat import ApiMessage, Mood
from app.errors import Locale
from app.letters import bare
from app.llm.demo.conversation import object_of
from app.llm.demo.language import pick, sentence, table
from app.llm.demo.words import data

NOTICE: dict[Locale, str] = {"es": data("sentences")["notice"][0], "en": data("sentences")["notice"][1]}

_OPEN_TAG, _CLOSE_TAG = "<user_profile>\n", "\n</user_profile>"
_GREETS = re.compile(r"\b(?:saluda|greet)")
_FIRST_SENTENCE = re.compile(r".+?(?:[.!?…](?=\s|$)|$)", re.DOTALL)


def known_user(messages: Sequence[ApiMessage]) -> dict[str, Any]:
    """Return what the system prompt tells of the user; empty where it tells nothing."""
    content = messages[0].get("content") if messages and messages[0].get("role") == "system" else ""
    told, is_closed, _ = str(content or "").rpartition(_OPEN_TAG)[2].partition(_CLOSE_TAG)
    return object_of(told) if is_closed else {}


def is_to_greet(messages: Sequence[ApiMessage]) -> bool:
    """Return whether the last message is the server's, and has the model greet the user."""
    last = messages[-1] if len(messages) > 1 else {}
    return last.get("role") == "system" and bool(_GREETS.search(bare(str(last.get("content")))))


def greeting(agent_name: str, user: dict[str, Any], language: Locale) -> str:
    """Greet the user, by name if it is known."""
    return sentence("greeting", language, f", {user['name']}" if user.get("name") else "", agent_name)


def small_talk(
    topic: str, language: Locale, agent_name: str, tools: Collection[str], user: dict[str, Any]
) -> str:
    """Return the answer to a text that asks for no tool, by the kind of small talk that it is nearest to."""
    match topic:
        case "greeting":
            return greeting(agent_name, user, language)
        case "help":
            return offer(tools, language)
        case "my_name":
            return sentence("your_name" if user.get("name") else "no_name", language, user.get("name"))
        case "about_me":
            return _about(user, language)
        case _ if answer := table("topics").get(topic):
            return pick(answer, language)
        case _:
            lead = "who" if topic == "who" else "fallback"
            return sentence(lead, language, agent_name) + offer(tools, language)


def _about(user: dict[str, Any], language: Locale) -> str:
    members = [f"{sentence(f'known_{m}', language)} {user[m]}" for m in ("name", "language") if user.get(m)]
    members += [
        f"{name}: {value}" for name, value in cast(dict[str, Any], user.get("preferences", {})).items()
    ]
    lines = [f"- {each}" for each in members + cast(list[Any], user.get("notes", []))]
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
    words = table("missing").get(tool)
    return pick(words, language) if words else sentence("missing_any", language, tool, argument)


def not_there(tools: Sequence[str], language: Locale) -> str:
    """Say that what was asked for needs tools that are not available."""
    return sentence("no_profile" if "remember" in tools else "not_there", language, ", ".join(tools))


def in_manner(text: str, mood: Mood | None, language: Locale, *, is_call: bool) -> str:
    """Return an answer, or the words before calls, as it is said to somebody in a mood."""
    match mood:
        case "frustrated":
            return sentence("sorry_now" if is_call else "sorry", language) + ("" if is_call else text)
        case "hurried" if is_call:
            return ""
        case "hurried":
            first = _FIRST_SENTENCE.match(text)
            # A list that was asked for is given whole.
            return first[0].strip() if first and "\n" not in first[0] else text
        case "pleased" if text != pick(table("topics")["thanks"], language):
            return sentence("glad", language) + text
        case _:
            return text
