"""The refusals of volunteers beside the common ones: stable codes, words in both languages, who can act next."""

from suizhuan.errors import ErrorCatalogue, ErrorSpec

ERRORS = ErrorCatalogue(
    {
        # who calls
        "not_registered": ErrorSpec(
            404,
            "您尚未注册为志愿者",
            "You are not registered as a volunteer",
            "请先注册（POST /volunteers）",
            "Register first (POST /volunteers)",
        ),
        "already_registered": ErrorSpec(
            409,
            "此人已注册为志愿者",
            "This person is registered already",
            "本人可更正信息（POST /volunteers/me/correction）",
            "He can correct his record (POST /volunteers/me/correction)",
        ),
        "id_number_wrong": ErrorSpec(
            422, "居民身份证号有误", "The resident ID is not valid", "请核对后重填", "Check it and try again"
        ),
        "too_young": ErrorSpec(
            422, "未满 {least} 周岁不能注册为志愿者", "Nobody under {least} can register as a volunteer"
        ),
        "guardian_missing": ErrorSpec(
            422,
            "未满 {adult} 周岁须有监护人书面同意",
            "Under {adult} a guardian has to consent in writing",
            "由监护人签署同意书后填写其编号",
            "The guardian signs; then its reference is given",
        ),
        "volunteer_erased": ErrorSpec(
            409, "志愿者 {volunteer} 已注销", "The volunteer {volunteer} has asked to be erased"
        ),
        "identity_missing": ErrorSpec(
            409,
            "本服务恢复后缺少志愿者的身份信息",
            "Since a restore this service lacks who the volunteer is",
            "由志愿者本人重新填写（POST /volunteers/me/correction）",
            "The volunteer says it again (POST /volunteers/me/correction)",
        ),
        "nothing_to_correct": ErrorSpec(422, "没有需要更正的内容", "There is nothing to correct"),
        "service_under_way": ErrorSpec(
            409,
            "正在班次 {shift} 服务，签退后方可注销",
            "Service in the shift {shift} is under way",
            "请先签退",
            "Check out first",
        ),
        "not_yours": ErrorSpec(403, "{id} 不属于您", "{id} is not yours"),
        "unknown_word": ErrorSpec(
            422,
            "辖区配置中没有「{word}」（{what}）",
            "The profile has no word {word} ({what})",
            "可用的词见 GET /words",
            "The words are at GET /words",
        ),
        # organisations
        "not_organiser": ErrorSpec(
            403,
            "{org} 不是 {activity} 的组织方",
            "{org} does not run {activity}",
            "由 {organiser} 办理",
            "{organiser} can do it",
        ),
        "mandate_not_in_force": ErrorSpec(
            409,
            "委托 {mandate} 现不生效",
            "The mandate {mandate} is not in force now",
            "待其恢复，或由事项主管重新委托",
            "Wait until it is resumed, or the affair's owner places another",
        ),
        "team_dissolved": ErrorSpec(409, "服务队 {team} 已解散", "The team {team} is dissolved"),
        # activities
        "times_wrong": ErrorSpec(
            422,
            "时间有误：{starts_at} 至 {ends_at}，须在将来且先后有序",
            "The times are not in order, or not in the future: {starts_at} to {ends_at}",
        ),
        "outlasts_mandate": ErrorSpec(
            409,
            "活动超出委托 {mandate} 的期限（{ends_at}）",
            "The activity would outlast its mandate {mandate}, which ends at {ends_at}",
            "提前活动时间，或由事项主管延长委托",
            "Have it earlier, or the affair's owner extends the mandate",
        ),
        "ages_wrong": ErrorSpec(
            422, "年龄上限 {max_age} 低于下限 {min_age}", "The highest age {max_age} is below the lowest, {min_age}"
        ),
        "danger_for_minors": ErrorSpec(
            422, "危险活动的最低年龄不得低于 {adult} 周岁", "A dangerous activity takes nobody under {adult}"
        ),
        "insurance_missing": ErrorSpec(
            409,
            "危险活动 {activity} 尚未投保",
            "The activity {activity} is dangerous and nobody is insured yet",
            "由 {org} 投保后登记",
            "{org} takes out a policy and notes it",
        ),
        "activity_state": ErrorSpec(
            409,
            "活动 {activity} 现为「{state}」，此操作要求：{needed}",
            "The activity {activity} is {state}; this needs: {needed}",
        ),
        "activity_begun": ErrorSpec(
            409,
            "活动 {activity} 已经开始，不能取消",
            "The activity {activity} has begun and cannot be called off",
            "结束后由组织方结项",
            "Its organiser closes it when it is over",
        ),
        "not_over": ErrorSpec(409, "尚未结束（{ends_at}）", "It is not over before {ends_at}"),
        "above_plan": ErrorSpec(
            422,
            "实际费用 {cost_fen} 分超过计划 {planned_fen} 分",
            "The real cost, {cost_fen} fen, is above what was planned, {planned_fen}",
            "超出部分不能由该专项列支",
            "The rest cannot be paid from this earmark",
        ),
        "service_unsettled": ErrorSpec(
            409,
            "活动 {activity} 还有 {places} 个报名未确认",
            "{places} places of the activity {activity} are not settled yet",
            "由组织方逐一确认或记为未到",
            "Its organiser confirms each, or notes it as absent",
        ),
        # shifts
        "outside_activity": ErrorSpec(
            422,
            "班次须在活动时间之内（{starts_at} 至 {ends_at}）",
            "A shift lies inside its activity ({starts_at} to {ends_at})",
        ),
        "shift_cancelled": ErrorSpec(409, "班次 {shift} 已取消", "The shift {shift} is cancelled"),
        "shift_over": ErrorSpec(409, "班次 {shift} 已结束", "The shift {shift} is over"),
        "shift_full": ErrorSpec(
            409,
            "班次 {shift} 的 {capacity} 个名额已满",
            "All {capacity} places of the shift {shift} are taken",
            "可报名其他班次",
            "Sign up for another",
        ),
        "signed_up_already": ErrorSpec(409, "已报名班次 {shift}", "You have a place in the shift {shift} already"),
        "not_signed_up": ErrorSpec(404, "没有报名班次 {shift}", "There is no place in the shift {shift}"),
        "two_at_once": ErrorSpec(
            409, "同一时间已报名班次 {shift}", "At that time there is a place in the shift {shift} already"
        ),
        "checked_in_elsewhere": ErrorSpec(
            409,
            "仍在班次 {shift} 服务",
            "Service in the shift {shift} is under way",
            "请先签退",
            "Check out there first",
        ),
        "sign_up_state": ErrorSpec(
            409, "该报名现为「{state}」，此操作要求：{needed}", "The place is {state}; this needs: {needed}"
        ),
        "not_the_time": ErrorSpec(
            409, "现在不能签到（{starts_at} 至 {ends_at}）", "It is not the time to check in ({starts_at} to {ends_at})"
        ),
        "wrong_code": ErrorSpec(
            403,
            "签到码有误",
            "The code is not the one that is shown",
            "现场查看，或由组织方签到",
            "Look at the site, or the organiser does it",
        ),
        "above_counted": ErrorSpec(
            422,
            "确认的 {minutes} 分钟超过计时 {counted} 分钟",
            "{minutes} minutes are more than were counted, {counted}",
        ),
        "self_confirmation": ErrorSpec(
            403,
            "不能确认本人的服务",
            "Nobody confirms his own service",
            "由组织方其他人员确认",
            "Somebody else of the organiser does",
        ),
        # fitness
        "age_unfit": ErrorSpec(
            409,
            "年龄不符合要求（{min_age} 至 {max_age}）",
            "Only for ages from {min_age} to {max_age}",
            "可报名其他活动",
            "Sign up for another activity",
        ),
        "skills_missing": ErrorSpec(
            409,
            "缺少所需技能：{skills}",
            "Skills that are needed are missing: {skills}",
            "可更正技能信息，或报名其他活动",
            "Correct your skills, or sign up for another activity",
        ),
        "training_missing": ErrorSpec(
            409,
            "须先完成培训：{training}",
            "Training comes first: {training}",
            "课程见 GET /courses",
            "Courses are at GET /courses",
        ),
        "not_in_team": ErrorSpec(
            409,
            "仅限服务队 {team} 成员",
            "Only for members of the team {team}",
            "可加入该队",
            "The team can be joined",
        ),
        # courses
        "course_cancelled": ErrorSpec(409, "课程 {course} 已取消", "The course {course} is cancelled"),
        "course_begun": ErrorSpec(409, "课程 {course} 已开始", "The course {course} has begun"),
        "not_begun": ErrorSpec(409, "尚未开始（{starts_at}）", "It has not begun before {starts_at}"),
        # certificates
        "nothing_to_certify": ErrorSpec(
            409,
            "{org} 没有已确认的服务记录",
            "{org} has recorded no confirmed service",
            "由组织方先确认服务",
            "The organiser confirms service first",
        ),
        # pairings
        "area_not_community": ErrorSpec(
            422, "结对区域须为社区（12 位）：{area}", "The area of a pairing is a community (12 digits): {area}"
        ),
        "file_closed": ErrorSpec(409, "该档案已关闭", "This file is closed"),
        "pairing_state": ErrorSpec(
            409,
            "结对 {pairing} 现为「{state}」，此操作要求：{needed}",
            "The pairing {pairing} is {state}; this needs: {needed}",
        ),
        "pairing_unlinked": ErrorSpec(
            409,
            "恢复后缺少结对 {pairing} 的档案",
            "Since a restore it is not known whose file the pairing {pairing} is about",
            "由 {org} 重新说明（POST /pairings/…/link）",
            "{org} says it again (POST /pairings/…/link)",
        ),
        "pairing_linked": ErrorSpec(409, "结对 {pairing} 的档案已知", "The file of the pairing {pairing} is known"),
        "wrong_side": ErrorSpec(403, "不能代表「{side}」一方结束", "You cannot end it for the side: {side}"),
    }
)
