"""The one catalogue of every metric of the platform. A metric that is not here does not exist.

Names start with `suizhuan_`; times are seconds, money is fen. Every sample carries the label `service`, which is
put on when the metrics are read, so that recording costs nothing for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.samples import Sample

# From a power check to a stuck dependency: 1 ms … 10 s.
LATENCY = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SIZES = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500)

M = TypeVar("M", Counter, Gauge, Histogram)


class Metrics:
    """The metrics of one service in one process, on a registry of its own (several services may share a process)."""

    content_type = CONTENT_TYPE_PLAIN_0_0_4

    def __init__(self, registry: CollectorRegistry, service: str) -> None:
        self.registry = registry
        self.service = service
        self._http()
        self._event_path()
        self._authority()
        self._business()
        self._surroundings()
        ProcessCollector(registry=registry)

    def _http(self) -> None:
        # How long answers take. `route` is the template (/cases/{id}), never the path; "unmatched" when there is none.
        self.http_request_seconds = self._histogram(
            "http_request_seconds", "Duration of HTTP requests", "method", "route", "status"
        )
        # Requests being answered now.
        self.http_requests_in_flight = self._gauge("http_requests_in_flight", "HTTP requests under way")
        # Every no that a rule said, by its code.
        self.refusals_total = self._counter("refusals_total", "Refusals by code", "code")
        # Bad surprises: answered 500 and logged with their trace id. Anything above 0 is a bug.
        self.internal_errors_total = self._counter("internal_errors_total", "Requests that ended in an internal error")
        # Tokens judged. `outcome`: cached, verified, refused.
        self.tokens_total = self._counter("tokens_total", "Tokens judged", "outcome")
        # Fetches of an issuer's keys. `outcome`: ok, failed.
        self.jwks_fetches_total = self._counter("jwks_fetches_total", "Fetches of issuer keys", "outcome")

    def _event_path(self) -> None:
        # What the unit of work appended to the outbox, by full type (complaints.case.opened.v1).
        self.events_emitted_total = self._counter("events_emitted_total", "Events written to the outbox", "type")
        # Rows waiting in the outbox as the relay last saw them (capped at its batch), and the age of the oldest: looked
        # at beside the relay too, for one that hangs must not hide it.
        self.outbox_depth = self._gauge("outbox_depth", "Events waiting in the outbox")
        self.outbox_oldest_seconds = self._gauge("outbox_oldest_seconds", "Age of the oldest event in the outbox")
        # Events the log has acknowledged, appends it did not take, whether this process leads a lane (0 or 1).
        self.relay_published_total = self._counter("relay_published_total", "Events acknowledged by the log")
        self.relay_batch_events = self._histogram("relay_batch_events", "Events in one batch", buckets=SIZES)
        self.relay_failures_total = self._counter("relay_failures_total", "Appends the log did not take", "topic")
        self.relay_leader = self._gauge("relay_leader", "Whether this process leads the lane", "lane")
        # Consumers, by group. Lag is in records, per partition, as of the last poll.
        self.consumer_lag = self._gauge("consumer_lag", "Records not yet consumed", "group", "topic", "partition")
        self.consumer_batch_events = self._histogram(
            "consumer_batch_events", "Events in one batch", "group", buckets=SIZES
        )
        # A consumer that paused because nearly everything failed, one that was started anew because it hung, and one
        # that has stopped for good (1): the authority replica met a record that it may not skip, or the log is another.
        self.consumer_trips_total = self._counter("consumer_trips_total", "Pauses because of too many dead", "group")
        self.consumer_restarts_total = self._counter("consumer_restarts_total", "Consumers begun anew", "group")
        self.consumer_stopped = self._gauge("consumer_stopped", "Whether it has stopped for good", "group")
        self.consumer_batches_total = self._counter("consumer_batches_total", "Batches committed", "group")
        self.consumer_events_total = self._counter("consumer_events_total", "Events handled", "group", "type")
        self.consumer_duplicates_total = self._counter("consumer_duplicates_total", "Repeats ignored", "group")
        self.consumer_retries_total = self._counter("consumer_retries_total", "Batches tried again", "group", "why")
        self.consumer_batch_seconds = self._histogram("consumer_batch_seconds", "Transaction of one batch", "group")
        # From the event's own time to its effect being committed here, of the oldest in each batch; spans two clocks.
        self.effect_seconds = self._histogram("effect_seconds", "From an event's time to its effect", "group")
        # Letters written, by state (dead, parked); what lies there now; keys whose events wait behind a dead one.
        self.dead_letters_total = self._counter("dead_letters_total", "Dead letters written", "group", "state")
        self.dead_letters_waiting = self._gauge("dead_letters_waiting", "Dead letters not yet redriven", "group")
        self.parked_keys = self._gauge("parked_keys", "Aggregates whose events wait behind a dead one", "group")

    def _authority(self) -> None:
        # Age of the newest beat by the local clock; at max_staleness this service refuses to act.
        # +Inf: it has never heard one.
        self.authority_staleness_seconds = self._gauge("authority_staleness_seconds", "Age of the newest beat held")
        self.authority_max_staleness_seconds = self._gauge(
            "authority_max_staleness_seconds", "Age at which nobody acts"
        )
        # Sequence of the last authority record applied.
        self.authority_sequence = self._gauge("authority_sequence", "Last authority record applied")
        # Switches opened and not yet ended, as this replica sees them, and (in mandates) how long they took.
        self.authority_switches_open = self._gauge("authority_switches_open", "Switches under way")
        self.switch_seconds = self._histogram("switch_seconds", "From opening a switch to its end", "outcome")

    def _business(self) -> None:
        # What has begun and not ended (`saga`: handover, switch, funding, switch_holds …): how many, and since when the
        # oldest one waits. One that is old is one that hangs.
        self.sagas_open = self._gauge("sagas_open", "Sagas begun and not ended", "saga")
        self.saga_oldest_seconds = self._gauge("saga_oldest_seconds", "Age of the oldest open saga", "saga")
        # Rows of `deadline` that are due and not yet handled; those handled, by kind.
        self.deadlines_overdue = self._gauge("deadlines_overdue", "Deadlines due and not yet handled")
        self.deadlines_total = self._counter("deadlines_total", "Deadlines handled", "kind")
        # When what is measured here was last read, by where it lies: `tables`, the service's `own` tables, the `log`. A
        # gauge that cannot be read keeps its last value, so one that is old says nothing any more.
        self.gauges_read_timestamp_seconds = self._gauge("gauges_read_timestamp_seconds", "When it was read", "what")
        # Finance: money that has changed hands or been given back, by what the entry was for; holds and earmarks open
        # now and the money in them; what organisations may still spend of their budgets.
        self.moved_fen_total = self._counter("moved_fen_total", "Money moved by entries, in fen", "kind")
        self.holds_open = self._gauge("holds_open", "Holds that are neither captured nor released")
        self.holds_fen = self._gauge("holds_fen", "Money in open holds, in fen")
        self.earmarks_fen = self._gauge("earmarks_fen", "Money in open earmarks, in fen")
        self.available_fen = self._gauge("available_fen", "Money free to be spent, in fen")
        # Complaints: open cases by state, those past their time, and how long a handover took, by its outcome. What
        # happened to cases (reported, closed, a card raised) is counted by `events_emitted_total`.
        self.cases = self._gauge("cases", "Open cases by state", "state")
        self.cases_overdue = self._gauge("cases_overdue", "Open cases past their deadline")
        self.handover_seconds = self._histogram("handover_seconds", "From request to outcome", "outcome")
        # Volunteers: who is registered now, and activities that are not over by state.
        self.volunteers = self._gauge("volunteers", "Registered volunteers")
        self.activities = self._gauge("activities", "Activities that are not over, by state", "state")
        # Mandates by state, and those in force without an earmark: roots, and emergencies whose money follows
        # (有责无费).
        self.mandates = self._gauge("mandates", "Mandates by state", "state")
        self.mandates_unfunded = self._gauge("mandates_unfunded", "Duties without money")
        # Property: rents that are billed and have not come; open repairs by state, and those whose firm is late;
        # elected committees that nobody has put on file in time.
        self.repairs = self._gauge("repairs", "Open repair requests by state", "state")
        self.repairs_overdue = self._gauge("repairs_overdue", "Repair requests not answered in time")
        self.committees_unfiled = self._gauge("committees_unfiled", "Elected committees not filed in time")
        self.rents_unpaid = self._gauge("rents_unpaid", "Rents billed and not received")
        self.rents_unpaid_fen = self._gauge("rents_unpaid_fen", "Rents billed and not received, in fen")
        # Population: classified files whose person was not visited in time; requests for a correction that were not
        # answered in time. Imports under way are the saga `import`.
        self.visits_overdue = self._gauge("visits_overdue", "Classified files with an overdue visit")
        self.corrections_overdue = self._gauge("corrections_overdue", "Requests for correction not answered in time")
        # Gateway: what the auditor found at its last run, by guarantee (zero is the only acceptable number), and how
        # many events it had read, when, and how long that took.
        self.audit_violations = self._gauge("audit_violations", "Violations found by the auditor", "guarantee")
        self.audit_events = self._gauge("audit_events", "Events that the auditor has read")
        self.audit_timestamp_seconds = self._gauge("audit_timestamp_seconds", "When the auditor last ended its run")
        self.audit_seconds = self._histogram("audit_seconds", "Duration of audits")
        # Hubs: subscriptions that have not ended by state (active, parked), how long the one waits whose endpoint has
        # been silent longest, how many events they took; streams that are open; and what was handed out in all, by its
        # way (stream, webhook, kafka, read).
        self.subscriptions = self._gauge("subscriptions", "Subscriptions of hubs", "hub", "state")
        self.subscription_failing_seconds = self._gauge(
            "subscription_failing_seconds", "How long the endpoint of an active subscription has been failing", "hub"
        )
        self.subscription_delivered_events = self._gauge(
            "subscription_delivered_events", "Events that endpoints of subscriptions have taken", "hub"
        )
        self.event_streams_open = self._gauge("event_streams_open", "Event streams under way")
        self.hub_handed_total = self._counter("hub_handed_total", "Events and things handed to hubs", "how")

    def _surroundings(self) -> None:
        # Cached reads. `outcome`: hit, miss, error (an error counts as a miss as well).
        self.cache_reads_total = self._counter("cache_reads_total", "Cached reads", "outcome")
        # Redis calls that failed; the answer came without Redis.
        self.redis_errors_total = self._counter("redis_errors_total", "Redis calls that failed", "what")
        # Requests turned away by a rate limit, by the limit's name.
        self.rate_limited_total = self._counter("rate_limited_total", "Requests turned away by a rate limit", "limit")

    def render(self) -> bytes:
        """All of it in Prometheus' text format, every sample with its `service`."""
        return generate_latest(_Labelled(self.registry, self.service))

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"suizhuan_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"suizhuan_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, *labels: str, buckets: tuple[float, ...] = LATENCY) -> Histogram:
        return Histogram(f"suizhuan_{name}", text, labels, registry=self.registry, buckets=buckets)


def from_zero(metric: Counter | Histogram, *values: str) -> None:
    """Shown with these values of its one label from the beginning: else the first of them would be no increase."""
    for value in values:
        metric.labels(value)


class Children(dict[tuple[object, ...], M]):
    """What a metric counts by the values of its labels, each looked up once: the library takes longer over the values
    than over the counting."""

    def __init__(self, metric: M) -> None:
        super().__init__()
        self._labels: Callable[..., M] = metric.labels

    def __missing__(self, labels: tuple[object, ...]) -> M:
        child = self[labels] = self._labels(*labels)
        return child


class _Labelled(CollectorRegistry):
    """A view of a registry that adds the service to every sample."""

    def __init__(self, inner: CollectorRegistry, service: str) -> None:
        super().__init__()
        self._inner = inner
        self._service = service

    def collect(self) -> Iterable[Metric]:
        for family in self._inner.collect():
            family.samples = [
                Sample(s.name, {"service": self._service, **s.labels}, s.value, s.timestamp, s.exemplar)
                for s in family.samples
            ]
            yield family
