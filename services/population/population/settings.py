"""The settings of population: what keys the hash of IDs, and how large a file of people may be."""

from __future__ import annotations

import secrets

from pydantic import SecretStr

from suizhuan import keyfile
from suizhuan.settings import ServiceSettings, load_settings, setting


class Settings(ServiceSettings):
    """Beside what every service has."""

    service: str = setting(
        "The name of the service", "服务名称", default="population", pattern=r"^[a-z][a-z0-9_]{0,30}$"
    )
    id_secret: SecretStr | None = setting(
        "Key of the hash by which an ID is found again; the same for every process, kept with the backups. Without it"
        " one is made in the data folder",
        "身份证号检索散列的密钥，各进程一致并与备份同存；不填则在数据文件夹中生成",
        default=None,
        min_length=16,
    )
    max_import_bytes: int = setting(
        "Largest file of people", "人口导入文件上限", default=33_554_432, ge=1024, le=268_435_456, unit="bytes"
    )


def own(settings: ServiceSettings) -> Settings:
    """Population's settings from what the common entry has loaded; its own fields come from the environment.

    The door lets through what the largest file needs; every other body has its limits in its schema."""
    if not isinstance(settings, Settings):
        given = {name: getattr(settings, name) for name in ServiceSettings.model_fields if name != "service"}
        settings = load_settings(Settings, settings.service, **given)
    most = max(settings.max_body_bytes, settings.max_import_bytes)
    return settings.model_copy(update={"max_body_bytes": most})


def id_key(settings: Settings) -> bytes:
    """The key of the ID hash. Errors: OSError when it can neither be read nor made."""
    if settings.id_secret is not None:
        return settings.id_secret.get_secret_value().encode()
    file = settings.data_dir / "population-id.key"
    return keyfile.kept(file, lambda: secrets.token_hex(32).encode()).strip()
