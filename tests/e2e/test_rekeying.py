"""A grid of 南关社区 is split while a case is open there: one announcement, one switch, and all say the new codes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.story import Silent
from deploy.story.client import Caller, Json, ProblemAnswer
from deploy.story.scene import AFFAIR, COMMUNITY, HANDLE, NANGUAN, Scene, scene

from .conftest import client, embedded

pytestmark = pytest.mark.asyncio(loop_scope="module")
GRID, HEIR, PART = NANGUAN + "081", NANGUAN + "082", NANGUAN + "083"


async def granted(s: Scene) -> Json:
    """The affair is the community's in this grid: powers, staff and money."""
    body = {"affair": AFFAIR, "area": GRID, "holder": COMMUNITY, "powers": [HANDLE], "staff": ["staff-nanguan-01"]}
    ends_at = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    made = await s.sanitation.post("/mandates/mandates", {**body, "ends_at": ends_at, "amount_fen": 100_000})
    await s.admission.post(f"/mandates/mandates/{made['id']}/admission", {"decision": "admit"})
    return (await s.event("mandates.mandate.activated", mandate=made["id"])).data


async def refused(by: Caller, path: str, body: Json) -> tuple[str, Json]:
    with pytest.raises(ProblemAnswer) as no:
        await by.post(path, body)
    return no.value.code, no.value.body["params"]


async def test_a_grid_is_split_with_a_case_open_in_it_and_power_moves_with_the_code(tmp_path: Path) -> None:
    async with (
        embedded(tmp_path) as platform,
        client(platform) as gateway,
        scene(gateway, Silent()) as s,  # s.admission is the street's officer, s.worker of 南关社区
    ):
        await s.admission.post("/population/areas", {"area": GRID, "name": "第八十一网格", "name_en": "Grid 81"})
        mandate = await granted(s)
        first, second = [
            await s.worker.post("/population/buildings", {"grid": GRID, "name": name}) for name in ("1号楼", "2号楼")
        ]
        s.area = GRID
        case = (await s.report("楼下垃圾无人清运"))["id"]
        await s.worker.post(f"/complaints/cases/{case}/start")

        moves = [
            {"old": GRID, "new": HEIR},
            {"old": GRID, "new": PART, "heir": False, "buildings": [second["id"]]},
        ]
        names = [{"area": PART, "name": "第八十三网格", "name_en": "Grid 83"}]
        announced = await s.admission.post("/population/rekeyings", {"moves": moves, "areas": names})
        await s.event("population.rekeying.done", rekeying=announced["id"])
        followed = (await s.event("mandates.mandate.rekeyed", mandate=mandate["mandate"])).data
        assert (followed["area"], followed["term"]) == (HEIR, mandate["term"] + 1)

        kept = (await s.event("complaints.case.rekeyed", case=case)).data
        assert (kept["area"], kept["term"], kept["case_term"]) == (HEIR, followed["term"], 1)
        now = await s.case(case)
        assert (now["area"], now["responsible"], now["state"]) == (HEIR, COMMUNITY, "started")
        for building, grid in ((first, HEIR), (second, PART)):
            assert (await s.worker.get(f"/population/buildings/{building['id']}"))["grid"] == grid

        code, params = await refused(s.worker, "/population/buildings", {"grid": GRID, "name": "3号楼"})
        assert (code, params["now"]) == ("area_given_up", HEIR)
        await s.work_done(s.worker, case)  # under the new code and the new term, from the same money
        await s.close(case)
        await s.event("finance.case.paid", case=case, mandate=mandate["mandate"])

        async def routed() -> list[str]:
            found = [await s.checker.get("/mandates/routing", affair=AFFAIR, area=area) for area in (HEIR, PART)]
            return [one["responsible"]["holder"] for one in found]

        assert await routed() == [COMMUNITY, "dept-sanitation"]

        async def in_the_overview() -> bool:
            """The gateway's own tables follow, too."""
            overview = await s.hub.get(f"/communities/{HEIR}")
            return mandate["mandate"] in str(overview)

        await s.soon("the gateway's overview of the new grid", in_the_overview)
        report = await s.worker.get("/audit", full="true")
        assert (report["verdict"], report["violations"]) == ("clean", [])
