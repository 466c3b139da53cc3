"""A server below a path of a proxy: `ROOT_PATH`."""

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class BasePath:
    """Middleware that takes `ROOT_PATH` off a request's path, where the proxy has not.

    Paths without it are answered as they are: that is what a proxy sends that strips it, and what health
    checks on this machine ask for. The page's addresses are relative to its own, which therefore ends in `/`.
    """

    def __init__(self, app: ASGIApp, path: str) -> None:
        self.app = app
        self._path = path
        self._start = f"{path}/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on by the path that routes know."""
        if self._path and scope["type"] != "lifespan":
            path: str = scope["path"]
            if path == self._path and scope["type"] == "http":
                # By the setting alone: nothing of what the client calls us is in it.
                await RedirectResponse(self._start, 308)(scope, receive, send)
                return
            if path.startswith(self._start):
                scope = {**scope, "path": path[len(self._path) :]}
        await self.app(scope, receive, send)
