"""The tool keeps what it is told of the user, and forgets what is named."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from app.session.profile import Profile, ProfileUnknown
from app.tools import remember
from app.tools.base import ToolError
from app.tools.registry import load_tools
from tests.support.context import arguments_of, settings_with, tool_context

TOOL = remember.run
ANA = Profile(
    name="Ana",
    language="es",
    preferences={"Tono": "corto"},
    notes=["Le gusta el té.", "Vive en Málaga.", "Su perra se llama Lola.", "Su té es verde."],
)


class Keeper:
    """A `ProfileKeeper` without a store; one that is lost cannot be read."""

    def __init__(self, current: Profile = ANA, *, is_lost: bool = False, is_stored: bool = True) -> None:
        self.current = current
        self.is_lost = is_lost
        self.is_stored = is_stored

    async def settle(self) -> None:
        raise AssertionError("a tool waits for no profile but by changing it")

    async def change(self, change: Callable[[Profile], Profile]) -> bool:
        if self.is_lost:
            raise ProfileUnknown
        self.current = change(self.current)
        return self.is_stored


async def asked(keeper: Keeper | None, **values: Any) -> remember.RememberResult:
    async with tool_context(profile=keeper) as ctx:
        return await TOOL.run(arguments_of(TOOL, **values), ctx)


async def test_what_it_is_told_is_kept():
    keeper = Keeper(Profile())

    result = await asked(
        keeper, note=" Likes tea. ", name="Ana", language="en", preferences={"answers": "short"}
    )

    assert keeper.current == Profile(
        name="Ana", language="en", preferences={"answers": "short"}, notes=["Likes tea."]
    )
    assert result.remembered == ["name: Ana", "language: en", "answers: short", "Likes tea."]
    assert result.forgotten == []
    assert result.is_stored


async def test_what_is_kept_already_stays():
    keeper = Keeper()

    await asked(keeper, note="Tiene un gato.")

    assert keeper.current == ANA.with_note("Tiene un gato.")


@pytest.mark.parametrize(
    ("forget", "forgotten"),
    [
        ("le gusta el te", ["Le gusta el té."]),
        ("MALAGA", ["Vive en Málaga."]),
        ("perra Lola", ["Su perra se llama Lola."]),
        ("nombre", ["name: Ana"]),
        ("language", ["language: es"]),
        ("tono", ["Tono: corto"]),
        ("su", []),
        ("es", ["Su té es verde."]),
        ("gato", []),
    ],
)
async def test_what_is_named_is_forgotten_and_nothing_else(forget: str, forgotten: list[str]):
    keeper = Keeper()

    result = await asked(keeper, forget=forget, note="Sí.")

    assert result.forgotten == forgotten
    left = [*keeper.current.notes, keeper.current.name, keeper.current.language, *keeper.current.preferences]
    assert len([each for each in left if each]) == 8 - len(forgotten)
    assert not set(forgotten) & set(left)


async def test_everything_is_forgotten():
    keeper = Keeper()

    result = await asked(keeper, forget="Todo")

    assert keeper.current.is_empty
    assert len(result.forgotten) == 7


async def test_what_is_not_there_is_told_and_changes_nothing():
    keeper = Keeper()

    with pytest.raises(ToolError, match="No guardo nada sobre «gato»"):
        await asked(keeper, forget="gato")

    assert keeper.current == ANA


async def test_it_says_what_is_not_stored_yet():
    assert not (await asked(Keeper(is_stored=False), note="x")).is_stored


@pytest.mark.parametrize("keeper", [Keeper(is_lost=True), None])
async def test_where_nothing_can_be_read_nothing_is_kept(keeper: Keeper | None):
    with pytest.raises(ToolError, match="más tarde"):
        await asked(keeper, note="x")


@pytest.mark.parametrize("values", [{}, {"note": " "}, {"note": "x" * 301}, {"mood": "good"}, {"name": ""}])
def test_arguments_that_say_nothing_or_too_much_are_refused(values: dict[str, Any]):
    with pytest.raises(ValidationError):
        arguments_of(TOOL, **values)


def test_it_is_a_write_that_only_known_users_are_offered():
    registry = load_tools(settings_with())

    assert TOOL.effect == "write"
    assert "remember" not in registry.offer(frozenset()).names
    assert "remember" in registry.offer(frozenset({"profile"})).names
