"""Who can sign in at the demonstration issuer: the people of the seed, and two machines."""

from __future__ import annotations

from deploy.demo_issuer.app import Client, Person
from suizhuan.seed import Seed


def people(seed: Seed) -> list[Person]:
    """Staff and residents of the seed."""
    staff = [Person(s.id, "staff", s.org, s.name.zh, s.name.en) for s in seed.staff]
    return staff + [Person(r.id, "resident", None, r.name.zh, r.name.en) for r in seed.residents]


def clients() -> list[Client]:
    """The smart-city hub, which reads the streams, and a department's own program."""
    return [
        Client("hub-smart-city", "demo-hub-secret", kind="hub", scope="events.read audit.read"),
        Client("program-sanitation", "demo-program-secret", kind="service", org="dept-sanitation"),
    ]
