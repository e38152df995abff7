"""The refusals of complaints beside the common ones: stable codes, words in Chinese and English, who can act next."""

from suizhuan.errors import ErrorCatalogue, ErrorSpec

ERRORS = ErrorCatalogue(
    {
        # intake
        "unknown_category": ErrorSpec(
            422,
            "没有这一事件类别：{category}",
            "No such category: {category}",
            "类别见 GET /categories",
            "The categories are at GET /categories",
        ),
        "unknown_channel": ErrorSpec(
            422,
            "没有这一受理渠道：{channel}",
            "No such channel: {channel}",
            "渠道见 GET /categories",
            "The channels are at GET /categories",
        ),
        "unknown_redirect": ErrorSpec(
            422,
            "没有这一转告去向：{redirect}",
            "No such place to redirect to: {redirect}",
            "去向见 GET /categories",
            "They are at GET /categories",
        ),
        "wrong_route": ErrorSpec(409, "该权责不涵盖此诉求：{case}", "The grant does not cover the case {case}"),
        # who acts on a case
        "not_routed": ErrorSpec(
            409,
            "诉求 {case} 尚未派遣",
            "The case {case} has not been routed yet",
            "收到权责后自动派遣",
            "It is routed as soon as somebody holds its affair",
        ),
        "not_responsible": ErrorSpec(
            403,
            "{org} 不是诉求 {case} 的责任组织",
            "{org} is not responsible for the case {case}",
            "现由 {responsible} 负责",
            "{responsible} is responsible",
        ),
        "case_term_passed": ErrorSpec(
            409,
            "诉求已转移：第 {case_term} 任次已过，当前为第 {current} 任次",
            "The case has moved: its term {case_term} has passed, the current one is {current}",
            "现由 {responsible} 负责",
            "{responsible} is responsible",
        ),
        "self_verification": ErrorSpec(
            403,
            "{org} 负责诉求 {case}，不得自行核查或签批",
            "{org} is responsible for the case {case} and may not check it or sign for it",
            "可由 {holder} 办理",
            "{holder} can do it",
        ),
        # life cycle
        "case_state": ErrorSpec(
            409,
            "诉求 {case} 现为「{state}」，此操作要求：{needed}",
            "The case {case} is {state}; this needs: {needed}",
        ),
        "extension_too_long": ErrorSpec(
            422,
            "延期至 {due_at} 超过上限 {latest}",
            "An extension to {due_at} goes beyond the latest possible moment, {latest}",
        ),
        "limit_malformed": ErrorSpec(
            422,
            "时限应写作数字加单位（WH、WD、H、D）：{limit}",
            "A limit is a number and a unit (WH, WD, H, D): {limit}",
        ),
        "redirect_missing": ErrorSpec(
            422, "不予受理的诉求须告知去向", "A case that is out of scope is closed with a place to turn to"
        ),
        "duplicate_of_missing": ErrorSpec(
            422,
            "重复诉求须指明原诉求（且不能是它自己）",
            "A duplicate is closed with the case that it repeats, another one",
        ),
        # movements
        "movement_under_way": ErrorSpec(
            409,
            "诉求 {case} 正在转移（{movement}）",
            "The case {case} is being moved ({movement})",
            "请待其完成后再试",
            "Try again when that is done",
        ),
        "handover_to_self": ErrorSpec(
            422, "{org} 已是责任组织，不能转办给自己", "{org} is responsible already: it cannot hand over to itself"
        ),
        "receiver_without_power": ErrorSpec(
            409,
            "{receiver} 在 {area} 没有「{affair}」的权责，不得转办：有责无权",
            "{receiver} holds no grant for {affair} in {area}: a duty without power cannot be handed over",
            "{giver} 仍然负责；可由 {owner} 委托",
            "{giver} stays responsible; {owner} can place a mandate",
        ),
        "nothing_to_return": ErrorSpec(
            409,
            "诉求 {case} 已在事项主管 {responsible} 处，没有可退回的对象",
            "The case {case} is with the affair's owner, {responsible}: there is nobody to return it to",
            "{responsible} 可转办，或请核查方按无效结案",
            "{responsible} can hand it over, or ask the verifier to close it as invalid",
        ),
        "return_too_late": ErrorSpec(
            409,
            "退回时限（{limit}）已过",
            "The limit for returning the case ({limit}) has passed",
            "可转办",
            "It can be handed over",
        ),
    }
)
