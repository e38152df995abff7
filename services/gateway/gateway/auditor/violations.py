"""What the auditor can find: one code for each way in which a guarantee can be broken."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from gateway.auditor.records import Event

NO_POWER = "有责无权"  # duty without power
NO_DUTY = "有权无责"  # power without duty
NO_MONEY = "有责无费"  # duty without money
NO_WORK = "有费无事"  # money without work
UNCLEAR = "责任不清"  # not exactly one responsible
UNNAMED = "来路不明"  # nobody can tell under which authority
BROKEN = "记录残缺"  # the records themselves

KINDS_EN = {
    NO_POWER: "duty without power",
    NO_DUTY: "power without duty",
    NO_MONEY: "duty without money",
    NO_WORK: "money without work",
    UNCLEAR: "unclear responsibility",
    UNNAMED: "unaccountable fact",
    BROKEN: "broken records",
}


@dataclass(frozen=True, slots=True)
class Code:
    """A code's guarantee, kind and words; `{name}` is filled from the violation's details."""

    guarantee: str
    kind: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Violation:
    """One guarantee broken, shown by one event. `chain` names the events that lead to it, by id."""

    code: str
    guarantee: str
    kind: str
    event: str
    type: str
    topic: str
    partition: int
    offset: int
    case: str | None
    zh: str
    en: str
    details: dict[str, Any] = field(default_factory=dict)
    chain: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "kind_en": KINDS_EN[self.kind], "chain": list(self.chain)}


def violation(code: str, event: Event, *chain: Event | None, **details: Any) -> Violation:
    """Make one; `chain` are the events it rests on."""
    about = CODES[code]
    words = {"type": event.name, **details}
    return Violation(
        code=code,
        guarantee=about.guarantee,
        kind=about.kind,
        event=event.id,
        type=event.name,
        topic=event.topic,
        partition=event.partition,
        offset=event.offset,
        case=event.maybe("case"),
        zh=about.zh.format(**words),
        en=about.en.format(**words),
        details=details,
        chain=tuple(e.id for e in chain if e is not None),
    )


CODES: dict[str, Code] = {
    # G1: exactly one responsible
    "case_not_routed": Code("G1", UNCLEAR, "{type} 之前没有派出责任单位", "{type}: nobody had been made responsible"),
    "routed_twice": Code("G1", UNCLEAR, "同一诉求派单两次", "the case was routed twice"),
    "routed_elsewhere": Code(
        "G1",
        UNCLEAR,
        "派给了 {got}，而最长前缀是 {area} 的 {wanted}",
        "routed to {got}; the longest prefix is {wanted}'s ({area})",
    ),
    "case_term_skipped": Code(
        "G1", UNCLEAR, "流转次数应为 {wanted}，记录为 {got}", "case_term should be {wanted}, it says {got}"
    ),
    "moved_by_another": Code(
        "G1", UNCLEAR, "由 {got} 转出，而责任单位是 {wanted}", "given away by {got} while {wanted} was responsible"
    ),
    "holders_overlap": Code(
        "G1",
        UNCLEAR,
        "同一位置同时有两个责任单位：{other} 与 {holder}",
        "two hold one slot at once: {other} and {holder}",
    ),
    "moved_without_request": Code(
        "G1", UNCLEAR, "未经申请就转办（{handover}）", "moved by a handover nobody asked for ({handover})"
    ),
    # G2: duty brings power
    "receiver_without_grant": Code(
        "G2",
        NO_POWER,
        "{org} 接下诉求，却不持有委托 {mandate} 第 {term} 任",
        "{org} got the case without holding {mandate}, term {term}",
    ),
    "case_left_behind": Code(
        "G2",
        NO_POWER,
        "委托 {mandate} 已移走，诉求仍留在 {org}",
        "the case stayed with {org} though {mandate} has moved away",
    ),
    "activated_without_grant": Code(
        "G2",
        NO_POWER,
        "委托 {mandate} 生效，却没有授出第 {term} 任",
        "{mandate} is active, but its term {term} was never granted",
    ),
    # G3: no power without duty
    "act_without_grant": Code(
        "G3",
        NO_DUTY,
        "依据的委托 {mandate} 第 {term} 任从未授出",
        "it names {mandate}, term {term}, which was never granted",
    ),
    "act_before_grant": Code(
        "G3", NO_DUTY, "在 {mandate} 第 {term} 任授出之前行权", "an act before {mandate}, term {term}, was granted"
    ),
    "act_after_end": Code(
        "G3", NO_DUTY, "委托 {mandate} 第 {term} 任结束后仍行权", "an act after {mandate}, term {term}, had ended"
    ),
    "act_by_another": Code("G3", NO_DUTY, "{got} 用了 {wanted} 的委托", "{got} used the mandate of {wanted}"),
    "act_without_power": Code(
        "G3", NO_DUTY, "委托 {mandate} 不含权力 {power}", "{mandate} does not hold the power {power}"
    ),
    "act_out_of_area": Code(
        "G3", NO_DUTY, "在 {place} 行权，委托只及 {area}", "an act at {place} under a grant for {area}"
    ),
    "act_after_acknowledgement": Code(
        "G3",
        NO_DUTY,
        "{service} 已确认切换 {switch}，其后又按旧任期行权",
        "{service} acknowledged {switch} and acted under the old term after it",
    ),
    "act_in_transition": Code(
        "G3", NO_DUTY, "权力移交中（{switch}）仍行权", "an act while the power was moving ({switch})"
    ),
    "act_under_old_code": Code(
        "G3",
        NO_DUTY,
        "区域代码 {place} 已停用（现为 {now}），仍据以行权",
        "an act under the code {place}, which was given up ({now} stands for it)",
    ),
    "rekeyed_otherwise": Code(
        "G3",
        NO_DUTY,
        "切换 {switch} 变更的区域代码与开启时所称不符",
        "{switch} changed other codes than those that had yielded",
    ),
    "beat_too_old": Code("G3", NO_DUTY, "行权所凭心跳已过 {age} 秒", "the beat it relied on was {age} s old"),
    "act_not_responsible": Code(
        "G3", NO_DUTY, "{got} 处置了由 {wanted} 负责的诉求", "{got} worked on a case that {wanted} is responsible for"
    ),
    "self_verified": Code("G3", NO_DUTY, "{org} 核查了自己负责的诉求", "{org} verified its own work"),
    "switch_not_opened": Code(
        "G3", NO_DUTY, "切换 {switch} 未经开启就完成", "{switch} was done without having been opened"
    ),
    "switch_too_early": Code(
        "G3", NO_DUTY, "切换 {switch} 未等 {replica} 确认就完成", "{switch} was done without waiting for {replica}"
    ),
    "switch_ended_twice": Code("G3", NO_DUTY, "切换 {switch} 结束了两次", "{switch} ended twice"),
    "grant_without_mandate": Code(
        "G3", NO_DUTY, "授权 {mandate} 没有对应的委托", "a grant without a mandate: {mandate}"
    ),
    "term_not_above": Code(
        "G3", NO_DUTY, "第 {term} 任不高于此前的第 {before} 任", "term {term} is not above the earlier {before}"
    ),
    # G4: no duty without money
    "activated_unfunded": Code(
        "G4", NO_MONEY, "委托 {mandate} 未拨款就生效", "{mandate} became active without its money"
    ),
    "moved_without_hold": Code(
        "G4",
        NO_MONEY,
        "转办 {handover} 应冻结 {wanted} 分，实为 {got} 分",
        "{handover} moved with {got} of {wanted} fen held",
    ),
    "moved_by_foreign_hold": Code(
        "G4", NO_MONEY, "所凭冻结 {hold} 不是为这次转办", "the hold {hold} it names was not placed for this movement"
    ),
    "case_unpaid": Code("G4", NO_MONEY, "核查通过却欠付 {shortfall} 分", "verified, but {shortfall} fen were not paid"),
    "returned_while_active": Code(
        "G4", NO_MONEY, "委托 {mandate} 未结束，款项已退回", "the money of {mandate} went back before it ended"
    ),
    "switched_without_cases": Code(
        "G4", NO_MONEY, "切换 {switch} 完成时诉求的经费尚未备好", "{switch} was done before its cases' money was ready"
    ),
    # G5: no money without work
    "captured_unverified": Code("G5", NO_WORK, "未经核查就支取冻结 {hold}", "{hold} was captured without verification"),
    "captured_twice": Code("G5", NO_WORK, "冻结 {hold} 支取两次", "{hold} was captured twice"),
    "captured_and_released": Code("G5", NO_WORK, "冻结 {hold} 既支取又解冻", "{hold} was captured and released"),
    "released_twice": Code("G5", NO_WORK, "冻结 {hold} 解冻两次", "{hold} was released twice"),
    "hold_unknown": Code("G5", NO_WORK, "冻结 {hold} 从未建立", "{hold} was never placed"),
    "hold_placed_twice": Code("G5", NO_WORK, "冻结 {hold} 建立两次", "{hold} was placed twice"),
    "hold_overspent": Code(
        "G5", NO_WORK, "冻结 {hold} 为 {placed} 分，支出 {spent} 分", "{hold} was {placed} fen, {spent} left it"
    ),
    "hold_left_open": Code("G5", NO_WORK, "诉求已结清，冻结 {hold} 仍未了结", "the case is settled, {hold} is not"),
    "hold_exceeds_earmark": Code(
        "G5",
        NO_WORK,
        "委托 {mandate} 冻结 {held} 分，专项只有 {balance} 分",
        "{held} fen held of {mandate}, which has {balance}",
    ),
    "paid_unverified": Code("G5", NO_WORK, "未经核查就付款", "paid without verification"),
    "paid_twice": Code("G5", NO_WORK, "同一诉求付款两次", "the case was paid twice"),
    "paid_wrong_sum": Code("G5", NO_WORK, "应付 {wanted} 分，实付 {got} 分", "{got} fen were paid instead of {wanted}"),
    "paid_another": Code(
        "G5", NO_WORK, "付给了 {got}，而办理单位是 {wanted}", "paid to {got} while {wanted} did the work"
    ),
    "settled_unpaid": Code("G5", NO_WORK, "诉求核查后已结清，却从未付款", "verified and settled, but never paid"),
    "entry_unbalanced": Code(
        "G5", NO_WORK, "分录 {entry} 中 {org} 差 {off} 分", "{entry} is off by {off} fen for {org}"
    ),
    "entry_twice": Code("G5", NO_WORK, "分录 {entry} 记了两次", "{entry} was posted twice"),
    "entry_missing": Code(
        "G5", NO_WORK, "所指分录 {entry} 不在账上", "the entry {entry} it names is not in the ledger"
    ),
    "earmark_overdrawn": Code(
        "G5", NO_WORK, "专项 {mandate} 透支 {short} 分", "the earmark of {mandate} is overdrawn by {short} fen"
    ),
    "earmark_funded_twice": Code("G5", NO_WORK, "委托 {mandate} 拨款两次", "{mandate} was funded twice"),
    "earmark_wrong_sum": Code(
        "G5",
        NO_WORK,
        "专项 {mandate} 拨 {funded} 分，支取与退回共 {out} 分",
        "{mandate} was given {funded} fen, {out} went out",
    ),
    "rest_not_returned": Code(
        "G5", NO_WORK, "委托 {mandate} 已结清，仍余 {rest} 分", "{mandate} is settled with {rest} fen left"
    ),
    "bill_unasked": Code("G5", NO_WORK, "单据 {bill} 无人如此提出", "nobody asked for that: {bill}"),
    "bill_of_anothers_mandate": Code(
        "G5",
        NO_WORK,
        "单据 {bill} 动用了他人的专项 {mandate}",
        "{bill} draws on the earmark of {mandate}, which is another's",
    ),
    "bill_held_twice": Code("G5", NO_WORK, "单据 {bill} 冻结两次", "{bill} was held twice"),
    "bill_booked_twice": Code("G5", NO_WORK, "单据 {bill} 入账两次", "{bill} was booked twice"),
    "bill_ended_twice": Code("G5", NO_WORK, "单据 {bill} 了结两次", "{bill} was ended twice"),
    "bill_paid_unheld": Code(
        "G5", NO_WORK, "单据 {bill} 未经冻结或入账就支付", "{bill} was paid without being held or booked"
    ),
    "bill_overspent": Code(
        "G5", NO_WORK, "单据 {bill} 留有 {held} 分，支付 {got} 分", "{bill} held {held} fen, {got} were paid"
    ),
    "bill_left_open": Code("G5", NO_WORK, "委托已结清，单据 {bill} 仍未了结", "the mandate is settled, {bill} is not"),
    # G6: every fact names its authority
    "act_unnamed": Code("G6", UNNAMED, "{type} 没有写明 {missing}", "{type} does not name {missing}"),
    "authority_unknown": Code(
        "G6", UNNAMED, "所依据的 {mandate} 第 {term} 任不存在", "it names {mandate}, term {term}, which does not exist"
    ),
    "authority_offset_unknown": Code(
        "G6", UNNAMED, "权责位点 {offset} 超出日志（{end}）", "authority offset {offset} lies beyond the log ({end})"
    ),
    # G7: the records can be trusted
    "sequence_gap": Code(
        "G7", BROKEN, "{key} 缺第 {wanted} 条，直接到 {got}", "{key}: {wanted} is missing, then {got}"
    ),
    "sequence_reordered": Code(
        "G7", BROKEN, "{key} 的第 {got} 条排在第 {before} 条之后", "{key}: {got} comes after {before}"
    ),
    "sequence_repeated": Code(
        "G7", BROKEN, "{key} 的第 {got} 条有两个不同事件", "{key}: two events say they are {got}"
    ),
    "duplicate_differs": Code("G7", BROKEN, "同一事件编号，内容不同", "one event id, two contents"),
}

GUARANTEES = tuple(sorted({code.guarantee for code in CODES.values()}))
