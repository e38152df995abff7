"""How every no leaves a service: RFC 9457 problem details in the caller's language, and nothing that was sent in."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import asyncpg  # type: ignore[import-untyped, unused-ignore]
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import DataError, DBAPIError, SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from suizhuan.db.database import is_transient
from suizhuan.errors import ErrorSpec, problem
from suizhuan.kernel.refusal import Refusal
from suizhuan.metrics import Metrics
from suizhuan.tracing import current_trace_id

MEDIA_TYPE = "application/problem+json"
log = logging.getLogger("suizhuan.http")

# What Starlette and FastAPI raise by themselves, in our words.
_BY_STATUS = {401: "unauthenticated", 404: "not_found", 405: "method_not_allowed", 413: "request_too_large"}


class FieldError(BaseModel):
    """One field that is not valid; what was sent is not repeated."""

    field: str = Field(description="Where, such as `body.amount` / 位置")
    code: str = Field(description="The rule that was broken / 违反的规则")
    message: str = Field(description="In English words / 英文说明")


class Problem(BaseModel):
    """RFC 9457 problem details. 错误说明"""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "urn:suizhuan:problem:unauthenticated",
                "title": "未登录或令牌无效：expired",
                "status": 401,
                "detail": "未登录或令牌无效：expired",
                "code": "unauthenticated",
                "params": {"reason": "expired"},
                "next": "",
                "messages": {
                    "zh": "未登录或令牌无效：expired",
                    "en": "Not signed in, or the token is not valid: expired",
                },
                "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
            }
        }
    )

    type: str = Field(description="`urn:suizhuan:problem:<code>`")
    title: str = Field(description="In the language asked for / 按 Accept-Language")
    status: int
    detail: str = Field(description="The title, and who can act next / 说明与后续处理人")
    code: str = Field(description="Stable; programs go by it / 稳定的错误代码")
    params: dict[str, Any] = Field(description="What the words were filled with / 参数")
    next: str = Field(description="Who can act next, and how / 谁可以处理")
    messages: dict[str, str] = Field(description="zh, en")
    trace_id: str | None = Field(None, description="To find it in logs and traces / 链路编号")
    errors: list[FieldError] | None = Field(None, description="Fields that are not valid (422)")


@lru_cache(maxsize=512)
def language(accept: str | None) -> str:
    """`zh` or `en`, by Accept-Language (RFC 9110 §12.5.4); Chinese when neither is asked for."""
    best, best_quality = "zh", 0.0
    for part in (accept or "")[:200].split(","):
        tag, *parameters = part.strip().split(";")
        quality = 1.0
        for parameter in parameters:
            name, _, value = parameter.strip().partition("=")
            if name == "q":
                try:
                    quality = float(value)
                except ValueError:
                    quality = 0.0
        primary = tag.strip().lower().split("-")[0]
        if primary in ("zh", "en") and best_quality < quality <= 1.0:
            best, best_quality = primary, quality
    return best


class Problems:
    """Turns refusals and surprises of one service into answers, and counts them."""

    def __init__(self, catalogue: Mapping[str, ErrorSpec], metrics: Metrics, *, max_body_bytes: int) -> None:
        self.catalogue = catalogue
        self.metrics = metrics
        self.max_body_bytes = max_body_bytes

    def answer(
        self, refusal: Refusal, accept: str | None, *, errors: Sequence[FieldError] | None = None, **more: Any
    ) -> Response:
        """The response to a refusal. A code that the catalogue lacks is our mistake and answered as `internal`."""
        self.metrics.refusals_total.labels(refusal.code).inc()
        if refusal.code not in self.catalogue:
            log.error("a refusal whose code is in no catalogue", extra={"code": refusal.code})
        words = language(accept)
        body = {**problem(refusal, self.catalogue, language=words), **more, "trace_id": current_trace_id()}
        if errors is not None:
            body["errors"] = [e.model_dump() for e in errors]
        status: int = body["status"]
        headers = {"Content-Language": words, "Cache-Control": "no-store", "Vary": "Accept-Language"}
        if status in (429, 503):
            headers["Retry-After"] = str(_retry_after(refusal.params.get("retry_after")))
        if status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=str).encode("utf-8", "replace")
        return Response(content, status, headers, MEDIA_TYPE)

    def surprise(self, error: Exception, accept: str | None) -> Response:
        """The response to an exception nobody expected; it is logged here, once, under its trace id."""
        if is_value_out_of_range(error):
            # Still a gap in a schema, hence logged; but the caller is answered that the value is at fault.
            log.warning("a value the database cannot hold got past the schema", exc_info=error)
            return self.answer(Refusal("invalid_request", reason="a value is out of range"), accept)
        if isinstance(error, SQLAlchemyError) and is_transient(error):
            # A read, say, while the database is away: who reads again later gets an answer.
            log.warning("database unavailable", extra={"error": type(error).__name__})
            return self.answer(Refusal("unavailable", reason="database", retry_after=1), accept)
        log.error("internal error", exc_info=error)
        self.metrics.internal_errors_total.inc()
        return self.answer(Refusal("internal"), accept)

    def install(self, app: FastAPI) -> None:
        """Make the app answer refusals, validation errors and HTTP errors this way."""

        async def refused(request: Request, error: Exception) -> Response:
            assert isinstance(error, Refusal)
            return self.answer(error, request.headers.get("accept-language"))

        async def not_valid(request: Request, error: Exception) -> Response:
            assert isinstance(error, RequestValidationError)
            fields = [_field(e) for e in error.errors()[:50]]
            places = ", ".join(dict.fromkeys(f.field for f in fields[:5]))
            return self.answer(
                Refusal("invalid_request", reason=places), request.headers.get("accept-language"), errors=fields
            )

        async def http_error(request: Request, error: Exception) -> Response:
            assert isinstance(error, HTTPException)
            response = self.answer(self._of_http(error, request), request.headers.get("accept-language"))
            for name, value in (error.headers or {}).items():
                response.headers.setdefault(name, value)
            return response

        app.add_exception_handler(Refusal, refused)
        app.add_exception_handler(RequestValidationError, not_valid)
        app.add_exception_handler(HTTPException, http_error)

    def _of_http(self, error: HTTPException, request: Request) -> Refusal:
        code = _BY_STATUS.get(error.status_code)
        if code == "not_found":
            return Refusal(code, what="path", id=request.url.path[:200])
        if code == "request_too_large":
            return Refusal(code, limit=self.max_body_bytes)
        if code is not None:
            return Refusal(code, reason=str(error.detail)[:200])
        if error.status_code == 503:
            return Refusal("unavailable", reason=str(error.detail)[:200])
        if error.status_code >= 500:
            return Refusal("internal")
        return Refusal("invalid_request", reason=str(error.detail)[:200])


def is_value_out_of_range(error: BaseException) -> bool:
    """Whether a database would not take a value: too large a number, text it cannot hold."""
    if isinstance(error, OverflowError | DataError | UnicodeEncodeError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    cause = getattr(error.orig, "__cause__", None)
    return isinstance(cause, asyncpg.DataError | asyncpg.exceptions.DataError | OverflowError | UnicodeEncodeError)


def _field(error: Mapping[str, Any]) -> FieldError:
    # Names of fields the caller made up are the caller's words too: only those of a sane shape are repeated.
    parts = [str(p) for p in error.get("loc", ())]
    place = ".".join(p if len(p) <= 60 and p.isprintable() else "?" for p in parts[:8])
    kind = str(error.get("type", "invalid"))
    return FieldError(field=place, code=kind, message=_WORDS.get(kind) or _safe_message(error))


# Pydantic words these from what was sent or from what a validator raised: said here without it.
_WORDS = {"value_error": "is not valid", "assertion_error": "is not valid", "json_invalid": "is not JSON"}


def _safe_message(error: Mapping[str, Any]) -> str:
    """Pydantic's words, which speak of the rule; those built by a library from the input are cut to their rule."""
    kind, message = str(error.get("type", "")), str(error.get("msg", ""))
    if kind.endswith(("_parsing", "_from_date_parsing", "_from_datetime_parsing")):
        return message.split(",", maxsplit=1)[0][:200]
    return message[:200]


def _retry_after(seconds: object) -> int:
    if isinstance(seconds, int | float) and math.isfinite(seconds):
        return min(max(1, math.ceil(seconds)), 3600)
    return 1
