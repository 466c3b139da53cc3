"""What others measure of the server: metrics and traces. The core knows `app/session/observer.py` alone."""
