"""The refusals of property beside the common ones: stable codes, words in Chinese and English, who can act next."""

from suizhuan.errors import ErrorCatalogue, ErrorSpec

ERRORS = ErrorCatalogue(
    {
        # estates and premises
        "area_too_broad": ErrorSpec(
            422,
            "{area} 范围过大：须指明社区或网格",
            "{area} is too broad: name a community or a grid",
        ),
        "outside_estate": ErrorSpec(
            422, "{area} 不在小区 {estate} 所在区域内", "{area} lies outside the estate {estate}"
        ),
        "premise_withdrawn": ErrorSpec(
            409, "房屋 {premise} 已注销：{reason}", "The premise {premise} was withdrawn: {reason}"
        ),
        "premise_let": ErrorSpec(
            409,
            "房屋 {premise} 已出租至 {until}（租约 {lease}）",
            "The premise {premise} is let until {until} (lease {lease})",
            "出租方可提前终止该租约",
            "Its lessor can end that lease early",
        ),
        # leases
        "papers_missing": ErrorSpec(
            409,
            "人防工程 {premise} 未存档：{missing}（title 权属证明、delegation 委托书），租金不得入社区账",
            "The air-defence space {premise} lacks on file: {missing}; its rent cannot be the community's",
            "登记方补存文件：POST /premises/{premise}/papers",
            "Who registered it files them: POST /premises/{premise}/papers",
        ),
        "hazardous_goods": ErrorSpec(
            422,
            "人防工程 {premise} 不得存放危险品",
            "No hazardous goods in the air-defence space {premise}",
        ),
        "lease_dates": ErrorSpec(
            422, "到期日 {ends_on} 须晚于起租日 {starts_on}", "It must end ({ends_on}) after it starts ({starts_on})"
        ),
        "lease_too_long": ErrorSpec(
            422, "租期至 {ends_on} 超过上限 {latest}", "A lease until {ends_on} is longer than allowed: {latest}"
        ),
        "lease_ended": ErrorSpec(409, "租约 {lease} 已于 {ends_on} 终止", "The lease {lease} ended on {ends_on}"),
        "lease_cut_date": ErrorSpec(
            422,
            "提前终止日须不早于 {earliest}、早于 {ends_on}",
            "An early end is on {earliest} or later, and before {ends_on}",
        ),
        "not_lessor": ErrorSpec(
            403,
            "{org} 不是租约 {lease} 的出租方",
            "{org} is not the lessor of {lease}",
            "由出租方 {lessor} 办理",
            "{lessor} is",
        ),
        "due_settled": ErrorSpec(
            409, "第 {due} 期租金已处理：{state}", "The rent of period {due} is settled already: {state}"
        ),
        # repairs
        "unknown_repair_kind": ErrorSpec(
            422,
            "没有这一报修类别：{kind}",
            "No such kind of repair: {kind}",
            "类别见 GET /repair-kinds",
            "They are at GET /repair-kinds",
        ),
        "repair_state": ErrorSpec(
            409,
            "报修 {repair} 现为「{state}」，此操作要求：{needed}",
            "The repair {repair} is {state}; this needs: {needed}",
        ),
        "not_the_firm": ErrorSpec(
            403,
            "{org} 不是报修 {repair} 的合同物业企业",
            "{org} is not the firm under contract for {repair}",
            "由 {firm} 办理",
            "{firm} is",
        ),
        "not_the_requester": ErrorSpec(
            403, "仅限报修人本人确认：{repair}", "Only who asked for the repair {repair} confirms it"
        ),
        # firms and contracts
        "not_a_company": ErrorSpec(422, "{org} 不是企业", "{org} is not a company"),
        "firm_struck": ErrorSpec(
            409,
            "企业 {firm} 已移出名录：{reason}",
            "The firm {firm} was struck off: {reason}",
            "名录管理方可重新列入",
            "Who keeps the list can enter it again",
        ),
        "contract_dates": ErrorSpec(
            422, "到期日 {ends_on} 须晚于起始日 {starts_on}", "It must end ({ends_on}) after it starts ({starts_on})"
        ),
        "no_cutting_off": ErrorSpec(
            422, "合同不得约定停水停电催费", "No contract may cut off water or power as a sanction"
        ),
        "estate_served": ErrorSpec(
            409,
            "小区 {estate} 届时仍由 {firm} 服务（合同 {contract}）",
            "The estate {estate} is still served by {firm} then (contract {contract})",
            "可先解聘或通知不续聘：POST /contracts/{contract}/notice",
            "Give notice first: POST /contracts/{contract}/notice",
        ),
        "contract_state": ErrorSpec(
            409,
            "合同 {contract} 现为「{state}」，此操作要求：{needed}",
            "The contract {contract} is {state}; this needs: {needed}",
        ),
        "notice_too_short": ErrorSpec(
            422,
            "解聘须提前 {days} 日通知，最早 {earliest} 终止",
            "A dismissal takes {days} days' notice: {earliest} at the earliest",
        ),
        "notice_too_late": ErrorSpec(
            409,
            "不续聘须提前 {days} 日通知，期限 {latest} 已过",
            "A non-renewal takes {days} days' notice, which was possible until {latest}",
            "期满后可解聘",
            "The owners can dismiss the firm",
        ),
        "meeting_missing": ErrorSpec(
            422,
            "业主提出的通知须附业主大会的决定",
            "Owners give notice with the decision of their meeting",
            "先召集业主大会：POST /meetings",
            "Call one first: POST /meetings",
        ),
        "not_decided": ErrorSpec(
            409,
            "业主大会 {meeting} 未就小区 {estate} 作出第 {item} 项决定",
            "The meeting {meeting} has not decided on item {item} for the estate {estate}",
            "由该小区业主表决",
            "The owners of that estate vote on it",
        ),
        "limit_malformed": ErrorSpec(
            422,
            "时限应写作数字加单位（WH、WD、H、D）：{limit}",
            "A limit is a number and a unit (WH, WD, H, D): {limit}",
        ),
        # owners and their meetings
        "developer_known": ErrorSpec(
            409, "小区 {estate} 的建设单位已登记，按一人计", "The developer of {estate} is registered: it is one head"
        ),
        "units_without_area": ErrorSpec(
            422, "专有部分数与面积须同时为零或同时大于零", "Units and their area are both 0, or both above it"
        ),
        "account_taken": ErrorSpec(
            409, "该账号已是小区 {estate} 的业主", "That account is an owner of {estate} already: one head, one account"
        ),
        "not_an_owner": ErrorSpec(
            422,
            "召集人中有 {strangers} 人不是小区 {estate} 的业主",
            "{strangers} of those who call are not owners of {estate}",
        ),
        "too_few_callers": ErrorSpec(
            422,
            "召集业主 {callers} 人，全体 {heads} 人，至少须 {needed} 人",
            "{callers} of {heads} owners call it: {needed} are needed at least",
        ),
        "committee_not_told": ErrorSpec(
            422,
            "须告知小区所在地的居民委员会；{org} 不是 {area} 的社区",
            "The residents' committee of {area} is to be told; {org} is not that",
        ),
        "meeting_notice": ErrorSpec(
            422, "须提前 {days} 日通知，最早 {earliest}", "It takes {days} days' notice: {earliest} at the earliest"
        ),
        "meeting_times": ErrorSpec(
            422, "表决结束须晚于开始，且不晚于 {latest}", "Voting ends after it begins, and by {latest}"
        ),
        "motions_malformed": ErrorSpec(422, "议题须为第 1 至 9 项", "A motion is of item 1 to 9"),
        "not_voting_now": ErrorSpec(
            409,
            "业主大会 {meeting} 的表决时间为 {opens_at} 至 {closes_at}",
            "The meeting {meeting} votes from {opens_at} until {closes_at}",
        ),
        "unknown_motion": ErrorSpec(422, "没有这些议题：{motions}", "No such motions: {motions}"),
        "not_on_the_roll": ErrorSpec(
            403,
            "您不在业主大会 {meeting} 的名册上",
            "You are not on the roll of the meeting {meeting}",
            "名册由业主登记方负责，召集后不再变动",
            "Who registers owners keeps it; it was closed when the meeting was called",
        ),
        "no_committee": ErrorSpec(
            409, "业主大会 {meeting} 未选举业主委员会", "The meeting {meeting} has not elected a committee"
        ),
        "committee_filed": ErrorSpec(
            409, "业主大会 {meeting} 选举的委员会已备案", "The committee of {meeting} is on file already"
        ),
        # personal data
        "identity_number_invalid": ErrorSpec(422, "身份证号校验不符", "The identity card number is not valid"),
        "credit_code_invalid": ErrorSpec(
            422, "统一社会信用代码校验不符", "The unified social credit code is not valid"
        ),
        "personal_data_lost": ErrorSpec(
            410,
            "{id} 的个人信息已在数据库恢复中丢失：日志从不记录个人信息",
            "The personal data of {id} was lost when the database was restored: the log never holds any",
            "由登记方另行核实",
            "Who registered it has to find it out anew",
        ),
    }
)
