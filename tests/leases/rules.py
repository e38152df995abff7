"""What must hold in every state: the guarantees, as far as one place, one case and its money can show them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from mandates.domain.mandate import ACTIVE, ENDING

from .world import MANDATES, State, World

OVERLAP, NO_DUTY, NO_POWER = "two holders overlap", "power without duty", "duty without power"
MONEY, TERM, STUCK = "money", "case_term", "no end"
Broken = tuple[str, str]


def powers(world: World, s: State) -> Iterator[tuple[str, str, int]]:
    """(where, mandate, rank) of every act at the place that would pass now, or has passed and may yet commit."""
    for process in world.replicas:
        for _, mandate, number in world.passing(s, process):
            yield world.config.processes[process], mandate, number
    for process, frozen in enumerate(s.frozen):
        if frozen is not None:
            yield world.config.processes[process], frozen.under, frozen.rank


def with_highest(world: World, s: State) -> State:
    """Remember the newest holder for whom an act would have passed."""
    newest = max((number for _, _, number in powers(world, s)), default=0)
    return s._replace(highest=newest) if newest > s.highest else s


def wrong(world: World, s: State) -> Broken | None:
    """What does not hold in this state, if anything."""
    for where, mandate, number in powers(world, s):
        if 0 <= number < s.highest:
            return OVERLAP, f"an act under {mandate} passes at {where}, when one under its successor has passed already"
        if not world.config.planned and not _in_the_books(world, s, mandate):
            return NO_DUTY, f"an act under {mandate} passes at {where}, which mandates has moved away"
    if "complaints" not in world.config.processes:
        return None
    key = (case_number(world, s), hold_number(world, s))
    if key not in world.money:
        world.money[key] = _money(world, s)
    return world.money[key]


def _in_the_books(world: World, s: State, mandate: str) -> bool:
    """Whether mandates says that this mandate has its powers at the place (G3)."""
    having, _ = _books(world, s)
    return mandate in having


def _books(world: World, s: State) -> tuple[frozenset[str], str]:
    """(every mandate that has powers at the place, by whichever of its names; the one that leads there in the end), as
    mandates says."""
    table = world.table(s, MANDATES, "mandate")
    found = world.books.get(table)
    if found is None:
        having = [row for row in world.rows(s, MANDATES, "mandate") if _has_powers(row)]
        leading = [row for row in having if row["role"] == "lead"]
        leads = [
            max((row for row in leading if place.startswith(row["area"])), key=lambda row: len(row["area"]))["id"]
            for place in world.config.places
        ]
        helping = {row["id"] for row in having if row["role"] != "lead"}
        found = world.books[table] = frozenset({*leads, *helping}), leads[-1]
    return found


def _has_powers(row: dict[str, Any]) -> bool:
    return row["state"] == ACTIVE or (row["state"] == ENDING and row["ended_at"] is None)


# --- the case and its money ------------------------------------------------------------------------------------------


def case_of(world: World, s: State) -> dict[str, Any] | None:
    """The case's row, where there is a case."""
    if "complaints" not in world.config.processes:
        return None
    rows = world.rows(s, world.config.processes.index("complaints"), "complaint_case")
    return rows[0] if rows else None


def case_number(world: World, s: State) -> int:
    """The number of what stands in the table of cases."""
    return world.table(s, world.config.processes.index("complaints"), "complaint_case")


def hold_number(world: World, s: State) -> int:
    """The number of what stands in the table of holds."""
    return world.table(s, world.config.processes.index("finance"), "hold")


def open_holds(world: World, s: State) -> dict[str, int]:
    """What finance holds. A hold of nothing, for a case that already has its money, holds nothing."""
    if "finance" not in world.config.processes:
        return {}
    rows = world.rows(s, world.config.processes.index("finance"), "hold")
    return {row["id"]: row["amount_fen"] for row in rows if row["state"] == "open" and row["amount_fen"]}


def _money(world: World, s: State) -> Broken | None:
    """A case that has moved has its money, once (G4)."""
    case = case_of(world, s)
    if case is None:
        return None
    if case["responsible"] is None:
        return TERM, "nobody is responsible for the case"
    counted = {hold["hold"]: hold["amount_fen"] for hold in json.loads(case["holds"])}
    held = open_holds(world, s)
    if lost := counted.keys() - held.keys():
        return MONEY, f"the case counts on {sorted(lost)}, which finance does not hold"
    carried = sum(counted.values())
    if carried > case["price_fen"]:
        return MONEY, f"{carried} fen are held for a case of {case['price_fen']} fen"
    if json.loads(case["stack"]) and carried != case["price_fen"]:
        return MONEY, f"the case was handed over, and {carried} fen of {case['price_fen']} are held"
    return None


def backwards(world: World, before: State, after: State) -> Broken | None:
    """A step that takes a case's movements back, moves it without counting, or to somebody without the power."""
    if before.contents == after.contents:
        return None
    was, now = case_of(world, before), case_of(world, after)
    if was is None or now is None or was is now:
        return None
    if not 0 <= now["case_term"] - was["case_term"] <= 1:
        return TERM, f"case_term went from {was['case_term']} to {now['case_term']}"
    moved = (was["responsible"], was["mandate"]) != (now["responsible"], now["mandate"])
    if moved != (now["case_term"] > was["case_term"]):
        return TERM, f"{was['responsible']} → {now['responsible']} at case_term {now['case_term']}"
    if moved and _by_power(world, before, after) and not _in_the_books(world, after, now["mandate"]):
        return NO_DUTY, f"the case moves to {now['responsible']} under {now['mandate']}, which mandates has ended"
    return None


def _by_power(world: World, before: State, after: State) -> bool:
    """Whether the case has moved by a power that was used. A record of the authority log moves it by itself, and a
    replica that lags behind applies old ones; but then nobody acts there."""
    complaints = world.config.processes.index("complaints")
    places = [world.table(s, complaints, "authority_state") for s in (before, after)]
    return places[0] == places[1] and not world.config.planned


def at_rest(world: World, s: State) -> Broken | None:
    """What has not come to its end in a world where nothing is on its way any more."""
    for row in world.rows(s, MANDATES, "switch"):
        if row["state"] in ("waiting", "open"):
            return STUCK, f"the switch {row['id']} is {row['state']} still"
    _, lead = _books(world, s)
    for process in world.replicas:
        passing = [mandate for _, mandate, _ in world.passing(s, process)]
        if passing != [lead]:
            where = world.config.processes[process]
            return NO_POWER, f"{lead} has the place, and at {where} {passing or 'nobody'} may act"
    return _case_at_rest(world, s)


def _case_at_rest(world: World, s: State) -> Broken | None:
    case = case_of(world, s)
    if case is None:
        return None
    if case["handover"] or case["switch"]:
        return STUCK, f"the case still waits for {case['handover'] or case['switch']}"
    counted = {hold["hold"] for hold in json.loads(case["holds"])}
    if left := open_holds(world, s).keys() - counted:
        return MONEY, f"finance still holds {sorted(left)}, on which no case counts"
    grants = world.rows(s, world.config.processes.index("complaints"), "authority_grant")
    under = next((g for g in grants if g["mandate"] == case["mandate"]), None)
    if under is None or not under["live"] or under["holder"] != case["responsible"] or under["term"] != case["term"]:
        return NO_DUTY, f"{case['responsible']} is responsible for the case under {case['mandate']}, which is over"
    return None
