"""A service's copy of which organisations there are, and of which areas: what mandates says of them."""

from __future__ import annotations

from sqlalchemy import Column, Index, MetaData, Table, Text, delete, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan.areas import CodeOfToday
from suizhuan.cloudevents import Event
from suizhuan.db.statements import upsert
from suizhuan.db.types import BigInt
from suizhuan.inbox import Inbound, View
from suizhuan.kernel.area import LENGTHS, contains, trim
from suizhuan.kernel.refusal import Refusal
from suizhuan.unit_of_work import Tx

COMMUNITY_DIGITS = LENGTHS[-2]


class OrganisationView(View):
    """An organisation and its areas."""

    org: str
    name: str
    name_en: str = ""
    kind: str = ""
    areas: list[CodeOfToday]


class Organisations:
    """The copy of one service, in two tables of its `metadata`. As long as mandates was never heard nothing is
    registered, and whatever may be is taken for known."""

    def __init__(self, metadata: MetaData) -> None:
        self.organisation = Table(
            "organisation",
            metadata,
            Column("id", Text, primary_key=True),
            Column("name_zh", Text, nullable=False),
            Column("name_en", Text, nullable=False),
            Column("kind", Text, nullable=False),
            Column("sequence", BigInt, nullable=False),
        )
        self.area = Table(
            "organisation_area",
            metadata,
            Column("org", Text, primary_key=True),
            Column("area", Text, primary_key=True),
            Index("organisation_area_by_area", "area", postgresql_ops={"area": "text_pattern_ops"}),
        )
        self._put = upsert(self.organisation, "id", newer="sequence")

    def hear(self, inbound: Inbound) -> None:
        """Take in what mandates says, whatever the order in which it comes."""
        inbound.on("mandates.organisation", "mandates.organisation.registered", OrganisationView)(self._registered)

    async def _registered(self, tx: Tx, event: Event, view: OrganisationView) -> None:
        if any(trim(area) != area for area in view.areas):
            raise Refusal("event_malformed", reason="an area is not trimmed", type=event.type)
        values = {
            "id": view.org,
            "name_zh": view.name,
            "name_en": view.name_en or view.name,
            "kind": view.kind,
            "sequence": event.sequence,
        }
        if (await tx.conn.execute(self._put.on(tx.conn.dialect.name), values)).rowcount:
            await tx.conn.execute(delete(self.area).where(self.area.c.org == view.org))
            if view.areas:
                rows = [{"org": view.org, "area": area} for area in sorted(set(view.areas))]
                await tx.conn.execute(insert(self.area), rows)

    async def known(self, conn: AsyncConnection, org: str) -> bool:
        """Whether the organisation is registered."""
        one = self.organisation.c.id
        if (await conn.execute(select(one).where(one == org))).first() is not None:
            return True
        return (await conn.execute(select(one).limit(1))).first() is None

    async def kind_and_areas(self, conn: AsyncConnection, org: str) -> tuple[str, list[str]] | None:
        """Of a registered organisation."""
        kind = select(self.organisation.c.kind).where(self.organisation.c.id == org)
        if (row := (await conn.execute(kind)).one_or_none()) is None:
            return None
        areas = select(self.area.c.area).where(self.area.c.org == org)
        return row.kind, sorted((await conn.execute(areas)).scalars())

    async def area_known(self, conn: AsyncConnection, area: str, root: str) -> bool:
        """Whether an area (trimmed) in `root` is registered, lies in a community that is, or contains one that is."""
        if area == root or not contains(root, area):
            return area == root
        place = self.area.c.area
        near = or_(place.in_([area, area[:COMMUNITY_DIGITS]]), place.startswith(area, autoescape=True))
        if (await conn.execute(select(place).where(near).limit(1))).first() is not None:
            return True
        return (await conn.execute(select(place).limit(1))).first() is None
