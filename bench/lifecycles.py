"""Whole lives of complaints over HTTP, from a process of its own: `python -m bench.lifecycles PORT COUNT < tokens`."""

from __future__ import annotations

import asyncio
import json
import sys
import time

CALLERS = 8
REPORT = {"category": "01-02", "area": "321302002907001", "channel": "wechat", "description": "垃圾"}


async def drive(port: int, count: int, tokens: dict[str, str]) -> dict[str, float]:
    """Lives a second: reported, begun, done, checked. Errors: SystemExit when a command was refused."""
    left = iter(range(count))

    async def caller() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)

        async def post(who: str, path: str, body: object) -> dict[str, object]:
            raw = json.dumps(body).encode()
            head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {tokens[who]}\r\n"
            head += f"Content-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n"
            writer.write(head.encode() + raw)
            answer = await reader.readuntil(b"\r\n\r\n")
            lines = answer.lower().split(b"\r\n")
            length = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
            told = await reader.readexactly(length)
            if answer[9:10] != b"2":
                raise SystemExit(f"{path}: {told.decode()}")
            return dict(json.loads(told))

        for _ in left:
            case = (await post("resident", "/cases", REPORT))["id"]
            await post("worker", f"/cases/{case}/start", {})
            await post("worker", f"/cases/{case}/result", {})
            await post("checker", f"/cases/{case}/verification", {"result": "passed", "satisfied": True})
        writer.close()

    started = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return {"rate": count / (time.perf_counter() - started)}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(drive(int(sys.argv[1]), int(sys.argv[2]), json.load(sys.stdin)))))
