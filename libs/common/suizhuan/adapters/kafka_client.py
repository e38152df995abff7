"""What every use of aiokafka shares: its limits in time and size, and its errors in the port's words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

from aiokafka.errors import (
    ConsumerStoppedError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    UnknownTopicOrPartitionError,
)
from aiokafka.helpers import create_ssl_context

from suizhuan.ports.log import (
    LogUnavailable,
    UnknownTopic,
)

REQUEST_MS = 10_000
SESSION_MS = 10_000
DELIVERY_S = 5.0  # aiokafka's idempotent producer would wait for its broker for ever
COMMIT_S = 2.0
COMMIT_EVERY_S = 5.0
STOP_S = 5.0
GRACE_S = 0.05  # aiokafka's own timeout shall come first
BATCH_BYTES = 512 * 1024
MECHANISM = "SCRAM-SHA-512"

# aiokafka's clients: most of their methods have no types.
AdminClient: TypeAlias = Any
ConsumerClient: TypeAlias = Any
ProducerClient: TypeAlias = Any


def security(login: str | None, password: str | None, ca: Path | None = None) -> dict[str, Any]:
    """What every client is told so that it signs in, and over TLS where there are certificates to check it against."""
    encrypted = {} if ca is None else {"ssl_context": create_ssl_context(cafile=str(ca))}
    if login is None:
        return {"security_protocol": "SSL", **encrypted} if encrypted else {}
    return {
        "security_protocol": "SASL_SSL" if encrypted else "SASL_PLAINTEXT",
        "sasl_mechanism": MECHANISM,
        "sasl_plain_username": login,
        "sasl_plain_password": password,
        **encrypted,
    }


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Kafka's errors in the port's words."""
    try:
        yield
    except (UnknownTopicOrPartitionError, InvalidTopicError) as error:
        raise UnknownTopic(str(error)) from error
    except (MessageSizeTooLargeError, RecordListTooLargeError) as error:
        raise ValueError(f"larger than the broker takes: {error}") from error  # no later try will help
    except (KafkaError, ConsumerStoppedError, OSError, TimeoutError) as error:
        raise LogUnavailable(f"{type(error).__name__}: {error}"[:300]) from error
