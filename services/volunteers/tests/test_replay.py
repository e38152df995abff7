"""What is heard, heard again from the beginning into an empty database, gives the same rows; so do repeats and what
comes late or in another order across topics."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import select

from volunteers import tables as t

from .conftest import CIVIL, COMMUNITY, MANDATE, NANGUAN, STREET, STREET_ORG, World

Heard = tuple[str, str, int, dict[str, Any]]
VIEWS = (t.organisations.organisation, t.organisations.area, t.ended_mandates, t.closed_files)


def organisation(org: str, sequence: int, *areas: str) -> Heard:
    data = {"org": org, "name": f"{org} {sequence}", "name_en": org, "kind": "street", "areas": list(areas)}
    return "mandates.organisation.registered", org, sequence, data


def ended(mandate: str) -> Heard:
    return "mandates.mandate.ended", mandate, 9, {"mandate": mandate, "ended_at": "2026-03-01T00:00:00.000000Z"}


def closed(file: str) -> Heard:
    return "population.file.closed", file, 3, {"file": file}


STORY = [
    organisation(STREET_ORG, 1, STREET),
    organisation(COMMUNITY, 1, NANGUAN),
    ended("m-1"),
    organisation(STREET_ORG, 2, STREET, "321302003"),
    closed("F-1"),
    organisation(CIVIL, 1),
    ended("m-2"),
]


async def hear(world: World, *told: Heard) -> None:
    for name, key, sequence, data in told:
        world.sequence = sequence - 1
        await world.hear(name, key, data)


async def rows(world: World) -> list[list[tuple[Any, ...]]]:
    async with world.service.parts.database.read() as conn:
        return [sorted(tuple(row) for row in await conn.execute(select(table))) for table in VIEWS]


async def test_the_same_story_twice_gives_the_same_rows(empty: World) -> None:
    await hear(empty, *STORY)
    once = await rows(empty)
    assert [len(part) for part in once] == [3, 3, 2, 1]
    await hear(empty, *STORY)
    assert await rows(empty) == once


@pytest.mark.parametrize("seed", range(6))
async def test_any_order_of_topics_gives_the_same_rows(empty: World, seed: int) -> None:
    """Within a topic's key the order is kept; across topics there is none."""
    topics: dict[str, list[Heard]] = {}
    for one in STORY:
        topics.setdefault(one[0], []).append(one)
    order = list(permutations(topics))[seed]
    await hear(empty, *(one for name in order for one in topics[name]))
    mixed = await rows(empty)
    await hear(empty, *STORY)
    assert await rows(empty) == mixed
    assert [len(part) for part in mixed] == [3, 3, 2, 1]


async def test_an_older_entry_of_a_register_does_not_replace_the_newer_one(empty: World) -> None:
    await hear(empty, organisation(STREET_ORG, 2, STREET), organisation(STREET_ORG, 1, NANGUAN))
    organisations, areas, *_ = await rows(empty)
    assert organisations[0][1] == f"{STREET_ORG} 2"
    assert areas == [(STREET_ORG, STREET)]


async def test_the_whole_of_finances_answers_again_changes_nothing(world: World) -> None:
    opened, unfunded = await world.activity(held=False), await world.activity(held=False)
    answers = [
        ("held", opened["bill"], {"mandate": MANDATE, "amount_fen": 20_000}),
        ("refused", unfunded["bill"], {"reason": "short", "shortfall_fen": 5}),
        ("paid", opened["bill"], {"amount_fen": 1}),  # of what is not closed: nothing
        ("released", unfunded["bill"], {"amount_fen": 0}),  # nobody asks
    ]
    for what, bill, more in answers:
        await world.bill(what, bill, **more)
    before = [await world.get(f"/activities/{one['id']}") for one in (opened, unfunded)]
    await world.events()
    for what, bill, more in answers:
        await world.bill(what, bill, **more)
    assert [await world.get(f"/activities/{one['id']}") for one in (opened, unfunded)] == before
    assert await world.names() == []
