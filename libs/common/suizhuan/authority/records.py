"""The records of `mandates.authority` as every replica reads them (tolerant views)."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from suizhuan.kernel.rekeying import Move, Table

TOPIC = "mandates.authority"
OPENED = "mandates.switch.opened"
DONE = "mandates.switch.done"
DROPPED = "mandates.switch.dropped"
BEAT = "mandates.authority.beat"
BEAT_KEY = "beat"


class View(BaseModel):
    """A tolerant view: what we do not know is ignored, what we need must be there."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)


class SlotView(View):
    """A slot that is about to move; `mandate` narrows an assist slot to one grant."""

    affair: str
    area: str
    role: str
    mandate: str | None = None


class HoldingView(View):
    """Who held or now holds a slot."""

    mandate: str
    holder: str
    term: int
    powers: list[str] = []
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    successor: str | None = None


class MovedSlotView(View):
    """A slot that has moved: from `old` to `new`; without `new` the broader holder follows."""

    affair: str
    area: str
    role: str
    old: HoldingView | None = None
    new: HoldingView | None = None


class RekeyView(View):
    """A code that becomes another one (`suizhuan.kernel.rekeying`)."""

    old: str
    new: str
    heir: bool = True


class Rekeying(View):
    """What a record says of areas that get other codes; mostly nothing."""

    rekeys: list[RekeyView] = []
    rekeying: str | None = None

    @property
    def table(self) -> Table:
        return Table(Move(r.old, r.new, r.heir) for r in self.rekeys)


class OpenedView(Rekeying):
    switch: str
    slots: list[SlotView]
    why: str


class DoneView(Rekeying):
    switch: str
    slots: list[MovedSlotView]
    why: str = ""


class DroppedView(View):
    switch: str
    why: str = ""


class BeatView(View):
    replicas: list[str]
    sent_at: datetime
