"""What was published stays readable: by the present schema, from every version there ever was, and by upcasters."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from deploy.schemas import breaking, committed, present, problems, published, unwritten
from suizhuan.cloudevents import Event, decode
from suizhuan.inbox import Inbound, View
from suizhuan.kernel.clock import SystemClock
from suizhuan.kernel.refusal import Refusal
from suizhuan.testing import record
from suizhuan.unit_of_work import Tx

NAME = "complaints.case.closed.v1"


def changed(**properties: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
    """The present schemas, with some properties of one event replaced (None: taken away)."""
    now = copy.deepcopy(present())
    for name, value in properties.items():
        if value is None:
            del now[NAME]["properties"][name]
            now[NAME]["required"] = [n for n in now[NAME].get("required", []) if n != name]
        else:
            now[NAME]["properties"][name] = value
    return now


def test_what_is_committed_is_what_the_code_says() -> None:
    assert problems() == []


def test_a_breaking_change_is_told_with_what_to_do_instead() -> None:
    (told,) = breaking(changed(outcome=None), published())
    assert told.startswith(f"{NAME}: data.outcome was taken away.")
    assert "register v2 beside it" in told
    assert "upcaster" in told
    assert "另行发布 v2" in told


def test_an_event_that_is_gone_is_told() -> None:
    now = present()
    del now[NAME]
    (told,) = breaking(now, published())
    assert told.startswith(f"{NAME} was published and is gone")


def test_every_version_that_was_ever_published_counts_and_not_only_the_last() -> None:
    """A field that came and went again: the last change alone looks harmless."""
    first = present()[NAME]
    second = copy.deepcopy(first)
    second["properties"]["note"] = {"type": "string", "default": ""}
    third = copy.deepcopy(first)
    third["properties"]["note"] = {"type": "integer", "default": 0}
    now = {**present(), NAME: third}
    assert breaking(now, {**published(), NAME: [first]}) == []
    assert len(breaking(now, {**published(), NAME: [first, second]})) == 1
    assert len(breaking(now, {**published(), NAME: [second, first]})) == 1


def test_a_compatible_change_must_be_written_down() -> None:
    now = changed(note={"type": "string", "default": ""})
    assert breaking(now, published()) == []
    (told,) = unwritten(now, committed(), published())
    assert told.startswith(f"{NAME} is not written down as it is")


# --- upcasters ------------------------------------------------------------------------------------------------------


class Closed(View):
    case: str
    outcome: str
    by: str


def inbound() -> tuple[Inbound, list[Closed]]:
    """A reader that was written against version 3."""
    heard: list[Closed] = []
    made = Inbound("reader")

    @made.on("complaints.case", "complaints.case.closed", Closed, version=3)
    async def closed(_tx: Tx, _event: Event, view: Closed) -> None:
        heard.append(view)

    @made.upcast("complaints.case.closed", 1)
    def named(data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "outcome": data["result"]}

    @made.upcast("complaints.case.closed", 2)
    def attributed(data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "by": "unknown"}

    return made, heard


def event(version: int, **data: str) -> Event:
    return decode(record(f"complaints.case.closed.v{version}", data, key="c1", time=SystemClock().now(), sequence=1))


@pytest.mark.parametrize(
    ("version", "data"),
    [
        (1, {"case": "c1", "result": "verified"}),
        (2, {"case": "c1", "outcome": "verified"}),
        (3, {"case": "c1", "outcome": "verified", "by": "unknown"}),
        (4, {"case": "c1", "outcome": "verified", "by": "unknown", "more": "than we know"}),
    ],
)
async def test_handlers_know_one_version_and_hear_them_all(version: int, data: dict[str, str]) -> None:
    made, heard = inbound()
    await made.handle(None, event(version, **data))  # type: ignore[arg-type]
    assert heard == [Closed(case="c1", outcome="verified", by="unknown")]


async def test_a_version_that_no_upcaster_raises_is_refused() -> None:
    made, heard = inbound()
    del made.upcasters["complaints.case.closed", 1]
    with pytest.raises(Refusal, match="event_unknown_version"):
        await made.handle(None, event(1, case="c1", result="verified"))  # type: ignore[arg-type]
    assert heard == []


def test_two_upcasters_for_one_version_are_a_mistake() -> None:
    made, _ = inbound()
    with pytest.raises(ValueError, match="raises version 1"):
        made.upcast("complaints.case.closed", 1)(dict)
