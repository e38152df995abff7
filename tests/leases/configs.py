"""The small worlds that are explored. Together they have what authority §3 and §4 speak of; each is as small as it can
be and still show what it is there for."""

from __future__ import annotations

from . import founding as f
from .world import MANDATES, Config, State, World

ONE_TICK_IN_DAYS = 10 / 86_400
# Mandates' clock ahead and the others' behind: the worst that ±ε allows for a lease.
APART = (5.0, -5.0, -5.0)
ACTS = ((1, ("act", f.DEPT), f.DEPT), (1, ("act", f.COMMUNITY), f.COMMUNITY))
ACTIVATE = (MANDATES, ("place", f.LEAD, f.COMMUNITY, f.NANGUAN))
PAIR = ("mandates", "gateway")
WITH_CASE = ("mandates", "complaints", "finance")


def beats(world: World, s: State, ticks: int, *, who: tuple[int, ...] | None = None) -> State:
    """Time passes in which mandates beats, and all (or who is named) apply its log; nothing else comes."""
    for _ in range(ticks):
        s = world.command(s._replace(tick=s.tick + 1), MANDATES, ("beat",))
        s = applied(world, s, who=who)
    return s


def applied(world: World, s: State, *, who: tuple[int, ...] | None = None) -> State:
    """All, or who is named, have applied all of the log."""
    for process in who or world.replicas:
        for position in range(s.applied[process], len(s.log)):
            places = tuple(position + 1 if i == process else a for i, a in enumerate(s.applied))
            s = world.command(s, process, ("apply", s.log[position]))._replace(applied=places)
    return s


def slow_answer(world: World, s: State) -> State:
    """The first opening is applied everywhere, but late by mandates itself, and the gateway's answer is later still: so
    the switch is dropped before its wait is over."""
    return beats(world, beats(world, s, 2, who=(1,)), 1)


def queue(world: World, s: State) -> State:
    """Two overlapping mandates; the wider one's switch is open, and its answers are slow; the other waits behind it."""
    s = world.command(s, MANDATES, ("place", f.WIDER, f.OTHER, f.STREET))
    s = world.command(s, MANDATES, ("place", f.LEAD, f.COMMUNITY, f.NANGUAN))
    return beats(world, applied(world, s), 1)


def stranger(world: World, s: State) -> State:
    """As `queue`, but the gateway has only just asked to join, and mandates has not read its own log."""
    s = world.command(s, MANDATES, ("place", f.WIDER, f.OTHER, f.STREET))
    s = world.command(s, MANDATES, ("place", f.LEAD, f.COMMUNITY, f.NANGUAN))
    for position in range(len(s.log)):
        s = world.command(s, 1, ("apply", s.log[position]))._replace(applied=(s.applied[0], position + 1))
    return s


ACTIVATION = Config(name="activation", processes=PAIR, begins=(ACTIVATE,), acts=ACTS, ticks=3, beats=1, freezes=1)
CLOCKS_APART = Config(
    name="clocks apart",
    processes=PAIR,
    profile=f.SKEWED,
    errors=APART,
    begins=(ACTIVATE,),
    acts=ACTS[:1],
    ticks=5,
    beats=0,
    freezes=1,
)
LATE_BEAT = Config(name="late beat", processes=PAIR, begins=(ACTIVATE,), ticks=3, beats=2, lates=1)
RESTART = Config(name="restart", processes=PAIR, begins=(ACTIVATE,), ticks=4, beats=2, restarts=1)
EARLY_END = Config(
    name="early end",
    processes=PAIR,
    before=(ACTIVATE,),
    begins=((MANDATES, ("end", f.LEAD)),),
    acts=ACTS,
    ticks=3,
    beats=1,
    freezes=1,
    order=(f.LEAD, f.ROOT),
)
ON_SQLITE = Config(
    name="on SQLite",
    processes=PAIR,
    begins=(ACTIVATE,),
    acts=ACTS[:1],
    ticks=4,
    beats=1,
    freezes=1,
    gateway="sqlite:4",
)
DROPPED = Config(name="dropped and again", processes=PAIR, begins=(ACTIVATE,), prefix=slow_answer, ticks=2, beats=2)
BESIDE = Config(
    name="one beside the other",
    processes=PAIR,
    begins=((MANDATES, ("place", f.BESIDE, f.OTHER, f.XIANGLI)), ACTIVATE),
    commands=((MANDATES, ("withdraw", f.BESIDE)),),
    ticks=1,
    beats=1,
)
QUEUE = Config(
    name="one behind the other",
    processes=PAIR,
    prefix=queue,
    ticks=2,
    beats=1,
    order=(f.ROOT, f.WIDER, f.LEAD),
)
JOINS = Config(
    name="one joins",
    processes=PAIR,
    prefix=stranger,
    ticks=2,
    beats=0,
    order=(f.ROOT, f.WIDER, f.LEAD),
    strangers=(1,),
)
RESTORED = Config(
    name="restored",
    processes=PAIR,
    begins=(ACTIVATE,),
    acts=ACTS[:1],
    ticks=3,
    beats=1,
    freezes=1,
    restores=1,
)
PLANNED = Config(
    name="planned end",
    processes=PAIR,
    before=((MANDATES, ("place", f.LEAD, f.COMMUNITY, f.NANGUAN, "lead", ONE_TICK_IN_DAYS)),),
    acts=ACTS,
    ticks=3,
    beats=3,
    freezes=1,
    order=(f.LEAD, f.ROOT),
    planned=True,
)
REKEYED = Config(
    name="two communities become one",
    processes=PAIR,
    before=(ACTIVATE, (MANDATES, ("place", f.BESIDE, f.OTHER, f.XIANGLI))),
    begins=((MANDATES, ("rekey",)),),
    acts=((1, ("act", f.OTHER, f.THERE), f.OTHER), (1, ("act", f.COMMUNITY, f.THEN), f.COMMUNITY)),
    ticks=3,
    beats=1,
    freezes=1,
    order=(f.BESIDE, f.LEAD),
    places=(f.THERE, f.THEN),
)
CASE = ((MANDATES, ("place", f.ASSIST, f.FIRM, f.STREET, "assist")), (1, ("report",)))
ASK = (1, ("hand_over", f.DEPT, f.FIRM))
HANDOVER = Config(
    name="switch and handover",
    processes=WITH_CASE,
    before=CASE,
    begins=(ACTIVATE,),
    commands=(ASK,),
    ticks=2,
    beats=1,
    restarts=1,
    freezes=1,
)
CASE_REKEYED = Config(
    name="a case's area gets another code",
    processes=WITH_CASE,
    before=(*CASE, ACTIVATE),
    begins=((MANDATES, ("rekey",)),),
    commands=((1, ("hand_over", f.COMMUNITY, f.FIRM)),),
    ticks=1,
    beats=1,
    order=(f.LEAD,),
    places=(f.PLACE, f.THEN),
)
RECEIVER_ENDS = Config(
    name="the receiver's mandate ends",
    processes=WITH_CASE,
    before=CASE,
    begins=((MANDATES, ("end", f.ASSIST)),),
    commands=(ASK,),
    ticks=3,
    beats=1,
    freezes=1,
)

CONFIGS = (
    ACTIVATION,
    CLOCKS_APART,
    LATE_BEAT,
    RESTART,
    EARLY_END,
    ON_SQLITE,
    DROPPED,
    BESIDE,
    QUEUE,
    JOINS,
    RESTORED,
    PLANNED,
    REKEYED,
    HANDOVER,
    CASE_REKEYED,
    RECEIVER_ENDS,
)
