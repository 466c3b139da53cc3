"""How a request that cannot be read is answered."""

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse


async def bad_request(request: Request, exc: Exception) -> JSONResponse:
    """Says where and what is wrong, and never repeats what was sent: it may be a secret."""
    assert isinstance(exc, RequestValidationError)  # noqa: S101  # what it is registered for
    faults = [{name: fault[name] for name in ("type", "loc", "msg")} for fault in exc.errors()]
    return JSONResponse({"detail": faults}, 422)
