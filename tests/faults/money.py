"""Every fen in its place: what the log says, what the ledger holds, and what was paid come to the same."""

from __future__ import annotations

from collections import Counter, defaultdict

from .evidence import Evidence
from .findings import EFFECT_LOST, EFFECT_TWICE, MONEY, Finding, compare, equal

Account = tuple[str, str, str]


def check(evidence: Evidence) -> list[Finding]:
    return [*_ledger(evidence), *_holds(evidence), *_payments(evidence), *_earmarks(evidence)]


def _ledger(evidence: Evidence) -> list[Finding]:
    """Entries balance for each organisation; the database has each once, and its balances are their sums."""
    found: list[Finding] = []
    said: Counter[Account] = Counter()
    posted = evidence.named("finance.entry.posted")
    for event in posted:
        per_org: Counter[str] = Counter()
        for line in event.data["lines"]:
            said[line["org"], line["account"], line["earmark"] or ""] += line["amount_fen"]
            per_org[line["org"]] += line["amount_fen"]
        found += [Finding(MONEY, f"entry {event.key}: {org} is off by {off}") for org, off in per_org.items() if off]
    rows = [row["id"] for row in evidence.rows("finance", "entry")]
    found += compare("entry", [e.key for e in posted], rows, EFFECT_LOST, EFFECT_TWICE)
    booked: Counter[Account] = Counter()
    for row in evidence.rows("finance", "line"):
        booked[row["org"], row["account"], row["earmark"]] += row["amount_fen"]
    found += equal("booked on", _not_zero(said), _not_zero(booked), MONEY)
    for service, fen in (("finance", "fen"), ("gateway", "amount_fen")):
        balances = {(r["org"], r["account"], r["earmark"]): r[fen] for r in evidence.rows(service, "balance")}
        found += equal(f"{service}'s balance of", _not_zero(booked), _not_zero(balances), MONEY)
    return found


def _not_zero(sums: dict[Account, int] | Counter[Account]) -> dict[Account, int]:
    return {account: fen for account, fen in sums.items() if fen}


def _holds(evidence: Evidence) -> list[Finding]:
    """One hold a movement; each comes to one end; the database says the same."""
    placed = {e.data["hold"]: e.data for e in evidence.named("finance.hold.placed")}
    movements = [(h["case"], h["ref"]) for h in placed.values()]
    found = compare("hold for", set(movements), movements, EFFECT_LOST, EFFECT_TWICE)
    ended = evidence.named("finance.hold.captured", "finance.hold.released")
    found += compare("the end of hold", placed, [e.data["hold"] for e in ended], EFFECT_LOST, EFFECT_TWICE)
    amounts = {e.data["hold"]: e.data["amount_fen"] for e in ended}
    found += equal("hold", {hold: data["amount_fen"] for hold, data in placed.items()}, amounts, MONEY)
    states = {e.data["hold"]: e.name.rpartition(".")[2] for e in ended}
    return found + equal(
        "the row of hold", states, {r["id"]: r["state"] for r in evidence.rows("finance", "hold")}, MONEY
    )


def _payments(evidence: Evidence) -> list[Finding]:
    """What was paid for a case is its price; and it is what was captured for it, where anything was held."""
    captured: dict[str, int] = defaultdict(int)
    for event in evidence.named("finance.hold.captured"):
        captured[event.data["case"]] += event.data["amount_fen"]
    prices = {e.data["case"]: e.data["price_fen"] for e in evidence.named("complaints.case.verified")}
    paid = {e.data["case"]: e.data for e in evidence.named("finance.case.paid")}
    found = equal("paid for case", prices, {case: p["amount_fen"] for case, p in paid.items()}, MONEY)
    held = {case: p["amount_fen"] for case, p in paid.items() if p["holds"]}
    found += equal("captured for case", held, dict(captured), MONEY)
    entries = Counter(p["entry"] for p in paid.values() if p["entry"])
    posted = {e.key for e in evidence.named("finance.entry.posted")}
    found += [Finding(MONEY, f"entry {entry} pays {n} cases") for entry, n in entries.items() if n > 1]
    return found + [Finding(MONEY, f"there is no entry {entry}") for entry in entries if entry not in posted]


def _earmarks(evidence: Evidence) -> list[Finding]:
    """Set aside = captured + returned + held + free, by the database; captured and returned also by the log."""
    found = []
    back: Counter[str] = Counter()
    for event in evidence.named("finance.earmark.returned"):
        back[event.data["mandate"]] += event.data["amount_fen"]
    funded = {e.data["mandate"]: e.data["amount_fen"] for e in evidence.named("finance.earmark.funded")}
    for row in evidence.rows("finance", "earmark"):
        free = row["amount_fen"] - row["captured_fen"] - row["returned_fen"] - row["held_fen"]
        if free < 0 or min(row["captured_fen"], row["returned_fen"], row["held_fen"]) < 0:
            found.append(Finding(MONEY, f"the earmark of {row['mandate']} is overdrawn: {row}"))
        if row["state"] == "settled" and (free or row["held_fen"]):
            found.append(Finding(MONEY, f"the earmark of {row['mandate']} is settled with {free} left"))
        if (row["amount_fen"], row["returned_fen"]) != (funded.get(row["mandate"], 0), back[row["mandate"]]):
            found.append(Finding(MONEY, f"the earmark of {row['mandate']} is not what the log says: {row}"))
    return found
