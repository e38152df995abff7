"""`/{service}/…`: passed on."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import APIRouter, Request
from starlette.responses import Response

from gateway.passing import pass_on
from gateway.settings import Settings
from gateway.upstreams import Upstreams

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


async def passed_on(request: Request, path: str = "") -> Response:
    """Passed on with the caller's own token; the documents of each service are under `/{service}/docs`."""
    service = request.scope["path"].removeprefix(request.scope.get("root_path", "")).split("/", 2)[1]
    upstreams: Upstreams = request.app.state.upstreams
    settings: Settings = request.app.state.own_settings
    return await pass_on(request, service, upstreams, max_answer=settings.max_answer_bytes)


def router_to(services: Iterable[str]) -> APIRouter:
    """The routes to these services."""
    router = APIRouter(tags=["services 服务"])
    for service in services:
        # No schema: each service documents itself.
        router.add_api_route(f"/{service}/{{path:path}}", passed_on, methods=METHODS, include_in_schema=False)
        router.add_api_route(f"/{service}", passed_on, methods=METHODS, include_in_schema=False)
    return router
