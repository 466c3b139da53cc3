"""The settings of what is kept: where, and for how long."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from config.forms import Seconds
from config.settings_slice import SettingsSlice


def _as_database(value: str) -> str:
    # Docker's --env-file leaves the quotes around a value.
    address = value.strip().strip("\"'`").strip()
    known = r"sqlite(\+aiosqlite)?:///.+|postgres(ql)?(\+\w+)?://.*|none|"
    if re.fullmatch(known, address, re.IGNORECASE) is None:
        raise ValueError("must begin with sqlite:/// or postgresql://, or be none")
    return address


class StorageSettings(SettingsSlice):
    """The database, and how long talks stay in it."""

    # Not shown: it may hold a password.
    database_url: Annotated[str, AfterValidator(_as_database)] = Field(
        default="sqlite+aiosqlite:///data/voice_agent.db", repr=False
    )
    session_retention_days: int = Field(default=30, ge=1, le=36_500)
    store_timeout_s: Seconds = 2
