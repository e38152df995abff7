"""A command over HTTP: one unit of work, an answer, an ETag, and an Idempotency-Key if the caller gave one."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from pydantic import BaseModel
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from suizhuan.context import Context, new_id
from suizhuan.db.tables import idempotency
from suizhuan.headers import header
from suizhuan.identity import Identity, caller
from suizhuan.kernel.refusal import Refusal
from suizhuan.tracing import current_traceparent
from suizhuan.unit_of_work import BUSY, Tx, UnitOfWork

Work = Callable[[Tx], Awaitable[BaseModel]]
REMEMBER = insert(idempotency)
LOCKED_TRIES = 3  # of a command whose locks or statements took too long; each time nothing was done


def etag(version: int) -> str:
    return f'"{version}"'


@dataclass(slots=True)
class Command:
    """One command of one caller. Get it as a dependency: `command: CommandDep`."""

    uow: UnitOfWork
    identity: Identity
    key: str | None
    expected: int | None
    fingerprint: str

    @property
    def context(self) -> Context:
        return Context(
            actor=self.identity.subject,
            org=self.identity.org,
            correlation_id=new_id(),
            traceparent=current_traceparent(),
        )

    def staff(self) -> str:
        """The organisation for which the caller works. Errors: `wrong_kind`."""
        if self.identity.kind != "staff" or self.identity.org is None:
            raise Refusal("wrong_kind")
        return self.identity.org

    def check_version(self, current: int) -> None:
        """The caller's If-Match names the present version. Errors: `version_conflict`."""
        if self.expected is not None and self.expected != current:
            raise Refusal("version_conflict", current=current)

    async def run(self, work: Work, *, status: int = 200) -> Response:
        """Do the work once, in a transaction that locks what it reads.

        With an Idempotency-Key, a repeat gets the first answer again and nothing happens. Only what was done is
        remembered: a refused command may be tried again under the same key.
        Errors: the work's refusals; `idempotency_key_reused` when the key came with another request.
        """

        async def locked(remembering: Work) -> BaseModel:
            for left in reversed(range(LOCKED_TRIES)):
                try:
                    async with self.uow.begin(self.context) as tx:
                        return await remembering(tx)
                except Refusal as refusal:
                    if refusal.params.get("reason") != BUSY or not left:
                        raise
            raise AssertionError

        return await self._once(work, status, locked)

    async def decide(self, work: Work, *, status: int = 200) -> Response:
        """Like `run`, without locks: all that the work writes is carried out by one statement (`UnitOfWork.decide`)."""

        async def unlocked(remembering: Work) -> BaseModel:
            return await self.uow.decide(self.context, remembering)

        return await self._once(work, status, unlocked)

    async def _once(self, work: Work, status: int, carry_out: Callable[[Work], Awaitable[BaseModel]]) -> Response:
        async def remembering(tx: Tx) -> BaseModel:
            answer = await work(tx)
            if self.key is not None:
                await tx.write(REMEMBER, self._memory(answer, status, tx.now))
            return answer

        try:
            answer = await carry_out(remembering)
        except (Refusal, IntegrityError):
            # Whether it was done before is asked only now: a first time costs nothing for its key.
            earlier = await self._earlier()
            if earlier is None:
                raise
            return earlier
        return _answer(status, answer.model_dump_json().encode(), _tag(answer))

    async def _earlier(self) -> Response | None:
        if self.key is None:
            return None
        query = select(idempotency).where(idempotency.c.subject == self.identity.subject, idempotency.c.key == self.key)
        async with self.uow.database.read() as conn:
            row = (await conn.execute(query)).one_or_none()
        if row is None:
            return None
        if row.fingerprint != self.fingerprint:
            raise Refusal("idempotency_key_reused")
        answer = _answer(row.status, bytes(row.body), row.etag)
        answer.headers["Idempotency-Replayed"] = "true"
        return answer

    def _memory(self, answer: BaseModel, status: int, now: datetime) -> dict[str, Any]:
        return {
            "subject": self.identity.subject,
            "key": self.key,
            "fingerprint": self.fingerprint,
            "status": status,
            "body": answer.model_dump_json().encode(),
            "etag": _tag(answer),
            "created_at": now,
        }


def _tag(answer: BaseModel) -> str | None:
    version = getattr(answer, "version", None)
    return etag(version) if isinstance(version, int) else None


def _answer(status: int, body: bytes, tag: str | None) -> Response:
    return Response(body, status, {"ETag": tag} if tag is not None else None, "application/json")


async def command(request: Request) -> Command:
    """The dependency that makes a Command; the service's unit of work stands in `app.state.uow`.

    It reads its two headers itself: as parameters FastAPI would take longer over them than the database over the rest.
    `suizhuan.app` documents them. Errors: those of `caller`, `invalid_request`.
    """
    identity = await caller(request)
    key = _given(request, b"idempotency-key", 200)
    fingerprint = ""
    if key is not None:
        if not key.strip():  # or all who send an empty one would be taken for repeats of each other
            raise Refusal("invalid_request", reason="idempotency-key")
        first_line = f"{request.method} {request.url.path}\n".encode()
        fingerprint = hashlib.sha256(first_line + await request.body()).hexdigest()
    return Command(request.app.state.uow, identity, key, _version(_given(request, b"if-match", 40)), fingerprint)


def _given(request: Request, name: bytes, most: int) -> str | None:
    value = header(request.scope, name)
    if value is not None and len(value) > most:
        raise Refusal("invalid_request", reason=name.decode())
    return value


HEADERS = (
    {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": r"\S"},
        "description": "同一键的重复请求只执行一次 / a repeat under the same key is done once",
    },
    {
        "name": "If-Match",
        "in": "header",
        "required": False,
        "schema": {"type": "string", "maxLength": 40, "pattern": r'^(\*|(W/)?"?[0-9]{1,18}"?)$'},
        "description": "所见版本，过期则拒绝 / the version that was seen; refused when it has passed",
    },
)


def _version(if_match: str | None) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    text = if_match.strip().removeprefix("W/").strip('"')
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise Refusal("invalid_request", reason="If-Match")
    return int(text)


CommandDep = Annotated[Command, Depends(command)]


class Page(BaseModel):
    """A page of a list; `next` is the cursor of the following one."""

    items: list[Any]
    next: str | None = None
