"""Who calls: bearer tokens of trusted issuers, verified by each service itself.

Promise: a token is accepted only if it was signed with an asymmetric algorithm by a key of the very issuer it names,
for our audience, and is in force now. Keys belong to their issuer: the same `kid` elsewhere means nothing here.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, cast

import httpx
from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from joserfc import jws
from joserfc.errors import JoseError

from suizhuan.headers import header
from suizhuan.issuer_keys import IssuerKeys, is_demo
from suizhuan.kernel.clock import Clock
from suizhuan.kernel.refusal import Refusal
from suizhuan.metrics import Children, Metrics
from suizhuan.settings import IssuerSettings

Kind = Literal["staff", "resident", "service", "hub"]
KINDS: frozenset[str] = frozenset({"staff", "resident", "service", "hub"})
# Whom a service answers itself. A hub reads where it is masked and put on a receipt: at the gateway, from the streams.
HEARD: frozenset[str] = KINDS - {"hub"}
MAX_TOKEN = 8192
CACHE_FOR_S = 60.0


@dataclass(frozen=True, slots=True)
class Identity:
    """The caller, as its issuer vouches. `org` is the organisation a member of staff works for today;
    `purpose` is why personal data is read, if the token says so."""

    subject: str
    kind: Kind
    org: str | None
    purpose: str | None
    scopes: frozenset[str]
    issuer: str


@dataclass(frozen=True, slots=True)
class _Seen:
    identity: Identity
    not_before: float
    until: float


class TokenVerifier:
    """Verifies tokens of the configured issuers.

    A token seen within the last minute is answered from memory, without waiting for anything. A key that its issuer
    has withdrawn is refused at most `max_age_s` (of the keys) + 60 s later, as long as the issuer can be reached;
    while it cannot, its last known keys stay in use.
    """

    def __init__(
        self,
        issuers: Sequence[IssuerSettings],
        *,
        clock: Clock,
        http: httpx.AsyncClient | None = None,
        leeway_s: float = 0.05,
        trust_demo_issuer: bool = False,
        cache_size: int = 10_000,
        refetch_s: float = 5.0,
        max_age_s: float = 300.0,
        metrics: Metrics | None = None,
        kinds: frozenset[str] = HEARD,
    ) -> None:
        self._clock = clock
        self._kinds = kinds
        self._leeway = leeway_s
        self._outcomes = Children(metrics.tokens_total) if metrics is not None else None
        self._http = http
        self._own_http: httpx.AsyncClient | None = None
        self._cache: OrderedDict[bytes, _Seen] = OrderedDict()
        self._cache_size = cache_size
        self._issuers: dict[str, IssuerKeys] = {}
        for issuer in issuers:
            if issuer.issuer in self._issuers:
                raise ValueError(f"the issuer is configured twice: {issuer.issuer}")
            if is_demo(issuer.issuer) and not trust_demo_issuer:
                continue
            self._issuers[issuer.issuer] = IssuerKeys(
                issuer,
                clock=clock,
                http=self._client,
                refetch_s=refetch_s,
                max_age_s=max_age_s,
                trust_demo=trust_demo_issuer,
                on_change=self._cache.clear,
                metrics=metrics,
            )

    @property
    def issuers(self) -> tuple[str, ...]:
        """The issuers in use. The demonstration issuer is not among them unless it is trusted."""
        return tuple(self._issuers)

    async def verify(self, token: str) -> Identity:
        """The identity a token proves.

        Errors: `unauthenticated` with the reason (in English, never a part of the token); `wrong_kind` for one of a
        kind that is not heard here; `unavailable` when the issuer's keys have never been reachable.
        """
        try:
            return await self._verify(token)
        except Refusal:
            self._count("refused")
            raise

    async def ready(self) -> str | None:
        """A readiness check: None when every issuer's keys are here, else whose are missing."""
        missing = [name for name, keys in self._issuers.items() if not await keys.present()]
        return f"no keys of {', '.join(missing)}" if missing else None

    async def close(self) -> None:
        """Stop fetching. An HTTP client handed in is left open."""
        for keys in self._issuers.values():
            await keys.close()
        if self._own_http is not None:
            await self._own_http.aclose()
            self._own_http = None

    def _client(self) -> httpx.AsyncClient:
        if self._http is not None:
            return self._http
        if self._own_http is None:
            self._own_http = httpx.AsyncClient(timeout=3.0, follow_redirects=False)
        return self._own_http

    async def _verify(self, token: str) -> Identity:
        if len(token) > MAX_TOKEN:
            raise _no("the token is too long")
        if not token.isascii():
            raise _no("not a token")
        digest = hashlib.sha256(token.encode()).digest()
        now = self._clock.now().timestamp()
        seen = self._cache.get(digest)
        if seen is not None and seen.not_before <= now < seen.until:
            self._cache.move_to_end(digest)
            self._count("cached")
            return seen.identity
        header, claims = _read(token)
        keys = self._issuers.get(issuer) if isinstance(issuer := claims.get("iss"), str) else None
        if keys is None:
            raise _no("an issuer that is not trusted here")
        kid, alg = header.get("kid"), header.get("alg")
        if "crit" in header:
            raise _no("an extension that is not known here")
        if not isinstance(kid, str) or not isinstance(alg, str):
            raise _no("no key or algorithm named")
        key = await keys.find(kid)
        if key is None or alg not in key.algorithms:
            raise _no("no such key for this algorithm")
        try:
            jws.deserialize_compact(token, key.key, registry=key.registry)
        except (JoseError, ValueError):
            raise _no("the signature does not fit") from None
        # Waiting for keys may have taken a while: the times are judged by what the clock says now.
        now = self._clock.now().timestamp()
        exp, nbf = self._in_force(claims, keys.settings.audience, now)
        identity = _identity(claims)
        if identity.kind not in self._kinds:
            raise Refusal("wrong_kind")
        self._remember(digest, _Seen(identity, nbf, min(exp, now + CACHE_FOR_S)))
        self._count("verified")
        return identity

    def _in_force(self, claims: Mapping[str, Any], audience: str, now: float) -> tuple[float, float]:
        aud = claims.get("aud")
        if audience not in (aud if isinstance(aud, list) else [aud]):
            raise _no("meant for another audience")
        if claims.get("exp") is None:
            raise _no("no expiry")
        exp = _time(claims["exp"]) + self._leeway
        nbf = _time(claims.get("nbf", 0)) - self._leeway
        if now >= exp:
            raise _no("expired")
        if now < nbf:
            raise _no("not yet valid")
        return exp, nbf

    def _remember(self, digest: bytes, seen: _Seen) -> None:
        self._cache[digest] = seen
        self._cache.move_to_end(digest)
        if len(self._cache) > self._cache_size:
            self._cache.popitem(last=False)

    def _count(self, outcome: str) -> None:
        if self._outcomes is not None:
            self._outcomes[outcome,].inc()


def _no(reason: str) -> Refusal:
    return Refusal("unauthenticated", reason=reason)


def _read(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims as they claim to be: nothing here is believed before the signature is checked."""
    parts = token.split(".")
    if len(parts) != 3:
        raise _no("not a token")
    read = []
    for part in parts[:2]:
        try:
            value = json.loads(base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True))
        except (ValueError, RecursionError):
            raise _no("not a token") from None
        if not isinstance(value, dict):
            raise _no("not a token")
        read.append(value)
    return read[0], read[1]


def _time(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _no("a time that is not a number")
    if not (math.isfinite(value) if isinstance(value, float) else abs(value) < 1 << 53):
        raise _no("a time that is not a number")
    return float(value)


def _identity(claims: Mapping[str, Any]) -> Identity:
    kind = claims.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise _no("no kind of identity")
    subject, org, purpose = (_words(claims, name) for name in ("sub", "org", "purpose"))
    if subject is None:
        raise _no("no subject")
    if kind == "staff" and org is None:
        raise _no("staff without an organisation")
    scope = claims.get("scope", "")
    if not isinstance(scope, str):
        raise _no("scope is not text")
    return Identity(subject, cast(Kind, kind), org, purpose, frozenset(scope.split()), claims["iss"])


def _words(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    if value is None or value == "":
        return None
    # They end up in events, logs and databases: NUL, line breaks and lone surrogates have no business there.
    if not isinstance(value, str) or len(value) > 200 or not value.isprintable():
        raise _no(f"{name} is not plain text")
    return value


class _Bearer(HTTPBearer):
    """A dependency that answers with the caller itself: one step for FastAPI where a chain would be three."""

    def __init__(self) -> None:
        words = "令牌 / a token of a trusted issuer (JWT)"
        super().__init__(auto_error=False, scheme_name="HTTPBearer", description=words, bearerFormat="JWT")

    async def _identity(self, request: Request) -> Identity | None:
        known: Identity | None = request.scope.get("suizhuan.identity")
        if known is not None:
            return known
        credentials = header(request.scope, b"authorization")
        if not credentials:
            return None
        scheme, _, token = credentials.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise _no("not a bearer token")
        verifier: TokenVerifier = request.app.state.verifier
        identity = await verifier.verify(token.strip())
        request.scope["suizhuan.identity"] = identity
        return identity


class OptionalBearer(_Bearer):
    """The caller, or None when no token was sent. A token that is sent has to be right. Errors: `unauthenticated`."""

    async def __call__(self, request: Request) -> Identity | None:  # type: ignore[override]
        return await self._identity(request)


class Bearer(_Bearer):
    """The caller; the app's verifier (`app.state.verifier`) vouches. Errors: `unauthenticated`."""

    async def __call__(self, request: Request) -> Identity:  # type: ignore[override]
        identity = await self._identity(request)
        if identity is None:
            raise _no("no token")
        return identity


optional, caller = OptionalBearer(), Bearer()
Caller = Annotated[Identity, Depends(caller)]
OptionalCaller = Annotated[Identity | None, Depends(optional)]
