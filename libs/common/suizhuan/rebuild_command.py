"""`python -m <service> rebuild`: a projection made anew from the beginning of the log, while the service works on."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from suizhuan.rebuild import CannotRebuild, Rebuild
from suizhuan.reconcile_command import counted

if TYPE_CHECKING:
    from suizhuan.service import Service


async def rebuild(service: Service, arguments: list[str]) -> None:
    """`rebuild`: name the projections. `rebuild NAME`: make that one anew; exit code 1 says why it could not be."""
    projections = {projection.name: projection for projection in service.all_projections}
    if not arguments:
        for name, projection in projections.items():
            sys.stdout.write(f"{name}  {', '.join(projection.topics)}\n")
        return
    if len(arguments) != 1 or arguments[0] not in projections:
        raise SystemExit(f"rebuild [{' | '.join(projections)}]")
    parts, projection = service.parts, projections[arguments[0]]
    with counted(f"重建 / rebuilding {projection.name}") as progress:
        work = Rebuild(parts.uow, parts.broker, service.migrations, projection, progress)
        try:
            done = await work.run()
        except CannotRebuild as reason:
            raise SystemExit(str(reason)) from None
    sys.stdout.write(
        f"{projection.name}: records 已读 {done.records}, events 已生效 {done.handled}, dead 死信 {done.dead}\n"
    )
    if projection.name == "authority":
        sys.stdout.write("请重启各进程，使内存中的权责表更新 / restart its processes: they keep grants in memory\n")
