"""Who may read composed answers and streams, and what of them."""

from __future__ import annotations

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import store
from gateway.domain.purposes import Purpose, find
from gateway.domain.sight import Sight
from gateway.receipts import READ, Receipts
from gateway.share import Share
from suizhuan.identity import Identity
from suizhuan.kernel.refusal import Refusal
from suizhuan.service import Parts


def reader(request: Request, identity: Identity) -> Share | None:
    """Residents read their own cases at the service that has them; a hub says why it reads, and gets its share.

    Errors: `wrong_kind`, `purpose_unknown`."""
    _no_resident(identity)
    purpose = purpose_of(request, identity)
    if purpose is None:
        return None
    parts: Parts = request.app.state.parts
    return Share(purpose, Receipts(parts.database, parts.clock, parts.metrics, identity.subject, purpose.code, READ))


def _no_resident(identity: Identity) -> None:
    if identity.kind == "resident":
        raise Refusal("wrong_kind")


async def sight_of(conn: AsyncConnection, identity: Identity) -> Sight:
    """What the token may see: everything for the hub and for services, else by the caller's organisation."""
    _no_resident(identity)
    if identity.kind in ("hub", "service"):
        return Sight(org=identity.org, everything=True)
    org = identity.org or ""
    return Sight(org=org, areas=await store.areas_of(conn, org))


def purpose_of(request: Request, identity: Identity) -> Purpose | None:
    """Why a hub reads: the purpose that its token names. Others read under their own rules.

    Errors: `purpose_unknown`."""
    if identity.kind != "hub":
        return None
    purposes: tuple[Purpose, ...] = request.app.state.purposes
    return find(purposes, identity.purpose)


def bearer_of(request: Request) -> str:
    """The token as it was sent, to be verified again while a stream lasts."""
    return request.headers.get("authorization", "").partition(" ")[2].strip()
