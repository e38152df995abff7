"""Parts 3 to 5: a case finds who is responsible, moves only with its money, and is paid once."""

from __future__ import annotations

from datetime import datetime

from deploy.story.client import Json, Seen
from deploy.story.scene import AFFAIR, COMMUNITY, ESTATE_FIRM, FIRM, SANITATION, Scene, refusal
from deploy.story.telling import Words, same, true, yuan
from suizhuan.adapters.china_calendar import ChinaCalendar
from suizhuan.kernel.clock import SHANGHAI
from suizhuan.kernel.worktime import working_time_between
from suizhuan.profile import load_profile

LIMIT_HOURS = 4  # domain.md §4: exposed rubbish, place A


async def routed(scene: Scene) -> None:
    """A resident reports rubbish; the longest area prefix says who is responsible; its limit counts working hours."""
    scene.tell.chapter(3, Words("居民反映，自动找到责任人", "A resident reports; who is responsible is found"))
    case = await scene.report("垃圾桶旁堆放装修垃圾")
    scene.paid_case = case["id"]

    async def leads() -> list[str]:
        routing = await scene.worker.get("/mandates/routing", affair=AFFAIR, area=scene.area)
        return [g["holder"] for g in routing["chain"] if g["role"] == "lead"]

    await scene.soon("lead holders that cover the grid, the narrowest first", leads, [COMMUNITY, SANITATION])
    same("responsible", (case["responsible"], case["mandate"]), (COMMUNITY, scene.mandate))
    await scene.tell.say(
        Words(
            f"按最长区划前缀：网格 {scene.area} 的委托优先于全区的根权责，由南关社区负责",
            f"By the longest prefix: the mandate for grid {scene.area} wins over the district's root; "
            "Nanguan is responsible",
        ),
        await scene.event("complaints.case.routed", case=case["id"]),
    )
    reported, due = (datetime.fromisoformat(case[k]) for k in ("reported_at", "due_at"))
    worked = working_time_between(reported, due, ChinaCalendar(load_profile("demonstration").working_hours))
    same("working hours until it is due", worked.total_seconds(), LIMIT_HOURS * 3600.0)
    await scene.tell.say(
        Words(
            f"时限 {LIMIT_HOURS} 个工作时：{due.astimezone(SHANGHAI):%m月%d日 %H:%M} 前办结"
            "（节假日与午休不计，次工作日亮黄牌、红牌）",
            f"Limit {LIMIT_HOURS} working hours: due {due.astimezone(SHANGHAI):%d %b %H:%M} (Shanghai); "
            "nights, lunch and holidays do not count",
        )
    )


async def handed_over(scene: Scene) -> None:
    """Held, moved, the old holder refused at once; without money or without power nothing moves."""
    scene.tell.chapter(4, Words("转办：先冻结经费，后移转责任", "Handover: money is held before the duty moves"))
    case, price = scene.paid_case, scene.price_fen
    moved = await _hand_over(scene, case)
    hold = await scene.event("finance.hold.placed", hold=moved.data["hold"])
    same("held from the earmark", (hold.data["mandate"], hold.data["amount_fen"]), (scene.mandate, price))
    await scene.tell.say(Words(f"冻结 {yuan(price)} 元", f"{yuan(price)} yuan held"), hold)
    await scene.tell.say(Words("责任移转：洁城环卫公司负责", "The duty moves: Jiecheng is responsible"), moved)
    no = await refusal(scene.worker, f"/complaints/cases/{case}/start", None, "not_responsible")
    same("who is responsible", no.body["params"]["responsible"], FIRM)
    await scene.tell.say(
        Words(
            f"原责任人即刻被拒：{no.body['detail']}", f"The old holder is refused at once: {no.body['messages']['en']}"
        ),
        no,
    )

    second = str((await scene.report("绿化带内有垃圾"))["id"])
    scene.open_case = second
    await _hand_over(scene, second)
    third = str((await scene.report("楼道口垃圾未清"))["id"])
    asked = await scene.worker.post(f"/complaints/cases/{third}/handovers", {"to": FIRM})
    refused = await scene.event("complaints.case.handover_refused", handover=asked["id"])
    left = (await scene.earmark())["available_fen"]
    same("why", (refused.data["reason"], refused.data["shortfall_fen"]), ("shortfall", price - left))
    await _still_responsible(scene, third)
    await scene.tell.say(
        Words(
            f"专项只剩 {yuan(left)} 元：第三件转办被拒，缺 {yuan(price - left)} 元，南关仍然负责",
            f"The earmark has {yuan(left)} left: the third handover is refused, {yuan(price - left)} short; "
            "Nanguan stays responsible",
        ),
        refused,
    )
    no = await refusal(
        scene.worker, f"/complaints/cases/{third}/handovers", {"to": ESTATE_FIRM}, "receiver_without_power"
    )
    await _still_responsible(scene, third)
    await scene.tell.say(
        Words(
            f"接收方没有这项权力（幸福家园物业）：{no.body['detail']}",
            f"A receiver without the power (Xingfu Jiayuan): {no.body['messages']['en']}",
        ),
        no,
    )
    closure = {"outcome": "invalid", "reason": "duplicate", "duplicate_of": second}
    await scene.checker.post(f"/complaints/cases/{third}/closure", closure)


async def paid(scene: Scene) -> None:
    """Verified and closed: captured to the receiver. Another comes back: released."""
    scene.tell.chapter(5, Words("核查后付费，退回则解冻", "Paid once verified; released when it comes back"))
    case, price = scene.paid_case, scene.price_fen
    before = await scene.available(FIRM)
    no = await refusal(scene.crew, f"/complaints/cases/{case}/verification", {"result": "passed"}, "self_verification")
    await scene.tell.say(
        Words(f"自己不能核查自己：{no.body['detail']}", f"Nobody checks own work: {no.body['messages']['en']}"),
        no,
    )
    await scene.work_done(scene.crew, case)
    captured = await scene.event("finance.hold.captured", case=case)
    same("captured", (captured.data["payee"], captured.data["amount_fen"]), (FIRM, price))
    true("the firm has the money", await scene.available(FIRM) >= before + price)
    await scene.tell.say(
        Words(f"街道核查通过：{yuan(price)} 元付给洁城", f"The street's check passes: {yuan(price)} yuan to Jiecheng"),
        captured,
    )
    await scene.close(case)
    settled = await scene.event("complaints.case.settled", case=case)
    same("paid of its price", (settled.data["paid_fen"], settled.data["price_fen"]), (price, price))
    await scene.tell.say(Words("结案、结清", "Closed and settled"), settled)

    await scene.crew.post(f"/complaints/cases/{scene.open_case}/return")
    released = await scene.event("finance.hold.released", case=scene.open_case)
    same("released", (released.data["mandate"], released.data["amount_fen"]), (scene.mandate, price))
    returned = await scene.event("complaints.case.returned", case=scene.open_case)
    same("back at", returned.data["to"], COMMUNITY)
    await scene.tell.say(
        Words(f"另一件退回南关，{yuan(price)} 元解冻", f"The other one comes back to Nanguan, {yuan(price)} released"),
        released,
    )


async def _hand_over(scene: Scene, case: str) -> Seen:
    asked = await scene.worker.post(f"/complaints/cases/{case}/handovers", {"to": FIRM})
    moved = await scene.event("complaints.case.handed_over", handover=asked["id"])
    now: Json = await scene.case(case)
    same("responsible after the handover", now["responsible"], FIRM)
    return moved


async def _still_responsible(scene: Scene, case: str) -> None:
    now = await scene.case(case)
    same("the giver stays responsible", (now["responsible"], now["handover"]), (COMMUNITY, None))
