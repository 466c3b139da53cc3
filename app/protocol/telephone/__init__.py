"""Telephone calls over Twilio Media Streams, as a wire protocol; a session ends with its call."""
