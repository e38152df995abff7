"""The settings of the gateway: where the services are, and how much it lets through."""

from __future__ import annotations

from typing import Annotated

from pydantic import SecretStr, StringConstraints

from suizhuan.settings import ServiceSettings, load_settings, setting

Url = Annotated[str, StringConstraints(pattern=r"^https?://[^/?#]+(/[^/?#]+)*$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,30}$")]


class Settings(ServiceSettings):
    """Beside what every service has."""

    service: str = setting("The name of the service", "服务名称", default="gateway", pattern=r"^[a-z][a-z0-9_]{0,30}$")
    upstreams: dict[Name, Url] = setting(
        "Where each service is, JSON: `{name: url}`, with its own `root_path` if it has one",
        "各服务的地址（JSON：`{名称: 地址}`），有路径前缀的一并写上",
        default={
            "mandates": "http://127.0.0.1:8101",
            "finance": "http://127.0.0.1:8102",
            "complaints": "http://127.0.0.1:8103",
        },
    )
    upstream_connect_timeout: float = setting(
        "How long to wait for a connection to a service", "连接服务的最长等待", default=2.0, gt=0, le=60, unit="s"
    )
    upstream_timeout: float = setting(
        "How long a service may keep silent while it answers",
        "服务应答的最长静默",
        default=30.0,
        gt=0,
        le=600,
        unit="s",
    )
    upstream_connections: int = setting(
        "Connections kept to each service", "与每个服务的连接数", default=100, ge=1, le=10_000, unit="connections"
    )
    max_answer_bytes: int = setting(
        "Largest answer passed on", "转发应答的上限", default=67_108_864, ge=1024, le=1_073_741_824, unit="bytes"
    )
    max_streams: int = setting(
        "Event streams open at once in this process",
        "本进程同时打开的事件流",
        default=200,
        ge=1,
        le=10_000,
        unit="streams",
    )
    stream_heartbeat: float = setting(
        "A stream without events says something this often",
        "事件流无事件时的心跳间隔",
        default=15.0,
        gt=0,
        le=300,
        unit="s",
    )
    stream_send_timeout: float = setting(
        "A reader who does not take a piece of the stream within this is cut",
        "读者在此时间内不接收即断开",
        default=10.0,
        gt=0,
        le=300,
        unit="s",
    )
    stream_retry: float = setting(
        "How long a reader is asked to wait before it comes back",
        "建议读者重连前等待",
        default=2.0,
        ge=0,
        le=300,
        unit="s",
    )
    webhook_key: SecretStr | None = setting(
        "The key from which the secrets of webhooks are derived; without it one is made in the data folder",
        "派生推送签名密钥的主密钥；不填则在数据文件夹中生成",
        default=None,
        repr=False,
    )
    webhook_timeout: float = setting(
        "How long an endpoint may take to answer a webhook", "推送应答的最长等待", default=15.0, gt=0, le=120, unit="s"
    )
    webhook_dead_after: float = setting(
        "A webhook's endpoint that has not answered for so long is parked",
        "推送地址持续无应答达此时长即停推",
        default=86_400.0,
        gt=0,
        le=2_592_000,
        unit="s",
    )
    webhook_inside: tuple[str, ...] = setting(
        "Hosts inside our own network to which webhooks may go all the same, also by http, JSON",
        "允许推送的内网主机（JSON），可用 http",
        default=(),
    )
    max_subscriptions: int = setting(
        "Webhooks that one hub may have",
        "一个上联平台的推送订阅上限",
        default=50,
        ge=1,
        le=10_000,
        unit="subscriptions",
    )
    snapshot_rows: int = setting(
        "Most cases, and most mandates, in a snapshot", "快照中诉求与委托各自的上限", default=5000, ge=1, le=100_000
    )
    audit_keep_events: int = setting(
        "Up to so many events the auditor keeps in memory between two audits, so that the next reads only what is new",
        "审计在内存中保留的事件上限，以便下次只读新增",
        default=200_000,
        ge=0,
        le=10_000_000,
        unit="events",
    )
    audit_every: float = setting(
        "How often the auditor runs by itself, for who watches its metrics; 0: only when it is asked",
        "审计自动运行的间隔，供监控使用；0 为仅在请求时运行",
        default=900.0,
        ge=0,
        le=86_400,
        unit="s",
    )


def own(settings: ServiceSettings) -> Settings:
    """The gateway's settings from what the common entry has loaded; its own fields come from the environment."""
    if isinstance(settings, Settings):
        return settings
    given = {name: getattr(settings, name) for name in ServiceSettings.model_fields if name != "service"}
    return load_settings(Settings, settings.service, **given)
