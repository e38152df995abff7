"""The story on the embedded profile: what `make run` starts and `make tour` tells."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import finance.bootstrap
from deploy.embedded import Platform, listen
from deploy.starting import FILE, CannotStart, only_one
from deploy.story import Silent, tell
from suizhuan.seed import Seed
from suizhuan.service import Service

from .conftest import ROOT, Embedded, client, embedded

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_story_comes_out_as_told_twice_in_a_row(embedded_platform: Embedded) -> None:
    for _ in range(2):
        async with client(embedded_platform) as gateway:
            report = await tell(gateway, Silent())
        assert report["verdict"] == "clean"


async def test_the_story_comes_out_as_told_twice_at_once(embedded_platform: Embedded) -> None:
    async with client(embedded_platform) as one, client(embedded_platform) as two:
        await asyncio.gather(tell(one, Silent()), tell(two, Silent()))


@pytest.mark.parametrize(("language", "end"), [("en", "Everything came out as told"), ("zh", "一切如所述")])
async def test_the_tour_tells_it_in_the_terminal(embedded_platform: Embedded, language: str, end: str) -> None:
    done = await _tour(embedded_platform, LANG=language)
    assert done.returncode == 0, done.stdout
    assert end in done.stdout
    assert all(f"\n{n}. " in done.stdout for n in range(1, 8))
    assert "⚡ complaints.case.handed_over.v1" in done.stdout


async def test_the_tour_fails_when_the_platform_is_not_there(tmp_path: Path) -> None:
    done = await _tour(Embedded(tmp_path))
    assert done.returncode == 2
    assert "make run" in done.stdout


async def test_stopped_by_ctrl_c_and_started_again_it_goes_on_where_it_was(tmp_path: Path) -> None:
    async with embedded(tmp_path) as platform:
        async with client(platform) as gateway:
            before = await tell(gateway, Silent())
        assert await platform.program.interrupt() == 0
        assert not (tmp_path / FILE).exists()
        await platform.start()
        async with client(platform) as gateway:
            worker = await gateway.sign_in("staff-nanguan-01")
            after = await worker.get("/audit", full="true")
            assert after["verdict"] == "clean"
            assert after["read"]["cases"] == before["read"]["cases"]
            assert after["read"]["entries"] == before["read"]["entries"]
            await tell(gateway, Silent())


async def test_killed_in_the_middle_of_the_story_it_loses_nothing(tmp_path: Path) -> None:
    async with embedded(tmp_path) as platform:
        async with client(platform) as gateway:
            resident = await gateway.sign_in("resident-nanguan-01")
            body = {"category": "01-02", "area": "321302002907001", "description": "垃圾"}
            taken = [await resident.post("/complaints/cases", body) for _ in range(20)]
        await platform.program.kill()
        await platform.start()
        async with client(platform) as gateway:
            street = await gateway.sign_in("staff-street-03")
            for case in taken:
                assert (await street.get(f"/complaints/cases/{case['id']}"))["responsible"] == case["responsible"]
            await tell(gateway, Silent())


async def test_it_is_founded_once_and_again_when_a_document_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, found = [], finance.bootstrap.bootstrap

    async def counted(service: Service, seed: Seed) -> bool:
        asked.append(await found(service, seed))
        return asked[-1]

    monkeypatch.setattr(finance.bootstrap, "bootstrap", counted)
    firsts = []
    for changed in (False, False, True):
        if changed:
            (tmp_path / "founded").write_text("other words", encoding="utf-8")
        platform = Platform(tmp_path, 0)
        firsts.append(await platform.start())
        await platform.stop()
    assert firsts == [True, False, False]
    assert asked == [True, False]  # the second start asked nobody


async def test_a_second_copy_and_a_taken_port_are_told_clearly(embedded_platform: Embedded, tmp_path: Path) -> None:
    second = await asyncio.to_thread(_start, embedded_platform.data, 0)
    assert second.returncode == 1
    assert "正被另一个实例使用" in second.stderr
    assert "DATA=" in second.stderr
    port = int(embedded_platform.base.rpartition(":")[2])
    taken = await asyncio.to_thread(_start, tmp_path, port)
    assert taken.returncode == 1
    assert f"端口 {port} 不可用" in taken.stderr
    assert "PORT=" in taken.stderr


async def test_a_port_or_a_folder_that_cannot_be_is_told_clearly(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="PORT="):
        listen("127.0.0.1", 99_999)
    (tmp_path / "file").write_text("a file, no folder")
    for data in (tmp_path / "file", tmp_path / "file" / "under"):
        with pytest.raises(CannotStart, match="DATA="), only_one(data):
            pass


@pytest.mark.parametrize(
    ("path", "status"),
    [("/nothing/here", 404), ("/complaints/cases/%0d%0aX:%20y", 404), ("/audit/cases/%0d%0aX:%20y", 401)],
)
async def test_an_address_with_a_line_break_in_it_is_a_problem_like_any_other(
    embedded_platform: Embedded, path: str, status: int
) -> None:
    async with client(embedded_platform) as gateway:
        answer = await gateway.http.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


async def test_the_documents_need_no_internet(embedded_platform: Embedded) -> None:
    found = json.loads((embedded_platform.data / FILE).read_text(encoding="utf-8"))
    async with client(embedded_platform) as gateway:
        for url in found["docs"].values():
            page = await gateway.http.get(url)
            assert page.status_code == 200
            for foreign in ("cdn.", "unpkg", "jsdelivr", "https://"):
                assert foreign not in page.text, url


def _start(data: Path, port: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deploy.embedded", "--port", str(port), "--data", str(data)]
    return subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=60)


async def _tour(platform: Embedded, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deploy.tour", "--base", platform.base, "--issuer", platform.issuer]
    return await asyncio.to_thread(
        subprocess.run, command, cwd=ROOT, capture_output=True, text=True, timeout=120, env={**os.environ, **environ}
    )
