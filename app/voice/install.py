"""Installs what speech needs; see `app/speech/models/install.py`. The command's name stays for scripts."""

import sys

from app.speech.models.install import main

if __name__ == "__main__":
    sys.exit(main())
