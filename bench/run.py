"""`python -m bench.run [NAME …]`: every measurement, or those named; writes results.json and the table."""

from __future__ import annotations

import asyncio
import importlib
import sys

from bench import results
from bench.stage import servers

MEASURES = ("power", "relay", "consumer", "latency", "volume", "command", "population")


async def main(names: list[str]) -> int:
    unknown = set(names) - set(MEASURES)
    if unknown:
        print(f"no such measurement: {', '.join(sorted(unknown))}; there are {', '.join(MEASURES)}")
        return 2
    with servers() as running:
        for name in names or MEASURES:
            print(f"{name}:", flush=True)
            found = await importlib.import_module(f"bench.{name}").measure(running)
            results.write(found)
            for ratio in found:
                verdict = {True: "reached", False: "NOT reached", None: "shown"}[ratio.reached]
                wanted = "" if ratio.reach is None else f"to reach {ratio.reach:g}: "
                print(f"  {ratio.name}: {ratio.median:.3g} ({wanted}{verdict})", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
