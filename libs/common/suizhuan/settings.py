"""What a service is told from outside: environment variables, or files for what is secret.

`SUIZHUAN_DATABASE_URL` holds for every service, `SUIZHUAN_COMPLAINTS_DATABASE_URL` for complaints and wins over it.
`…_FILE` instead names a file that holds the value. The table of all settings is `docs/settings.md`,
written by `python -m suizhuan.settings_reference`.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError

PREFIX = "SUIZHUAN_"


def setting(description: str, zh: str, *, default: Any = ..., **more: Any) -> Any:
    """A documented field. `unit`, `shown` (the default in words) and `dev` (development only) go to the table."""
    notes: dict[str, Any] = {"zh": zh}
    notes.update({k: more.pop(k) for k in ("unit", "shown", "dev") if k in more})
    if "default_factory" not in more:
        more["default"] = default
    return Field(description=description, json_schema_extra=notes, **more)


class IssuerSettings(BaseModel):
    """One issuer of tokens that a service trusts. Its keys come from `jwks_url`, or from a file beside the service."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: Annotated[
        str, Field(min_length=1, max_length=200, description="The `iss` of its tokens, letter for letter")
    ]
    audience: Annotated[str, Field(min_length=1, max_length=200, description="What `aud` has to contain")] = "suizhuan"
    jwks_url: Annotated[str | None, Field(pattern=r"^https?://", description="Where its public keys are")] = None
    jwks_file: Annotated[Path | None, Field(description="Or a file with its public keys")] = None

    @model_validator(mode="after")
    def _one_source_of_keys(self) -> IssuerSettings:
        if (self.jwks_url is None) == (self.jwks_file is None):
            raise ValueError("an issuer has either jwks_url or jwks_file")
        return self


class ServiceSettings(BaseSettings):
    """The settings that every service has; a service's own `settings.py` adds its fields.

    Read once, at the start, by `load_settings`. Errors: pydantic's ValidationError or SettingsError, which name
    the variable; a value that may be secret is not repeated.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True, hide_input_in_errors=True)

    service: str = setting("The name of the service", "服务名称", default="service", pattern=r"^[a-z][a-z0-9_]{0,30}$")
    data_dir: Path = setting("Folder of everything that is kept in files", "数据文件夹", default=Path("data"))
    worker_id: str = setting(
        "This process among the processes of its service",
        "本进程在同一服务各进程中的名称",
        default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}",
        shown="`<host>-<process id>`",
        max_length=200,
    )
    database_url: str = setting(
        "Database of the service, an async SQLAlchemy URL (postgresql+asyncpg or sqlite+aiosqlite)",
        "服务的数据库地址",
        default_factory=lambda data: f"sqlite+aiosqlite:///{data['data_dir']}/{data['service']}.db",
        shown="`sqlite+aiosqlite:///<data_dir>/<service>.db`",
        pattern=r"^(sqlite\+aiosqlite|postgresql\+asyncpg)://",
        repr=False,
    )
    database_pool_size: int = setting(
        "Connections kept open to PostgreSQL",
        "与 PostgreSQL 保持的连接数",
        default=10,
        ge=1,
        le=500,
        unit="connections",
    )
    relays: int = setting(
        "Relays in each worker process; the lanes are shared out among them (PostgreSQL only)",
        "每个后台进程中的转发器数量，各分担一部分通道（仅 PostgreSQL）",
        default=1,
        ge=1,
        le=8,
        unit="relays",
    )
    log_url: str = setting(
        "The event log: `embedded:///path/log.db` or `kafka://host:port,host:port`",
        "事件日志地址",
        default_factory=lambda data: f"embedded://{(data['data_dir'] / 'log.db').resolve()}",
        shown="`embedded://<data_dir>/log.db`",
        pattern=r"^(embedded:///.+|kafka://[^/,]+(,[^/,]+)*)$",
        repr=False,
    )
    log_login: str | None = setting(
        "The service's own login at Kafka (SASL/SCRAM-SHA-512)",
        "服务在 Kafka 的登录名（SASL/SCRAM-SHA-512）",
        default=None,
        pattern=r"^[A-Za-z0-9_.-]{1,64}$",
    )
    log_password: SecretStr | None = setting("Its password", "其密码", default=None)
    log_ca: Path | None = setting(
        "Certificates (PEM) that Kafka's brokers are checked against; without it the connection is not encrypted",
        "校验 Kafka 证书的 CA（PEM）；不填则连接不加密",
        default=None,
    )
    redis_url: str | None = setting(
        "Redis for cached reads and rate limits; without it both stay in the process",
        "Redis 地址；不填则缓存与限流只在进程内",
        default=None,
        pattern=r"^(rediss?|unix)://",
        repr=False,
    )
    redis_prefix: str = setting(
        "How this platform's keys in Redis begin: of its own where several share one Redis",
        "本平台在 Redis 中的键前缀；多个平台共用一个 Redis 时各不相同",
        default="suizhuan",
        pattern=r"^[A-Za-z0-9_.-]{1,64}$",
    )
    cache_ttl: float = setting(
        "A cached read is never older than this, also when its invalidation was lost",
        "缓存的最长时间，失效通知丢失时也不会更久",
        default=5.0,
        gt=0,
        le=60,
        unit="s",
    )
    host: str = setting("Address to listen on", "监听地址", default="127.0.0.1")
    port: int = setting("Port to listen on", "监听端口", default=8080, ge=0, le=65535)
    root_path: str = setting(
        "Path under which a proxy publishes the service", "反向代理下的路径前缀", default="", pattern=r"^(/[^/?#]+)*$"
    )
    profile: str = setting(
        "Jurisdiction profile: `demonstration`, or the path of a profile file",
        "辖区配置：`demonstration` 或配置文件路径",
        default="demonstration",
    )
    issuers: tuple[IssuerSettings, ...] = setting(
        "Trusted issuers of tokens, JSON: `[{issuer, audience, jwks_url | jwks_file}]`",
        "受信任的令牌签发方（JSON）",
        default=(),
    )
    token_leeway: float = setting(
        "How far the clocks of issuers may be off", "与签发方时钟的容许误差", default=0.05, ge=0, le=60, unit="s"
    )
    trust_demo_issuer: bool = setting(
        "Trust the demonstration issuer, which signs a token for anybody as anybody",
        "信任演示签发方：它可为任何人签发任何身份的令牌",
        default=False,
        dev=True,
    )
    client_id: str | None = setting("Client id of this service at `token_url`", "本服务的客户端编号", default=None)
    client_secret: SecretStr | None = setting("Its secret", "本服务的客户端密钥", default=None)
    token_url: str | None = setting(
        "Token endpoint for the service's own identity (client credentials)",
        "服务自身身份的令牌地址",
        default=None,
        pattern=r"^https?://",
    )
    topics: tuple[str, ...] = setting(
        "The topics of this platform, JSON: of each kind it knows (`*.replica`, `*.bill`, `*.referral`) a service"
        " hears those of every department",
        "本平台的全部主题（JSON）：服务按其所知的种类收听各部门的主题",
        default=(),
    )
    log_level: Literal["debug", "info", "warning", "error"] = setting("Least level logged", "日志级别", default="info")
    log_format: Literal["json", "text"] = setting("Form of the log", "日志格式", default="json")
    otlp_endpoint: str | None = setting(
        "OTLP/HTTP collector for traces; without it traces are passed on but not exported",
        "链路追踪收集器地址（OTLP/HTTP）；不填则只传递不上报",
        default=None,
        pattern=r"^https?://",
    )
    max_body_bytes: int = setting(
        "Largest request body", "请求正文上限", default=1_048_576, ge=1024, le=268_435_456, unit="bytes"
    )
    failpoint: str | None = setting(
        "The point at which the process kills itself", "进程在该点自行终止", default=None, dev=True
    )

    @model_validator(mode="after")
    def _login_with_its_password(self) -> Self:
        if (self.log_login is None) != (self.log_password is None):
            raise ValueError("log_login and log_password belong together")
        return self

    @property
    def kafka_servers(self) -> str | None:
        """`host:port,host:port`, or None when the log is embedded."""
        return self.log_url.removeprefix("kafka://") if self.log_url.startswith("kafka://") else None

    @property
    def embedded_log(self) -> Path | None:
        """The file of the embedded log, or None when the log is Kafka."""
        return Path(urlsplit(self.log_url).path) if self.log_url.startswith("embedded://") else None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        given = getattr(init_settings, "init_kwargs", {})
        service = given.get("service", settings_cls.model_fields["service"].default)
        own = f"{PREFIX}{service}_".upper()
        return init_settings, _Environment(settings_cls, env_prefix=own), _Environment(settings_cls, env_prefix=PREFIX)


class _Environment(EnvSettingsSource):
    """Variables under one prefix, each given as it is or as the file that holds it."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        loaded = dict(super()._load_env_vars())
        for name in self.settings_cls.model_fields:
            variable = f"{self.env_prefix}{name}".lower()
            path = loaded.get(f"{variable}_file")
            if path is None:
                continue
            if loaded.get(variable) is not None:
                raise SettingsError(f"{variable.upper()} is given twice: as it is and as a file")
            try:
                loaded[variable] = Path(path).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise SettingsError(f"{variable.upper()}_FILE cannot be read: {type(error).__name__}") from None
        return loaded


S = TypeVar("S", bound=ServiceSettings)


def load_settings(cls: type[S], service: str, **given: Any) -> S:
    """The settings of `service`. What is `given` here wins, then the service's own variables, then the common ones.

    Errors: ValidationError or SettingsError, before anything has started.
    """
    return cls(service=service, **given)


def field_notes(field: FieldInfo) -> dict[str, Any]:
    """What `setting` noted about a field beside pydantic's own: zh, unit, shown, dev."""
    extra = field.json_schema_extra
    return dict(extra) if isinstance(extra, dict) else {}
