"""A session and its user get to know each other, and nobody waits for a slow database."""

from typing import Any

import pytest

from app.errors import Locale
from app.protocol.commands import Configure
from app.protocol.events import TurnStarted
from app.services.connections.applying import apply
from app.services.sessions.greeting import load_profile_and_greet
from app.services.sessions.live_session import LiveSession
from app.services.sessions.profiles import PROFILE_WAIT_S, Profiles
from app.session.profile import Profile
from app.session.ring import Ring
from tests.support.context import settings_with
from tests.support.held_store import HeldStore, profiles_over
from tests.support.live import live_of
from tests.support.scripted import ScriptedModel, says
from tests.support.talk import Talk, talk
from tests.support.virtual_time import virtual


def introduced(t: Talk, profiles: Profiles, store: HeldStore, **options: Any) -> LiveSession:
    """A new v2 session whose client has named no language."""
    live = live_of(t, ring=Ring(10, 10_000))
    live.takes_users_language = options.pop("takes_users_language", True)
    settings = settings_with(agent_greeting=options.pop("greeting", "off"))
    load_profile_and_greet(
        live, profiles, store, settings, **{"is_known": True, "has_spoken": False, **options}
    )
    return live


def system_prompts(model: ScriptedModel) -> list[str]:
    return [request.messages[0]["content"] for request in model.requests]


@virtual
async def test_a_slow_database_delays_the_first_turn_for_a_moment_and_no_other():
    model = ScriptedModel([says("Uno."), says("Dos."), says("Tres.")])
    store = HeldStore({"name": "Ana"})
    async with profiles_over(store) as profiles, talk(model) as t:
        introduced(t, profiles, store)
        began = t.loop.time()
        t.says("hola")
        await t.rests()
        first = t.loop.time() - began
        t.says("¿hola?")
        await t.rests()
        second = t.loop.time() - began - first
        store.may_answer.set()
        t.says("¿y ahora?")
        await t.rests()

    assert PROFILE_WAIT_S <= first < 2 * PROFILE_WAIT_S
    assert second < PROFILE_WAIT_S
    assert ["Ana" in prompt for prompt in system_prompts(model)] == [False, False, True]


@virtual
@pytest.mark.parametrize(
    ("language", "takes", "locale"),
    [("en", True, "en"), ("en", False, "es"), ("fr", True, "es"), (None, True, "es")],
)
async def test_a_session_without_a_language_takes_the_profiles(
    language: str | None, takes: bool, locale: Locale
):
    store = HeldStore({"language": language})
    store.may_answer.set()
    async with profiles_over(store) as profiles, talk(ScriptedModel([says("Hi.")])) as t:
        live = introduced(t, profiles, store, takes_users_language=takes)
        t.says("hola")
        await t.rests()

        assert (live.session.locale, live.pump.locale, t.model.requests[0].locale) == (locale,) * 3
        assert store.changes == ([{"locale": "en"}] if locale == "en" else [])


@virtual
async def test_what_the_client_says_meanwhile_counts_for_more_than_the_profile():
    store = HeldStore({"language": "en"})
    async with profiles_over(store) as profiles, talk(ScriptedModel([says("Hola.")])) as t:
        live = introduced(t, profiles, store)
        live.conversation.hear("hola")
        apply(live, Configure(locale="es"))
        store.may_answer.set()
        await t.rests()

        assert live.session.locale == "es"
        assert not live.takes_users_language


@virtual
async def test_it_knows_the_user_before_it_greets():
    store = HeldStore({"name": "Ana", "language": "en"})
    async with profiles_over(store) as profiles, talk(ScriptedModel([says("Hi, Ana.")])) as t:
        introduced(t, profiles, store, greeting="on")
        await t.passes(PROFILE_WAIT_S / 2)
        store.may_answer.set()
        await t.rests()

        assert [event.source for event in t.events(TurnStarted)] == ["agent"]
        assert "Ana" in system_prompts(t.model)[0]
        assert t.model.requests[0].locale == "en"


@virtual
@pytest.mark.parametrize("case", ["off", "has spoken", "v1", "taken up", "introduced before", "no room"])
async def test_who_is_not_new_is_not_greeted(case: str):
    store = HeldStore()
    store.may_answer.set()
    async with profiles_over(store) as profiles, talk(ScriptedModel([])) as t:
        live = live_of(t, ring=None if case == "v1" else Ring(10, 10_000))
        live.history_seq = 0 if case == "taken up" else -1
        live.is_introduced = case == "introduced before"
        settings = settings_with(agent_greeting="off" if case == "off" else "on")
        if case == "no room":
            t.conversation._settings = settings_with(max_queued_messages=0)  # pyright: ignore[reportPrivateUsage]
        load_profile_and_greet(
            live, profiles, store, settings, is_known=True, has_spoken=case == "has spoken"
        )
        await t.rests()

        assert t.events(TurnStarted) == []


@virtual
async def test_whose_word_is_not_to_be_trusted_is_greeted_as_a_stranger():
    store = HeldStore({"name": "Ana"})
    store.may_answer.set()
    async with profiles_over(store) as profiles, talk(ScriptedModel([says("Hola.")])) as t:
        live = introduced(t, profiles, store, is_known=False, greeting="on")
        await t.rests()

        assert live.session.profile is None
        assert "Ana" not in system_prompts(t.model)[0]
        assert store.reads == 0


@virtual
async def test_a_session_that_is_taken_up_keeps_what_it_knows():
    store = HeldStore({"name": "Ana"})
    store.may_answer.set()
    async with profiles_over(store) as profiles, talk(ScriptedModel([])) as t:
        live = introduced(t, profiles, store)
        known = live.session.profile
        load_profile_and_greet(live, profiles, store, settings_with(), is_known=False, has_spoken=False)
        assert known is not None
        await known.settle()

        assert live.session.profile is known
        assert known.current == Profile(name="Ana")
