"""What the classes of settings have in common.

There is one class for each subject, a slice; `config.settings.Settings` is all of them. Whoever is given
settings takes the slice that it uses, so that its signature says what it depends on. A field's upper-case
name is its environment variable, in whichever slice it stands.
"""

from pydantic import field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from config.env_file import ENV_FILE


class SettingsSlice(BaseSettings):
    """The settings of one subject, read from the environment or from `.env`.

    A validator of one slice must not have the name of another's: in `Settings` one would replace the other.
    What takes a text apart before it is checked stands at the field's type (`BeforeValidator`).
    """

    model_config = SettingsConfigDict(
        env_file=ENV_FILE,
        env_file_encoding="utf-8-sig",  # editors on Windows begin it with a mark
        extra="ignore",
        frozen=True,
        env_ignore_empty=True,
        hide_input_in_errors=True,  # it may hold keys
        defer_build=True,  # of all the classes a server makes the whole alone
    )

    @field_validator("*", mode="before")
    @classmethod
    def _is_unicode(cls, value: object) -> object:
        # The environment is bytes; what is no UTF-8 in it becomes lone surrogates, which no JSON can hold.
        # Validators of a class run before those of a field's type, which may take the text apart.
        if isinstance(value, str) and any("\ud800" <= char <= "\udfff" for char in value):
            raise ValueError("is not UTF-8")
        return value
