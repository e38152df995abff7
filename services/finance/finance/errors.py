"""The refusals of finance."""

from suizhuan.errors import ErrorCatalogue, ErrorSpec

ERRORS = ErrorCatalogue(
    {
        "entry_unbalanced": ErrorSpec(
            422,
            "{org} 的借贷不平，相差 {difference} 分",
            "The lines of {org} do not balance: {difference} fen off",
        ),
        "unknown_account": ErrorSpec(422, "科目表中没有科目 {account}", "No such account in the chart: {account}"),
        "reserved_account": ErrorSpec(
            422, "专项科目 {account} 只能由事件入账", "Account {account} is posted by events only"
        ),
        "foreign_books": ErrorSpec(
            403, "不能为其他组织（{org}）记账", "Nobody posts in the books of another organisation ({org})"
        ),
        "same_person": ErrorSpec(422, "记账人与审核人须为不同人员", "Bookkeeper and approver are different people"),
        "insufficient_funds": ErrorSpec(
            409,
            "{org} 可用资金 {available} 分，不足 {amount} 分，缺 {shortfall} 分",
            "{org} has {available} fen available of {amount} needed: {shortfall} short",
            "由财政部门安排预算",
            "The finance department allocates a budget",
        ),
    }
)
