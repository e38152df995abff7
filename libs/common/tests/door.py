"""A door before a server, for tests: what goes in goes on, until it is shut; then nobody is there."""

from __future__ import annotations

import asyncio


class Door:
    """Listens on a port of its own. Shut, it ends every connection and refuses new ones, as a server that is down.

    With `last`, a client falls silent once it has said this: what it would say after it goes nowhere, and no connection
    ends.
    """

    def __init__(self, host: str, port: int, *, last: bytes | None = None) -> None:
        self._behind = (host, port)
        self._last = last
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in list(self._open):
            writer.transport.abort()
        self._server = None

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there = await asyncio.open_connection(*self._behind)
        self._open |= {writer, there}
        await asyncio.gather(_carry(reader, there, self._last), _carry(there_reader, writer))
        self._open -= {writer, there}


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, last: bytes | None = None) -> None:
    said = False
    try:
        while part := await reader.read(65536):
            if said:
                continue
            writer.write(part)
            await writer.drain()
            said = last is not None and last in part
    except OSError:
        return  # the other side is gone
    finally:
        writer.transport.abort()
