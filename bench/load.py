"""A load of HTTP commands over kept connections, in a process of its own: `python -m bench.load PORT TOKEN < paths`."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator

CALLERS = 16


async def drive(port: int, token: str, paths: list[str]) -> dict[str, float]:
    """Commands a second, how many were answered with 200, and the median and 99th percentile in milliseconds."""
    took: list[float] = []
    good = 0
    todo = iter(paths)

    async def caller(mine: Iterator[str]) -> None:
        nonlocal good
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for path in mine:
            started = time.perf_counter()
            writer.write(
                f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n"
                "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}".encode()
            )
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
            await reader.readexactly(length)
            took.append(time.perf_counter() - started)
            good += head[9:12] == b"200"
        writer.close()

    started = time.perf_counter()
    await asyncio.gather(*(caller(todo) for _ in range(CALLERS)))
    seconds = time.perf_counter() - started
    took.sort()
    return {
        "rate": len(paths) / seconds,
        "good": good,
        "p50_ms": took[len(took) // 2] * 1e3,
        "p99_ms": took[int(len(took) * 0.99)] * 1e3,
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(drive(int(sys.argv[1]), sys.argv[2], sys.stdin.read().split()))))
