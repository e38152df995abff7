"""The refusals of mandates beside the common ones: stable codes, words in Chinese and English, who can act next."""

from suizhuan.errors import ErrorCatalogue, ErrorSpec

ERRORS = ErrorCatalogue(
    {
        # registers
        "organisation_exists": ErrorSpec(409, "组织已登记：{org}", "The organisation is registered already: {org}"),
        "staff_exists": ErrorSpec(409, "人员编号已登记：{staff}", "The staff id is registered already: {staff}"),
        "affair_exists": ErrorSpec(409, "事项已在目录中：{affair}", "The affair is in the catalogue already: {affair}"),
        "owner_not_of_root": ErrorSpec(
            422,
            "事项的主管部门须管辖全域：{org}",
            "The owner of an affair has to hold the root area: {org}",
        ),
        "affair_without_power": ErrorSpec(
            422,
            "事项 {affair} 未列明权力：有责无权",
            "The affair {affair} gives no power: a duty without power",
        ),
        "affair_gives_no_power": ErrorSpec(
            422,
            "清单「{list}」中的事项 {affair} 不得附带权力",
            "The affair {affair} is on the list {list} and cannot give a power",
        ),
        # the lists (domain.md §5)
        "affair_forbidden": ErrorSpec(
            422,
            "{affair} 在负面清单上，不得下放社区",
            "{affair} is on the forbidden list and is never placed",
            "由主管部门自行办理",
            "Its owner department does it itself",
        ),
        "certificate_forbidden": ErrorSpec(
            422,
            "{affair} 属于社区不得开具的二十项证明",
            "{affair} is one of the twenty certificates that a community must not issue",
            "由主管部门核实信息",
            "The department concerned verifies it itself",
        ),
        "certificate_not_placed": ErrorSpec(
            422,
            "{affair} 是社区可开具的证明，不作委托",
            "{affair} is a certificate that communities issue anyway; it is not placed by a mandate",
        ),
        "assist_only": ErrorSpec(
            422,
            "{affair} 为协助事项，{org} 只能协助，不能牵头",
            "{affair} is on the assist list: {org} may assist in it but never lead",
            "请改为协助（role=assist）或由部门牵头",
            "Propose it with role=assist, or let a department lead",
        ),
        "power_not_of_affair": ErrorSpec(
            422, "事项 {affair} 不含权力 {power}", "The affair {affair} does not give the power {power}"
        ),
        # proposals
        "window_invalid": ErrorSpec(
            422,
            "起止时间有误：{starts_at} 至 {ends_at}",
            "The time is not valid: from {starts_at} to {ends_at}",
        ),
        "lead_time_short": ErrorSpec(
            422, "申请过晚，最早可自 {earliest} 起", "Applied for too late; the earliest start is {earliest}"
        ),
        "staff_not_of_holder": ErrorSpec(422, "{staff} 不是 {org} 的人员", "{staff} does not work for {org}"),
        "emergency_unknown": ErrorSpec(422, "不是应急情形：{kind}", "Not a kind of emergency: {kind}"),
        "replaces_mismatch": ErrorSpec(
            422,
            "{replaces} 不是同一事项、区域、角色下在任的委托",
            "{replaces} is no mandate in force for the same affair, area and role",
        ),
        "slot_taken": ErrorSpec(
            409,
            "{affair} 在 {area} 的该时段已有牵头委托 {mandate}",
            "{affair} in {area} is led under {mandate} within that time",
            "请用 replaces 交接，或错开时间，或先终止原委托",
            "Hand it on by `replaces`, choose another time, or end it first",
        ),
        "not_admissible": ErrorSpec(
            422,
            "不予准入：{mandate} 缺少 {missing}（资金至少缺 {shortfall_fen} 分）",
            "Not admissible: {mandate} lacks {missing} (money short by at least {shortfall_fen} fen)",
            "由 {next_org} 补齐（{next_action}）",
            "{next_org} can complete it ({next_action})",
        ),
        "reason_missing": ErrorSpec(422, "不予准入须说明理由", "A refusal needs a reason"),
        # life cycle
        "wrong_state": ErrorSpec(
            409,
            "委托 {mandate} 现为「{state}」，此操作要求：{needed}",
            "The mandate {mandate} is {state}; this needs: {needed}",
        ),
        "switch_under_way": ErrorSpec(
            409,
            "委托 {mandate} 正在移交（{why}，{switch}）",
            "The mandate {mandate} is being switched ({why}, {switch})",
            "请待移交完成后再试",
            "Try again when the switch is done",
        ),
        "not_funded": ErrorSpec(
            409,
            "委托 {mandate} 尚无资金：有责无费",
            "The mandate {mandate} has no money yet: a duty without money",
            "由 {next_org} 落实经费",
            "{next_org} has to provide the money",
        ),
        "already_founded": ErrorSpec(409, "本库已有数据，不能再次创立", "This database has data of its own already"),
    }
)
