"""What complaints hears of referrals: of every department on the platform that has a topic of them."""

from __future__ import annotations

from collections.abc import Sequence

from complaints import store, store_referrals
from complaints.domain.facts import ReferralRefused, ReferralTaken
from complaints.intake import take_in
from complaints.rules import REFERRED, Rules
from suizhuan import referrals
from suizhuan.areas import CodeOfToday
from suizhuan.cloudevents import Event
from suizhuan.context import dated_id
from suizhuan.inbox import Inbound, View, services_with
from suizhuan.kernel.area import trim
from suizhuan.kernel.refusal import Refusal
from suizhuan.unit_of_work import Tx

ONLY = 1  # the sequence of an answer
# Refused for good. An area that is unknown may be registered a moment later: its referral waits as a dead letter.
FOR_GOOD = frozenset({"unknown_category", "area_malformed"})


class MatterView(View):
    """A matter for complaints."""

    referral: str
    category: str
    area: CodeOfToday
    reason: str
    subject: str


def register(inbound: Inbound, rules: Rules, topics: Sequence[str]) -> None:
    """A handler for each department."""
    for service in services_with(referrals.KIND, topics):
        if service != inbound.group:  # ours are the answers
            _of(inbound, rules, service)


def _of(inbound: Inbound, rules: Rules, service: str) -> None:
    topic = f"{service}.{referrals.KIND}"

    @inbound.on(topic, f"{topic}.raised", MatterView)
    async def raised(tx: Tx, event: Event, view: MatterView) -> None:
        if await store_referrals.answered(tx.conn, service, view.referral):
            return
        key = f"{service}:{view.referral}"
        try:
            case = await _case(tx, rules, service, event, view)
        except Refusal as refusal:
            if refusal.code not in FOR_GOOD:
                raise
            await store_referrals.answer(tx.conn, service, view.referral, None)
            refused = ReferralRefused(service=service, referral=view.referral, reason=refusal.code)
            tx.emit(refused, key=key, sequence=ONLY)
            return
        await store_referrals.answer(tx.conn, service, view.referral, case)
        tx.emit(ReferralTaken(service=service, referral=view.referral, case=case), key=key, sequence=ONLY)


async def _case(tx: Tx, rules: Rules, service: str, event: Event, view: MatterView) -> str:
    """The id of the case that this is now; after a restore it may be there already."""
    case = dated_id(event.time, event.id, "case")
    if await store.find_case(tx.conn, case) is None:
        reporter = event.attribute("actor") or f"service:{service}"
        personal = store.Personal(reporter, None, None, None, f"{service} {view.subject}: {view.reason}")
        await take_in(
            tx,
            rules,
            case=case,
            category=view.category,
            area=trim(view.area),
            channel=REFERRED,
            personal=personal,
        )
    return case
