"""`python -m <service> dead-letters`: dead letters put right from the command line of a running system."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, cast, get_args

from suizhuan import deadletter
from suizhuan.context import Context, new_id
from suizhuan.kernel.refusal import Refusal
from suizhuan.repair import Action

if TYPE_CHECKING:
    from suizhuan.service import Service


async def dead_letters(service: Service, arguments: list[str]) -> None:
    """`dead-letters`: list them. `dead-letters redrive|skip|discard ID REASON`: put one right, with an audit event."""
    parts = service.parts
    if not arguments:
        async with parts.database.read() as conn:
            after = found = 0
            while rows := await deadletter.page(conn, after=after, limit=200):
                for row in rows:
                    place = f"{row['topic']}[{row['partition']}]@{row['offset']}"
                    sys.stdout.write(f"{row['id']:>8}  {row['state']:<6}  {place}  {row['code']}  {row['reason']}\n")
                after, found = rows[-1]["id"], found + len(rows)
        sys.stdout.write(f"{found} 条死信 / dead letters\n")
        return
    if len(arguments) != 3 or arguments[0] not in get_args(Action) or not arguments[1].isdigit():
        raise SystemExit("dead-letters [redrive|skip|discard ID REASON]")
    context = Context(actor="operator", org=None, correlation_id=new_id())
    try:
        async with parts.uow.begin(context, limited=False) as tx:
            done = await service.repairs.resolve(tx, int(arguments[1]), cast(Action, arguments[0]), arguments[2])
    except Refusal as refusal:
        raise SystemExit(f"{refusal.code}: {refusal.params}") from None
    numbers = f"handled 已处理 {done.handled}, dropped 已放弃 {done.dropped}, left 仍等待 {done.left}"
    sys.stdout.write(f"{done.action}: {numbers}\n")
