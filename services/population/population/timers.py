"""What population does when a time has come. Each handler finds out itself whether it still applies."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from population import rekeying, rights, store
from population.domain import correction as corrections
from population.domain import file as files
from population.domain import permit as permits
from population.domain.erasure import RETENTION as ENDED
from population.domain.person import DEPARTED
from population.importing import Imports
from population.rules import Rules
from population.timers_kinds import CORRECTION, ENDORSE, FORGET, ISSUE, REKEYED, RETENTION, STEP, VISIT
from suizhuan.areas import SETTLE
from suizhuan.deadlines import DeadlineHandler
from suizhuan.unit_of_work import Tx


def make(rules: Rules, imports: Imports) -> Mapping[str, DeadlineHandler]:
    """The handlers by kind."""
    again = timedelta(days=rules.population.remind_again_days)

    async def visit(tx: Tx, ref: str, _: dict[str, Any]) -> None:
        file = await store.files.find(tx.conn, ref, lock=True)
        if file is None or file.state != files.OPEN:
            return
        change = files.remind(file, tx.now)
        await store.files.save(tx, change, None)
        await tx.deadline(VISIT, ref, tx.now + again if change.facts else file.due_at)

    async def issue(tx: Tx, ref: str, _: dict[str, Any]) -> None:
        permit = await store.permits.find(tx.conn, ref, lock=True)
        if permit is not None:
            await store.permits.save(tx, permits.overdue(permit, tx.now), None)

    async def endorse(tx: Tx, ref: str, _: dict[str, Any]) -> None:
        permit = await store.permits.find(tx.conn, ref, lock=True)
        if permit is None:
            return
        change = permits.end_nears(permit, tx.now, remind_days=rules.population.permit.remind_days)
        after = await store.permits.save(tx, change, None)
        if after.state == permits.ISSUED and after.valid_until is not None:
            reminded = after.valid_until - timedelta(days=rules.population.permit.remind_days)
            await tx.deadline(ENDORSE, ref, after.valid_until if reminded <= tx.now else reminded)

    async def retention(tx: Tx, ref: str, _: dict[str, Any]) -> None:
        """The lifetime of a group of fields is over, if its person is still away."""
        person_id, code = ref.split(":")
        person = await store.people.find(tx.conn, person_id, lock=True)
        if person is None or person.state != DEPARTED:
            return
        groups = [group for group in rules.groups() if group.code == code]
        await rights.erase(tx, rules, person, groups, {}, ENDED)

    async def correction(tx: Tx, ref: str, _: dict[str, Any]) -> None:
        request = await store.corrections.find(tx.conn, ref, lock=True)
        if request is not None:
            await store.corrections.save(tx, corrections.overdue(request, tx.now), None)

    async def settle(tx: Tx, _ref: str, _: dict[str, Any]) -> None:
        await rekeying.settle(tx)

    async def rekeyed(tx: Tx, ref: str, data: dict[str, Any]) -> None:
        await rekeying.restored(tx, ref, data["switch"])

    return {
        SETTLE: settle,
        REKEYED: rekeyed,
        VISIT: visit,
        ISSUE: issue,
        ENDORSE: endorse,
        RETENTION: retention,
        CORRECTION: correction,
        STEP: imports.step,
        FORGET: imports.forget,
    }
