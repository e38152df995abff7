"""The services behind the gateway: one HTTP client each, or an app in the same process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import httpx

from gateway.settings import Settings
from suizhuan.kernel.refusal import Refusal

PROBE_S = 1.0
IN_PROCESS = "http://{service}.in-process"


class Upstreams:
    """Also a component: its clients are closed when the gateway stops. What is down is told, never waited for long."""

    def __init__(self, settings: Settings, transports: Mapping[str, httpx.AsyncBaseTransport] | None = None) -> None:
        self.name = "upstreams"
        self._settings = settings
        self._transports = dict(transports or {})
        self.names = sorted(transports if transports is not None else settings.upstreams)
        self._clients: dict[str, httpx.AsyncClient] = {}

    async def run(self) -> None:
        """Until cancelled."""
        try:
            await asyncio.Event().wait()
        finally:
            await self.close()

    def client(self, service: str) -> httpx.AsyncClient:
        """Without redirects and cookies, and never through a proxy of the environment."""
        known = self._clients.get(service)
        if known is not None and not known.is_closed:
            return known
        s = self._settings
        transport, most = self._transports.get(service), s.upstream_connections
        made = httpx.AsyncClient(
            base_url=_in_process(service, transport) if transport else s.upstreams[service],
            # Connecting, and nothing else, is tried once more: one of its processes may just have gone, while a new one
            # is there already.
            transport=transport
            or httpx.AsyncHTTPTransport(
                retries=1,
                limits=httpx.Limits(max_connections=most, max_keepalive_connections=most),
                trust_env=False,
            ),
            timeout=httpx.Timeout(s.upstream_timeout, connect=s.upstream_connect_timeout),
            follow_redirects=False,
            trust_env=False,
        )
        self._clients[service] = made
        return made

    async def missing(self) -> dict[str, str]:
        """The services that do not answer now, each with its reason. Within about `PROBE_S` seconds."""
        reasons = await asyncio.gather(*(self._probe(service) for service in self.names))
        return {service: reason for service, reason in zip(self.names, reasons, strict=True) if reason is not None}

    async def _probe(self, service: str) -> str | None:
        try:
            async with asyncio.timeout(PROBE_S):
                answer = await self.client(service).get("/health/live")
        except TimeoutError:
            return f"no answer within {PROBE_S:g} s"
        except httpx.HTTPError as error:
            return type(error).__name__
        return None if answer.status_code == 200 else f"status {answer.status_code}"

    async def close(self) -> None:
        """Let go of every connection; a later call makes new ones."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.aclose()


def _in_process(service: str, transport: httpx.AsyncBaseTransport) -> str:
    """An app that knows its prefix is asked under it, else a resource of that name would be mistaken for it."""
    app = getattr(transport, "app", None)
    return IN_PROCESS.format(service=service) + str(getattr(app, "root_path", "") or "")


def down(service: str, error: Exception) -> Refusal:
    """What a caller is told when a service cannot be asked. A time-out leaves open whether it was done."""
    unclear = isinstance(error, httpx.ReadTimeout | httpx.WriteTimeout | httpx.RemoteProtocolError | httpx.ReadError)
    return Refusal(
        "service_down", service=service, reason=type(error).__name__, may_have_been_done=unclear, retry_after=2
    )
