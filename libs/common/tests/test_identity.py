"""Tokens: what is accepted, and every way in which an attacker's is not."""

from __future__ import annotations

import asyncio
import hmac
import json
import timeit
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from prometheus_client import CollectorRegistry

from suizhuan.identity import KINDS, Identity, TokenVerifier
from suizhuan.kernel.clock import ManualClock
from suizhuan.kernel.refusal import Refusal
from suizhuan.metrics import Metrics
from suizhuan.settings import IssuerSettings

from .issuers import CITY, Issuer, b64, city, client

HOST = "id_city_example"


@pytest.fixture
def issuer(clock: ManualClock) -> Issuer:
    return Issuer(clock)


@pytest.fixture
async def http(issuer: Issuer) -> AsyncIterator[httpx.AsyncClient]:
    async with client(**{HOST: issuer}) as made:
        yield made


@pytest.fixture
async def verifier(clock: ManualClock, http: httpx.AsyncClient) -> AsyncIterator[TokenVerifier]:
    made = TokenVerifier([city()], clock=clock, http=http)
    yield made
    await made.close()


async def refused(verifier: TokenVerifier, token: str, code: str = "unauthenticated") -> str:
    with pytest.raises(Refusal) as caught:
        await verifier.verify(token)
    assert caught.value.code == code
    reason = str(caught.value.params["reason"])
    assert token not in reason or not token
    return reason


async def test_a_token_of_a_trusted_issuer_tells_who_calls(verifier: TokenVerifier, issuer: Issuer) -> None:
    identity = await verifier.verify(issuer.token(scope="read write", purpose="visit"))
    assert identity == Identity("staff-1", "staff", "org-1", "visit", frozenset({"read", "write"}), CITY)


@pytest.mark.parametrize(
    ("kind", "org"), [("resident", None), ("service", None), ("hub", None), ("staff", "org-1"), ("service", "org-1")]
)
async def test_every_kind_of_identity_is_known(
    http: httpx.AsyncClient, clock: ManualClock, issuer: Issuer, kind: str, org: str | None
) -> None:
    verifier = TokenVerifier([city()], clock=clock, http=http, kinds=KINDS)
    identity = await verifier.verify(issuer.token(kind=kind, org=org))
    assert (identity.kind, identity.org, identity.scopes) == (kind, org, frozenset())
    await verifier.close()


async def test_a_hub_is_heard_only_where_that_is_said(verifier: TokenVerifier, issuer: Issuer) -> None:
    token = issuer.token(kind="hub", org=None, purpose="statistics")
    for _ in range(2):
        with pytest.raises(Refusal) as caught:
            await verifier.verify(token)
        assert caught.value.code == "wrong_kind"


async def test_rsa_and_edwards_keys_verify_too(verifier: TokenVerifier, issuer: Issuer) -> None:
    rsa = RSAKey.generate_key(2048, {"kid": "rsa"})
    edwards = OKPKey.generate_key("Ed25519", {"kid": "ed"})
    issuer.extra = [rsa.as_dict(private=False), {**edwards.as_dict(private=False), "alg": "EdDSA"}]
    assert (await verifier.verify(issuer.token(rsa, {"alg": "RS256", "kid": "rsa"}))).subject == "staff-1"
    assert (await verifier.verify(issuer.token(edwards, {"alg": "Ed25519", "kid": "ed"}))).subject == "staff-1"
    # RFC 8037's name for the same, which many issuers still write
    head, claims = b64({"alg": "EdDSA", "kid": "ed"}), b64(issuer.claims(sub="staff-2"))
    signature = edwards.private_key.sign(f"{head}.{claims}".encode())  # type: ignore[union-attr, call-arg]
    assert (await verifier.verify(f"{head}.{claims}.{b64(signature)}")).subject == "staff-2"


async def test_alg_none_is_refused(verifier: TokenVerifier, issuer: Issuer) -> None:
    for name in ("none", "None", "NONE", ""):
        head = b64({"alg": name, "kid": "k1"})
        assert await refused(verifier, f"{head}.{b64(issuer.claims())}.") == "no such key for this algorithm"


async def test_the_public_key_used_as_an_hmac_secret_is_refused(verifier: TokenVerifier, issuer: Issuer) -> None:
    pem = issuer.keys[0].as_pem(private=False)
    for secret in (pem, json.dumps(issuer.keys[0].as_dict(private=False)).encode()):
        head, claims = b64({"alg": "HS256", "kid": "k1"}), b64(issuer.claims())
        signature = hmac.digest(secret, f"{head}.{claims}".encode(), "sha256")
        assert await refused(verifier, f"{head}.{claims}.{b64(signature)}") == "no such key for this algorithm"


async def test_a_symmetric_key_in_the_key_set_is_never_used(verifier: TokenVerifier, issuer: Issuer) -> None:
    secret = OctKey.import_key("a-secret-of-some-length-for-hmac", {"kid": "oct"})
    issuer.extra = [secret.as_dict(private=True)]
    await refused(verifier, jwt.encode({"alg": "HS256", "kid": "oct"}, issuer.claims(), secret))


async def test_a_key_brought_along_in_the_header_is_ignored(verifier: TokenVerifier, issuer: Issuer) -> None:
    own = ECKey.generate_key("P-256", {"kid": "k1"})
    token = issuer.token(own, {"jwk": own.as_dict(private=False)})
    assert await refused(verifier, token) == "the signature does not fit"


async def test_a_weak_or_encryption_key_is_passed_over(verifier: TokenVerifier, issuer: Issuer) -> None:
    encryption = ECKey.generate_key("P-256", {"kid": "enc"})
    issuer.extra = [
        {**encryption.as_dict(private=False), "use": "enc"},
        {"kty": "RSA", "kid": "short", "n": "q" * 171, "e": "AQAB"},
        {"kty": "EC", "crv": "P-256", "kid": "broken", "x": "AA", "y": "AA"},
        {"kty": "RSA", "kid": "half", "n": "q" * 342},
        {"kty": "EC", "crv": "P-256", "kid": 7},
        {"kty": ["EC"], "kid": "odd"},
    ]
    await refused(verifier, issuer.token(encryption, {"kid": "enc"}))
    for kid in ("short", "broken", "half", "odd"):
        await refused(verifier, issuer.token(header={"kid": kid}))
    assert (await verifier.verify(issuer.token())).subject == "staff-1"


async def test_a_key_is_used_only_for_its_own_algorithm(verifier: TokenVerifier, issuer: Issuer) -> None:
    rsa = RSAKey.generate_key(2048, {"kid": "rsa"})
    issuer.extra = [{**rsa.as_dict(private=False), "alg": "PS256"}]
    await refused(verifier, issuer.token(rsa, {"alg": "RS256", "kid": "rsa"}))
    await refused(verifier, issuer.token(rsa, {"alg": "RS256"}))  # RS256 under the id of the elliptic key


@pytest.mark.parametrize("aud", ["another", ["another", "third"], None, "", [], {"suizhuan": 1}, "suizhuan2", 7])
async def test_a_token_for_another_audience_is_refused(verifier: TokenVerifier, issuer: Issuer, aud: Any) -> None:
    assert await refused(verifier, issuer.token(aud=aud)) == "meant for another audience"


async def test_one_of_several_audiences_is_enough(verifier: TokenVerifier, issuer: Issuer) -> None:
    assert (await verifier.verify(issuer.token(aud=["another", "suizhuan"]))).subject == "staff-1"


async def test_an_expired_token_is_refused_with_no_more_than_the_leeway(
    verifier: TokenVerifier, issuer: Issuer, clock: ManualClock
) -> None:
    token = issuer.token(exp=clock.now().timestamp() + 10)
    clock.advance(10.04)
    await verifier.verify(token)
    clock.advance(0.02)
    assert await refused(verifier, token) == "expired"


async def test_a_token_kept_in_memory_still_expires(
    verifier: TokenVerifier, issuer: Issuer, clock: ManualClock
) -> None:
    token = issuer.token(exp=clock.now().timestamp() + 10)
    await verifier.verify(token)
    await verifier.verify(token)
    clock.advance(11)
    assert await refused(verifier, token) == "expired"


async def test_a_token_not_yet_valid_is_refused(verifier: TokenVerifier, issuer: Issuer, clock: ManualClock) -> None:
    token = issuer.token(nbf=clock.now().timestamp() + 5)
    assert await refused(verifier, token) == "not yet valid"
    clock.advance(5)
    await verifier.verify(token)


@pytest.mark.parametrize("exp", [None, "tomorrow", True, float("nan"), float("inf"), 10**400, {}, [1]])
async def test_an_expiry_that_is_no_time_is_refused(verifier: TokenVerifier, issuer: Issuer, exp: Any) -> None:
    assert await refused(verifier, issuer.token(exp=exp)) in ("no expiry", "a time that is not a number")


@pytest.mark.parametrize(
    "claims",
    [
        {"kind": "admin"},
        {"kind": None},
        {"kind": ["staff"]},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "a\x00b"},
        {"sub": "x" * 201},
        {"org": None},
        {"org": "a\nb"},
        {"org": {"id": 1}},
        {"purpose": ["x"]},
        {"scope": ["read"]},
    ],
)
async def test_claims_of_the_wrong_shape_are_refused(
    verifier: TokenVerifier, issuer: Issuer, claims: dict[str, Any]
) -> None:
    await refused(verifier, issuer.token(**claims))


async def test_an_issuer_that_is_not_configured_is_refused(verifier: TokenVerifier, issuer: Issuer) -> None:
    for other in ("https://elsewhere.example", CITY + "/", CITY.upper(), None, 7, [CITY]):
        assert await refused(verifier, issuer.token(iss=other)) == "an issuer that is not trusted here"


async def test_the_same_key_id_of_two_issuers_is_two_keys(clock: ManualClock) -> None:
    one, other = Issuer(clock, "https://one", "k1"), Issuer(clock, "https://other", "k1")
    async with client(one=one, other=other) as http:
        verifier = TokenVerifier([city("https://one", "one"), city("https://other", "other")], clock=clock, http=http)
        assert (await verifier.verify(one.token())).issuer == "https://one"
        assert (await verifier.verify(other.token())).issuer == "https://other"
        for forged in (one.token(iss="https://other"), other.token(iss="https://one")):
            assert await refused(verifier, forged) == "the signature does not fit"
        await verifier.close()


GARBAGE = [
    "", ".", "..", "...", "a.b", "a.b.c", "a.b.c.d.e", "éà.b.c", "令牌.b.c", "\x00", "e30.e30.", "e30.e30.e30",
    f"{b64([])}.{b64({})}.x", f"{b64({'alg': 'ES256'})}.{b64([])}.x", f"{b64(b'[' * 3000)}.{b64({})}.x",
    f"{b64({'alg': 'ES256', 'kid': 'k1'})}.{b64(b'{' + b'[' * 3000)}.x", f"{b64(bytes([255]))}.{b64({})}.x",
    f"{b64({'alg': 'ES256', 'kid': 'k1'})}.{b64(b'{' + b'9' * 5000)}.x",
    f"{b64({'alg': ['ES256'], 'kid': 'k1'})}.{b64({'iss': CITY})}.x",
    f"{b64({'alg': 'ES256', 'kid': {}})}.{b64({'iss': CITY})}.x",
    f"{b64({'alg': 'ES256', 'kid': 'k1'})}.{b64({'iss': CITY})}.!!!",
    f"{b64({'alg': 'ES256', 'kid': 'k1'})}.{b64({'iss': CITY})}.",
]  # fmt: skip


@pytest.mark.parametrize("token", GARBAGE, ids=range(len(GARBAGE)))
async def test_garbage_is_refused(verifier: TokenVerifier, token: str) -> None:
    await refused(verifier, token)


async def test_a_huge_token_is_refused_before_it_is_looked_at(verifier: TokenVerifier, issuer: Issuer) -> None:
    assert await refused(verifier, issuer.token(purpose="x" * 9000)) == "the token is too long"
    assert await refused(verifier, "x" * 10_000_000) == "the token is too long"
    assert issuer.fetches == 0


async def test_a_token_altered_anywhere_is_refused(verifier: TokenVerifier, issuer: Issuer) -> None:
    head, _, signature = issuer.token().split(".")
    await refused(verifier, f"{head}.{b64(issuer.claims(sub='staff-2'))}.{signature}")
    await refused(verifier, f"{b64({'alg': 'ES256', 'kid': 'k1', 'x': 1})}.{issuer.token().split('.')[1]}.{signature}")


async def test_a_critical_extension_is_refused(verifier: TokenVerifier, issuer: Issuer) -> None:
    token = issuer.token(header={"crit": ["b64"], "b64": True})
    assert await refused(verifier, token) == "an extension that is not known here"


async def test_a_flood_of_unknown_key_ids_asks_the_issuer_once(
    verifier: TokenVerifier, issuer: Issuer, clock: ManualClock
) -> None:
    await verifier.verify(issuer.token())
    clock.advance(6)
    made = [issuer.token(header={"kid": f"x{n}"}) for n in range(50)]
    answers = await asyncio.gather(*(verifier.verify(t) for t in made), return_exceptions=True)
    assert all(isinstance(a, Refusal) for a in answers)
    assert issuer.fetches == 2


async def test_a_new_key_is_fetched_when_a_token_names_it(
    verifier: TokenVerifier, issuer: Issuer, clock: ManualClock
) -> None:
    await verifier.verify(issuer.token())
    issuer.rotate("k2")
    fresh = issuer.token()
    await refused(verifier, fresh)  # asked a moment ago
    clock.advance(5)
    assert (await verifier.verify(fresh)).subject == "staff-1"


async def test_known_keys_stay_in_use_while_the_issuer_is_down(
    verifier: TokenVerifier, issuer: Issuer, clock: ManualClock
) -> None:
    await verifier.verify(issuer.token())
    issuer.down = True
    for _ in range(3):
        clock.advance(1000)
        assert (await verifier.verify(issuer.token())).subject == "staff-1"
    assert await verifier.ready() is None


async def test_an_issuer_that_was_never_reached_makes_the_service_unavailable_not_the_token_wrong(
    verifier: TokenVerifier, issuer: Issuer, clock: ManualClock
) -> None:
    issuer.down = True
    assert await refused(verifier, issuer.token(), "unavailable") == "keys of the token issuer"
    assert await verifier.ready() == f"no keys of {CITY}"
    issuer.down = False
    clock.advance(5)
    assert await verifier.ready() is None
    await verifier.verify(issuer.token())


async def test_a_withdrawn_key_stops_working_also_for_tokens_seen_before(
    verifier: TokenVerifier, issuer: Issuer, clock: ManualClock
) -> None:
    old = issuer.token()
    await verifier.verify(old)
    issuer.rotate("k2")
    clock.advance(301)
    await verifier.verify(old)  # the keys are renewed behind this one
    await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))
    assert await refused(verifier, old) == "no such key for this algorithm"


async def test_keys_may_come_from_a_file(clock: ManualClock, issuer: Issuer, tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    verifier = TokenVerifier([IssuerSettings(issuer=CITY, jwks_file=path)], clock=clock)
    assert await refused(verifier, issuer.token(), "unavailable")
    path.write_text(json.dumps({"keys": [issuer.keys[0].as_dict(private=False)]}))
    clock.advance(5)
    assert (await verifier.verify(issuer.token())).subject == "staff-1"
    await verifier.close()


@pytest.mark.parametrize("document", ["[]", "{}", '{"keys": 1}', "nonsense", "[" * 100_000, '{"keys": [1, null]}'])
async def test_a_key_set_that_is_none_does_no_harm(
    clock: ManualClock, issuer: Issuer, tmp_path: Path, document: str
) -> None:
    path = tmp_path / "jwks.json"
    path.write_text(document)
    verifier = TokenVerifier([IssuerSettings(issuer=CITY, jwks_file=path)], clock=clock)
    with pytest.raises(Refusal):
        await verifier.verify(issuer.token())
    await verifier.close()


async def test_a_token_seen_before_is_answered_without_waiting_and_within_microseconds(
    verifier: TokenVerifier, issuer: Issuer
) -> None:
    token = issuer.token()
    await verifier.verify(token)

    def again() -> None:
        coroutine = verifier.verify(token)
        with pytest.raises(StopIteration):
            coroutine.send(None)  # it ends at once: nothing was awaited

    again()
    fetched = issuer.fetches
    per_call = min(timeit.repeat(lambda: _drive(verifier, token), number=2000, repeat=3)) / 2000
    assert per_call < 100e-6  # some 5 µs on an idle machine
    assert issuer.fetches == fetched


def _drive(verifier: TokenVerifier, token: str) -> None:
    try:
        verifier.verify(token).send(None)
    except StopIteration:
        return


async def test_the_memory_of_tokens_is_bounded(clock: ManualClock, http: httpx.AsyncClient, issuer: Issuer) -> None:
    metrics = Metrics(CollectorRegistry(), "test")
    verifier = TokenVerifier([city()], clock=clock, http=http, cache_size=2, metrics=metrics)
    tokens = [issuer.token(sub=f"staff-{n}") for n in range(3)]
    for token in [*tokens, tokens[2], tokens[1], tokens[0]]:
        await verifier.verify(token)
    assert metrics.registry.get_sample_value("suizhuan_tokens_total", {"outcome": "cached"}) == 2
    assert metrics.registry.get_sample_value("suizhuan_tokens_total", {"outcome": "verified"}) == 4
    await verifier.close()


async def test_an_issuer_configured_twice_stops_the_start(clock: ManualClock) -> None:
    with pytest.raises(ValueError, match="twice"):
        TokenVerifier([city(), city()], clock=clock)
