"""Makes speech from text: Kokoro on this machine, espeak-ng, or Azure OpenAI."""
