"""The story, told on the stack by callers who wait for what is away."""

from __future__ import annotations

from deploy.story import Client, tell
from deploy.story.telling import Silent

from .stack import Stack

PATIENCE_S = 150.0


def client(stack: Stack, patience: float = PATIENCE_S) -> Client:
    return Client(stack.base, stack.issuer, patience=patience)


async def told(stack: Stack, teller: Silent | None = None) -> None:
    """The whole of it is, and the auditor finds nothing wrong with it, nor with all that came before."""
    async with client(stack) as caller:
        report = await tell(caller, teller or Silent(), patience=PATIENCE_S)
    assert report["verdict"] == "clean", report
