"""What Prometheus reads."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response

from app.router.auth_dependencies import Admin
from app.telemetry.exposition import Metrics

router = APIRouter()


def metrics_of(request: Request) -> Metrics:
    """Return the metrics of this application's server."""
    return request.app.state.metrics


@router.get("/metrics")
async def metrics(
    found: Annotated[Metrics, Depends(metrics_of)], _: Admin, accept: Annotated[str, Header()] = ""
) -> Response:
    """All metrics, as text that Prometheus reads. Cheap: it calls nobody."""
    content, media_type = found.expose(accept)
    return Response(content, headers={"Content-Type": media_type})
