"""运行: whether everybody works, what waits, how far behind, how stale; the figures behind the alerts."""

from __future__ import annotations

from deploy.grafana.panels import Board, Query, Row, figure, lines
from deploy.story.telling import Words

OPERATORS = Board(
    "operators",
    Words("运行", "Operators"),
    (
        Row(
            Words("概况", "At a glance"),
            (
                figure(Words("告警", "Alerts firing"), 'count(ALERTS{alertstate="firing"}) or vector(0)', bad=1),
                figure(Words("不应答的进程", "Processes down"), 'sum(1 - up{job=~"api|worker"})', bad=1),
                figure(
                    Words("最老的待发事件", "Oldest event in an outbox"),
                    "max(service:suizhuan_outbox_oldest_seconds:max)",
                    unit="s",
                    bad=60,
                ),
                figure(
                    Words("最陈旧的权责副本", "Stalest replica"),
                    "max(service:suizhuan_authority_staleness_seconds:max)",
                    unit="s",
                    bad=180,
                ),
                figure(
                    Words("死信", "Dead letters"),
                    "sum(max by (service, group) (suizhuan_dead_letters_waiting))",
                    bad=1,
                ),
                figure(
                    Words("到期未执行", "Deadlines overdue"),
                    "sum(max by (service) (suizhuan_deadlines_overdue))",
                    bad=1,
                ),
            ),
        ),
        Row(
            Words("事件通路", "Event path"),
            (
                lines(
                    Words("发件箱最老事件", "Oldest event in the outbox"),
                    Query("service:suizhuan_outbox_oldest_seconds:max", "{{service}}"),
                    unit="s",
                ),
                lines(
                    Words("发出（每秒）", "Published per second"),
                    Query("sum by (service) (rate(suizhuan_relay_published_total[5m]))", "{{service}}"),
                    unit="ops",
                ),
                lines(
                    Words("消费组落后", "Lag by group"),
                    Query("service_group:suizhuan_consumer_lag:sum", "{{group}}"),
                ),
                lines(
                    Words("处理（每秒）", "Handled per second"),
                    Query("sum by (group) (rate(suizhuan_consumer_events_total[5m]))", "{{group}}"),
                    unit="ops",
                ),
                lines(
                    Words("提交到生效（99%）", "From commit to effect (99%)"),
                    Query(
                        "histogram_quantile(0.99, sum by (group, le) (rate(suizhuan_effect_seconds_bucket[5m])))",
                        "{{group}}",
                    ),
                    unit="s",
                ),
                lines(
                    Words("死信与停泊的对象", "Dead letters and parked aggregates"),
                    Query("max by (group) (suizhuan_dead_letters_waiting)", "{{group}} · 死信 dead"),
                    Query("max by (group) (suizhuan_parked_keys)", "{{group}} · 停泊 parked"),
                ),
            ),
        ),
        Row(
            Words("权责与流程", "Authority and sagas"),
            (
                lines(
                    Words("权责副本的心跳距今", "Age of the newest beat"),
                    Query("service:suizhuan_authority_staleness_seconds:max", "{{service}}"),
                    unit="s",
                ),
                lines(
                    Words("最久的未完流程", "Oldest open saga"),
                    Query("max by (service, saga) (suizhuan_saga_oldest_seconds)", "{{service}} · {{saga}}"),
                    unit="s",
                ),
                lines(
                    Words("移交用时（95%）", "Duration of switches (95%)"),
                    Query(
                        "histogram_quantile(0.95, sum by (outcome, le) (increase(suizhuan_switch_seconds_bucket[1h])))",
                        "{{outcome}}",
                    ),
                    unit="s",
                ),
            ),
        ),
        Row(
            Words("请求与进程", "Requests and processes"),
            (
                lines(
                    Words("请求（每秒）", "Requests per second"),
                    Query("service:suizhuan_http_requests:rate5m", "{{service}}"),
                    unit="reqps",
                ),
                lines(
                    Words("应答用时（99%）", "Time to answer (99%)"),
                    Query("service:suizhuan_http_request_seconds:p99_rate5m", "{{service}}"),
                    unit="s",
                ),
                lines(
                    Words("内部错误", "Internal errors"),
                    Query("sum by (service) (increase(suizhuan_internal_errors_total[5m]))", "{{service}}"),
                ),
                lines(
                    Words("处理器", "Processor"),
                    Query(
                        'sum by (service, job) (rate(process_cpu_seconds_total{job=~"api|worker"}[5m]))',
                        "{{service}} {{job}}",
                    ),
                    unit="percentunit",
                ),
                lines(
                    Words("内存", "Memory"),
                    Query(
                        'sum by (service, job) (process_resident_memory_bytes{job=~"api|worker"})',
                        "{{service}} {{job}}",
                    ),
                    unit="bytes",
                ),
                lines(
                    Words("缓存读取（每秒）", "Cached reads per second"),
                    Query("sum by (outcome) (rate(suizhuan_cache_reads_total[5m]))", "{{outcome}}"),
                    unit="ops",
                ),
            ),
        ),
    ),
)
