"""The early check of a power in process memory, against Casbin with the same grants."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import casbin  # type: ignore[import-untyped, import-not-found, unused-ignore]

from bench.measure import Ratio, Side, in_turns
from bench.stage import Servers
from suizhuan.authority.book import Book
from suizhuan.kernel.term import Grant

GRANTS, CHECKS = 10_000, 20_000
NOW = datetime(2026, 3, 2, tzinfo=UTC)
POWER = "complaints.case.handle"
# Casbin's own RBAC style for places: the policy's area must be a prefix of the place asked for.
MODEL = """
[request_definition]
r = sub, affair, place, act
[policy_definition]
p = sub, affair, area, act
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.sub == p.sub && r.affair == p.affair && r.act == p.act && starts_with(r.place, p.area)
"""


def grants() -> list[Grant]:
    """Ten affairs, each placed on a thousand communities."""
    return [
        Grant(
            f"m-{n}",
            f"affair-{n % 10}",
            f"{321302001001 + n // 10:012d}",
            "lead",
            f"org-{n // 10}",
            frozenset({POWER}),
            1,
            NOW,
        )
        for n in range(GRANTS)
    ]


async def measure(_servers: Servers) -> list[Ratio]:
    """Microseconds a check, and how many times as fast as Casbin."""
    book = Book()
    book._take(grants())
    enforcer = casbin.Enforcer(casbin.Enforcer.new_model(text=MODEL))
    enforcer.add_function("starts_with", lambda place, area: place.startswith(area))
    enforcer.add_policies([[g.holder, g.affair, g.area, POWER] for g in grants()])
    asked = [(f"org-{n % 1000}", f"affair-{n % 10}", f"{321302001001 + n % 1000:012d}001") for n in range(CHECKS)]

    async def ours(_round: int) -> float:
        started = time.perf_counter()
        allowed = sum(book.holding(org, POWER, affair, place, NOW) is not None for org, affair, place in asked)
        assert allowed == CHECKS
        return (time.perf_counter() - started) / CHECKS * 1e6

    async def casbins(number: int) -> float:
        few = asked[number :: CHECKS // 20 - 1]  # not the first policies only: it stops at the one that matches
        started = time.perf_counter()
        assert all(enforcer.enforce(org, affair, place, POWER) for org, affair, place in few)
        return (time.perf_counter() - started) / len(few) * 1e6

    async def one(_round: int) -> float:
        return 1.0

    alone = await in_turns("power_check_us", "µs", ours, one, reach=2.0, at_most=True)
    pair = await in_turns("power_check_vs_casbin", "checks/s", _rate(ours), _rate(casbins), reach=100.0)
    return [alone, pair]


def _rate(side: Side) -> Side:
    async def checks(number: int) -> float:
        return 1e6 / await side(number)

    return checks
