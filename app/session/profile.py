"""What the agent keeps of a user, and how a session holds it."""

import hashlib
from collections.abc import Callable
from typing import Annotated, Any, Final, Protocol

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from app.errors import Locale

MAX_NOTES = 50
MAX_NOTE_CHARS = 300
MAX_PREFERENCES = 30

_LANGUAGES: Final[dict[str, Locale]] = {
    "es": "es", "español": "es", "espanol": "es", "castellano": "es", "spanish": "es",
    "en": "en", "inglés": "en", "ingles": "en", "english": "en",
}  # fmt: skip

_ESCAPES: Final = {char.encode(): f"\\u{ord(char):04x}".encode() for char in "<>\x85\u2028\u2029"}
"""What could look like a tag, a special token or a new line, and how JSON may write it as well."""

Note = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_NOTE_CHARS)]


class Profile(BaseModel):
    """A user's name, language, preferences, and the notes that the agent keeps, the oldest first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str | None = Field(default=None, max_length=100)
    language: str | None = Field(default=None, max_length=20)
    preferences: dict[
        Annotated[str, StringConstraints(min_length=1, max_length=50)],
        Annotated[str, StringConstraints(max_length=200)],
    ] = Field(default_factory=dict[str, str], max_length=MAX_PREFERENCES)
    notes: list[Note] = Field(default_factory=list[str], max_length=MAX_NOTES)

    @classmethod
    def of(cls, stored: dict[str, Any] | None) -> "Profile":
        """Return the stored profile; an empty one where there is none, or where it has another form."""
        try:
            return cls.model_validate(stored or {})
        except ValidationError:
            return cls()

    def with_note(self, note: str) -> "Profile":
        """The profile with one more note; the oldest leaves where there are too many, none stands twice."""
        cut = note.strip()[:MAX_NOTE_CHARS].rstrip()
        others = [kept for kept in self.notes if kept != cut]
        return self.model_copy(update={"notes": [*others, cut][-MAX_NOTES:]})

    def with_preference(self, name: str, value: str) -> "Profile":
        """Return the profile with this preference; the oldest leaves where there are too many."""
        others = [(kept, its) for kept, its in self.preferences.items() if kept != name]
        return self.model_copy(update={"preferences": dict([*others, (name, value)][-MAX_PREFERENCES:])})

    def without_note(self, position: int) -> "Profile":
        """Return the profile without the note at this place, from 0."""
        return self.model_copy(update={"notes": [*self.notes[:position], *self.notes[position + 1 :]]})

    def without_notes(self, is_forgotten: Callable[[str], bool]) -> "Profile":
        """The profile without the notes of which that is true."""
        return self.model_copy(update={"notes": [note for note in self.notes if not is_forgotten(note)]})

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to tell."""
        return self == Profile()

    @property
    def locale(self) -> Locale | None:
        """The language as one that the server speaks; None where it names none of them."""
        return _LANGUAGES.get((self.language or "").strip().lower().replace("_", "-").partition("-")[0])

    @property
    def version(self) -> str:
        """A mark that is another one for any other profile."""
        text = orjson.dumps(self.model_dump(), option=orjson.OPT_SORT_KEYS)
        return hashlib.blake2b(text, digest_size=8).hexdigest()

    def as_data(self, max_bytes: int) -> str:
        """The profile as a prompt has it: JSON, in which nothing can look like a tag or a special token.

        Args:
            max_bytes: Where it is longer, the oldest notes are left out, then the oldest preferences. Empty
                where not even the rest fits.
        """
        told = self.model_dump(exclude_none=True, exclude_defaults=True)
        while len(text := _escaped(told)) > max_bytes:
            longest = "notes" if told.get("notes") else "preferences"
            if not told.get(longest):
                return ""
            told[longest] = told["notes"][1:] if longest == "notes" else _newest(told["preferences"])
        return text.decode()


def _escaped(told: dict[str, Any]) -> bytes:
    text = orjson.dumps({member: value for member, value in told.items() if value})
    for character, escape in _ESCAPES.items():
        text = text.replace(character, escape)
    return text


def _newest(preferences: dict[str, str]) -> dict[str, str]:
    """Return all but the oldest one."""
    return dict(list(preferences.items())[1:])


class ProfileUnknown(Exception):
    """The user's profile could not be read, so nothing can be added to it."""


class ProfileKeeper(Protocol):
    """A user's profile as a session and its tools have it. Other sessions of the user see each change."""

    @property
    def current(self) -> Profile:
        """The profile as it is now; empty until it has been read."""
        ...

    async def settle(self) -> None:
        """Wait until it has been read, but only for a moment, and only once in a session."""
        ...

    async def change(self, change: Callable[[Profile], Profile]) -> bool:
        """Replace it by what `change` makes of it; whether that is stored by now.

        Raises:
            ProfileUnknown: It could not be read.
        """
        ...
