"""The refusals of population beside the common ones: stable codes, words in Chinese and English, who can act next."""

from suizhuan.errors import ErrorCatalogue, ErrorSpec

ERRORS = ErrorCatalogue(
    {
        "unknown_code": ErrorSpec(
            422,
            "辖区配置中没有这一代码（{kind}）：{value}",
            "The profile has no such code ({kind}): {value}",
            "代码见 GET /codes",
            "The codes are at GET /codes",
        ),
        # areas and what stands in them
        "area_outside": ErrorSpec(422, "{area} 不在本辖区 {root} 内", "{area} lies outside this jurisdiction, {root}"),
        "area_known": ErrorSpec(
            409, "区域 {area} 已登记", "The area {area} is registered already", "可改名", "It can be given other names"
        ),
        "parent_unknown": ErrorSpec(
            422,
            "区域 {area} 的上级 {parent} 尚未登记",
            "The area {parent}, to which {area} would belong, is not registered",
            "请先登记上级区域",
            "Register that one first",
        ),
        # areas that get other codes
        "rekeying_under_way": ErrorSpec(
            409,
            "区划调整 {rekeying} 已公布、尚未生效",
            "The re-keying {rekeying} was announced and has not taken effect yet",
            "待其生效后再试",
            "Try again when it has",
        ),
        "lengths_differ": ErrorSpec(
            422,
            "{old} 与 {new} 位数不同：新旧代码须同级",
            "{old} and {new} differ in length: a code becomes one of the same level",
        ),
        "move_twice": ErrorSpec(422, "{area} 的同一调整出现两次", "The same move of {area} stands there twice"),
        "split_by_grids": ErrorSpec(
            422,
            "{area} 不是网格，不能按楼栋拆分",
            "{area} is no grid, and is not split by its buildings",
            "请列出其下各网格的去向，其余随本代码走",
            "List where its grids go; all others go with it",
        ),
        "heir_unclear": ErrorSpec(
            422,
            "{area} 须恰有一个承继者；楼栋只列在网格拆出的部分",
            "{area} needs exactly one heir; buildings are listed for the parts that a grid gives away",
            "请在拆分或合并的各项中恰好指定一项 heir",
            "Mark exactly one of the moves of a split or a merge as the heir",
        ),
        "moves_chained": ErrorSpec(
            422,
            "新代码 {area} 位于本次停用的区域内",
            "The new code {area} lies in an area that is given up by the same re-keying",
            "请分两次调整",
            "Announce two, one after the other",
        ),
        "areas_become_one": ErrorSpec(
            422,
            "{areas} 将合为 {area}，却未逐一列出",
            "{areas} would all become {area}, without each of them being listed",
            "合并须列出每个旧代码及其去向",
            "List every code that is merged",
        ),
        "names_missing": ErrorSpec(422, "新代码 {area} 没有名称", "The new code {area} has no names"),
        "not_a_grid": ErrorSpec(422, "须为 15 位网格代码：{area}", "This needs a grid, of 15 digits: {area}"),
        "building_known": ErrorSpec(
            409, "该网格已有同名楼栋（{building}）", "The grid has a building of that name already ({building})"
        ),
        "dwelling_known": ErrorSpec(409, "该楼栋已有此房屋（{dwelling}）", "The building has it already ({dwelling})"),
        "household_known": ErrorSpec(
            409, "该网格已有此户号（{household}）", "The grid has a household of that number already ({household})"
        ),
        "elsewhere": ErrorSpec(
            422, "{what} {id} 不在网格 {grid} 内", "The {what} {id} does not stand in the grid {grid}"
        ),
        "not_a_member": ErrorSpec(
            409,
            "{person} 不是该户在住成员，不能为户主",
            "{person} does not live in that household, and cannot be its head",
            "请先将其迁入该户",
            "Move the person into it first",
        ),
        # people
        "id_malformed": ErrorSpec(
            422,
            "身份证号有误：{reason}",
            "The ID number is not right: {reason}",
            "请核对证件",
            "Look at the card again",
        ),
        "person_known": ErrorSpec(
            409,
            "该身份证号已登记在 {area}",
            "Somebody with this ID number is registered already, in {area}",
            "由该处或有权者办理迁移",
            "Who is responsible there can move the person",
        ),
        "person_departed": ErrorSpec(
            409,
            "{person} 已不在此居住",
            "{person} does not live here any longer",
            "可重新迁入",
            "Can be moved in again",
        ),
        "personal_data_gone": ErrorSpec(
            410,
            "{person} 的个人信息已删除或随数据库丢失",
            "The personal data of {person} were erased, or lost with a database",
            "可由登记方重新采集",
            "Who keeps the register can record them again",
        ),
        "account_linked": ErrorSpec(
            409, "该账号或该人已另有关联", "The account, or the person, is linked to another already"
        ),
        "not_linked": ErrorSpec(
            404,
            "您的账号尚未与登记信息关联",
            "Your account is not linked to a person of the register",
            "请持证件到社区办理",
            "Bring your card to the community's counter",
        ),
        # classified files
        "file_known": ErrorSpec(
            409, "该人已有同类档案（{file}）", "The person has an open file of that kind already ({file})"
        ),
        "file_closed": ErrorSpec(409, "档案 {file} 已结", "The file {file} is closed"),
        "officer_missing": ErrorSpec(
            422, "「{kind}」档案须指定责任人", "A file of the kind {kind} must name an officer"
        ),
        "attribute_missing": ErrorSpec(422, "缺少：{attributes}", "Missing: {attributes}"),
        # residence permits
        "not_a_migrant": ErrorSpec(
            409,
            "该人口类型不办居住证：{registration}",
            "Who is registered so applies for no permit: {registration}",
        ),
        "permit_known": ErrorSpec(409, "该人已有居住证（{permit}）", "The person has a permit already ({permit})"),
        "permit_too_early": ErrorSpec(
            409,
            "居住未满 {months} 个月，{first} 起可申领",
            "Lived here for less than {months} months",
            "{first} 起可再申请",
            "It can be applied for from {first} on",
        ),
        "permit_state": ErrorSpec(
            409,
            "居住证 {permit} 现为「{state}」，须为：{needed}",
            "The permit {permit} is {state}; this needs: {needed}",
        ),
        "endorsed_already": ErrorSpec(
            409, "居住证 {permit} 尚未到签注期", "It is too early to endorse the permit {permit}"
        ),
        # rights of the person
        "request_decided": ErrorSpec(409, "请求 {request} 已办结", "The request {request} has been decided"),
        "not_correctable": ErrorSpec(
            422, "此项不能更正：{field}", "This field cannot be asked to be corrected: {field}"
        ),
        "erasure_refused": ErrorSpec(
            409,
            "依据 {duties}，{kept} 须继续保存",
            "The law keeps {kept}: {duties}",
            "可就其余信息行使权利；不服可向民政部门投诉",
            "All else was erased already; one can complain to civil affairs",
        ),
        # imports
        "format_unknown": ErrorSpec(
            415,
            "只接受 CSV 或 XLSX 文件",
            "The body must be CSV (text/csv) or XLSX",
            "模板见 GET /imports/template",
            "A template is at GET /imports/template",
        ),
        "import_too_large": ErrorSpec(413, "文件过大，上限 {limit} 字节", "The file is larger than {limit} bytes"),
        "file_empty": ErrorSpec(422, "文件没有内容", "The file is empty"),
        "file_unreadable": ErrorSpec(422, "文件无法读取：{reason}", "The file cannot be read: {reason}"),
        "columns_missing": ErrorSpec(
            422,
            "缺少列：{columns}",
            "These columns are missing: {columns}",
            "模板见 GET /imports/template",
            "A template is at GET /imports/template",
        ),
        "columns_unknown": ErrorSpec(
            422,
            "不认识的列：{columns}",
            "These columns are not known: {columns}",
            "请删去或改名；模板见 GET /imports/template",
            "Rename or remove them; a template is at GET /imports/template",
        ),
        "column_twice": ErrorSpec(422, "列重复：{columns}", "These columns stand twice: {columns}"),
        "too_many_rows": ErrorSpec(422, "超过 {limit} 行，请分批导入", "More than {limit} rows: send them in parts"),
        "no_errors": ErrorSpec(404, "没有可供修改的错误行", "There are no refused rows, or they are kept no longer"),
    }
)
