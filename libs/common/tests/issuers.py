"""A real little issuer, served over httpx's ASGI transport, that tests can turn off and give other keys."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.types import Receive, Scope, Send

from suizhuan.kernel.clock import ManualClock
from suizhuan.settings import IssuerSettings

CITY = "https://id.city.example"


def city(issuer: str = CITY, host: str = "id.city.example") -> IssuerSettings:
    return IssuerSettings(issuer=issuer, jwks_url=f"http://{host}/jwks")


def b64(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Issuer:
    """Signs tokens with its newest key and serves its keys; `down` makes every fetch fail."""

    def __init__(self, clock: ManualClock, issuer: str = CITY, kid: str = "k1") -> None:
        self.clock = clock
        self.issuer = issuer
        self.keys = [ECKey.generate_key("P-256", {"kid": kid})]
        self.extra: list[dict[str, Any]] = []
        self.down = False
        self.fetches = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.fetches += 1
        keys = [k.as_dict(private=False) for k in self.keys]
        body = json.dumps({"keys": [*keys, *self.extra]}).encode()
        await send({"type": "http.response.start", "status": 503 if self.down else 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    def rotate(self, kid: str) -> None:
        self.keys = [ECKey.generate_key("P-256", {"kid": kid})]

    def claims(self, **other: Any) -> dict[str, Any]:
        now = self.clock.now().timestamp()
        claims = {
            "iss": self.issuer,
            "aud": "suizhuan",
            "sub": "staff-1",
            "kind": "staff",
            "org": "org-1",
            "exp": now + 3600,
            **other,
        }
        return {k: v for k, v in claims.items() if v is not None}

    def token(self, key: Any = None, header: dict[str, Any] | None = None, **claims: Any) -> str:
        signing = key or self.keys[-1]
        head = {"alg": "ES256", "kid": self.keys[-1].kid, **(header or {})}
        return jwt.encode(head, self.claims(**claims), signing, algorithms=[head["alg"]])


def client(**hosts: Any) -> httpx.AsyncClient:
    """A client that reaches each app under its host name; `_` stands for a dot."""
    mounts = {f"all://{h.replace('_', '.')}": httpx.ASGITransport(app=app) for h, app in hosts.items()}
    return httpx.AsyncClient(mounts=mounts, timeout=5)
