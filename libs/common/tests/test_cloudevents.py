"""Records are CloudEvents as others read and write them: the official SDK's Kafka binding, both ways."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary, to_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from suizhuan.cloudevents import PACKED, decode, envelope, pack, unpack
from suizhuan.kernel.clock import utc_text
from suizhuan.kernel.refusal import Refusal
from suizhuan.outbox import Outbox
from suizhuan.ports.log import NewRecord, Record

NOON = datetime(2026, 3, 2, 4, 0, 0, 123456, tzinfo=UTC)
ATTRIBUTES: dict[str, object] = {
    "id": "01a20d5d-226d-756e-8ce3-c0c6d6a81297",
    "source": "complaints",
    "type": "complaints.case.handed_over.v1",
    "time": utc_text(NOON),
    "subject": "case-1",
    "partitionkey": "case-1",
    "sequence": 4,
    "actor": "staff-甲",
    "org": "community-nanguan",
    "mandate": "m-1",
    "term": 2,
    "area": "321302002907",
    "correlationid": "c-1",
    "causationid": None,
    "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
}
DATA = {"case": "case-1", "price_fen": 8000, "words": "权随责走"}


def ours() -> NewRecord:
    """A record as the relay makes it of a row of the outbox."""
    value = b'{"case":"case-1","price_fen":8000,"words":"\xe6\x9d\x83\xe9\x9a\x8f\xe8\xb4\xa3\xe8\xb5\xb0"}'
    row = (17, "complaints.case", 1, "case-1", value, pack(ATTRIBUTES), 5, NOON)
    return Outbox(None, [0], {})._record(row)  # type: ignore[arg-type]


def read(record: NewRecord | Record) -> Record:
    return Record(record.topic, record.partition, 0, record.key, record.value, tuple(record.headers))


def test_the_sdk_reads_our_records() -> None:
    made = ours()
    event = from_binary(KafkaMessage(dict(made.headers), made.key, made.value), JSONFormat())
    assert event.get_data() == DATA
    found = event.get_attributes()
    expected = {name: str(value) for name, value in ATTRIBUTES.items() if value is not None and name != "time"}
    late = {"outboxid": "17", "authorityoffset": "5", "beattime": utc_text(NOON)}
    assert {name: str(found[name]) for name in [*expected, *late]} == expected | late
    assert (found["specversion"], found["datacontenttype"], found["time"]) == ("1.0", "application/json", NOON)


def test_we_read_the_sdks_records() -> None:
    attributes: dict[str, Any] = {name: str(v) for name, v in ATTRIBUTES.items() if v is not None}
    event = CloudEvent({**attributes, "specversion": "1.0", "datacontenttype": "application/json", "time": NOON}, DATA)
    message = to_binary(event, JSONFormat())
    key = message.key.encode() if isinstance(message.key, str) else message.key
    assert isinstance(message.value, bytes | str)
    value = message.value if isinstance(message.value, bytes) else message.value.encode()
    heard = decode(Record("complaints.case", 0, 3, key or b"", value, tuple(message.headers.items())))
    assert (heard.name, heard.version, heard.key, heard.sequence) == ("complaints.case.handed_over", 1, "case-1", 4)
    assert (heard.time, heard.data, heard.source, heard.offset) == (NOON, DATA, "complaints", 3)
    assert heard.attribute("actor") == "staff-甲"


def test_what_was_packed_is_unpacked_and_what_was_missing_stays_away() -> None:
    headers = dict(unpack(pack(ATTRIBUTES)))
    expected = {f"ce_{name}": str(value).encode() for name, value in ATTRIBUTES.items() if value is not None}
    assert headers == expected | {"ce_specversion": b"1.0", "content-type": b"application/json"}


@given(st.dictionaries(st.sampled_from([name[3:] for name in PACKED]), st.text()))
def test_no_value_can_become_another_attribute(attributes: dict[str, str]) -> None:
    headers = dict(unpack(pack(attributes)))
    for name, value in attributes.items():
        found = headers.get(f"ce_{name}", b"").decode()
        assert found == value.replace("\x1f", " ")


@pytest.mark.parametrize("release", [13, 14])
def test_a_row_of_an_older_release_that_knew_fewer_attributes_is_read(release: int) -> None:
    older = "\x1f".join(pack(ATTRIBUTES).split("\x1f")[:release])
    assert dict(unpack(older))["ce_id"] == str(ATTRIBUTES["id"]).encode()
    assert "ce_traceparent" not in dict(unpack(older))


@pytest.mark.parametrize(
    ("change", "code", "reason"),
    [
        ({"ce_id": None}, "event_malformed", "no ce_id"),
        ({"ce_specversion": b"0.3"}, "event_malformed", "ce_specversion is not 1.0"),
        ({"ce_type": b"no version"}, "event_unknown_version", None),
        ({"ce_sequence": b"four"}, "event_malformed", "invalid literal"),
        ({"ce_actor": b"\xff"}, "event_malformed", "header ce_actor is not UTF-8"),
        ({"ce_time": b"yesterday"}, "event_malformed", None),
    ],
)
def test_a_malformed_record_is_refused_with_its_reason(
    change: dict[str, bytes | None], code: str, reason: str | None
) -> None:
    headers = {**dict(ours().headers), **change}
    record = ours()._replace(headers=tuple((n, v) for n, v in headers.items() if v is not None))
    with pytest.raises(Refusal) as no:
        decode(read(record))
    assert no.value.code == code
    if reason is not None:
        assert reason in no.value.params["reason"]


@pytest.mark.parametrize("value", [b"", b"[]", b"1", b"\xff", b"{", b"[" * 100_000])
def test_data_that_is_no_json_object_is_refused(value: bytes) -> None:
    with pytest.raises(Refusal, match="event_malformed"):
        decode(read(ours()._replace(value=value)))


def test_an_envelope_is_read_without_its_data_which_is_refused_when_it_is_asked_for() -> None:
    assert envelope(read(ours())).data == decode(read(ours())).data == DATA
    broken = envelope(read(ours()._replace(value=b"[]")))
    assert broken.key == "case-1"
    with pytest.raises(Refusal, match="event_malformed"):
        _ = broken.data


def test_a_header_of_others_may_hold_what_we_put_between_values() -> None:
    record = ours()
    heard = decode(read(record._replace(headers=(*record.headers, ("ce_extra", b"a\x1fb"), ("other", b"\x1f")))))
    assert heard.attribute("extra") == "a\x1fb"
    assert heard.attribute("actor") == decode(read(record)).attribute("actor")
    assert "" not in heard.attributes
