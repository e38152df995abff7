"""The gateway's own refusals."""

from suizhuan.errors import ErrorCatalogue, ErrorSpec

ERRORS = ErrorCatalogue(
    {
        "service_down": ErrorSpec(
            503,
            "{service} 服务没有应答：{reason}",
            "The service {service} does not answer: {reason}",
            "请稍后用同一个 Idempotency-Key 重试；其他服务照常",
            "Try again later with the same Idempotency-Key; the other services go on",
        ),
        "path_refused": ErrorSpec(404, "没有这个地址", "There is no such address"),
        "not_passed_on": ErrorSpec(
            404, "{service} 的运行接口不经网关开放", "The operating endpoints of {service} are not passed on"
        ),
        "too_many_streams": ErrorSpec(
            503,
            "事件流已满，上限 {limit} 个",
            "All {limit} event streams are taken",
            "请稍后重试",
            "Please try again later",
        ),
        "outside_area": ErrorSpec(
            403,
            "{org} 看不到 {what}：不在其区域内，也与其无关",
            "{org} may not see {what}: it lies outside its areas and does not concern it",
        ),
        "moment_malformed": ErrorSpec(
            422, "from 应为日期或带时区的时间", "`from` is a date, or a time with its offset from UTC"
        ),
        "filter_malformed": ErrorSpec(
            422, "类型过滤应形如 complaints.case.*:{type}", "A type filter looks like complaints.case.*: {type}"
        ),
        "purpose_unknown": ErrorSpec(
            403,
            "令牌须写明目录中的用途（{purposes}），现为“{purpose}”",
            "The token names a purpose of the catalogue ({purposes}); it says “{purpose}”",
            "向签发方申请带用途的令牌",
            "Ask the issuer for a token with a purpose",
        ),
        "not_covered": ErrorSpec(
            403,
            "用途“{purpose}”不涵盖所查内容（{what}）",
            "The purpose “{purpose}” covers nothing of what was asked for ({what})",
            "用途目录见 GET /purposes；向签发方申请涵盖它的用途",
            "GET /purposes says what each purpose covers; ask the issuer for one that does",
        ),
        "endpoint_refused": ErrorSpec(
            422,
            "推送地址不可用：{reason}",
            "Nothing can be pushed to that address: {reason}",
            "使用公网 https 地址",
            "Use an https address of the public network",
        ),
        "too_many_subscriptions": ErrorSpec(
            409,
            "推送订阅已达上限 {limit} 个",
            "A hub has at most {limit} subscriptions",
            "先终止不用的订阅",
            "End one that is not used first",
        ),
        "subscription_ended": ErrorSpec(
            409,
            "订阅 {subscription} 已终止",
            "The subscription {subscription} has ended",
            "请重新订阅",
            "Subscribe anew",
        ),
        "log_unreachable": ErrorSpec(
            503,
            "事件日志暂不可用：{reason}",
            "The event log cannot be read now: {reason}",
            "请稍后重试",
            "Please try again later",
        ),
    }
)
