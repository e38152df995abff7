"""No personal data leaves the service that has it: every command of every service is given marked people, and then all
topics, logs and spans are searched for them. A department that joins is searched without a line here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from deploy.topology import BY_NAME, GATEWAY

from .conftest import Embedded, embedded

NAME, PHONE, NUMBER = "欧阳麒麟瑞", "13977665544", "320102199102034177"
PLACE, WORDS = "玉兰苑九栋二七零六室", "只说给你听的苦衷"
MARKS = (NAME, PHONE, NUMBER, PLACE, WORDS)
OF_A_PERSON = {"phone", "id_number", "identity_number", "contact_phone", "id"}
FIELDS = {
    "phone": PHONE,
    "contact_phone": PHONE,
    "id_number": NUMBER,
    "identity_number": NUMBER,
    "address": PLACE,
    "description": WORDS,
    "skill_note": WORDS,
    "contact_name": NAME,
}
PEOPLE = (
    *("staff-nanguan-01", "staff-street-01", "staff-housing-01", "staff-civil-affairs-01", "staff-xingfujiayuan-01"),
    *("resident-nanguan-01", "resident-xiangli-01"),
)


class Collector:
    """Takes spans over OTLP/HTTP, and keeps them as they came."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        keep = self.bodies

        class Take(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                keep.append(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Take)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Embedded]:
    settings = {"SUIZHUAN_OTLP_ENDPOINT": collector.url, "SUIZHUAN_LOG_LEVEL": "debug"}
    with asyncio.Runner() as runner:
        running = embedded(tmp_path_factory.mktemp("personal"), settings)
        made = runner.run(running.__aenter__())
        yield made
        if made.program.running:
            runner.run(running.__aexit__(None, None, None))


def marked(value: Any) -> Any:
    """The same with marks wherever something of a person stands."""
    if isinstance(value, list):
        return [marked(one) for one in value]
    if not isinstance(value, dict):
        return value
    person = OF_A_PERSON & set(value) - {"id"}
    made = {key: FIELDS.get(key, marked(one)) if isinstance(one, str) else marked(one) for key, one in value.items()}
    return {**made, "name": NAME} if person and isinstance(value.get("name"), str) else made


def commands(http: httpx.Client, service: str) -> Iterator[tuple[str, Any]]:
    """(path, body) of every command that shows an example; in the path stands what is nobody's id."""
    prefix = "" if service == GATEWAY else f"/{service}"
    document = http.get(f"{prefix}/openapi.json").json()
    for path, methods in document["paths"].items():
        content = methods.get("post", {}).get("requestBody", {}).get("content", {}).get("application/json", {})
        named = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
        schema = document["components"]["schemas"].get(named, {})
        examples = schema.get("examples") or ([schema["example"]] if "example" in schema else [])
        place = path
        for parameter in methods.get("post", {}).get("parameters", ()):
            place = place.replace(f"{{{parameter['name']}}}", "nobody")
        for example in examples:
            yield f"{prefix}{place}", example


def tell_all(platform: Embedded) -> int:
    """Every command, marked, by everybody; then what is not valid, with marks where they should not be. How many were
    accepted."""
    accepted = 0
    with httpx.Client(base_url=platform.base, timeout=30) as http:
        tokens = [http.post(f"{platform.issuer}/token", data={"subject": p}).json()["access_token"] for p in PEOPLE]
        for service in BY_NAME:
            for path, example in commands(http, service):
                body = marked(example)
                for token in tokens:
                    headers = {"Authorization": f"Bearer {token}"}
                    accepted += http.post(path, json=body, headers=headers).is_success
                    http.post(path, json={**body, NAME: PHONE}, headers=headers)
                    http.post(path, json={**body, "area": PLACE}, headers=headers, params={"q": NUMBER})
                    http.get(f"{path}/{quote(NAME)}", headers=headers, params={"name": NAME})
                    http.post(path, content=f"{{{NAME}".encode(), headers=headers)
    return accepted


def found_in(content: bytes) -> list[str]:
    """The marks that stand there, in any spelling that JSON or an address gives them."""
    spelled = {
        mark: (mark.encode(), json.dumps(mark)[1:-1].encode(), quote(mark).encode(), quote(mark).lower().encode())
        for mark in MARKS
    }
    return [mark for mark, ways in spelled.items() if any(way in content for way in ways)]


def read(folder: Path, pattern: str) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.glob(pattern)))


def test_what_is_told_of_people_stays_where_it_was_told(platform: Embedded, collector: Collector) -> None:
    accepted = tell_all(platform)
    with asyncio.Runner() as runner:
        runner.run(platform.program.terminate())  # everything is written and sent by then
    assert accepted >= len(PEOPLE)
    everywhere = read(platform.data, "*.db*")
    assert set(found_in(everywhere)) == set(MARKS), "nothing was told, so nothing could be found"
    topics = read(platform.data, "log.db*")
    assert b"complaints.case.reported" in topics
    assert found_in(topics) == []
    printed = (platform.data / "printed.log").read_bytes()
    assert len(printed) > 1000
    assert found_in(printed) == []
    spans = b"".join(collector.bodies)
    assert b"complaints" in spans
    assert found_in(spans) == []
