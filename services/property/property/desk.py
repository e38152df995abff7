"""What commands have in common: who asks, where it may be, under which power it is done."""

from __future__ import annotations

from property.rules import Rules
from property.tables import organisations
from suizhuan.commands import Command
from suizhuan.kernel.area import trim
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.term import holding
from suizhuan.unit_of_work import Authority, Tx

PREMISES, ESTATES, UPKEEP = "property.premises", "property.estates", "property.upkeep"
"""The affairs: 社区用房与出租, 小区与业主自治, 物业维修."""

REGISTER_PREMISE = "property.premise.register"
CONCLUDE_LEASE, READ_LESSEE = "property.lease.conclude", "property.lessee.read"
REGISTER_ESTATE = "property.estate.register"
LIST_FIRM, FILE_CONTRACT = "property.firm.list", "property.contract.file"
REGISTER_OWNER, READ_OWNER = "property.owner.register", "property.owner.read"
CALL_MEETING, FILE_COMMITTEE = "property.meeting.call", "property.committee.file"
HANDLE_REPAIR, READ_REPAIR = "property.repair.handle", "property.repair.read"


def staff(command: Command) -> str:
    """The organisation for which the caller works. Errors: `wrong_kind`."""
    if command.identity.kind != "staff" or command.identity.org is None:
        raise Refusal("wrong_kind")
    return command.identity.org


async def act(tx: Tx, command: Command, power: str, affair: str, area: str) -> Authority:
    """The caller's organisation uses a power at a place. Errors: `wrong_kind`, and those of every act."""
    return Authority.of(await tx.act(power, affair, area, staff(command)))


async def holds(tx: Tx, org: str, power: str, affair: str, area: str) -> bool:
    """Whether an organisation has a power at a place now."""
    return holding(await tx.covering(affair, area), org, power, affair, area, tx.now) is not None


async def known_area(tx: Tx, rules: Rules, code: str) -> str:
    """The area, trimmed, if it is registered, or a grid of one that is.

    As long as nothing at all is registered here (mandates was never heard), whatever lies in the root is taken.
    Errors: `area_malformed`, `unknown_area`."""
    area = trim(code)
    if not await organisations.area_known(tx.conn, area, rules.profile.root_area):
        raise Refusal("unknown_area", area=area)
    return area


def key_of(value: str, what: str) -> str:
    """An id as it may stand in a path. Errors: `not_found` for what cannot be one."""
    if len(value) > 80 or not value.isascii() or not value.isprintable():
        raise Refusal("not_found", what=what, id="?")
    return value
