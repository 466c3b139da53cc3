"""The WebSocket voice agent."""
