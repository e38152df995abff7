"""How fast a file of people is taken in, and what a page of the list costs when many are stored."""

from __future__ import annotations

import csv
import io
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import asyncpg  # type: ignore[import-untyped, unused-ignore]

from bench.measure import Ratio, turns
from bench.stage import Servers, asynchronous
from services.population.tests.conftest import COMMUNITY, GRID, GRID_2, NANGUAN, World, id_number, made
from suizhuan import paging
from suizhuan.deadlines import Deadlines
from suizhuan.kernel.clock import SystemClock

ROWS, MANY, FEW = 100_000, 1_000_000, 10_000
PAGES, LIMIT = 200, 50
HEADER = ["姓名", "身份证号", "电话", "网格代码", "楼栋", "单元", "房号", "户号", "是否户主", "人口类型", "就业状况"]
IMPORT_ROUNDS, LIST_ROUNDS = 3, 5


async def measure(servers: Servers) -> list[Ratio]:
    """Both, each on databases of its own."""
    return [await _imports(servers), await _lists(servers)]


@asynccontextmanager
async def _world(servers: Servers, folder: Path) -> AsyncIterator[tuple[World, str]]:
    url = await servers.database()
    world = made(asynchronous(url), folder, SystemClock())  # type: ignore[arg-type]
    await world.begin()
    await world.found()
    try:
        yield world, url
    finally:
        await world.close()


def people(count: int) -> bytes:
    """A file of so many people, four to a household and a dwelling, forty to a building, in two grids."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(HEADER)
    first = date(1997, 1, 1)
    for n in range(count):
        born = (first + timedelta(days=n // 900)).strftime("%Y%m%d")
        home = n // 4
        writer.writerow(
            [
                f"张{n:06d}",
                id_number(n % 900, born),
                f"138{n:08d}",
                GRID if home % 2 else GRID_2,
                f"{home // 20}号楼",
                "1",
                str(home),
                f"H{home}",
                "是" if n % 4 == 0 else "否",
                "户籍人口",
                "在业",
            ]
        )
    return out.getvalue().encode()


async def _imports(servers: Servers) -> Ratio:
    content = people(ROWS)

    async def ours(_number: int) -> float:
        with tempfile.TemporaryDirectory() as folder:
            async with _world(servers, Path(folder)) as (world, _):
                started = time.perf_counter()
                headers = {"Content-Type": "text/csv"}
                begun = await world.post("/imports", COMMUNITY, content=content, headers=headers, area=NANGUAN)
                runner = Deadlines(world.service.parts.uow, world.service.deadlines, world.clock)
                while True:
                    await runner.step()
                    job = await world.get(f"/imports/{begun['id']}")
                    if job["state"] not in ("waiting", "running"):
                        break
                took = time.perf_counter() - started
                if (job["state"], job["added"], job["refused"]) != ("done", ROWS, 0):
                    raise SystemExit(f"the import went wrong: {job}")
                return ROWS / took

    found = await turns("import_rows", "rows/s", {"ours": ours}, rounds=IMPORT_ROUNDS)
    return Ratio("import_rows", "rows/s", found["ours"], [1.0] * IMPORT_ROUNDS, 2000)


@dataclass(slots=True)
class _Stored:
    """A service whose database holds many people, and where the middle of its list is."""

    world: World
    cursor: str

    async def page(self, _number: int) -> float:
        """Milliseconds a page, the median of a round."""
        took = []
        for _ in range(PAGES):
            started = time.perf_counter()
            found = await self.world.get("/people", area=GRID, limit=LIMIT, cursor=self.cursor)
            took.append(1e3 * (time.perf_counter() - started))
            if len(found["items"]) != LIMIT:
                raise SystemExit("a page is not full")
        return statistics.median(took)


async def _lists(servers: Servers) -> Ratio:
    async with AsyncExitStack() as stack:
        many, few = [await _stored(stack, servers, count) for count in (MANY, FEW)]
        found = await turns("list_1m_vs_10k", "ms", {"ours": many.page, "peer": few.page}, rounds=LIST_ROUNDS)
    return Ratio("list_1m_vs_10k", "ms", found["ours"], found["peer"], 1.5, at_most=True)


async def _stored(stack: AsyncExitStack, servers: Servers, count: int) -> _Stored:
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    world, url = await stack.enter_async_context(_world(servers, Path(folder)))
    conn = await asyncpg.connect(url)
    await conn.execute(
        "INSERT INTO person (id, grid, building, dwelling, household, sex, birth_from, registration, state, shown_name,"
        " shown_id, version, changed_at, departed_at, lost)"
        " SELECT '01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'), CASE WHEN n % 2 = 0 THEN $1 ELSE $2 END,"
        " 'b' || n % 1000, NULL, 'h' || n / 4, 'female', 1980, 'registered', 'present', '张*', '**************002X', 1,"
        " now(), NULL, false FROM generate_series(1, $3::int) AS n",
        GRID,
        GRID_2,
        count,
    )
    await conn.execute("VACUUM ANALYZE")
    middle = f"01900000-0000-7000-8000-{count // 2:012x}"
    await conn.close()
    await world.log.beat()
    return _Stored(world, paging.encode(f"{GRID} {middle}"))
