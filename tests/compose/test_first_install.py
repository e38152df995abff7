"""A district's first installation as the runbook writes it: an issuer and a founding document of its own."""

from __future__ import annotations

import ipaddress
import json
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from deploy.local.process import wait_until
from tests.pages import RUNBOOK, block

from .stack import Stack, docker

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
PAGE = "first-install.md"
ZHANG = ("zhang", "street-xiangli")
NAME = "https://id.example.gov.cn"
THERE, OURS = "付庄社区", "付家庄社区"  # what the document calls a community, and what a district of its own does
KNOWN_S = 10.0  # an issuer is asked for its keys every 5 s at most
RENEWED_S = 370.0  # keys are renewed after 300 s, and what was said of a token is kept for 60 s


class Issuer:
    """The department's own: serves its public keys, and signs for whom it knows."""

    def __init__(self, host: str) -> None:
        self.keys: list[ECKey] = []
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps({"keys": [key.as_dict(private=False) for key in issuer.keys]}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *_: object) -> None:
                """It has nothing to tell."""

        self.server = ThreadingHTTPServer((host, 0), Handler)
        self.url = f"http://{host}:{self.server.server_port}/jwks"

    def publish(self, kid: str) -> ECKey:
        """Another key, beside those that are there."""
        self.keys.append(ECKey.generate_key("P-256", {"kid": kid}))
        return self.keys[-1]

    def token(self, key: ECKey, subject: str, org: str) -> str:
        claims = {"iss": NAME, "aud": "suizhuan", "sub": subject, "kind": "staff", "org": org}
        return jwt.encode({"alg": "ES256", "kid": key.kid}, claims | {"exp": int(time.time()) + 3600}, key)


@pytest.fixture(scope="module")
def issuer(_docker: None) -> Iterator[Issuer]:
    """Outside of the containers, where they reach it: on Docker's own bridge."""
    bridge = json.loads(docker("network", "inspect", "bridge").stdout)[0]["IPAM"]["Config"][0]["Subnet"]
    made = Issuer(str(next(ipaddress.ip_network(bridge).hosts())))
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture(scope="module")
def installed(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack("suizhuan-installed", tmp_path_factory.mktemp("installed"), profile="")
    stack.remove()
    stack.shell(block(PAGE, "密码"))
    settings = re.findall(r"```ini\n(.*?)```", (RUNBOOK / PAGE).read_text(encoding="utf-8"), re.DOTALL)[0]
    named = f"{NAME}/jwks"
    assert named in settings
    (stack.folder / ".env").write_text(settings.replace(named, issuer.url), encoding="utf-8")
    founding = stack.folder / "founding"
    founding.mkdir()
    seeds = stack.folder / "deploy" / "seed"
    for file in seeds.glob("*.yaml"):
        text = file.read_text(encoding="utf-8")
        target = "district.yaml" if file.name == "xiangli.seed.yaml" else file.name
        (founding / target).write_text(text.replace(THERE, OURS), encoding="utf-8")
    try:
        stack.shell(block(PAGE, "构建与启动"))
        yield stack
    finally:
        stack.remove()


def test_the_district_is_there_for_whom_its_issuer_signs_and_for_nobody_else(installed: Stack, issuer: Issuer) -> None:
    installed.shell(block(PAGE, "核对").replace(":8080", f":{installed.port}"))
    token = issuer.token(issuer.publish("first"), *ZHANG)
    assert asked(installed, token).status_code == 200
    assert OURS in asked(installed, token).text
    strange = Issuer("127.0.0.1")
    assert asked(installed, strange.token(strange.publish("first"), *ZHANG)).status_code == 401
    strange.server.server_close()


def test_the_issuer_signs_with_another_key_and_nobody_is_restarted(installed: Stack, issuer: Issuer) -> None:
    (old,) = issuer.keys
    before = issuer.token(old, *ZHANG)
    new = issuer.publish("second")
    assert asked(installed, before).status_code == 200
    wait_until(lambda: asked(installed, issuer.token(new, *ZHANG)).status_code == 200, timeout=KNOWN_S)
    issuer.keys.remove(old)
    wait_until(lambda: asked(installed, before).status_code == 401, timeout=RENEWED_S)
    assert asked(installed, issuer.token(new, *ZHANG)).status_code == 200


def asked(stack: Stack, token: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.get(f"{stack.base}/population/areas", headers=headers, params={"limit": 50}, timeout=30)
