"""The route of a command: FastAPI documents it, and it is served without FastAPI's way from a request to arguments.

FastAPI treats every route alike: two exit stacks, a walk through the tree of dependencies, a body read by `json` and
then validated. A command has the same few arguments each time; for a small one that takes longer than all the rest.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

from fastapi.params import Depends
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from suizhuan.body_guard import replay
from suizhuan.commands import CommandDep, command
from suizhuan.headers import header
from suizhuan.identity import caller

JSON = "application/json"


class CommandRoute(APIRoute):
    """For `APIRouter(route_class=CommandRoute)`.

    Promise: every request is answered as by FastAPI alone. An endpoint that wants more than a command, the request, one
    body and parts of the path is left to it; so is a request whose arguments do not fit, for the words of the refusal.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        known = all(isinstance(d, Depends) and d.dependency is caller for d in self.dependencies)
        plain = Plain.of(endpoint, frozenset(self.param_convertors)) if known else None
        if plain is not None:
            self.app = _served(plain, otherwise=self.app)


@dataclass(frozen=True, slots=True)
class Plain:
    """An endpoint of the usual kind, and how its arguments are called."""

    endpoint: Callable[..., Awaitable[Response]]
    command: str
    request: str | None
    body: tuple[str, TypeAdapter[Any]]
    path: Mapping[str, TypeAdapter[Any]]

    @staticmethod
    def of(endpoint: Callable[..., Any], in_path: frozenset[str]) -> Plain | None:
        """None: it is of another kind."""
        hints = get_type_hints(endpoint, include_extras=True)
        if hints.pop("return", None) is not Response or not inspect.iscoroutinefunction(endpoint):
            return None
        commands = [n for n, hint in hints.items() if hint == CommandDep]
        requests = [n for n, hint in hints.items() if hint is Request]
        bodies = [n for n, hint in hints.items() if isinstance(hint, type) and issubclass(hint, BaseModel)]
        path = {n: TypeAdapter(hint) for n, hint in hints.items() if n in in_path}
        if len(commands) != 1 or len(bodies) != 1 or len(requests) > 1 or len(path) + 2 + len(requests) != len(hints):
            return None
        body = (bodies[0], TypeAdapter(hints[bodies[0]]))
        return Plain(endpoint, commands[0], next(iter(requests), None), body, path)

    def arguments(self, request: Request, body: bytes) -> dict[str, Any] | None:
        """All but the command; None when they do not fit."""
        name, adapter = self.body
        try:
            found = {n: kind.validate_python(request.path_params[n]) for n, kind in self.path.items()}
            found[name] = adapter.validate_json(body)
        except ValidationError:
            return None
        if self.request is not None:
            found[self.request] = request
        return found


def _served(plain: Plain, *, otherwise: ASGIApp) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        body = await request.body()
        arguments = plain.arguments(request, body) if header(scope, b"content-type") == JSON else None
        if arguments is None:
            await otherwise(scope, replay(body, receive), send)
            return
        arguments[plain.command] = await command(request)
        response = await plain.endpoint(**arguments)
        await response(scope, receive, send)

    return app
