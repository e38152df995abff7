"""One event is posted to a hub's endpoint. What the endpoint says is its status; its words are not read.

Who answers there is not to be trusted: it gets no connection of another hub, no more time than it is given, and no
room in our memory.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from functools import cache

import httpx

GONE = 410
MOST = 4096  # bytes of an answer


class Failed(Exception):
    """The endpoint did not take an event."""

    def __init__(self, why: str, *, for_good: bool = False) -> None:
        super().__init__(why)
        self.why, self.for_good = why, for_good


@cache
def _tls() -> ssl.SSLContext:
    """One for all: to read the authorities' certificates takes longer than a post."""
    return httpx.create_ssl_context(trust_env=False)


def connected(timeout: float) -> httpx.AsyncClient:
    """For one subscription alone. We connect to addresses, so a connection of another with the same address would be
    taken for ours, though its certificate is for another name."""
    return httpx.AsyncClient(verify=_tls(), timeout=timeout, follow_redirects=False, trust_env=False)


async def post(
    client: httpx.AsyncClient, url: str, address: str | None, content: bytes, headers: Mapping[str, str], timeout: float
) -> None:
    """To that very address, within `timeout` seconds in all. Errors: `Failed`."""
    there = httpx.URL(url)
    request = client.build_request(
        "POST",
        there if address is None else there.copy_with(host=address),
        content=content,
        headers={"Content-Type": "application/cloudevents+json", "Host": there.netloc.decode(), **headers},
        extensions={"sni_hostname": there.raw_host.decode()},  # as it stands on the wire, and in certificates
    )
    try:
        async with asyncio.timeout(timeout):
            answer = await client.send(request, stream=True)
            await _end(answer)
    except TimeoutError as error:
        raise Failed("timeout") from error
    except httpx.HTTPError as error:
        raise Failed(type(error).__name__) from error
    if not answer.is_success:
        raise Failed(f"status {answer.status_code}", for_good=answer.status_code == GONE)


async def _end(answer: httpx.Response) -> None:
    """A short answer is read, so that the connection can be used again; of a long one no more than the beginning."""
    size = 0
    try:
        async for part in answer.aiter_raw():
            size += len(part)
            if size > MOST:
                break
    finally:
        await answer.aclose()
