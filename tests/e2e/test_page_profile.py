"""The profile on the page: the user sees what the agent keeps, corrects it, and has it forgotten."""

import json
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, expect

from tests.support.browser import HandshakeInfo, ServerProcess, visiting

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

KEPT = {
    "name": "Ana",
    "language": "es",
    "preferences": {"tono": "breve", "unidades": "métricas"},
    "notes": ["le gusta el té", "<b>vive</b> en Lima"],
}


def profile_of(server: ServerProcess, user_id: str, value: dict[str, Any] | None = None) -> dict[str, Any]:
    """What the server has; first puts `value` in its place."""
    request = urllib.request.Request(
        f"{server.url}/users/{user_id}/profile",
        method="GET" if value is None else "PUT",
        data=None if value is None else json.dumps(value).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=5) as response:
        return json.load(response)


@asynccontextmanager
async def looking(
    chrome: Browser, server: ServerProcess, user_id: str, forgiven: tuple[str, ...] = ()
) -> AsyncIterator[tuple[HandshakeInfo, Locator]]:
    """Somebody with an open profile."""
    profile_of(server, user_id, KEPT)
    async with visiting(chrome, server.url, forgiven=forgiven) as visitor:
        await visitor.run("(user) => localStorage.setItem('voice-agent.user', user)", user_id)
        await visitor.page.reload()
        await visitor.is_told("En línea")
        await visitor.page.get_by_role("button", name="Tu perfil").click()
        panel = visitor.page.get_by_role("complementary", name="Tu perfil")
        await visitor.reads(panel, "le gusta el té")
        yield visitor, panel


async def test_all_that_the_agent_keeps_is_shown_as_text(
    chrome: Browser, keeping_server: ServerProcess
) -> None:
    async with looking(chrome, keeping_server, "ana") as (_, panel):
        await expect(panel.get_by_label("Nombre")).to_have_value("Ana")
        await expect(panel.get_by_label("Idioma preferido")).to_have_value("es")
        await expect(panel.get_by_role("listitem")).to_have_text(
            ["tono: breve", "unidades: métricas", "le gusta el té", "<b>vive</b> en Lima"]
        )


async def test_name_and_language_are_corrected_and_the_rest_stays(
    chrome: Browser, keeping_server: ServerProcess
) -> None:
    async with looking(chrome, keeping_server, "bea") as (visitor, panel):
        await panel.get_by_label("Nombre").fill("Beatriz")
        await panel.get_by_label("Idioma preferido").select_option("en")
        await panel.get_by_role("button", name="Guardar").click()

        await visitor.reads(panel.get_by_role("status"), "Guardado")
        assert profile_of(keeping_server, "bea") == {**KEPT, "name": "Beatriz", "language": "en"}


async def test_single_note_and_preference_are_forgotten(
    chrome: Browser, keeping_server: ServerProcess
) -> None:
    async with looking(chrome, keeping_server, "carla") as (visitor, panel):
        await panel.get_by_role("button", name="Olvidar «le gusta el té»").click()
        await expect(panel.get_by_role("listitem")).to_have_count(3)
        await panel.get_by_role("button", name="Olvidar «tono: breve»").click()
        await expect(panel.get_by_role("listitem")).to_have_count(2)

        await visitor.reads(panel.get_by_role("status"), "Olvidado")
        assert profile_of(keeping_server, "carla") == {
            **KEPT,
            "preferences": {"unidades": "métricas"},
            "notes": ["<b>vive</b> en Lima"],
        }


async def test_everything_is_forgotten_once_that_is_confirmed(
    chrome: Browser, keeping_server: ServerProcess
) -> None:
    async with looking(chrome, keeping_server, "dora") as (visitor, panel):
        dialog = visitor.page.get_by_role("alertdialog", name="¿Olvidar todo?")
        await panel.get_by_role("button", name="Olvidar todo").click()
        await dialog.get_by_role("button", name="Cancelar").click()
        assert profile_of(keeping_server, "dora") == KEPT
        await panel.get_by_role("button", name="Olvidar todo").click()
        await dialog.get_by_role("button", name="Olvidar todo").click()

        await visitor.reads(panel.get_by_role("status"), "Olvidado")
        await expect(panel.get_by_label("Nombre")).to_have_value("")
        nothing: dict[str, Any] = {"name": None, "language": None, "preferences": {}, "notes": []}
        assert profile_of(keeping_server, "dora") == nothing


async def test_what_the_agent_has_noted_meanwhile_is_not_written_over(
    chrome: Browser, keeping_server: ServerProcess
) -> None:
    async with looking(chrome, keeping_server, "eva", forgiven=("412",)) as (visitor, panel):
        noted = profile_of(keeping_server, "eva", {**KEPT, "notes": [*KEPT["notes"], "tiene un gato"]})

        await panel.get_by_label("Nombre").fill("Eva")
        await panel.get_by_role("button", name="Guardar").click()

        await visitor.reads(panel.get_by_role("status"), "lo ha cambiado mientras tanto")
        await visitor.reads(panel, "tiene un gato")
        assert profile_of(keeping_server, "eva") == noted
        await expect(panel.get_by_label("Nombre")).to_have_value("Eva")
        await panel.get_by_role("button", name="Guardar").click()
        await visitor.reads(panel.get_by_role("status"), "Guardado")
        assert profile_of(keeping_server, "eva") == {**noted, "name": "Eva"}


async def test_what_the_agent_notes_in_the_talk_appears_and_can_be_erased(
    chrome: Browser, keeping_server: ServerProcess
) -> None:
    async with looking(chrome, keeping_server, "fani") as (visitor, panel):
        await visitor.says("recuerda que toco el violín")
        await visitor.reads(visitor.texts, "Respondido")

        note = panel.get_by_role("listitem").filter(has_text="violín")
        await visitor.reads(note, "violín")
        await note.get_by_role("button").click()

        await expect(note).to_have_count(0)
        assert profile_of(keeping_server, "fani") == KEPT


async def test_nobody_has_no_profile(chrome: Browser, keeping_server: ServerProcess) -> None:
    async with visiting(chrome, keeping_server.url) as visitor:
        await visitor.page.get_by_role("button", name="Tu perfil").click()
        panel = visitor.page.get_by_role("complementary", name="Tu perfil")
        await expect(panel.get_by_label("Nombre")).to_be_visible()
        await panel.get_by_label("Usuario").fill("anonymous")
        await panel.get_by_label("Usuario").press("Enter")

        await visitor.reads(panel.get_by_role("status"), "no guarda nada de ti")
        await expect(panel.get_by_label("Nombre")).to_be_hidden()
