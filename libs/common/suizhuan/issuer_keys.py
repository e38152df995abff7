"""The public keys of one issuer: fetched, kept while the issuer is down, fetched again when an unknown one is named."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from suizhuan.kernel.clock import Clock
from suizhuan.kernel.refusal import Refusal
from suizhuan.metrics import Metrics
from suizhuan.settings import IssuerSettings

# Stands in everything the demonstration issuer says about itself: its issuer string and the ids of its keys.
DEMO_MARKER = "suizhuan-demo-issuer"
MAX_JWKS = 262_144
MIN_RSA_BITS = 2048


def is_demo(text: str) -> bool:
    """Whether an issuer, or the id of a key, is the demonstration issuer's."""
    return DEMO_MARKER in text.lower()


class _Registry(JWSRegistry):
    """Exactly the algorithms a key may be used with; header fields we do not know are refused only if critical."""

    def __init__(self, algorithms: frozenset[str]) -> None:
        super().__init__(algorithms=sorted(algorithms), strict_check_header=False)

    def get_alg(self, name: str) -> Any:
        # RFC 9864 renamed EdDSA because it also meant Ed448; our keys are Ed25519 alone, so both names are one.
        if name == "EdDSA" and name in (self.allowed or ()):
            name = "Ed25519"
        return super().get_alg(name)


@dataclass(frozen=True, slots=True)
class VerifyKey:
    """A public key and the algorithms it may verify: the key decides, never the token."""

    kid: str
    key: RSAKey | ECKey | OKPKey
    algorithms: frozenset[str]
    registry: JWSRegistry


class IssuerKeys:
    """Keys by id.

    `find` answers from memory when it knows the id. Otherwise it asks the issuer, once for all who wait and at most
    every `refetch_s`; so a flood of invented ids costs the issuer nothing. Keys older than `max_age_s` are renewed
    behind the scenes.
    """

    def __init__(
        self,
        settings: IssuerSettings,
        *,
        clock: Clock,
        http: Callable[[], httpx.AsyncClient],
        refetch_s: float,
        max_age_s: float,
        trust_demo: bool,
        on_change: Callable[[], None],
        metrics: Metrics | None,
    ) -> None:
        self.settings = settings
        self._clock = clock
        self._http = http
        self._refetch_s = refetch_s
        self._max_age_s = max_age_s
        self._trust_demo = trust_demo
        self._on_change = on_change
        self._metrics = metrics
        self._keys: dict[str, VerifyKey] | None = None
        self._raw: object = None
        self._fetched_at = 0.0
        self._tried_at: float | None = None
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, kid: str) -> VerifyKey | None:
        """The key of that id, or None. Errors: `unavailable` when no keys were ever had."""
        if self._keys is not None and kid in self._keys:
            if self._clock.monotonic() - self._fetched_at >= self._max_age_s:
                self._fetch()
            return self._keys[kid]
        task = self._fetch()
        if task is not None:
            await asyncio.shield(task)
        if self._keys is None:
            raise Refusal("unavailable", reason="keys of the token issuer", retry_after=self._refetch_s)
        return self._keys.get(kid)

    async def present(self) -> bool:
        """Whether keys are here, after trying once if there were none."""
        if self._keys is None and (task := self._fetch()) is not None:
            await asyncio.shield(task)
        return self._keys is not None

    async def close(self) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    def _fetch(self) -> asyncio.Task[None] | None:
        """The fetch under way, or a new one, or None when the last try was too short a time ago."""
        if self._fetching is not None and not self._fetching.done():
            return self._fetching
        now = self._clock.monotonic()
        if self._tried_at is not None and now - self._tried_at < self._refetch_s:
            return None
        self._tried_at = now
        self._fetching = asyncio.create_task(self._load())
        return self._fetching

    async def _load(self) -> None:
        try:
            document = await self._read()
            keys = usable_keys(document, trust_demo=self._trust_demo)
        except (httpx.HTTPError, OSError, ValueError, RecursionError):
            # Down, or talking nonsense: what we have stays in use.
            self._count("failed")
            return
        self._count("ok")
        changed = self._keys is not None and document != self._raw
        self._keys, self._raw, self._fetched_at = keys, document, self._clock.monotonic()
        if changed:
            self._on_change()

    async def _read(self) -> object:
        if self.settings.jwks_file is not None:
            return json.loads(await asyncio.to_thread(self.settings.jwks_file.read_bytes))
        body = b""
        async with self._http().stream("GET", str(self.settings.jwks_url)) as response:
            response.raise_for_status()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MAX_JWKS:
                    raise ValueError("too large for a key set")
        return json.loads(body)

    def _count(self, outcome: str) -> None:
        if self._metrics is not None:
            self._metrics.jwks_fetches_total.labels(outcome).inc()


def usable_keys(document: object, *, trust_demo: bool) -> dict[str, VerifyKey]:
    """The keys of a JWKS that may verify: public, asymmetric, strong, with an id. Others are passed over.

    A key of the demonstration issuer is passed over too unless it is trusted, under whatever issuer it is offered.
    Errors: ValueError when it is no JWKS at all.
    """
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ValueError("not a key set")
    found: dict[str, VerifyKey] = {}
    for entry in entries:
        key = _usable(entry) if isinstance(entry, dict) else None
        if key is not None and (trust_demo or not is_demo(key.kid)):
            found[key.kid] = key
    return found


def _usable(entry: Mapping[str, Any]) -> VerifyKey | None:
    kid, kty = entry.get("kid"), entry.get("kty")
    if not isinstance(kid, str) or not kid or entry.get("use", "sig") != "sig":
        return None
    public: dict[str, str | list[str]] = {
        k: v for k, v in entry.items() if k in ("kty", "kid", "n", "e", "crv", "x", "y") and isinstance(v, str)
    }
    key: RSAKey | ECKey | OKPKey
    try:
        if kty == "RSA" and len(public.get("n", "")) * 6 >= MIN_RSA_BITS:
            key, algorithms = RSAKey.import_key(public), {"RS256"}
        elif kty == "EC" and entry.get("crv") == "P-256":
            key, algorithms = ECKey.import_key(public), {"ES256"}
        elif kty == "OKP" and entry.get("crv") == "Ed25519":
            key, algorithms = OKPKey.import_key(public), {"EdDSA", "Ed25519"}  # both names are in use
        else:
            return None
        key.public_key  # noqa: B018  (reads the numbers now, so that a broken key is passed over here)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    stated = entry.get("alg")
    # A key that states RFC 8037's or RFC 9864's name of Ed25519 verifies under both.
    allowed = frozenset(algorithms if stated is None or stated in algorithms else ())
    return VerifyKey(kid, key, allowed, _Registry(allowed)) if allowed else None
