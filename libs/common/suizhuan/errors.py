"""Every refusal as an RFC 9457 problem, in Chinese and English, from one catalogue per service.

A code is stable for ever; its words may be improved. `{name}` in the words is filled from `Refusal.params`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from suizhuan.kernel.refusal import Refusal


@dataclass(frozen=True, slots=True)
class ErrorSpec:
    """Status and words of one code; `next_*` says who can act next and how."""

    status: int
    zh: str
    en: str
    next_zh: str = ""
    next_en: str = ""


class ErrorCatalogue(dict[str, ErrorSpec]):
    """Codes of one service on top of the common ones. A code stands in it once."""

    def __init__(self, own: Mapping[str, ErrorSpec]) -> None:
        clash = set(own) & set(COMMON)
        if clash:
            raise ValueError(f"codes that are common already: {sorted(clash)}")
        super().__init__({**COMMON, **own})


class _Blank(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "?"


def problem(refusal: Refusal, catalogue: Mapping[str, ErrorSpec], *, language: str = "zh") -> dict[str, Any]:
    """The problem details of a refusal: `type title status detail code` and both languages under `messages`.

    `params` of the refusal are given as they are, so that programs need not read words.
    """
    spec = catalogue.get(refusal.code) or COMMON["internal"]
    zh, en = _Blank(_readable(refusal.params, "、")), _Blank(_readable(refusal.params, ", "))
    if (what := refusal.params.get("what")) in WHAT:
        zh["what"] = WHAT[what]
    words = {"zh": spec.zh.format_map(zh), "en": spec.en.format_map(en)}
    following = {"zh": spec.next_zh.format_map(zh), "en": spec.next_en.format_map(en)}
    details = {k: f"{words[k]}{_STOP[k]}{following[k]}" if following[k] else words[k] for k in words}
    return {
        "type": f"urn:suizhuan:problem:{refusal.code}",
        "title": words[language],
        "status": spec.status,
        "detail": details[language],
        "code": refusal.code,
        "params": refusal.params,
        "next": following[language],
        "messages": details,
    }


WHAT = {
    "path": "路径",
    "case": "诉求",
    "handover": "转办",
    "mandate": "委托",
    "switch": "移交",
    "earmark": "专项",
    "dead_letter": "死信",
    "aggregate": "落后于日志的对象",
    "estate": "小区",
    "premise": "房屋",
    "lease": "租约",
    "due": "应收租金",
    "repair": "报修",
    "firm": "物业企业",
    "contract": "物业合同",
    "owner": "业主",
    "meeting": "业主大会",
    "volunteer": "志愿者",
    "team": "服务队",
    "activity": "活动",
    "shift": "班次",
    "course": "课程",
    "award": "荣誉",
    "certificate": "证明",
    "pairing": "结对",
    "area": "区域",
    "building": "楼栋",
    "dwelling": "房屋",
    "household": "户",
    "person": "人员",
    "file": "档案",
    "permit": "居住证",
    "correction": "更正请求",
    "import": "导入",
}
_STOP = {"zh": "；", "en": "; "}


def _readable(params: Mapping[str, Any], comma: str) -> dict[str, Any]:
    """For people: lists are enumerated, what is not known is left out."""
    return {
        k: comma.join(map(str, v)) if isinstance(v, list | tuple) else v for k, v in params.items() if v is not None
    }


COMMON: dict[str, ErrorSpec] = {
    # the request itself
    "invalid_request": ErrorSpec(422, "请求内容有误：{reason}", "The request is not valid: {reason}"),
    "unauthenticated": ErrorSpec(
        401, "未登录或令牌无效：{reason}", "Not signed in, or the token is not valid: {reason}"
    ),
    "wrong_kind": ErrorSpec(403, "该类身份不能做此操作", "This kind of identity cannot do this"),
    "not_found": ErrorSpec(404, "没有找到{what}：{id}", "No such {what}: {id}"),
    "method_not_allowed": ErrorSpec(405, "不支持这种请求方法", "This method is not supported here"),
    "version_conflict": ErrorSpec(
        412, "内容已被更新，当前版本为 {current}", "It has changed meanwhile; the current version is {current}"
    ),
    "idempotency_key_reused": ErrorSpec(
        422, "同一个 Idempotency-Key 用于了不同的请求", "The Idempotency-Key was used for another request"
    ),
    "request_too_large": ErrorSpec(413, "请求过大，上限 {limit} 字节", "The request is larger than {limit} bytes"),
    "cursor_malformed": ErrorSpec(422, "分页游标无效", "The page cursor is not valid"),
    "unavailable": ErrorSpec(
        503, "服务暂不可用：{reason}", "Not available now: {reason}", "请稍后重试", "Please try again later"
    ),
    "rate_limited": ErrorSpec(429, "请求过于频繁", "Too many requests", "请稍后重试", "Please try again later"),
    "internal": ErrorSpec(500, "内部错误", "Internal error"),
    # money and areas (kernel)
    "amount_not_fen": ErrorSpec(422, "金额须为整数分：{amount}", "An amount is a whole number of fen: {amount}"),
    "amount_not_positive": ErrorSpec(422, "金额须大于 0:{amount}", "An amount is above 0: {amount}"),
    "amount_too_large": ErrorSpec(422, "金额过大：{amount}", "The amount is too large: {amount}"),
    "area_malformed": ErrorSpec(
        422, "区划代码应为 2、4、6、9、12 或 15 位数字：{area}", "An area code has 2, 4, 6, 9, 12 or 15 digits: {area}"
    ),
    "unknown_area": ErrorSpec(422, "未登记的区域：{area}", "No such area is registered: {area}"),
    "unknown_organisation": ErrorSpec(422, "未登记的组织：{org}", "No such organisation is registered: {org}"),
    "unknown_affair": ErrorSpec(422, "事项目录中没有：{affair}", "Not in the catalogue of affairs: {affair}"),
    # authority (authority.md §2)
    "missing_power": ErrorSpec(
        403,
        "{org} 在 {area} 没有「{affair}」的权力 {power}",
        "{org} does not hold the power {power} for {affair} in {area}",
        "现由 {holder} 持有",
        "It is held by {holder}",
    ),
    "term_passed": ErrorSpec(
        409,
        "第 {term} 任期已过，当前为第 {current} 任期，由 {holder} 负责",
        "Term {term} has passed; the current one is {current}, held by {holder}",
    ),
    "power_in_transition": ErrorSpec(
        503, "该权力正在移交（{switch}）", "The power is moving ({switch})", "请稍后重试", "Please try again shortly"
    ),
    "area_given_up": ErrorSpec(
        409,
        "区域代码 {area} 已停用，现为 {now}",
        "The code {area} was given up; it is {now} now",
        "请改用新代码",
        "Use the new code",
    ),
    "replica_stale": ErrorSpec(
        503,
        "本服务的权责副本已过期：{reason}",
        "This service's copy of the grants is stale: {reason}",
        "待与权责服务恢复连接后重试",
        "Try again when the link to mandates is back",
    ),
    "clock_off": ErrorSpec(503, "本机时钟异常", "This machine's clock is off"),
    "aggregate_behind_log": ErrorSpec(
        503,
        "数据库恢复后落后于日志：{topic} 的 {key} 已被锁定",
        "Restored from a backup, the database is behind the log: {key} of {topic} is locked",
        "由平台运行方先核对（reconcile）",
        "Who runs the platform reconciles it first",
    ),
    "cannot_reverse": ErrorSpec(
        409,
        "{key} 的 {event} 不能撤回：他处已据此行事",
        "{event} of {key} cannot be taken back: others have acted upon it",
        "请改用 adopt 采纳日志",
        "Adopt the log instead",
    ),
    # events
    "event_malformed": ErrorSpec(422, "事件格式有误：{reason}", "The event is malformed: {reason}"),
    "event_too_large": ErrorSpec(
        422, "事件 {type} 有 {bytes} 字节，上限 {most}", "The event {type} has {bytes} bytes; {most} is the most"
    ),
    "event_unknown_version": ErrorSpec(422, "事件类型 {type} 的版本未知", "Unknown version of the event type {type}"),
}
