"""Parts 6 and 7: the mandate ends early; then anyone can check."""

from __future__ import annotations

from deploy.story.client import Json
from deploy.story.scene import AFFAIR, COMMUNITY, SANITATION, Scene, refusal
from deploy.story.telling import NotAsTold, Words, same, true, yuan

WHY = "改由环卫处直接清运 / the department clears it itself from now on"
LINKS = {"case.reported", "case.routed", "case.handed_over", "hold.placed", "hold.captured", "case.settled"}


async def ended(scene: Scene) -> None:
    """Powers gone everywhere, the open case and its price at who is responsible now, the rest returned."""
    scene.tell.chapter(6, Words("提前终止：权力收回，余款退回", "Ended early: powers gone, the rest returned"))
    await scene.work_done(scene.worker, scene.early_case)
    paid = await scene.event("finance.case.paid", case=scene.early_case)
    same("paid to", paid.data["payee"], COMMUNITY)
    await scene.close(scene.early_case)
    price = scene.price_fen
    earmark = await scene.earmark()
    left = earmark["available_fen"]
    same("nothing is held now", earmark["held_fen"], 0)

    await scene.sanitation.post(f"/mandates/mandates/{scene.mandate}/end", {"reason": WHY})
    over = await scene.event("mandates.mandate.ended", mandate=scene.mandate)
    await scene.tell.say(Words("环卫处提前终止委托", "Sanitation ends the mandate early"), over)
    moved = await scene.event("complaints.case.repointed", case=scene.open_case, to=SANITATION)
    hold = await scene.event("finance.hold.placed", hold=moved.data["hold"])
    same("its price goes along", (hold.data["mandate"], hold.data["amount_fen"]), (scene.mandate, price))
    await scene.tell.say(
        Words(
            f"未结的一件连同它的 {yuan(price)} 元转到环卫处",
            f"The open case and its {yuan(price)} yuan go to sanitation",
        ),
        moved,
    )
    returned = await scene.event("finance.earmark.returned", mandate=scene.mandate)
    same("returned", (returned.data["payer"], returned.data["amount_fen"]), (SANITATION, left - price))
    await scene.tell.say(
        Words(
            f"其余 {yuan(returned.data['amount_fen'])} 元退回出资的环卫处",
            f"The other {yuan(returned.data['amount_fen'])} yuan go back to sanitation, who paid",
        ),
        returned,
    )
    no = await refusal(scene.worker, f"/complaints/cases/{scene.open_case}/start", None, "missing_power")
    same("who holds the power", no.body["params"]["holder"], SANITATION)
    await _gone_everywhere(scene)
    await scene.tell.say(
        Words(
            f"南关的权力在各处都已收回：{no.body['detail']}",
            f"Nanguan's power is gone everywhere: {no.body['messages']['en']}",
        ),
        no,
    )
    await scene.work_done(scene.sanitation, scene.open_case)
    await scene.close(scene.open_case)
    settled = await scene.event("mandates.mandate.settled", mandate=scene.mandate)
    same("returned in all", settled.data["returned_fen"], left - price)
    money = await scene.earmark()
    spent = money["captured_fen"] + money["returned_fen"]
    same("every fen is accounted for", (spent, money["available_fen"]), (money["amount_fen"], 0))
    await scene.tell.say(
        Words(
            f"最后一件办结，委托结清：{yuan(money['amount_fen'])} 元 = 付出 {yuan(money['captured_fen'])}"
            f" + 退回 {yuan(money['returned_fen'])}",
            f"The last case is done and the mandate settled: {yuan(money['amount_fen'])} = paid "
            f"{yuan(money['captured_fen'])} + returned {yuan(money['returned_fen'])}",
        ),
        settled,
    )


async def audited(scene: Scene) -> Json:
    """The auditor's report, from the event streams alone: what it read, 0 violations. And the chain of one case."""
    scene.tell.chapter(7, Words("任何人都能核查", "Anyone can check"))
    report = await scene.hub.get("/audit")
    read = report["read"]
    true("the auditor has read something", read["events"] > 0 and read["cases"] > 0 and read["entries"] > 0)
    if report["verdict"] != "clean":
        raise NotAsTold(f"the auditor found: {report['violations']}")
    await scene.tell.say(
        Words(
            f"审计只看事件流：读了 {read['events']} 个事件、{read['mandates']} 项委托、{read['cases']} 件诉求、"
            f"{read['entries']} 笔分录，违规 0",
            f"The auditor, from the streams alone: {read['events']} events, {read['mandates']} mandates, "
            f"{read['cases']} cases, {read['entries']} entries read; 0 violations",
        )
    )

    async def lacks() -> set[str]:
        steps = (await scene.hub.get(f"/cases/{scene.paid_case}/chain"))["steps"]
        return LINKS - {".".join(s["type"].split(".")[1:3]) for s in steps}

    await scene.soon("what the chain lacks", lacks, set())
    one = await scene.hub.get(f"/audit/cases/{scene.paid_case}")
    same("this case", one["verdict"], "clean")
    steps = one["chain"]["steps"]
    true("the chain names the ledger's entries", bool(one["chain"]["entries"]))
    acts = [s for s in steps if s["mandate"]]
    true("every act names its mandate and term", bool(acts) and all(s["term"] for s in acts))
    await scene.tell.say(Words(f"诉求 {scene.paid_case} 的权责与经费链：", f"The chain of case {scene.paid_case}:"))
    for step in steps:
        who = step["org"] or step["actor"] or "—"
        by = f"{step['mandate'][:13]}…#{step['term']}" if step["mandate"] else "—"
        entry = f" · {step['entry'][:13]}…" if step["entry"] else ""
        rest = f"{by}{entry}"
        await scene.tell.say(
            Words(f"  {step['type']} · {step['org_name'] or who} · {rest}", f"  {step['type']} · {who} · {rest}")
        )
    return dict(report)


async def _gone_everywhere(scene: Scene) -> None:
    async def in_mandates() -> list[str]:
        found = await scene.checker.get("/mandates/grants", affair=AFFAIR, area=scene.area)
        return [g["holder"] for g in found["items"] if g["mandate"] == scene.mandate]

    async def in_the_gateway() -> list[str]:
        overview = await scene.hub.get(f"/communities/{scene.area}")
        return [g["holder"] for g in overview["grants"] if g["mandate"] == scene.mandate]

    async def responsible() -> str:
        routing = await scene.worker.get("/mandates/routing", affair=AFFAIR, area=scene.area)
        return str(routing["responsible"]["holder"])

    await scene.soon("who holds it by mandates", in_mandates, [])
    await scene.soon("who holds it by the gateway", in_the_gateway, [])
    await scene.soon("who is responsible", responsible, SANITATION)
