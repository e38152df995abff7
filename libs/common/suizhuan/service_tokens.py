"""A service's own identity: tokens by client credentials (RFC 6749 §4.4), kept until shortly before they expire."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import quote

import httpx

from suizhuan.kernel.clock import Clock
from suizhuan.kernel.refusal import Refusal

RETRY_S = 2.0


@dataclass(frozen=True, slots=True)
class _Held:
    token: str
    renew_at: float
    until: float


class ServiceTokens:
    """Tokens for one machine identity.

    Promise: one request to the issuer at a time however many wait; while a token is in force it is used, also when
    the issuer is down. Times are counted on the monotonic clock from before the request, so a token is never
    believed to live longer than the issuer meant.
    """

    def __init__(
        self, *, token_url: str, client_id: str, client_secret: str, http: httpx.AsyncClient, clock: Clock
    ) -> None:
        self._url = token_url
        self._auth = httpx.BasicAuth(quote(client_id, safe=""), quote(client_secret, safe=""))  # RFC 6749 §2.3.1
        self._http = http
        self._clock = clock
        self._held: _Held | None = None
        self._retry_at = float("-inf")
        self._lock = asyncio.Lock()

    async def token(self) -> str:
        """A token in force. Errors: `unavailable` when there is none and the issuer gives none."""
        if (token := self._usable()) is not None:
            return token
        async with self._lock:
            if (token := self._usable()) is not None:
                return token
            started = self._clock.monotonic()
            try:
                self._held = await self._ask(started)
            except (httpx.HTTPError, ValueError, KeyError, TypeError):
                self._retry_at = started + RETRY_S
                if self._held is None or started >= self._held.until:
                    # No cause is chained: an HTTP error can repeat the request, and that holds the secret.
                    raise Refusal("unavailable", reason="the token issuer", retry_after=RETRY_S) from None
            return self._held.token

    async def headers(self) -> dict[str, str]:
        """The Authorization header to send. Errors: as `token`."""
        return {"Authorization": f"Bearer {await self.token()}"}

    def _usable(self) -> str | None:
        held, now = self._held, self._clock.monotonic()
        if held is None or now >= held.until:
            return None
        return held.token if now < held.renew_at or now < self._retry_at else None

    async def _ask(self, started: float) -> _Held:
        answer = await self._http.post(self._url, data={"grant_type": "client_credentials"}, auth=self._auth)
        answer.raise_for_status()
        body = answer.json()
        token, lifetime = body["access_token"], float(body.get("expires_in", 60))
        if not isinstance(token, str) or not 0 < lifetime < 1e9:
            raise ValueError("no usable token")
        return _Held(token, started + lifetime * 0.8, started + lifetime * 0.98)
