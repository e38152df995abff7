"""Referrals 转交: a matter that another department brings to complaints, by an event in a topic `<service>.referral`.

Complaints takes it in as a case like any other, with a channel of its own, and answers in `complaints.referral`, key
`<service>:<referral>`: `taken` names the case, `refused` says why not. Nothing personal stands in it: who handles the
case asks the department that referred it, with a power and a purpose.
"""

from __future__ import annotations

from dataclasses import dataclass

from suizhuan.events import EventRegistry
from suizhuan.ports.log import TopicSpec

KIND = "referral"


@dataclass(frozen=True, slots=True, kw_only=True)
class MatterReferred:
    """A matter of `category` (the profile's) in `area` for complaints. `reason` is a word of the service's, such as
    `overdue`; `subject` is what it is about there, such as the id of a repair request."""

    referral: str
    category: str
    area: str
    reason: str
    subject: str


def publish(events: EventRegistry) -> TopicSpec:
    """Declare the topic of a service's referrals."""
    topic = events.topic(f"{events.service}.{KIND}")
    events.register(topic, MatterReferred, f"{KIND}.raised")
    return topic
