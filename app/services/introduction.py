"""How a session and its user get to know each other: what is kept of the user, their language, a greeting."""

from contextlib import suppress
from functools import partial

from app.conversation.contribution import Contribution
from app.conversation.prompt import greeting
from app.errors import QueueFull
from app.services.live_session import LiveSession
from app.services.profiles import Profiles
from app.session.profile import Profile
from app.storage.store import Store
from config.settings import Settings


def introduce(
    live: LiveSession,
    profiles: Profiles,
    store: Store,
    settings: Settings,
    *,
    is_known: bool,
    has_spoken: bool,
) -> None:
    """Begins to read the user's profile, and has the agent greet them where it is to; never waits.

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
    is_new = live.is_resumable and live.history_seq < 0
    if words and is_new and not has_spoken:
        # Where nothing may wait (`MAX_QUEUED_MESSAGES=0`), a greeting may not either.
        with suppress(QueueFull):
            live.conversation.put_in(Contribution(words, "prompt", by="server"))


def _take_language(live: LiveSession, store: Store, profile: Profile) -> None:
    """The session speaks the profile's language, unless its client has named one by now."""
    locale = profile.locale
    if live.takes_users_language and locale is not None and locale != live.session.locale:
        live.session.locale = live.pump.locale = locale
        store.session_changed(live.session_id, {"locale": locale})
