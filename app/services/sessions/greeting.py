"""How a session and its user get to know each other: what is kept of the user, their language, a greeting."""

from contextlib import suppress
from functools import partial

from app.conversation.injected_message import InjectedMessage
from app.conversation.prompt import greeting
from app.errors import QueueFull
from app.services.sessions.live_session import LiveSession
from app.services.sessions.profiles import Profiles
from app.session.profile import Profile
from app.storage.store import Store
from app.storage.writes import SessionChanged
from config.agent_settings import AgentSettings


def load_profile_and_greet(
    live: LiveSession,
    profiles: Profiles,
    store: Store,
    settings: AgentSettings,
    *,
    is_known: bool,
    has_spoken: bool,
) -> None:
    """Begin to read the user's profile, and have the agent greet them where it is to; never waits.

    A session is introduced once, whoever takes it up later. `is_known` says that the user is who they say:
    they came with a token, or from this machine; `has_spoken`, that their first message asks something.
    """
    if live.is_introduced:
        return
    live.is_introduced = True
    session = live.session
    if is_known:
        on_known = partial(_take_language, live, store)
        session.profile = profiles.for_session(session.user_id, session.session_id, on_known)
    words = greeting(settings, session.locale)
    is_new = live.wire.is_personal and live.history_seq < 0
    if words and is_new and not has_spoken:
        # Where nothing may wait (`MAX_QUEUED_MESSAGES=0`), a greeting may not either.
        with suppress(QueueFull):
            live.conversation.inject(InjectedMessage(words, "prompt", by="server"))


def _take_language(live: LiveSession, store: Store, profile: Profile) -> None:
    """The session speaks the profile's language, unless its client has named one by now."""
    locale = profile.locale
    if live.takes_users_language and locale is not None and locale != live.session.locale:
        live.session.locale = live.pump.locale = locale
        store.write(SessionChanged(live.session_id, {"locale": locale}))
