"""Requests for `remember`: «recuerda que…», “my name is…”; and what the prompt tells of the user."""

import json
import re
from collections.abc import Sequence
from typing import Any, Final, cast

from app.chat import ApiMessage
from app.errors import Locale
from app.llm.demo.asks import Ask
from app.llm.demo.text import Utterance, utterance

TOOL: Final = "remember"
MAX_NOTE_CHARS: Final = 300

_KEEP = re.compile(
    r"\b(?:(?:recuerda|recuerde|acuerdate(?: de)?|ten en cuenta|toma nota(?: de)?|apunta|anota|memoriza"
    r"|no (?:te )?olvides(?: de)?|quiero que (?:recuerdes|sepas)) que"
    r"|(?:remember|keep in mind|bear in mind|don'?t forget|make a note|note down|take note) that)\b[\s:,]*"
)
_SENTENCE = re.compile(r"[.!?](?=\s)|\n")
_NAME = re.compile(
    r"\b(?:me llamo|mi nombre es|(?:puedes )?llamame|puedes llamarme|my name(?: is|'s)|(?:you can )?call me"
    r"|i(?: am|'m) called)\s+"
)
_NO_NAME = frozenset(
    "a al an as at back cuando de el en es esta hoy if in later luego manana mas now on por que si soon the"
    " tomorrow when y".split()
)
_NAME_WORD = re.compile(r"[^\W\d_](?:[\w'’-]*\w)?")
_BETWEEN_NAMES = frozenset("de del la las los van von da dos".split())
_MAX_NAME_WORDS = 5
_LANGUAGES = {
    "ingles": "en", "english": "en", "espanol": "es", "castellano": "es", "spanish": "es",
}  # fmt: skip
_LANGUAGE = re.compile(
    r"\b(?:hablame|respondeme|contestame|habla siempre|prefiero (?:hablar|que me hables|que hablemos)"
    r"|(?:speak|talk)(?: to me| with me)?|answer me|i prefer (?:to (?:speak|talk)|speaking|talking))"
    rf"(?: siempre| always)? (?:en|in) ({'|'.join(_LANGUAGES)})\b"
)
_FORGET = re.compile(r"\b(?:olvida|olvidate de|olvide|borra|elimina|forget|erase|delete)\s+")
_ALL = re.compile(
    r"^(?:(?:todo|everything|all)\b(?: (?:lo|that|of it))?(?: (?:que )?(?:sabes|recuerdas|guardas|you know"
    r"|you remember|you keep)\b.*)?|(?:lo que|what) (?:sabes|recuerdas|guardas|you know|you remember)\b.*"
    r"|(?:mis datos|mi perfil|my data|my profile))\W*$"
)
_MEMBER = re.compile(r"^(?:mi|my) (?:(nombre|name)|(?:idioma|language))\W*$")
_THAT = re.compile(
    r"^(?:que|lo de que|(?:lo de|about)(?: (?:el|la|los|las|mi|mis|the|my))?|lo del|that)\s+"
    r"(?!it\b|that\b|this\b|eso\b|esto\b)"
)
_ABOUT_ME = re.compile(
    r"\b(?:que (?:sabes|recuerdas|guardas)(?: tu)? (?:de|sobre) mi|sabes quien soy|quien soy yo"
    r"|te acuerdas de mi"
    r"|what (?:do you|you) (?:know|remember|keep)(?: about| of)? me|(?:do you know )?who (?:am i|i am)"
    r"|(?:do you )?remember me)\b"
)
_MY_NAME = re.compile(r"\b(?:como me llamo|cual es mi nombre|sabes mi nombre|what(?:'s| is) my name)\b")
_PROFILE = re.compile(r"<user_profile>\n(.*?)\n</user_profile>", re.DOTALL)
_GREETS = re.compile(r"\b(?:saluda\w*|greet\w*)\b")


def claim(said: Utterance) -> tuple[int, int, Ask] | None:
    """«Recuerda que…»: where the request begins and ends, and what is to be kept, other requests and all."""
    match = _KEEP.search(said.plain)
    if match is None:
        return None
    end = _SENTENCE.search(said.plain, match.end())
    until = end.start() if end else len(said.raw)
    told = said.cut(match.end(), until)
    note = told.raw.strip(" \t.!¡?")[:MAX_NOTE_CHARS]
    asks = _name(told) or ([Ask(TOOL, {"note": note})] if note else [Ask(TOOL, missing="note")])
    return match.start(), until, asks[0]


def read(said: Utterance, *, forced: bool = False) -> list[Ask]:
    """What a piece of text wants to be kept or forgotten; empty if nothing."""
    asks = _name(said) or _language(said) or _forgotten(said)
    if asks or not forced:
        return asks
    note = said.raw.strip(" \t:.,")[:MAX_NOTE_CHARS]
    return [Ask(TOOL, {"note": note})] if note else [Ask(TOOL, missing="note")]


def _name(said: Utterance) -> list[Ask]:
    match = _NAME.search(said.plain)
    if match is None:
        return []
    words: list[str] = []
    position = match.end()
    while len(words) < _MAX_NAME_WORDS and (word := _NAME_WORD.match(said.raw, position)):
        if words and not (word[0][0].isupper() or word[0].lower() in _BETWEEN_NAMES):
            break
        words.append(word[0])
        position = word.end() + 1 if said.raw[word.end() : word.end() + 1] == " " else len(said.raw)
    while words and words[-1].lower() in _BETWEEN_NAMES:
        words.pop()
    if not words or utterance(words[0]).plain in _NO_NAME:
        return []
    first = words[0] if words[0][0].isupper() else words[0].capitalize()
    return [Ask(TOOL, {"name": " ".join([first, *words[1:]])})]


def _language(said: Utterance) -> list[Ask]:
    match = _LANGUAGE.search(said.plain)
    return [Ask(TOOL, {"language": _LANGUAGES[match[1]]})] if match else []


def _forgotten(said: Utterance) -> list[Ask]:
    match = _FORGET.search(said.plain)
    if match is None:
        return []
    rest = said.cut(match.end())
    if _ALL.match(rest.plain):
        return [Ask(TOOL, {"forget": "everything"})]
    if member := _MEMBER.match(rest.plain):
        return [Ask(TOOL, {"forget": "name" if member[1] else "language"})]
    if that := _THAT.match(rest.plain):
        note = rest.raw[that.end() :].strip(" \t.!¡?")[:MAX_NOTE_CHARS]
        return [Ask(TOOL, {"forget": note})] if note else []
    return []


def known_user(messages: Sequence[ApiMessage]) -> dict[str, Any]:
    """What the system prompt tells of the user; empty where it tells nothing."""
    content = messages[0].get("content") if messages and messages[0].get("role") == "system" else ""
    marked = _PROFILE.findall(content if isinstance(content, str) else "")
    try:
        told: object = json.loads(marked[-1]) if marked else {}
    except ValueError:
        return {}
    return cast(dict[str, Any], told) if isinstance(told, dict) else {}


def name_of(user: dict[str, Any]) -> str:
    """What the user is called; empty where that is not known."""
    return str(user.get("name") or "")


def is_to_greet(messages: Sequence[ApiMessage]) -> bool:
    """Whether the last message is the server's, and has the model greet the user."""
    last = messages[-1] if len(messages) > 1 else {}
    return last.get("role") == "system" and bool(_GREETS.search(utterance(str(last.get("content"))).plain))


def about_user(text: str, user: dict[str, Any], language: Locale) -> str:
    """The answer to «¿qué sabes de mí?» and “what's my name?”; empty where a text asks neither."""
    plain = utterance(text).plain
    if _MY_NAME.search(plain):
        name = name_of(user)
        if name:
            return f"Te llamas {name}." if language == "es" else f"Your name is {name}."
        return (
            "No sé cómo te llamas. Dime «me llamo…»."
            if language == "es"
            else "I do not know your name. Tell me “my name is…”."
        )
    return _told(user, language) if _ABOUT_ME.search(plain) else ""


def _told(user: dict[str, Any], language: Locale) -> str:
    names = {
        "name": ("te llamas", "your name is"),
        "language": ("prefieres este idioma:", "you prefer this language:"),
    }
    lines = [f"- {names[m][language != 'es']} {user[m]}" for m in names if user.get(m)]
    lines += [
        f"- {name}: {value}" for name, value in cast(dict[str, Any], user.get("preferences", {})).items()
    ]
    lines += [f"- {note}" for note in cast(list[Any], user.get("notes", []))]
    if not lines:
        return (
            "Todavía no sé nada de ti. Prueba con «recuerda que me gusta el té»."
            if language == "es"
            else "I do not know anything about you yet. Try “remember that I like tea”."
        )
    head = "Esto es lo que sé de ti:" if language == "es" else "This is what I know about you:"
    return "\n".join([head, *lines])


def kept(value: dict[str, Any], arguments: dict[str, Any], language: Locale) -> str:
    """What has been kept and forgotten, from the tool's result."""
    remembered = [str(each) for each in cast(list[Any], value.get("remembered") or [])]
    forgotten = [str(each) for each in cast(list[Any], value.get("forgotten") or [])]
    lines: list[str] = []
    if forgotten:
        lines.append(("Olvidado: " if language == "es" else "Forgotten: ") + "; ".join(forgotten) + ".")
    if remembered == [f"name: {arguments.get('name')}"]:
        name = arguments["name"]
        lines.append(f"¡Encantado, {name}!" if language == "es" else f"Nice to meet you, {name}!")
    elif remembered:
        lines.append(
            ("Lo recordaré: " if language == "es" else "I will remember: ") + "; ".join(remembered) + "."
        )
    if lines and value.get("is_stored") is False:
        lines.append(
            "La base de datos todavía no lo ha guardado."
            if language == "es"
            else "The database has not stored it yet."
        )
    return " ".join(lines)
