"""What is done to the platform, and when: drawn from a seed, so that a run can be had again."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

KILL, DRAIN = "kill -9", "SIGTERM"
BROKER, DATABASE, FREEZE = "broker stopped", "database restarted", "consumer frozen"
KINDS = (KILL, DRAIN, BROKER, DATABASE, FREEZE)
ROUND_S = 60.0
FIRST_S = 4.0
APART_S = 18.0  # between the three great faults of a round
SESSION_S = 10.0  # after which Kafka puts a silent member out of its group (KafkaLog)
REST = 3  # processes that died last may start again
DRAINED = 5  # of so many processes that end, one ends in good order
SPARED_S = 12.0  # before a freeze, its group is left alone: it is to be a member when it freezes


@dataclass(frozen=True, slots=True)
class Fault:
    """`at` seconds after the load has begun. `lasts`: how long the server is away, or the process frozen."""

    at: float
    kind: str
    target: str = ""
    lasts: float = 0.0
    hard: bool = False  # a server dies, instead of stopping in good order


def plan(seed: int, seconds: float, programs: Sequence[str], pairs: Mapping[str, Sequence[str]]) -> list[Fault]:
    """The faults of a run, by time.

    Every round of a minute has one outage of the broker, one restart of PostgreSQL and one frozen consumer, in an order
    drawn anew; all the while one of `programs` is killed every 2 to 5 seconds, now and then told to end instead, and
    each but the last few may be next. `pairs`: the workers of a service that share its groups; one of them is frozen,
    and none of them is killed from shortly before until it is thawed.
    """
    rng = random.Random(seed)
    great: list[Fault] = []
    for number in range(max(1, int(seconds // ROUND_S))):
        kinds = [BROKER, DATABASE, FREEZE]
        rng.shuffle(kinds)
        for place, kind in enumerate(kinds):
            at = number * ROUND_S + FIRST_S + place * APART_S + rng.uniform(0, 2)
            great.append(_great(rng, kind, at, pairs, hard=number % 2 == 1))
    kills: list[Fault] = []
    at = 1.0
    while (at := at + rng.uniform(2, 5)) < seconds:
        spared = {fault.target for fault in kills[-REST:]}
        spared |= {name for fault in great if _spares(fault, at) for name in _pair_of(fault.target, pairs)}
        kind = DRAIN if len(kills) % DRAINED == DRAINED - 1 else KILL
        kills.append(Fault(at, kind, rng.choice([name for name in programs if name not in spared])))
    return sorted([*great, *kills], key=lambda fault: fault.at)


def _great(rng: random.Random, kind: str, at: float, pairs: Mapping[str, Sequence[str]], *, hard: bool) -> Fault:
    if kind == FREEZE:
        target = rng.choice([name for names in pairs.values() for name in names])
        return Fault(at, kind, target, SESSION_S + rng.uniform(2, 4))
    return Fault(at, kind, lasts=rng.uniform(3, 6) if kind == BROKER else rng.uniform(0.2, 2), hard=hard)


def _spares(fault: Fault, at: float) -> bool:
    return fault.kind == FREEZE and fault.at - SPARED_S <= at <= fault.at + fault.lasts + 1


def _pair_of(name: str, pairs: Mapping[str, Sequence[str]]) -> Sequence[str]:
    return next(names for names in pairs.values() if name in names)
