"""Who can sign in at the demonstration issuer: the people of the seed, and three machines."""

from __future__ import annotations

from deploy.demo_issuer.app import Client, Person
from suizhuan.seed import Seed


def people(seed: Seed) -> list[Person]:
    """Staff and residents of the seed."""
    staff = [Person(s.id, "staff", s.org, s.name.zh, s.name.en) for s in seed.staff]
    return staff + [Person(r.id, "resident", None, r.name.zh, r.name.en) for r in seed.residents]


READS = "events.read audit.read"


def clients() -> list[Client]:
    """Two hubs, which read the streams for their purposes, and a department's own program."""
    return [
        Client("hub-smart-city", "demo-hub-secret", kind="hub", scope=READS, purpose="city-operations"),
        Client("hub-statistics", "demo-statistics-secret", kind="hub", scope="events.read", purpose="statistics"),
        Client("program-sanitation", "demo-program-secret", kind="service", org="dept-sanitation"),
    ]
