"""What every error has."""

import logging
from typing import ClassVar, Literal

Locale = Literal["es", "en"]


class AgentError(Exception):
    """A failure that has a code and a sentence for the client.

    Args:
        facts: What the log line says beside the code. Never sent to a client.
        fields: What the sentence's placeholders stand for.
    """

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False
    severity: ClassVar[int] = logging.WARNING
    es: ClassVar[str] = ""
    en: ClassVar[str] = ""

    def __init__(self, facts: str = "", **fields: object) -> None:
        super().__init__(facts or self.code)
        self.facts = facts
        self.fields = fields

    def sentence(self, locale: Locale) -> str:
        """Return what the user reads, in their language."""
        return (self.es if locale == "es" else self.en).format(**self.fields)
