"""What was said is found by its words, shown in excerpts, and never another talk's."""

import pytest
from pydantic import ValidationError

from app.errors import Locale
from app.tools import search_talk
from app.tools.base import SearchHit, ToolError
from app.tools.search_talk import MAX_EXCERPT_CHARS, SearchTalkResult
from tests.support.context import SaidBefore, arguments_of, tool_context
from tests.support.virtual_time import EPOCH

TOOL = search_talk.run
TRAIN = SearchHit("user", "mi tren sale a las ocho", EPOCH)


async def ask(talk: SaidBefore, query: str, *, locale: Locale = "es", **values: int) -> SearchTalkResult:
    async with tool_context(talk=talk, locale=locale) as ctx:
        return await TOOL.run(arguments_of(TOOL, query=query, **values), ctx)


async def test_messages_come_with_who_said_them_and_when():
    result = await ask(SaidBefore([TRAIN, SearchHit("assistant", "El tren va bien.", None)]), "tren")

    assert result.model_dump() == {
        "found": [
            {"who": "user", "when": "2025-07-20T10:30:00Z", "text": "mi tren sale a las ocho"},
            {"who": "agent", "when": None, "text": "El tren va bien."},
        ],
        "note": None,
    }


async def test_long_message_is_shown_around_the_words():
    talk = SaidBefore([SearchHit("user", "x " * 5000 + "tren" + " y" * 5000, EPOCH)])

    [found] = (await ask(talk, "tren")).found

    assert "tren" in found.text
    assert len(found.text) <= MAX_EXCERPT_CHARS


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("¿qué dije de mi tren?", "qué dije tren"),
        ("«tren», ocho...", "tren ocho"),
        ("a b", "a b"),
        ("100% C++ C#", "100% C++"),
        ("C#", "C#"),
    ],
)
async def test_words_that_matter_are_looked_for_without_the_signs_around_them(query: str, asked: str):
    talk = SaidBefore()

    await ask(talk, query, limit=3)

    assert talk.asked == [(asked, 3)]


@pytest.mark.parametrize(("locale", "words"), [("es", "Falta qué buscar"), ("en", "no words to look for")])
async def test_query_of_signs_alone_is_told(locale: Locale, words: str):
    with pytest.raises(ToolError, match=words):
        await ask(SaidBefore(), "?!", locale=locale)


@pytest.mark.parametrize(("locale", "words"), [("es", "en memoria"), ("en", "in memory")])
async def test_what_was_not_searched_is_told(locale: Locale, words: str):
    result = await ask(SaidBefore([TRAIN], is_all=False), "tren", locale=locale)

    assert words in (result.note or "")
    assert len(result.found) == 1


@pytest.mark.parametrize("values", [{"query": ""}, {"query": "a" * 201}, {"query": "a", "limit": 11},
                                    {"query": "a", "session_id": "another"}])  # fmt: skip
def test_arguments_are_bounded_and_name_no_session(values: dict[str, object]):
    with pytest.raises(ValidationError):
        arguments_of(TOOL, **values)
