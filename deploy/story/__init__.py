"""The story of one affair, from a proposal without money to the auditor's report.

`make tour` tells it in the terminal; tests/e2e runs the same code on the embedded and on the real profile. Each part
asserts what it tells and raises NotAsTold otherwise.
"""

from __future__ import annotations

from deploy.story import ending, granting, handling
from deploy.story.client import Client, Json
from deploy.story.scene import Scene, scene
from deploy.story.telling import NotAsTold, Silent, Teller

PARTS = (
    granting.without_money,
    granting.with_money,
    handling.routed,
    handling.handed_over,
    handling.paid,
    ending.ended,
)


async def tell(client: Client, teller: Teller, *, patience: float = 30.0) -> Json:
    """The whole story once; the auditor's report at its end.

    Errors: NotAsTold, and those of the client. `patience`: seconds that an effect in another service may take.
    """
    async with scene(client, teller, patience=patience) as made:
        for part in PARTS:
            await part(made)
        return await ending.audited(made)


__all__ = ["PARTS", "Client", "NotAsTold", "Scene", "Silent", "Teller", "scene", "tell"]
