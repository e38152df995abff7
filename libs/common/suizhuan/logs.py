"""Logs: one line per event, JSON or text, with service, trace and span, and without personal data.

Everything that logs by Python's `logging` (uvicorn, aiokafka, SQLAlchemy, our own modules) goes through one renderer.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import MutableMapping
from contextlib import AbstractContextManager
from contextvars import ContextVar
from itertools import pairwise
from types import TracebackType
from typing import Any, TextIO

import structlog
from opentelemetry import trace
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError, StatementError
from structlog.typing import Processor

from suizhuan.settings import ServiceSettings

Event = MutableMapping[str, Any]

# Keys that never reach the log, whole or as a part of a key (`reporter_name`), at any depth.
DENIED = frozenset(
    [
        "phone",
        "mobile",
        "telephone",
        "name",
        "id_number",
        "id_card",
        "idcard",
        "reporter",
        "description",
        "contact",
        "contacts",
        "address",
        "email",
        "birthday",
        "authorization",
        "token",
        "access_token",
        "password",
        "secret",
        "client_secret",
        "cookie",
        "body",
        "params",
        "parameters",
        "payload",
    ]
)
# Such keys name things, not people.
ALLOWED = frozenset({"logger_name", "service_name", "thread_name", "process_name", "event_name", "topic_name"})
_PARTS = re.compile(r"[^a-z0-9]+")
_LONG_DIGITS = re.compile(r"\d{7,}")
_MAX_DEPTH = 6

_service: ContextVar[str | None] = ContextVar("suizhuan_service", default=None)


class Serving(AbstractContextManager[None]):
    """What is logged inside the block is logged as `service`'s: several share a process in the embedded profile."""

    __slots__ = ("_service", "_token")

    def __init__(self, service: str) -> None:
        self._service = service

    def __enter__(self) -> None:
        self._token = _service.set(self._service)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        _service.reset(self._token)


def configure_logs(settings: ServiceSettings, *, stream: TextIO | None = None) -> None:
    """Set the process's logging; to be called once, by who starts the process. A second call replaces the first."""
    shared: list[Processor] = [
        _origin(settings.service),
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _exceptions,
        drop_personal,
    ]
    render: list[Processor] = (
        [structlog.processors.JSONRenderer(ensure_ascii=False, default=str)]
        if settings.log_format == "json"
        else [_exceptions_as_text, structlog.dev.ConsoleRenderer(colors=False)]
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(settings.log_level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = name != "uvicorn.access"  # its lines hold query strings; `suizhuan.http` logs routes
    for name in ("aiokafka", "httpx", "httpcore", "sqlalchemy", "aiosqlite", "asyncio", "alembic"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def drop_personal(_logger: Any, _method: str, event: Event) -> Event:
    """Leave out every key that is, or contains as a word, one on the deny list; mask long digit runs in the message."""
    event.pop("color_message", None)  # uvicorn's line again, with escapes
    kept = {k: _clean(v, 1) for k, v in event.items() if k.startswith("_") or k == "event" or not _denied(k)}
    if isinstance(kept.get("event"), str):
        kept["event"] = mask(kept["event"])
    return kept


def mask(text: str) -> str:
    """The text with every run of seven or more digits (phone and identity numbers) blanked."""
    return _LONG_DIGITS.sub("#", text)


def describe(error: BaseException) -> str:
    """An exception in words that hold nothing that was sent in: no SQL parameters, no row, no field's value."""
    if isinstance(error, ValidationError):
        found = error.errors(include_url=False, include_context=False, include_input=False)
        return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['type']}" for e in found[:5])
    if isinstance(error, DBAPIError | StatementError):
        # The first line names the constraint; PostgreSQL's DETAIL line repeats the row.
        return mask(str(error.orig).split("\n")[0])[:300]
    return mask(str(error).split("\n")[0])[:300]


def _exceptions(_logger: Any, _method: str, event: Event) -> Event:
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    error = info[1] if isinstance(info, tuple) else info
    if not isinstance(error, BaseException):
        return event
    chain: list[dict[str, Any]] = []
    while error is not None and len(chain) < 5:
        frames = traceback.extract_tb(error.__traceback__)[-15:]
        where = [f"{f.filename.rsplit('/site-packages/')[-1]}:{f.lineno} {f.name}" for f in frames]
        chain.append({"type": type(error).__qualname__, "message": describe(error), "frames": where})
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    event["exception"] = chain
    return event


def _exceptions_as_text(_logger: Any, _method: str, event: Event) -> Event:
    if isinstance(chain := event.get("exception"), list):
        event["exception"] = "\n".join(
            "\n".join([f"{e['type']}: {e['message']}", *(f"  {frame}" for frame in e["frames"])]) for e in chain
        )
    return event


def _origin(default: str) -> Processor:
    def add(_logger: Any, _method: str, event: Event) -> Event:
        event.setdefault("service", _service.get() or default)
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            event["trace_id"] = f"{context.trace_id:032x}"
            event["span_id"] = f"{context.span_id:016x}"
        return event

    return add


def _denied(key: object) -> bool:
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(key)).lower()
    if text in ALLOWED:
        return False
    if text in DENIED:
        return True
    words = _PARTS.split(text.replace("_", "-"))
    return any(word in DENIED for word in words) or any(f"{a}_{b}" in DENIED for a, b in pairwise(words))


def _clean(value: Any, depth: int) -> Any:
    if isinstance(value, dict):
        return {k: _clean(v, depth + 1) for k, v in value.items() if not _denied(k)} if depth < _MAX_DEPTH else "…"
    if isinstance(value, list | tuple):
        return [_clean(v, depth + 1) for v in value] if depth < _MAX_DEPTH else "…"
    return value
