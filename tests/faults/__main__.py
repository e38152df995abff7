"""`python -m tests.faults`: one run, shown as it goes; 1 when anything was found."""

from __future__ import annotations

import argparse
import asyncio
import logging
import secrets
import sys
from pathlib import Path

from rich.console import Console

from deploy.local import LOCAL, Unavailable
from deploy.local.programs import ProgramFailed

from .drill import drill


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--folder", type=Path, help="where logs and journal stay")
    given = parser.parse_args(argv)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # that the broker is away is what we are here for
    console = Console()
    folder = given.folder or LOCAL / "faults" / f"{given.seed}-{secrets.token_hex(3)}"
    try:
        outcome = asyncio.run(drill(folder, given.seed, given.seconds, console))
    except (Unavailable, ProgramFailed) as reason:
        Console(stderr=True, soft_wrap=True).print(str(reason), style="red", highlight=False, markup=False)
        return 1
    for finding in outcome.findings:
        console.print(str(finding), style="red", highlight=False, markup=False, soft_wrap=True)
    console.print(outcome.told(), style="red" if outcome.findings else "green", highlight=False, soft_wrap=True)
    return int(bool(outcome.findings))


if __name__ == "__main__":
    sys.exit(main())
