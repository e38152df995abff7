"""The composed reads: what the projection has, and who does not answer while it is read."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import reads
from gateway import tables as t
from gateway.asof import as_of
from gateway.schemas import ChainOut, MissingOut, OverviewOut
from gateway.upstreams import Upstreams
from suizhuan.cache import Cache
from suizhuan.db.database import Database
from suizhuan.kernel.area import prefixes
from suizhuan.kernel.refusal import Refusal

# What of a composed answer comes from which service.
PARTS = {
    "mandates": ["organisations", "mandates", "grants"],
    "finance": ["money", "holds", "entries"],
    "complaints": ["cases", "steps"],
}
OPEN_CASES = 200


class Composer:
    """Makes the composed answers. A service that is down costs nothing but news: it is named in `missing`."""

    def __init__(self, database: Database, cache: Cache, upstreams: Upstreams, bank: str) -> None:
        self.database = database
        self.cache = cache
        self.upstreams = upstreams
        self.bank = bank

    async def overview(self, area: str) -> OverviewOut:
        """Errors: `unknown_area` where no organisation is known for it or around it."""
        missing = await self.missing()
        async with self.database.read() as conn:
            here = [o["id"] for o in await reads.organisations(conn, area)]
        if not here:
            raise Refusal("unknown_area", area=area)

        async def load() -> bytes:
            async with self.database.read() as conn:
                made = await self._overview(conn, area)
            return made.model_dump_json().encode()

        # What happens in the area, what reaches into it from around, and the money of its organisations.
        tags = [f"within:{area}", *(f"area:{p}" for p in prefixes(area)), *(f"org:{org}" for org in here)]
        key = ":".join(("overview", area, *here))
        found = OverviewOut.model_validate(json.loads(await self.cache.get_or_load(key, tags, load)))
        return found.model_copy(update={"missing": missing})

    async def _overview(self, conn: AsyncConnection, area: str) -> OverviewOut:
        organisations = await reads.organisations(conn, area)
        mandates = await reads.mandates(conn, area)
        here = [o["id"] for o in organisations]
        holders = {m["holder"] for m in mandates} | set(here)
        cases = await reads.open_cases(conn, area, OPEN_CASES)
        return OverviewOut.model_validate(
            {
                "area": area,
                "organisations": organisations,
                "mandates": mandates,
                "grants": await reads.held(conn, area, holders),
                "cases": {
                    "by_state": await reads.case_counts(conn, area),
                    "yellow": sum(1 for c in cases if c["card"] == "yellow"),
                    "red": sum(1 for c in cases if c["card"] == "red"),
                    "open": cases,
                },
                "money": [await reads.money(conn, org, self.bank) for org in here],
                "departments": await self._departments(conn, area),
                "missing": [],
                "as_of": await as_of(conn),
            }
        )

    async def _departments(self, conn: AsyncConnection, area: str) -> list[dict[str, Any]]:
        """What departments keep there, by what happened to it last."""
        found: dict[tuple[str, str], dict[str, int]] = {}
        rows = await reads.figures(
            conn, area=area, digits=len(area), service=None, kind=None, after=None, limit=reads.LIMIT
        )
        for row in rows:
            found.setdefault((row["service"], row["kind"]), {})[row["state"]] = row["count"]
        return [
            {"service": service, "kind": kind, "count": sum(states.values()), "by_state": states}
            for (service, kind), states in sorted(found.items())
        ]

    async def chain(self, conn: AsyncConnection, case: dict[str, Any]) -> ChainOut:
        """A case with its chain of authority and money."""
        steps = await reads.steps(conn, case["id"])
        holds = await reads.holds_of(conn, case["id"])
        named = (
            {s["mandate"] for s in steps} | {s["data"].get("mandate") for s in steps} | {h["mandate"] for h in holds}
        )
        mandates = await reads.by_ids(conn, t.mandate, named)
        earmarks = await reads.by_ids(conn, t.earmark, mandates)
        affairs = await reads.by_ids(conn, t.affair, (m["affair"] for m in mandates.values()))
        entry_ids = {s["data"].get("entry") for s in steps} | {h["entry"] for h in holds}
        entry_ids |= {e["entry"] for e in earmarks.values()}
        entries = await reads.by_ids(conn, t.entry, entry_ids)
        names = await reads.by_ids(conn, t.organisation, (s["org"] for s in steps))
        paid = [s for s in steps if s["type"].startswith("finance.case.paid.")]
        return ChainOut.model_validate(
            {
                "case": case,
                "steps": [
                    {**s, "org_name": names.get(s["org"] or "", {}).get("name"), "entry": s["data"].get("entry")}
                    for s in steps
                ],
                "mandates": {
                    m["id"]: _with_money(m, affairs.get(m["affair"], {}), earmarks.get(m["id"], {}))
                    for m in mandates.values()
                },
                "holds": holds,
                "entries": sorted(entries.values(), key=lambda e: (e["at"], e["id"])),
                "paid_fen": paid[-1]["data"].get("amount_fen") if paid else None,
                "missing": [],
                "as_of": await as_of(conn),
            }
        )

    async def missing(self) -> list[MissingOut]:
        found = await self.upstreams.missing()
        return [MissingOut(service=s, reason=reason, parts=PARTS.get(s, [])) for s, reason in found.items()]


def _with_money(mandate: dict[str, Any], affair: dict[str, Any], earmark: dict[str, Any]) -> dict[str, Any]:
    return {
        **mandate,
        "affair_name": affair.get("name"),
        "affair_name_en": affair.get("name_en"),
        "earmark_fen": earmark.get("amount_fen"),
        "funded_by": earmark.get("entry"),
    }
