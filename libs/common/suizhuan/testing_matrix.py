"""Who may do what, as a table of a service's tests: one row an endpoint, one column a caller, every cell tried."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey

from suizhuan.db.tables import authority_state, dead_letter, grants
from suizhuan.kernel.clock import Clock
from suizhuan.service import Service

Cell = tuple[int, str]
Row = tuple[Cell, ...]

OK: Cell = (200, "passes")
NONE: Cell = (401, "unauthenticated")
KIND: Cell = (403, "wrong_kind")
POWER: Cell = (403, "missing_power")
PURPOSE: Cell = (403, "purpose_unknown")

STAFF = ("own", "foreign", "other", "without")
"""Who works where the power is held here, elsewhere, another one, none at all."""
OTHERS = {"resident": "resident", "hub": "hub", "hub without purpose": "hub", "service": "service"}
ROLES = ("nobody", *OTHERS, *STAFF)

OPEN: Row = (OK,) * 9
SIGNED_IN: Row = (NONE, OK, KIND, KIND) + (OK,) * 5  # a hub is answered at the gateway alone
ANY_STAFF: Row = (NONE,) + (KIND,) * 4 + (OK,) * 4
POWERFUL: Row = (NONE,) + (KIND,) * 4 + (OK, POWER, POWER, POWER)

OPERATIONS: dict[str, Row] = {
    "GET /dead-letters": ANY_STAFF,
    "POST /dead-letters/{letter}/resolution": POWERFUL,
    "GET /log-ahead": ANY_STAFF,
    "POST /reconciliation": POWERFUL,
    "GET /asyncapi.json": OPEN,
    "GET /schemas": OPEN,
    "GET /schemas/{type_}": OPEN,
    "GET /health/live": OPEN,
    "GET /health/ready": OPEN,
}
"""What every service has."""


@dataclass(frozen=True)
class Ask:
    """What is asked of an endpoint, valid in itself, and the organisations of the four columns of staff."""

    staff: Sequence[str]
    body: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)


def named(row: Row) -> dict[str, Cell]:
    return dict(zip(ROLES, row, strict=True))


def endpoint_of(name: str) -> str:
    """`POST /x: by the holder` is a second row of `POST /x`."""
    return name.partition(": ")[0]


def endpoints(service: Service) -> set[str]:
    return {
        f"{method.upper()} {path}" for path, methods in service.app.openapi()["paths"].items() for method in methods
    }


@dataclass
class Callers:
    """The callers of a matrix. Programs and residents name the very organisation that holds the power."""

    service: Service
    http: httpx.AsyncClient
    key: ECKey
    issuer: str
    clock: Clock

    def headers(self, role: str, staff: Sequence[str]) -> dict[str, str]:
        if role == "nobody":
            return {}
        claims = {
            "iss": self.issuer,
            "aud": "suizhuan",
            "sub": role.replace(" ", "-"),
            "kind": OTHERS.get(role, "staff"),
            "org": staff[STAFF.index(role)] if role in STAFF else staff[0],
            "exp": self.clock.now().timestamp() + 600,
            **({"purpose": "city-operations"} if role == "hub" else {}),
        }
        token = jwt.encode({"alg": "ES256", "kid": self.key.kid}, claims, self.key, algorithms=["ES256"])
        return {"Authorization": f"Bearer {token}"}

    async def ask(self, name: str, role: str, ask: Ask, ids: Mapping[str, Any]) -> httpx.Response:
        method, template = endpoint_of(name).split(" ")
        return await self.http.request(
            method,
            template.format(**ids),
            headers=self.headers(role, ask.staff),
            params=ask.params,
            json=ask.body if method == "POST" else None,
        )

    def judge(self, name: str, role: str, cell: Cell, answer: httpx.Response) -> None:
        """The answer is the cell's, and its status is documented. For the holder, and for a hub, it is a success."""
        method, path = endpoint_of(name).split(" ")
        said = (name, role, answer.status_code, answer.text[:300])
        documented = self.service.app.openapi()["paths"][path][method.lower()]["responses"]
        assert str(answer.status_code) in documented, ("not documented", *said)
        if cell != OK:
            assert (answer.status_code, answer.json()["code"]) == cell, said
        elif role in ("own", "hub"):
            assert answer.status_code < 300, said
        else:
            assert answer.status_code not in (401, 403) and answer.status_code < 500, said


async def holds(service: Service, holder: str, area: str, powers: Mapping[str, Iterable[str]]) -> None:
    """In this service's replica somebody leads these affairs there, with these powers."""
    async with service.parts.database.write() as conn:
        sequence = (await conn.execute(authority_state.select())).one().sequence
        rows = [
            {
                "mandate": f"{holder}:{area}:{affair}",
                "affair": affair,
                "area": area,
                "role": "lead",
                "holder": holder,
                "powers": sorted(given),
                "term": 1,
                "starts_at": service.parts.clock.now(),
                "yielding": [],
                "live": True,
                "sequence": sequence,
            }
            for affair, given in powers.items()
        ]
        await conn.execute(grants.insert(), rows)


async def letter_in(service: Service) -> int:
    """The number of a dead letter of this service."""
    row = {
        "consumer": service.parts.name,
        "topic": "some.topic",
        "partition": 0,
        "offset": 7,
        "key": b"k",
        "value": b"{}",
        "headers": [],
        "state": "dead",
        "code": "handler_failed",
        "reason": "KeyError",
        "seen_at": service.parts.clock.now(),
    }
    async with service.parts.database.write() as conn:
        made = await conn.execute(dead_letter.insert().values(row).returning(dead_letter.c.id))
        return int(made.scalar_one())


def repair(staff: Sequence[str]) -> dict[str, Ask]:
    """What is asked of the endpoints that every service has."""
    asks = {name: Ask(staff) for name in OPERATIONS}
    asks["POST /dead-letters/{letter}/resolution"] = Ask(staff, {"action": "discard", "reason": "tested"})
    asks["POST /reconciliation"] = Ask(staff, {"action": "adopt", "reason": "tested"})
    return asks
