"""`make load`: a steady load of complaint life cycles beside a running platform; fails where anything of it failed.

The report is one page with plots, as Locust makes it. Only a platform on this machine is put under load.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from deploy.load.preparing import Unclean, finish, prepare
from deploy.story import Client, NotAsTold
from deploy.story.client import ProblemAnswer
from deploy.tour import where

HERE = {"127.0.0.1", "localhost"}
USERS_FILE = Path(__file__).with_name("lifecycle.py")
FINISH_S = 60  # for life cycles that are under way when the time is over


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.load", description=__doc__)
    parser.add_argument("--base", default=None, help="the gateway / 网关")
    parser.add_argument("--issuer", default=None, help="its demonstration issuer / 演示签发方")
    parser.add_argument("--data", type=Path, default=Path("data"), help="of the platform / 其数据文件夹")
    parser.add_argument("--rate", type=float, default=5.0, help="life cycles a second / 每秒件数")
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--report", type=Path, default=Path(".local/load/report.html"))
    given = parser.parse_args(argv)
    base, issuer = where(given.base, given.data)
    issuer = given.issuer or issuer or f"{base}/demo-issuer"
    if not {urlsplit(base).hostname, urlsplit(issuer).hostname} <= HERE:
        print(f"only a platform on 127.0.0.1 / 只对本机平台施压: {base}", file=sys.stderr)
        return 2
    try:
        return asyncio.run(_run(base, issuer, given))
    except (Unclean, NotAsTold, ProblemAnswer) as wrong:
        print(f"✗ {wrong}", file=sys.stderr)
        return 1
    except httpx.HTTPError as error:
        print(f"✗ {type(error).__name__}: is `make run` running at {base}? / 是否已 `make run`？", file=sys.stderr)
        return 2


async def _run(base: str, issuer: str, given: argparse.Namespace) -> int:
    """Prepared, put under load, brought to its end and audited; the exit code."""
    report: Path = given.report.resolve()
    report.parent.mkdir(parents=True, exist_ok=True)
    async with Client(base, issuer) as client:
        cases = int(given.rate * given.seconds * 1.5) + given.users
        prepared = await prepare(client, cases)
        figures = await asyncio.to_thread(_load, base, given, report, asdict(prepared))
        if figures is None:
            print("✗ Locust gave no figures / Locust 未给出结果", file=sys.stderr)
            return 1
        audit = await finish(client, prepared.mandate)
    print(f"{figures['requests']} requests, {figures['failures']} failed / 个请求，失败")
    print(f"{figures['requests_per_s']:.1f} requests/s, p50 {figures['p50_ms']} ms, p99 {figures['p99_ms']} ms")
    print(f"{figures['lives']} life cycles / 件办结, {figures['lives_per_s']:.1f}/s")
    print(f"duty and money moved / 转办生效: p50 {figures['moved_p50_ms']} ms, p99 {figures['moved_p99_ms']} ms")
    read = audit["read"]
    print(f"auditor / 审计: {read['events']} events, {read['cases']} cases, 0 violations / 违规 0")
    print(f"report / 报告: {report}")
    for error in figures["errors"]:
        print(f"✗ {error}", file=sys.stderr)
    return 0 if figures["lives"] and not figures["failures"] else 1


def _load(base: str, given: argparse.Namespace, report: Path, prepared: dict[str, Any]) -> dict[str, Any] | None:
    """Locust in a process of its own: it makes another thing of Python's sockets. Its figures, if it made any."""
    figures = report.with_suffix(".json")
    figures.unlink(missing_ok=True)
    told = {**prepared, "base": base, "rate": given.rate, "users": given.users, "figures": str(figures)}
    words: dict[str, object] = {
        "--locustfile": USERS_FILE,
        "--users": given.users,
        "--spawn-rate": max(1.0, given.users / 5),
        "--run-time": f"{given.seconds}s",
        "--stop-timeout": FINISH_S,
        "--html": report,
    }
    command = [sys.executable, "-m", "locust", "--headless", "--only-summary", "--loglevel", "WARNING"]
    command += [str(word) for pair in words.items() for word in pair]
    subprocess.run(command, env={**os.environ, "SUIZHUAN_LOAD": json.dumps(told)}, check=False)
    return dict(json.loads(figures.read_text(encoding="utf-8"))) if figures.exists() else None


if __name__ == "__main__":
    sys.exit(main())
