"""Points at which a test may kill the process, to prove what is left behind is whole.

Only for tests. `hit` names a point; the setting `failpoint` arms one. Unarmed, a call costs some ten nanoseconds.
SIGKILL is used because nothing can catch it: no `finally`, no shutdown hook, no flush makes it gentler than a crash.
"""

from __future__ import annotations

import os
import signal


class _Armed:
    name: str | None = None


def configure(name: str | None) -> None:
    """Arm the point `name` for this process; None disarms."""
    _Armed.name = name


def hit(name: str) -> None:
    """The process ends here, at once, if this point is armed; otherwise nothing happens."""
    if _Armed.name is not None and _Armed.name == name:
        os.kill(os.getpid(), signal.SIGKILL)
