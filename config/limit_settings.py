"""The settings that bound what clients may take: the sessions, one connection, what is used up in an hour."""

from pydantic import Field

from config.forms import KIB, MIB, Seconds
from config.settings_slice import SettingsSlice


class LimitSettings(SettingsSlice):
    """How many sessions and connections there may be, and what each may send, keep and use up."""

    # Sessions
    max_sessions: int = Field(default=10_000, ge=1)
    max_sessions_per_ip: int = Field(default=0, ge=0)
    max_memory_mb: int = Field(default=0, ge=0)
    resume_window_s: Seconds = 120
    resume_ring_messages: int = Field(default=1000, ge=0)
    resume_ring_bytes: int = Field(default=MIB, ge=0)

    # In an hour
    max_texts_per_session_hour: int = Field(default=0, ge=0)
    max_tokens_per_user_hour: int = Field(default=0, ge=0)
    max_tool_calls_per_user_hour: int = Field(default=0, ge=0)

    # One connection
    max_pending_connections: int = Field(default=256, ge=1)
    handshake_timeout_s: Seconds = 10
    first_message_timeout_s: Seconds = 60
    unfinished_message_s: Seconds = 20
    max_messages_per_s: int = Field(default=20, ge=1)
    max_messages_burst: int = Field(default=100, ge=1)
    max_message_bytes: int = Field(default=MIB, ge=KIB, le=16 * MIB)
    outbox_max_messages: int = Field(default=1000, ge=1)
    outbox_max_bytes: int = Field(default=MIB, ge=KIB)

    @property
    def most_in_a_second(self) -> int:
        """Messages that may come in any one second: whoever raises the rate alone means what it says."""
        return max(self.max_messages_burst, self.max_messages_per_s)
