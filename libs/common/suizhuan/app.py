"""The app of a service: FastAPI with everything design §7 asks of each of them, wired once, here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.openapi.utils import get_openapi
from fastapi_offline import FastAPIOffline
from starlette.datastructures import State
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import Lifespan

from suizhuan.commands import HEADERS
from suizhuan.edge import Edge
from suizhuan.errors import ErrorCatalogue
from suizhuan.identity import TokenVerifier
from suizhuan.kernel.refusal import Refusal
from suizhuan.logs import describe
from suizhuan.metrics import Metrics
from suizhuan.problems import MEDIA_TYPE, Problem, Problems
from suizhuan.settings import ServiceSettings
from suizhuan.tracing import Tracing

Check = Callable[[], Awaitable[str | None]]
CHECK_TIMEOUT_S = 2.0
_METHODS = frozenset({"get", "put", "post", "delete", "patch", "options", "head"})


def create_app(
    *,
    service: str,
    title: str,
    routers: Sequence[APIRouter],
    catalogue: ErrorCatalogue,
    verifier: TokenVerifier,
    readiness: Mapping[str, Check],
    settings: ServiceSettings,
    metrics: Metrics,
    tracing: Tracing | None = None,
    version: str = "0.1.0",
    lifespan: Lifespan[FastAPI] | None = None,
    description: str = "",
    state: State | None = None,
) -> FastAPI:
    """A service's app.

    Promise: every answer that is not a success is a problem (RFC 9457) with a code of the catalogue; no input makes
    it answer 500; docs work without the internet and under a prefix. A check in `readiness` gives None when ready,
    else the reason. `app.state` is `state`; `settings`, `verifier`, `metrics` and `tracing` are added to it.
    """
    app = FastAPIOffline(
        redoc_url=None,  # it asks a foreign site for a picture
        title=title,
        version=version,
        description=description,
        lifespan=lifespan,
        swagger_ui_parameters={"persistAuthorization": True},
    )
    app.root_path = settings.root_path  # given to FastAPI at its making, it warns
    tracing = tracing or Tracing(service, endpoint=settings.otlp_endpoint, version=version)
    problems = Problems(catalogue, metrics, max_body_bytes=settings.max_body_bytes)
    if state is not None:
        app.state = state
    app.state.service = service
    app.state.settings = settings
    app.state.verifier = verifier
    app.state.metrics = metrics
    app.state.tracing = tracing
    problems.install(app)
    for router in [*routers, _operations(readiness, metrics, problems)]:
        app.router.routes.extend(router.routes)  # included, each request would be matched against them twice
    app.add_middleware(Edge, metrics=metrics, tracing=tracing, problems=problems)
    _document_problems(app, catalogue)
    return app


def _operations(readiness: Mapping[str, Check], metrics: Metrics, problems: Problems) -> APIRouter:
    router = APIRouter(tags=["operations 运行"])

    @router.get("/", include_in_schema=False)
    async def first_page(request: Request) -> Response:
        """Somebody who opens the bare address wants to know what is here."""
        return RedirectResponse(f"{request.scope.get('root_path', '')}/docs", 307)

    @router.get("/health/live", summary="存活 / the process answers")
    async def live() -> dict[str, str]:
        return {"status": "live"}

    @router.get("/health/ready", summary="就绪 / it can do its work, or what is missing")
    async def ready(request: Request, exclude: Annotated[tuple[str, ...], Query()] = ()) -> Response:
        """`exclude=authority`, as often as wanted, leaves a check out: who routes to a service by this answer lets it
        take what needs no power while those who grant it are away."""
        asked = {name: check for name, check in readiness.items() if name not in exclude}
        reasons = await asyncio.gather(*(_ask(check) for check in asked.values()))
        missing = {name: reason for name, reason in zip(asked, reasons, strict=True) if reason is not None}
        if not missing:
            return JSONResponse({"status": "ready", "checks": list(asked)})
        words = "; ".join(f"{name}: {reason}" for name, reason in missing.items())
        return problems.answer(
            Refusal("unavailable", reason=words), request.headers.get("accept-language"), missing=missing
        )

    @router.get("/metrics", summary="指标 / Prometheus metrics", include_in_schema=False)
    async def measured() -> Response:
        return Response(metrics.render(), headers={"Content-Type": metrics.content_type})

    return router


async def _ask(check: Check) -> str | None:
    """A check's reason. One that hangs or fails is a reason too, never an error."""
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            return await check()
    except TimeoutError:
        return f"no answer within {CHECK_TIMEOUT_S:g} s"
    except Refusal as refusal:
        return refusal.code
    except Exception as error:
        return f"{type(error).__name__}: {describe(error)}"


def _document_problems(app: FastAPI, catalogue: ErrorCatalogue) -> None:
    """OpenAPI in which every operation tells its problems, by one shared schema."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title,
                version=app.version,
                openapi_version=app.openapi_version,
                description=app.description,
                routes=app.routes,
                tags=app.openapi_tags,
                servers=app.servers,
            )
            app.openapi_schema = with_problems(schema, catalogue)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend it


def with_problems(schema: dict[str, Any], catalogue: ErrorCatalogue) -> dict[str, Any]:
    """The schema with the problem responses of every operation and without FastAPI's own validation errors."""
    components = schema.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    model = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(model.pop("$defs", {}))
    schemas["Problem"] = model
    by_status: dict[int, list[str]] = {}
    for code, spec in sorted(catalogue.items()):
        by_status.setdefault(spec.status, []).append(f"`{code}` {spec.zh} / {spec.en}")
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    responses = components.setdefault("responses", {})
    for status, codes in by_status.items():
        responses[f"Problem{status}"] = {"description": "\n".join(f"- {c}" for c in codes), "content": content}
    responses["Problem"] = {"description": "Any other problem / 其他错误", "content": content}
    for path in schema.get("paths", {}).values():
        for method, operation in path.items():
            if method in _METHODS:
                _describe(method, operation, by_status)
    return schema


def _describe(method: str, operation: dict[str, Any], by_status: Mapping[int, list[str]]) -> None:
    responses = operation.setdefault("responses", {})
    possible = {500, 503}
    if method == "post" and operation.get("security"):
        operation.setdefault("parameters", []).extend(HEADERS)
    places = {p.get("in") for p in operation.get("parameters", ())}
    if operation.get("security"):
        possible |= {401, 403}
    if "path" in places:
        possible.add(404)
    if places or "requestBody" in operation:
        possible.add(422)
    if "requestBody" in operation:
        possible |= {409, 412, 413}
    for status in sorted(possible & set(by_status)):
        if status == 422 or str(status) not in responses:
            responses[str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
    responses.setdefault("default", {"$ref": "#/components/responses/Problem"})
