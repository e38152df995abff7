"""The one way in which a rule says no."""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """A command is refused; nothing was changed.

    Promise: `code` is stable and stands in an error catalogue (`suizhuan.errors`, or the service's own
    `errors.py`), which gives the HTTP status and the Chinese and English words. `params` fill the words
    and are sent to the caller, so they never hold personal data.
    """

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code, params)
        self.code = code
        self.params = params
