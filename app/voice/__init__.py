"""The name by which speech is installed: `python -m app.voice.install`."""
