"""The names of this server's wire protocols, as WebSocket subprotocols and in the store."""

from typing import Final

V1: Final = "voice-agent.v1"
V2: Final = "voice-agent.v2"
REALTIME: Final = "realtime"
TELEPHONE: Final = "telephone"
