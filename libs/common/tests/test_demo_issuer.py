"""The demonstration issuer: anybody's token for the demonstration, and nobody's elsewhere."""

from __future__ import annotations

import base64
import json
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from deploy.demo_issuer import ISSUER, create_issuer_app, jwks_file
from deploy.demo_issuer.__main__ import WARNING
from deploy.demo_issuer.app import Client, Person, load_clients, load_people
from suizhuan.identity import KINDS, TokenVerifier
from suizhuan.kernel.clock import ManualClock
from suizhuan.kernel.refusal import Refusal
from suizhuan.service_tokens import ServiceTokens
from suizhuan.settings import IssuerSettings

from .issuers import client

PEOPLE = [Person("s-1", "staff", "street-1", "王芳", "Wang Fang"), Person("r-1", "resident", None, "李雷", "Li Lei")]
CLIENTS = [Client("hub", "p+w:%d", "hub", scope="open311"), Client("finance", "f")]
BY_URL = IssuerSettings(issuer=ISSUER, jwks_url="http://demo.example/jwks")


@pytest.fixture
async def http(tmp_path: Path, clock: ManualClock) -> AsyncIterator[httpx.AsyncClient]:
    app = create_issuer_app(tmp_path / "issuer", people=PEOPLE, clients=CLIENTS, clock=clock)
    async with client(demo_example=app) as made:
        made.base_url = httpx.URL("http://demo.example")
        yield made


def verifier(clock: ManualClock, http: httpx.AsyncClient, *issuers: IssuerSettings, trust: bool) -> TokenVerifier:
    return TokenVerifier(issuers or (BY_URL,), clock=clock, http=http, trust_demo_issuer=trust, kinds=KINDS)


async def token(http: httpx.AsyncClient, **form: str) -> str:
    answer = await http.post("/token", data=form)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return str(answer.json()["access_token"])


async def test_a_visitor_acts_as_somebody_of_the_demonstration(http: httpx.AsyncClient, clock: ManualClock) -> None:
    trusting = verifier(clock, http, trust=True)
    identity = await trusting.verify(await token(http, subject="s-1", purpose="visit"))
    assert (identity.subject, identity.kind, identity.org) == ("s-1", "staff", "street-1")
    assert (identity.purpose, identity.issuer) == ("visit", ISSUER)
    anyone = await trusting.verify(
        await token(http, subject="new", kind="staff", org="x", grant_type="urn:suizhuan:demo")
    )
    assert (anyone.subject, anyone.org) == ("new", "x")
    clock.advance(8 * 3600 + 1)
    with pytest.raises(Refusal, match="unauthenticated"):
        await trusting.verify(await _old(http, clock))
    await trusting.close()


async def _old(http: httpx.AsyncClient, clock: ManualClock) -> str:
    made = await token(http, subject="s-1")
    clock.advance(8 * 3600 + 1)
    return made


async def test_no_service_trusts_it_unless_told_to(http: httpx.AsyncClient, clock: ManualClock) -> None:
    wary = verifier(clock, http, trust=False)
    assert wary.issuers == ()
    with pytest.raises(Refusal) as caught:
        await wary.verify(await token(http, subject="s-1"))
    assert caught.value.params["reason"] == "an issuer that is not trusted here"
    await wary.close()


@pytest.mark.parametrize("issuer", [ISSUER.upper(), f"https://x/{ISSUER}", "https://suizhuan-demo-issuer.example"])
def test_no_spelling_of_its_name_gets_past(clock: ManualClock, issuer: str) -> None:
    other = IssuerSettings(issuer=issuer, jwks_url="http://demo.example/jwks")
    assert TokenVerifier([other], clock=clock).issuers == ()


async def test_its_keys_are_not_taken_under_another_issuers_name_either(
    http: httpx.AsyncClient, clock: ManualClock, tmp_path: Path
) -> None:
    # Somebody points a serious issuer at the demonstration's keys, and signs with its key.
    from joserfc import jwt
    from joserfc.jwk import ECKey

    stolen = ECKey.import_key(json.loads((tmp_path / "issuer" / "key.json").read_text()))
    claims = {
        "iss": "https://id.city",
        "aud": "suizhuan",
        "sub": "x",
        "kind": "hub",
        "exp": clock.now().timestamp() + 9,
    }
    forged = jwt.encode({"alg": "ES256", "kid": stolen.kid}, claims, stolen)
    for source in ({"jwks_url": BY_URL.jwks_url}, {"jwks_file": jwks_file(tmp_path / "issuer")}):
        posing = IssuerSettings.model_validate({"issuer": "https://id.city", **source})
        wary = verifier(clock, http, posing, trust=False)
        with pytest.raises(Refusal) as caught:
            await wary.verify(forged)
        assert caught.value.params["reason"] == "no such key for this algorithm"
        await wary.close()


async def test_its_keys_can_be_read_from_its_folder(
    http: httpx.AsyncClient, clock: ManualClock, tmp_path: Path
) -> None:
    by_file = IssuerSettings(issuer=ISSUER, jwks_file=jwks_file(tmp_path / "issuer"))
    trusting = verifier(clock, http, by_file, trust=True)
    assert (await trusting.verify(await token(http, subject="r-1"))).kind == "resident"
    await trusting.close()


async def test_machines_get_tokens_by_their_secret(http: httpx.AsyncClient, clock: ManualClock) -> None:
    trusting = verifier(clock, http, trust=True)
    tokens = ServiceTokens(
        token_url="http://demo.example/token", client_id="hub", client_secret="p+w:%d", http=http, clock=clock
    )
    identity = await trusting.verify(await tokens.token())
    assert (identity.subject, identity.kind, identity.scopes) == ("hub", "hub", frozenset({"open311"}))
    by_form = await token(http, grant_type="client_credentials", client_id="finance", client_secret="f")
    assert (await trusting.verify(by_form)).kind == "service"
    await trusting.close()


@pytest.mark.parametrize(
    ("form", "authorization", "error"),
    [
        ({"grant_type": "client_credentials", "client_id": "hub", "client_secret": "x"}, None, "invalid_client"),
        ({"grant_type": "client_credentials", "client_id": "nobody"}, None, "invalid_client"),
        ({"grant_type": "client_credentials"}, "Basic ???", "invalid_client"),
        ({"grant_type": "client_credentials"}, "Basic " + base64.b64encode(b"hub:\xff").decode(), "invalid_client"),
        ({"grant_type": "password"}, None, "unsupported_grant_type"),
        ({}, None, "invalid_request"),
        ({"subject": "x", "kind": "king"}, None, "invalid_request"),
        ({"subject": "x", "kind": "staff"}, None, "invalid_request"),
        ({"subject": "x\x00"}, None, "invalid_request"),
        ({"subject": "x" * 201}, None, "invalid_request"),
        ({"subject": ["a", "b"]}, None, "invalid_request"),
        ({"subject": "x" * 20_000}, None, "invalid_request"),
    ],
)
async def test_a_bad_request_for_a_token_is_refused(
    http: httpx.AsyncClient, form: dict[str, str], authorization: str | None, error: str
) -> None:
    answer = await http.post("/token", data=form, headers={"Authorization": authorization} if authorization else None)
    assert 400 <= answer.status_code < 500
    assert answer.json()["error"] == error


@pytest.mark.parametrize("body", [b"\xff\xfe", b"subject=%ff", b"&".join([b"a=1"] * 60), b"{}"])
async def test_a_body_that_is_no_form_is_refused(http: httpx.AsyncClient, body: bytes) -> None:
    assert (await http.post("/token", content=body)).json()["error"] == "invalid_request"


async def test_it_says_what_it_is_and_who_its_people_are(http: httpx.AsyncClient) -> None:
    found = (await http.get("/.well-known/openid-configuration")).json()
    assert (found["issuer"], found["demonstration"]) == (ISSUER, True)
    keys = (await http.get(found["jwks_uri"])).json()["keys"]
    assert [("d" in k, k["kid"].startswith("suizhuan-demo-issuer-")) for k in keys] == [(False, True)]
    assert (await http.get("/people")).json()[0] == {
        "id": "s-1", "kind": "staff", "org": "street-1", "zh": "王芳", "en": "Wang Fang"
    }  # fmt: skip
    page = await http.get("/people", headers={"Origin": "http://console.example"})
    assert page.headers["access-control-allow-origin"] == "*"


async def test_mounted_under_a_prefix_it_names_its_addresses_there(tmp_path: Path) -> None:
    from fastapi import FastAPI

    outer = FastAPI()
    outer.mount("/demo-issuer", create_issuer_app(tmp_path))
    async with client(all_example=outer) as http:
        found = (await http.get("http://all.example/demo-issuer/.well-known/openid-configuration")).json()
        assert found["jwks_uri"] == "http://all.example/demo-issuer/jwks"
        assert (await http.get(found["jwks_uri"])).status_code == 200
        assert (await http.post(found["token_endpoint"], data={"subject": "x"})).status_code == 200


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_its_key_is_its_owners_alone_and_outlives_a_restart(tmp_path: Path, clock: ManualClock) -> None:
    async def made() -> str:
        async with client(demo_example=create_issuer_app(tmp_path)) as http:
            return (await http.get("http://demo.example/jwks")).text

    assert await made() == await made()
    path = tmp_path / "key.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert '"d"' not in jwks_file(tmp_path).read_text()
    assert _names(tmp_path) == ["jwks.json", "key.json"]
    path.chmod(0o644)
    with pytest.raises(ValueError, match="others"):
        create_issuer_app(tmp_path)
    path.chmod(0o600)
    path.write_text("{}")
    with pytest.raises(ValueError, match="not a key"):
        create_issuer_app(tmp_path)


def test_people_and_clients_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "p").write_text('[{"id": "s-1", "kind": "staff", "org": "street-1", "zh": "王芳", "en": "Wang Fang"}]')
    (tmp_path / "c").write_text('[{"id": "finance", "secret": "f"}]')
    assert load_people(tmp_path / "p") == PEOPLE[:1]
    assert load_clients(tmp_path / "c") == CLIENTS[1:]


def test_started_by_itself_it_warns(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "deploy.demo_issuer", "--data", str(tmp_path), "--host", "256.0.0.1"],
        capture_output=True, text=True, check=False, timeout=60, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert ended.stderr.startswith(WARNING)
    assert ended.returncode != 0  # no such address to listen on
