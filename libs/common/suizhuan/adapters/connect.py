"""From a setting to an adapter."""

from __future__ import annotations

from pathlib import Path

from suizhuan.kernel.clock import Clock
from suizhuan.ports.log import Log


def connect_log(url: str, clock: Clock) -> Log:
    """`embedded:///path/to/log.db` or `kafka://host:port,host:port`. Errors: ValueError for anything else."""
    scheme, separator, rest = url.partition("://")
    # Each adapter is imported only by who uses it: the embedded profile starts without aiokafka.
    if separator and scheme == "embedded" and rest:
        from suizhuan.adapters.embedded_log import EmbeddedLog  # noqa: PLC0415

        return EmbeddedLog(Path(rest), clock=clock)
    if separator and scheme == "kafka" and rest:
        from suizhuan.adapters.kafka_log import KafkaLog  # noqa: PLC0415

        return KafkaLog(rest)
    raise ValueError(f"a log is embedded:///path or kafka://host:port, not {url[:60]}")
