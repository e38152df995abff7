"""From a setting to an adapter."""

from __future__ import annotations

from pathlib import Path

from suizhuan.kernel.clock import Clock
from suizhuan.ports.log import Log
from suizhuan.settings import ServiceSettings


def connect_log(settings: ServiceSettings, clock: Clock) -> Log:
    """The log of these settings. Errors: ValueError for a URL of another kind; OSError, for certificates not there."""
    url = settings.log_url
    scheme, separator, rest = url.partition("://")
    # Each adapter is imported only by who uses it: the embedded profile starts without aiokafka.
    if separator and scheme == "embedded" and rest:
        from suizhuan.adapters.embedded_log import EmbeddedLog  # noqa: PLC0415

        return EmbeddedLog(Path(rest), clock=clock)
    if separator and scheme == "kafka" and rest:
        from suizhuan.adapters.kafka_client import security  # noqa: PLC0415
        from suizhuan.adapters.kafka_log import KafkaLog  # noqa: PLC0415

        password = settings.log_password.get_secret_value() if settings.log_password else None
        return KafkaLog(rest, security=security(settings.log_login, password, settings.log_ca))
    raise ValueError(f"a log is embedded:///path or kafka://host:port, not {url[:60]}")
