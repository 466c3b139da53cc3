"""A release host on a real socket: serves files in ranges, and breaks off, fails or lies as a test asks."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class ReleaseServer:
    """What it serves and how it behaves; each entry of `script` is for one request, in order.

    Attributes:
        script: A status to answer with, or after how many bytes to break off; empty: serve.
        asked: The `Range` of each request, empty without one.
    """

    port: int = 0
    files: dict[str, bytes] = field(default_factory=dict)
    knows_ranges: bool = True
    script: list[int | tuple[str, int]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def release_server() -> Iterator[ReleaseServer]:
    """Runs one on a free port."""
    state = ReleaseServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            state.asked.append(wanted)
            step = state.script.pop(0) if state.script else None
            if isinstance(step, int):
                self._answer(step, b"no")
                return
            if self.path.startswith("/moved/"):
                self.send_response(302)
                self.send_header("Location", state.url + self.path.removeprefix("/moved"))
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            content = state.files.get(self.path)
            if content is None:
                self._answer(404, b"not here")
                return
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and state.knows_ranges else 0
            if start >= len(content) > 0:
                self._answer(416, b"")
                return
            breaks_after = step[1] if step is not None else None
            self._answer(206 if start else 200, content[start:], breaks_after)

        def _answer(self, status: int, content: bytes, breaks_after: int | None = None) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[:breaks_after])
            if breaks_after is not None:
                self.wfile.flush()
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
