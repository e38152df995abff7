"""A caller who does not give up: every command under a key of its own, sent again until somebody says yes or no."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from .journal import Journal

Json = dict[str, Any]
PATIENCE_S = 240.0  # longer than any outage of the run, also on a machine that has too much to do
AGAIN_S = 0.3
READER = "staff-street-03"  # the street's clerk
MAY_COME_AGAIN = frozenset({429, 502, 503, 504})


class GivenUp(Exception):
    """A caller cannot go on with what it was doing; the journal says why."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A definite answer: `code` says why not, and is empty where it was done."""

    body: Json
    code: str = ""


@dataclass(slots=True)
class Callers:
    """Everybody who calls the platform, through its gateway."""

    base: str
    issuer: str
    journal: Journal
    run: str = field(default_factory=lambda: secrets.token_hex(4))
    _http: httpx.AsyncClient = field(init=False)
    _tokens: dict[str, str] = field(default_factory=dict)
    _sent: int = 0

    def __post_init__(self) -> None:
        self._http = httpx.AsyncClient(base_url=self.base, timeout=15.0, trust_env=False)

    async def close(self) -> None:
        await self._http.aclose()

    async def sign_in(self, *subjects: str) -> None:
        """Before the faults begin: the issuer is not part of the platform."""
        for subject in subjects:
            answer = await self._http.post(f"{self.issuer}/token", data={"subject": subject})
            self._tokens[subject] = str(answer.raise_for_status().json()["access_token"])

    async def command(self, who: str, kind: str, path: str, body: Json | None = None, *, about: str = "") -> Reply:
        """Yes or no; it stands in the journal before this returns.

        `about`: the aggregate, where the answer does not name it. Errors: GivenUp when nobody answered for good.
        """
        self._sent += 1
        key = f"{self.run}-{self._sent}"
        headers = {"Authorization": f"Bearer {self._tokens[who]}", "Idempotency-Key": key}
        if kind == "report":
            body = {**(body or {}), "description": key}
        sent_at, tries = self.journal.now(), 0
        while self.journal.now() - sent_at < PATIENCE_S:
            tries += 1
            answer = await self._ask("POST", path, headers=headers, json=body or {})
            if answer is not None:
                told: Json = {"key": key, "who": who, "kind": kind, "about": about, "path": path}
                told |= {"status": answer.status_code, "tries": tries, "sent_at": sent_at, "at": self.journal.now()}
                said: Json = answer.json()
                if answer.is_success:
                    told |= {
                        "id": said.get("id") or said.get("entry"),
                        "replayed": "Idempotency-Replayed" in answer.headers,
                    }
                else:
                    told |= {"code": said.get("code"), "detail": said.get("messages", {}).get("en")}
                self.journal.write("command", **told)
                return Reply(said, told.get("code", ""))
            await asyncio.sleep(AGAIN_S)  # the pace of asking again
        self.journal.write("command", key=key, who=who, kind=kind, about=about, path=path, status=0, tries=tries)
        raise GivenUp(f"{kind} {path}: nobody answered")

    async def look(self, path: str, who: str = READER, **params: str) -> Json:
        """A read, also tried again. Errors: GivenUp."""
        headers = {"Authorization": f"Bearer {self._tokens[who]}"}
        begun = self.journal.now()
        while self.journal.now() - begun < PATIENCE_S:
            answer = await self._ask("GET", path, headers=headers, params=params)
            if answer is not None:
                if answer.is_success:
                    return dict(answer.json())
                self.journal.write("surprise", path=path, status=answer.status_code, text=answer.text[:300])
                raise GivenUp(f"GET {path}: {answer.status_code}")
            await asyncio.sleep(AGAIN_S)
        self.journal.write("surprise", path=path, status=0, text="nobody answered")
        raise GivenUp(f"GET {path}: nobody answered")

    async def until(self, path: str, holds: Callable[[Json], bool], what: str) -> Json:
        """Reads until it holds. Errors: GivenUp."""
        begun = self.journal.now()
        while not holds(found := await self.look(path)):
            if self.journal.now() - begun > PATIENCE_S:
                self.journal.write("surprise", path=path, status=0, text=f"never: {what}; {str(found)[:300]}")
                raise GivenUp(f"{path}: never {what}")
            await asyncio.sleep(AGAIN_S)
        return found

    async def _ask(self, method: str, path: str, **how: Any) -> httpx.Response | None:
        """A definite answer, or None: nobody answered, or was able to. A 500, and what is
        no JSON, is written down and counts as none."""
        try:
            answer = await self._http.request(method, path, **how)
        except httpx.TransportError:
            return None
        if answer.status_code in MAY_COME_AGAIN:
            return None
        if answer.status_code >= 500 or not answer.headers.get("content-type", "").endswith("json"):
            about = {"text": answer.text[:300], "headers": dict(answer.headers)}
            self.journal.write("surprise", path=path, status=answer.status_code, **about, at=self.journal.now())
            return None
        return answer
