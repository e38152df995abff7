"""What has to be there before the services start: topics, and a founded district.

In this process, as `python -m mandates bootstrap FILE` and `python -m finance bootstrap FILE` do it in two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import finance.app
import finance.bootstrap
import mandates.app
import mandates.bootstrap
from suizhuan.adapters.kafka_log import KafkaLog
from suizhuan.seed import Seed
from suizhuan.service import Service
from suizhuan.settings import ServiceSettings, load_settings


async def found(seed: Seed, *, kafka: str, profile: str, data: Path, databases: Mapping[str, str]) -> bool:
    """Migrate and fill finance, then mandates: money is there before anything that needs it is announced.

    What they have to say lies in their outboxes until they are started. False: they were founded before.
    """
    log = KafkaLog(kafka)

    def made(name: str, build: Callable[..., Service]) -> Service:
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
        return build(settings, broker=log)

    money, rights = made("finance", finance.app.build), made("mandates", mandates.app.build)
    try:
        await money.migrate()
        await rights.migrate()
        await finance.bootstrap.bootstrap(money, seed)
        return await mandates.bootstrap.bootstrap(rights, seed)
    finally:
        await money.close()
        await rights.close()
        await log.close()
