"""Parts 1 and 2: no money, no duty; then duty, power and money move in one act."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from deploy.story.client import Json
from deploy.story.scene import AFFAIR, COMMUNITY, HANDLE, OVER, SANITATION, Scene, refusal
from deploy.story.telling import Words, same, true, yuan

MUCH_FEN = 100_000_000  # a million yuan: more than the department has
HALF_CASES = 5  # two and a half: two handovers are covered and a third is not


async def without_money(scene: Scene) -> None:
    """环卫部门 proposes the affair without money: refused, with the shortfall and who can act next."""
    scene.tell.chapter(1, Words("没有经费，不予准入", "No money: not admitted"))
    bare = await _first_proposal(scene)
    await scene.tell.say(
        Words(
            f"环卫处提出：把「暴露垃圾清运」交给南关社区（网格 {scene.area}），没有权力、没有人员、没有经费",
            f"Sanitation proposes to place removal of exposed rubbish on Nanguan (grid {scene.area}): "
            "no powers, no staff, no money",
        ),
        await scene.event("mandates.mandate.proposed", mandate=bare["id"]),
    )
    no = await refusal(
        scene.admission, f"/mandates/mandates/{bare['id']}/admission", {"decision": "admit"}, "not_admissible"
    )
    params = no.body["params"]
    true("it lacks powers, staff and money", {"powers", "staff", "amount_fen"} <= set(params["missing"]))
    same("who can act next", params["next_org"], SANITATION)
    scene.price_fen = int(params["shortfall_fen"])  # at least one case must be payable
    true("a shortfall is named", scene.price_fen > 0)
    await scene.tell.say(
        Words(f"街道准入：拒绝。{no.body['detail']}", f"The street's admission: refused. {no.body['messages']['en']}"),
        no,
    )
    await scene.sanitation.post(f"/mandates/mandates/{bare['id']}/withdrawal")

    grand = await scene.sanitation.post("/mandates/mandates", _proposal(scene, amount_fen=MUCH_FEN))
    await scene.admission.post(f"/mandates/mandates/{grand['id']}/admission", {"decision": "admit"})
    short = await scene.event("finance.earmark.refused", mandate=grand["id"])
    same("the shortfall", short.data["shortfall_fen"], MUCH_FEN - short.data["available_fen"])
    refused = await scene.event("mandates.mandate.refused", mandate=grand["id"])
    same("the shortfall", refused.data["shortfall_fen"], short.data["shortfall_fen"])
    true("who can act next is named", bool(refused.data["next_org"] and refused.data["next_action"]))
    await scene.tell.say(
        Words(
            f"许诺 {yuan(MUCH_FEN)} 元而没有这笔钱也不行：缺口 {yuan(short.data['shortfall_fen'])} 元，"
            f"下一步：{refused.data['next_org']}（{refused.data['next_action']}）",
            f"A promise of {yuan(MUCH_FEN)} yuan that is not there will not do: "
            f"{yuan(short.data['shortfall_fen'])} short; next: {refused.data['next_org']} "
            f"({refused.data['next_action']})",
        ),
        refused,
    )


async def with_money(scene: Scene) -> None:
    """With powers, named staff and an earmark it becomes ACTIVE; the worker who was refused can now act."""
    scene.tell.chapter(2, Words("权随责走、费随事转：三者同时移转", "Duty, power and money move in one act"))
    early = await scene.report("楼下垃圾无人清运")
    scene.early_case = early["id"]
    same("responsible before", early["responsible"], SANITATION)
    no = await refusal(scene.worker, f"/complaints/cases/{early['id']}/start", None, "missing_power")
    same("the power that is missing", no.body["params"]["power"], HANDLE)
    same("who holds it", no.body["params"]["holder"], SANITATION)
    await scene.tell.say(
        Words("委托之前，居民报来一件，由环卫处负责", "Before it, a resident's case is the department's"),
        await scene.event("complaints.case.routed", case=early["id"]),
    )
    await scene.tell.say(
        Words(
            f"南关工作者想办理，被拒：{no.body['detail']}",
            f"Nanguan's worker is refused: {no.body['messages']['en']}",
        ),
        no,
    )
    amount = scene.price_fen * HALF_CASES // 2
    made = await scene.sanitation.post("/mandates/mandates", _proposal(scene, amount_fen=amount))
    scene.mandate = str(made["id"])
    await scene.admission.post(f"/mandates/mandates/{scene.mandate}/admission", {"decision": "admit"})
    await scene.tell.say(
        Words(
            f"环卫处再次提出：有权力、有人员、有 {yuan(amount)} 元；街道准入",
            f"Proposed again, with powers, named staff and {yuan(amount)} yuan; the street admits it",
        ),
        await scene.event("mandates.mandate.admitted", mandate=scene.mandate),
    )
    funded = await scene.event("finance.earmark.funded", mandate=scene.mandate)
    entry = await scene.event("finance.entry.posted", entry=funded.data["entry"])
    lines = entry.data["lines"]
    moved = {org: sum(x["amount_fen"] for x in _bank(lines) if x["org"] == org) for org in (SANITATION, COMMUNITY)}
    same("the money has moved in the ledger", moved, {SANITATION: -amount, COMMUNITY: amount})
    await scene.tell.say(
        Words(
            f"账上：环卫处银行存款 −{yuan(amount)} 元，南关社区专项 +{yuan(amount)} 元",
            f"In the ledger: sanitation's bank −{yuan(amount)}, Nanguan's earmark +{yuan(amount)} yuan",
        ),
        entry,
    )
    active = await scene.event("mandates.mandate.activated", mandate=scene.mandate)
    same("its holder", active.data["holder"], COMMUNITY)
    await scene.tell.say(
        Words(
            f"生效：南关社区负责，任期 {active.data['term']}；移交由一次切换完成",
            f"Active: Nanguan is responsible, term {active.data['term']}; one switch moved it all",
        ),
        active,
    )
    moved_case = await scene.event("complaints.case.repointed", case=early["id"])
    same("the open case went along to", moved_case.data["to"], COMMUNITY)
    started = await scene.worker.post(f"/complaints/cases/{early['id']}/start")
    same("state", started["state"], "started")
    await scene.tell.say(
        Words(
            "先前那件带着它的钱一并移交；一分钟前被拒的南关工作者现在可以办理，没有人改动过任何权限",
            "The open case moved along with its price; the worker refused a minute ago can act now, "
            "and nobody touched a permission",
        ),
        await scene.event("complaints.case.started", case=early["id"]),
    )


async def _first_proposal(scene: Scene) -> Json:
    """A proposal without anything, in a grid that nobody else has chosen at the same moment: there the first stays."""
    while True:
        await scene.choose_grid()
        made = await scene.sanitation.post("/mandates/mandates", _proposal(scene, powers=[], staff=[], amount_fen=None))
        here = await scene.checker.get("/mandates/mandates", affair=AFFAIR, area=scene.area, limit="200")
        if all(m["id"] >= made["id"] or m["state"] in OVER for m in here["items"]):
            return made
        await scene.sanitation.post(f"/mandates/mandates/{made['id']}/withdrawal")


def _proposal(scene: Scene, **changes: object) -> Json:
    end = datetime.now(UTC) + timedelta(days=30)
    return {
        "affair": AFFAIR,
        "area": scene.area,
        "holder": COMMUNITY,
        "powers": [HANDLE],
        "staff": ["staff-nanguan-01"],
        "ends_at": end.isoformat(),
        **changes,
    }


def _bank(lines: list[Json]) -> list[Json]:
    return [line for line in lines if line["account"] == "102"]
