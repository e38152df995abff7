"""What has to be there before the services start: a founded district.

In this process, as `python -m mandates bootstrap FILE` and the others do it each in its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from importlib import import_module
from pathlib import Path

from suizhuan.adapters.kafka_log import KafkaLog
from suizhuan.seed import Seed
from suizhuan.service import Service
from suizhuan.settings import ServiceSettings, load_settings


async def found(seed: Seed, *, kafka: str, profile: str, data: Path, databases: Mapping[str, str]) -> bool:
    """Migrate and fill the services with these databases.

    What they have to say lies in their outboxes until they are started. False: they were founded before.
    """
    log = KafkaLog(kafka)

    def made(name: str) -> Service:
        settings = load_settings(
            ServiceSettings,
            name,
            data_dir=data,
            database_url=databases[name],
            log_url=f"kafka://{kafka}",
            profile=profile,
            issuers=(),
            otlp_endpoint=None,
        )
        built: Service = import_module(f"{name}.app").build(settings, broker=log)
        return built

    first = False
    async with AsyncExitStack() as stack:
        stack.push_async_callback(log.close)
        for name in databases:
            service = made(name)
            stack.push_async_callback(service.close)
            await service.migrate()
            first |= await import_module(f"{name}.bootstrap").bootstrap(service, seed)
    return first
