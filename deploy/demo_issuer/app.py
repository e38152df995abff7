"""The issuer's HTTP side: configuration, keys, tokens, and the people of the demonstration."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, unquote_plus

from fastapi import FastAPI, Request
from fastapi_offline import FastAPIOffline
from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse, Response

from deploy.demo_issuer.keys import load_key, public
from suizhuan.identity import KINDS, Kind
from suizhuan.issuer_keys import DEMO_MARKER
from suizhuan.kernel.clock import Clock, SystemClock

ISSUER = f"urn:{DEMO_MARKER}"
LIFETIME_S = 8 * 3600
DEMO_GRANT = "urn:suizhuan:demo"
MAX_FORM = 16_384
_CORS: dict[str, Any] = {"allow_origins": ["*"], "allow_methods": ["GET", "POST"], "allow_headers": ["*"]}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the demonstration whom a visitor may act as."""

    id: str
    kind: Kind
    org: str | None
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Client:
    """A machine identity and its secret."""

    id: str
    secret: str
    kind: Kind = "service"
    org: str | None = None
    scope: str = ""
    purpose: str = ""  # why it reads, unless its request names another


class _Refused(Exception):
    """An error of RFC 6749 §5.2."""

    def __init__(self, error: str, why: str, status: int = 400) -> None:
        super().__init__(error)
        self.error, self.why, self.status = error, why, status


def create_issuer_app(
    data: Path,
    *,
    people: Sequence[Person] = (),
    clients: Sequence[Client] = (),
    audience: str = "suizhuan",
    base_url: str | None = None,
    clock: Clock | None = None,
) -> FastAPI:
    """The issuer on the key in `data`, to be served alone or mounted (under /demo-issuer in the embedded profile).

    Its `iss` is `urn:suizhuan-demo-issuer` wherever it runs, and cannot be set, so that nobody passes it off as
    another. `base_url` goes into the configuration document; without it, the address that was asked.
    """
    issuer = _Issuer(load_key(data), people, clients, audience, clock or SystemClock())
    app = FastAPIOffline(
        title="Demonstration issuer 演示签发方",
        version="0.1.0",
        description="Signs a token for anybody as anybody. Never trust it outside of a demonstration. 仅供演示。",
    )
    app.add_middleware(CORSMiddleware, **_CORS)

    @app.get("/.well-known/openid-configuration", summary="配置 / configuration")
    async def configuration(request: Request) -> dict[str, Any]:
        # Not request.base_url: where the issuer is mounted, that is the address of the app around it.
        here = f"{request.url.scheme}://{request.url.netloc}{request.scope.get('root_path', '')}"
        base = (base_url or here).rstrip("/")
        return {
            "issuer": ISSUER,
            "jwks_uri": f"{base}/jwks",
            "token_endpoint": f"{base}/token",
            "grant_types_supported": ["client_credentials", DEMO_GRANT],
            "id_token_signing_alg_values_supported": ["ES256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "demonstration": True,
        }

    @app.get("/jwks", summary="公钥 / public keys")
    async def jwks() -> dict[str, Any]:
        return public(issuer.key)

    @app.get("/people", summary="演示人物 / the people of the demonstration")
    async def everyone() -> list[dict[str, Any]]:
        return [asdict(person) for person in people]

    @app.post("/token", summary="令牌 / a token (form: grant_type, and what it needs)")
    async def token(request: Request) -> Response:
        try:
            answer = issuer.token(await _form(request), request.headers.get("authorization"))
        except _Refused as no:
            body = {"error": no.error, "error_description": no.why}
            return JSONResponse(body, no.status, {"Cache-Control": "no-store"})
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    return app


def load_people(path: Path) -> list[Person]:
    """People from a JSON list of {id, kind, org, zh, en}. Errors: ValueError, TypeError."""
    return [Person(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))]


def load_clients(path: Path) -> list[Client]:
    """Machine clients from a JSON list of {id, secret, kind, org, scope, purpose}. Errors: ValueError, TypeError."""
    return [Client(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))]


class _Issuer:
    def __init__(
        self, key: ECKey, people: Sequence[Person], clients: Sequence[Client], audience: str, clock: Clock
    ) -> None:
        self.key = key
        self._people = {p.id: p for p in people}
        self._clients = {c.id: c for c in clients}
        self._audience = audience
        self._clock = clock

    def token(self, form: Mapping[str, str], authorization: str | None) -> dict[str, Any]:
        """The token response for a form. Errors: _Refused."""
        grant = form.get("grant_type", DEMO_GRANT)
        if grant == "client_credentials":
            client = self._client(form, authorization)
            return self._sign(client.id, client.kind, client.org, client.scope, form.get("purpose") or client.purpose)
        if grant != DEMO_GRANT:
            raise _Refused("unsupported_grant_type", grant[:60])
        subject = form.get("subject", "")
        person = self._people.get(subject)
        kind = form.get("kind") or (person.kind if person else "resident")
        org = form.get("org") or (person.org if person else None)
        if not subject or kind not in KINDS:
            raise _Refused("invalid_request", "subject, and kind: " + " ".join(sorted(KINDS)))
        if kind == "staff" and org is None:
            raise _Refused("invalid_request", "staff work for an org")
        if not all(len(v) <= 200 and v.isprintable() for v in form.values()):
            raise _Refused("invalid_request", "plain text of up to 200 characters")
        return self._sign(subject, cast(Kind, kind), org, form.get("scope", ""), form.get("purpose"))

    def _client(self, form: Mapping[str, str], authorization: str | None) -> Client:
        name, secret = form.get("client_id", ""), form.get("client_secret", "")
        if authorization is not None and authorization.lower().startswith("basic "):
            try:
                pair = base64.b64decode(authorization[6:], validate=True).decode()
            except (binascii.Error, ValueError):
                raise _Refused("invalid_client", "Authorization", 401) from None
            name, _, secret = (unquote_plus(part) for part in pair.partition(":"))
        client = self._clients.get(name)
        if client is None or not hmac.compare_digest(client.secret.encode(), secret.encode()):
            raise _Refused("invalid_client", "client_id or client_secret", 401)
        return client

    def _sign(self, subject: str, kind: Kind, org: str | None, scope: str, purpose: str | None) -> dict[str, Any]:
        now = int(self._clock.now().timestamp())
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": self._audience,
            "sub": subject,
            "kind": kind,
            "scope": scope,
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME_S,
        }
        claims |= {k: v for k, v in (("org", org), ("purpose", purpose)) if v}
        token = jwt.encode({"alg": "ES256", "kid": self.key.kid}, claims, self.key)
        return {"access_token": token, "token_type": "Bearer", "expires_in": LIFETIME_S, "scope": scope}


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form, each once. Read by hand: one format, and no multipart parser to install."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM:
            raise _Refused("invalid_request", "too large", 413)
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=50, errors="strict")
    except ValueError:
        raise _Refused("invalid_request", "not a form") from None
    if any(len(values) > 1 for values in fields.values()):
        raise _Refused("invalid_request", "a field twice")
    return {name: values[0] for name, values in fields.items()}
