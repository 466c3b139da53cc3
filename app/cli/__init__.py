"""The console client: talks with a server over protocol v2, by text, by voice, or with WAV files."""
