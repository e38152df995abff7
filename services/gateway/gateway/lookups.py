"""Names of endpoints are looked up in threads of their own.

Promise: a DNS server that does not answer takes threads that nobody else in the process waits for, one for each name
however often that is asked for, and nobody's time beyond what was given.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from socket import SOCK_STREAM, getaddrinfo

# More than a hub has subscriptions: it cannot take all of them with names that nobody answers for.
_THREADS = ThreadPoolExecutor(64, thread_name_prefix="lookup")
_under_way: dict[str, Future[list[str]]] = {}


async def addresses(host: str, within: float) -> list[str]:
    """The addresses of a host, in the system's order, within so many seconds.

    Errors: TimeoutError; OSError when there are none; UnicodeError for what is no name."""
    future = _under_way.get(host)
    if future is None:
        future = _under_way[host] = _THREADS.submit(_look_up, host)
        future.add_done_callback(lambda _: _under_way.pop(host, None))
    async with asyncio.timeout(within):
        # What is under way cannot be stopped: who asks for the same name next waits for that.
        return await asyncio.shield(asyncio.wrap_future(future))


def _look_up(host: str) -> list[str]:
    return [str(entry[4][0]) for entry in getaddrinfo(host, None, type=SOCK_STREAM)]
