"""部门: how much work there is in each department, how much of it is late, and where the money is."""

from __future__ import annotations

from deploy.grafana.panels import Board, Query, Row, figure, lines
from deploy.story.telling import Words

EVENTS = 'sum by (type) (increase(suizhuan_events_emitted_total{{type=~"{}"}}[1h]))'
YUAN = "max({}) / 100"  # money is counted in fen

DEPARTMENTS = Board(
    "departments",
    Words("部门", "Departments"),
    (
        Row(
            Words("诉求", "Complaints"),
            (
                figure(Words("未结诉求", "Open cases"), "sum(max by (state) (suizhuan_cases))"),
                figure(Words("超时诉求", "Overdue cases"), "max(suizhuan_cases_overdue)", bad=1),
                figure(
                    Words("等待经费的转办", "Handovers waiting for money"),
                    'max(suizhuan_sagas_open{saga="handover"})',
                ),
                lines(
                    Words("未结诉求（按状态）", "Open cases by state"),
                    Query("max by (state) (suizhuan_cases)", "{{state}}"),
                    width=12,
                ),
                lines(
                    Words("每小时：受理、转办、办结", "Per hour: reported, handed over, closed"),
                    Query(EVENTS.format("complaints.case.(reported|handed_over|returned|closed).v1"), "{{type}}"),
                    width=12,
                ),
                lines(
                    Words("转办用时（95%）", "Duration of handovers (95%)"),
                    Query(
                        "histogram_quantile(0.95, sum by (outcome, le) "
                        "(increase(suizhuan_handover_seconds_bucket[1h])))",
                        "{{outcome}}",
                    ),
                    unit="s",
                    width=12,
                ),
                lines(
                    Words("被拒的请求（按原因）", "Refusals by reason"),
                    Query(
                        'sum by (code) (increase(suizhuan_refusals_total{service!="gateway"}[1h]))',
                        "{{code}}",
                    ),
                    width=12,
                ),
            ),
        ),
        Row(
            Words("委托与经费", "Mandates and money"),
            (
                figure(Words("生效的委托", "Mandates in force"), 'max(suizhuan_mandates{state="active"})'),
                figure(Words("无专项的委托", "Mandates without an earmark"), "max(suizhuan_mandates_unfunded)"),
                figure(Words("可用经费", "Money available"), YUAN.format("suizhuan_available_fen"), unit="currencyCNY"),
                figure(Words("专项余额", "Left in earmarks"), YUAN.format("suizhuan_earmarks_fen"), unit="currencyCNY"),
                figure(Words("冻结经费", "Money held"), YUAN.format("suizhuan_holds_fen"), unit="currencyCNY"),
                figure(Words("冻结笔数", "Holds"), "max(suizhuan_holds_open)"),
                lines(
                    Words("委托（按状态）", "Mandates by state"),
                    Query("max by (state) (suizhuan_mandates)", "{{state}}"),
                    width=12,
                ),
                lines(
                    Words("每小时入账（按用途）", "Money moved per hour, by what for"),
                    Query("sum by (kind) (increase(suizhuan_moved_fen_total[1h])) / 100", "{{kind}}"),
                    unit="currencyCNY",
                    width=12,
                ),
            ),
        ),
        Row(
            Words("物业", "Property"),
            (
                figure(
                    Words("逾期未应答的报修", "Repairs not answered in time"), "max(suizhuan_repairs_overdue)", bad=1
                ),
                figure(Words("未按时备案的业委会", "Committees not filed"), "max(suizhuan_committees_unfiled)", bad=1),
                figure(
                    Words("未收租金", "Rent not received"), YUAN.format("suizhuan_rents_unpaid_fen"), unit="currencyCNY"
                ),
                lines(
                    Words("未结报修（按状态）", "Open repairs by state"),
                    Query("max by (state) (suizhuan_repairs)", "{{state}}"),
                    width=12,
                ),
            ),
        ),
        Row(
            Words("志愿与人口", "Volunteers and population"),
            (
                figure(Words("注册志愿者", "Registered volunteers"), "max(suizhuan_volunteers)"),
                figure(Words("逾期走访", "Visits overdue"), "max(suizhuan_visits_overdue)", bad=1),
                figure(Words("逾期更正申请", "Corrections overdue"), "max(suizhuan_corrections_overdue)", bad=1),
                figure(Words("进行中的导入", "Imports under way"), 'max(suizhuan_sagas_open{saga="import"})'),
                lines(
                    Words("活动（按状态）", "Activities by state"),
                    Query("max by (state) (suizhuan_activities)", "{{state}}"),
                    width=8,
                ),
            ),
        ),
    ),
)
