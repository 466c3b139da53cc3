"""What the agent keeps of a user, and how the model is told."""

from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

MAX_NOTES = 50
MAX_NOTE_CHARS = 300


class Profile(BaseModel):
    """A user's name, language, preferences, and the notes that the agent keeps."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(default=None, max_length=100)
    language: str | None = Field(default=None, max_length=20)
    preferences: dict[str, str] = Field(default_factory=dict[str, str], max_length=50)
    notes: list[str] = Field(default_factory=list[str], max_length=MAX_NOTES)

    @classmethod
    def of(cls, stored: dict[str, Any] | None) -> "Profile":
        """The stored profile; an empty one where there is none, or where it has another form."""
        try:
            return cls.model_validate(stored or {})
        except ValidationError:
            return cls()

    def remember(self, note: str) -> "Profile":
        """The profile with one more note; the oldest leaves where there are too many, none stands twice."""
        cut = note.strip()[:MAX_NOTE_CHARS]
        others = [kept for kept in self.notes if kept != cut]
        return self.model_copy(update={"notes": [*others, cut][-MAX_NOTES:]})

    def is_empty(self) -> bool:
        """Whether there is nothing to tell."""
        return self == Profile()

    def as_data(self) -> str:
        """The profile as a prompt has it: JSON, in which nothing can look like a tag or a special token."""
        text = orjson.dumps(self.model_dump(exclude_none=True, exclude_defaults=True)).decode()
        return text.replace("<", "\\u003c").replace(">", "\\u003e")
