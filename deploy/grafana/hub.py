"""上联: what hubs are given and how fast, whose endpoint is silent, and what the auditor says."""

from __future__ import annotations

from deploy.grafana.panels import Board, Query, Row, figure, lines
from deploy.story.telling import Words

GATEWAY = 'service="gateway",route!~"/metrics|/health/.*"'
# A district whose hubs have no subscriptions yet is shown 0.
NONE = " or vector(0)"

HUB = Board(
    "hub",
    Words("上联", "Hub"),
    (
        Row(
            Words("审计", "Audit"),
            (
                figure(Words("违规", "Violations"), "sum(max by (guarantee) (suizhuan_audit_violations))", bad=1),
                figure(Words("已读事件", "Events read"), "max(suizhuan_audit_events)"),
                figure(
                    Words("距上次审计", "Since the last audit"),
                    "time() - max(suizhuan_audit_timestamp_seconds)",
                    unit="s",
                    bad=21_600,
                ),
                lines(
                    Words("违规（按保证）", "Violations by guarantee"),
                    Query("max by (guarantee) (suizhuan_audit_violations)", "{{guarantee}}"),
                    width=12,
                ),
            ),
        ),
        Row(
            Words("推送与事件流", "Subscriptions and streams"),
            (
                figure(Words("在用订阅", "Active subscriptions"), 'sum(suizhuan_subscriptions{state="active"})' + NONE),
                figure(
                    Words("停推订阅", "Parked subscriptions"),
                    'sum(suizhuan_subscriptions{state="parked"})' + NONE,
                    bad=1,
                ),
                figure(Words("打开的事件流", "Open streams"), 'sum(suizhuan_event_streams_open{service="gateway"})'),
                lines(
                    Words("地址无应答已有", "Endpoint silent for"),
                    Query("max by (hub) (suizhuan_subscription_failing_seconds)" + NONE, "{{hub}}"),
                    unit="s",
                    width=12,
                ),
                lines(
                    Words("推送接收的事件", "Events taken by endpoints"),
                    Query("max by (hub) (suizhuan_subscription_delivered_events)" + NONE, "{{hub}}"),
                    width=12,
                ),
                lines(
                    Words("每小时交付（按方式）", "Handed out per hour, by way"),
                    Query("sum by (how) (increase(suizhuan_hub_handed_total[1h]))", "{{how}}"),
                    width=12,
                ),
            ),
        ),
        Row(
            Words("网关", "Gateway"),
            (
                lines(
                    Words("请求（每秒，按路由）", "Requests per second by route"),
                    Query(
                        f"topk(10, sum by (route) (rate(suizhuan_http_request_seconds_count{{{GATEWAY}}}[5m])))",
                        "{{route}}",
                    ),
                    unit="reqps",
                    width=12,
                ),
                lines(
                    Words("应答用时（99%）", "Time to answer (99%)"),
                    Query('service:suizhuan_http_request_seconds:p99_rate5m{service="gateway"}', "p99"),
                    unit="s",
                    width=12,
                ),
                lines(
                    Words("网关落后的记录", "Records the gateway is behind"),
                    Query('service_group:suizhuan_consumer_lag:sum{service="gateway"}', "{{group}}"),
                    width=12,
                ),
                lines(
                    Words("事件到可读（99%）", "From an event to its effect here (99%)"),
                    Query(
                        "histogram_quantile(0.99, sum by (group, le) "
                        '(rate(suizhuan_effect_seconds_bucket{service="gateway"}[5m])))',
                        "{{group}}",
                    ),
                    unit="s",
                    width=12,
                ),
            ),
        ),
    ),
)
