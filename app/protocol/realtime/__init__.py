"""The events of the OpenAI Realtime API (GA), as a wire protocol; a session ends with its socket."""
