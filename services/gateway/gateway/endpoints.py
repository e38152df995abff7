"""Where webhooks may go: to an https address of the outside, never into the network the gateway itself stands in.

Otherwise whoever may subscribe could have the gateway ask services that trust it (server-side request forgery).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

import httpx

from gateway.lookups import addresses
from suizhuan.kernel.refusal import Refusal

MAX_URL = 500
LOOKUP_S = 5.0
UNICAST = ipaddress.IPv6Network("2000::/3")


def checked(url: str, *, inside: Iterable[str]) -> str:
    """The URL as it was given. `inside` are hosts that are allowed all the same. Errors: `endpoint_refused`."""
    parts = _parsed(url)
    try:
        port = parts.port
    except ValueError:
        raise Refusal("endpoint_refused", reason="port") from None
    if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise Refusal("endpoint_refused", reason="not a plain URL")
    if parts.username or parts.password or parts.fragment or not parts.hostname or port == 0:
        raise Refusal("endpoint_refused", reason="credentials, a fragment, or no host")
    allowed = parts.hostname in set(inside)
    if parts.scheme != "https" and not (allowed and parts.scheme == "http"):
        raise Refusal("endpoint_refused", reason="https")
    return url


async def vetted(url: str, *, inside: Iterable[str], within: float = LOOKUP_S) -> str | None:
    """The address to connect to, looked up anew each time; None for a host that is allowed by its name.

    The connection must go to that very address: asked once more, the name may lead elsewhere. Errors:
    `endpoint_refused` when any of its addresses lies in a private network, or none is found within so many seconds."""
    host = _parsed(url).hostname or ""
    if host in set(inside):
        return None
    try:
        found = await addresses(host, within)
    except TimeoutError:
        raise Refusal("endpoint_refused", reason="host not found in time") from None
    except OSError:
        raise Refusal("endpoint_refused", reason="host unknown") from None
    if not all(_outside(address.partition("%")[0]) for address in found):
        raise Refusal("endpoint_refused", reason="private network")
    return found[0]


def _parsed(url: str) -> SplitResult:
    """As it is judged here, and as the client that connects reads it: both find the same host, and it can be a name.

    Errors: `endpoint_refused`."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        host.encode("idna")  # labels of 1 to 63 characters
        same = httpx.URL(url).raw_host.decode() == host
    except (ValueError, httpx.InvalidURL):
        same = False
    if not same:
        raise Refusal("endpoint_refused", reason="not a URL with a host")
    return parts


def _outside(text: str) -> bool:
    """Of IPv6 only what the Internet routes by itself: in other ranges an inner IPv4 address can stand (mapped,
    compatible, NAT64, 6to4), and Python calls some of them global."""
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address) and (address not in UNICAST or address.sixtofour is not None):
        return False
    return address.is_global and not address.is_multicast
