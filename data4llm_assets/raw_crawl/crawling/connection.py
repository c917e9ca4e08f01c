"""One connection: a request in, a response out, both kept as an archive keeps them.

h11 speaks HTTP and does no input or output; the sockets are ours. A client that resolves names, follows redirects, keeps cookies
and undoes codings by itself would do here what must be decided elsewhere, and hide the bytes that an archive keeps.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple

import h11

from data4llm_assets.raw_crawl.crawling.addresses import Place

WITHHELD = "(withheld)"
"""Stands in an archive for the value of a header that is a credential."""
TOO_LARGE = "too large"
_CREDENTIALS = frozenset({"set-cookie", "set-cookie2"})
_LARGEST_HEAD = 64 << 10
_LARGEST_DIAGNOSTIC = 64 << 10
"""Bytes of body of what is no success, and so no page."""
_MOST_INTERIM = 8
_PIECE = 64 << 10
Header = tuple[str, str]


class Exchange(NamedTuple):
    """A request and its response as an archive keeps them.

    request, head: bytes of both heads, credentials withheld. body: the response's, freed of its transfer coding. stopped: why the
    rest of it was not read, empty if all was. began: when the request was sent.
    """

    url: str
    request: bytes
    status: int
    headers: tuple[Header, ...]
    head: bytes
    body: bytes
    stopped: str
    address: str
    began: datetime

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name), "")


Wanted = Callable[[int, tuple[Header, ...]], str]
"""From status and headers to the reason why a body is not wanted; empty if it is."""


class Terms(NamedTuple):
    """What a response is held against, and what is told of its request."""

    url: str
    request: bytes
    began: datetime
    limit: int
    wanted: Wanted | None


class Connection:
    """One socket and the state of the protocol over it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, place: Place) -> None:
        self._reader, self._writer, self._place = reader, writer, place
        self._protocol = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LARGEST_HEAD)
        self.answered = False
        self.idle_since = 0.0

    async def exchange(self, asked: h11.Request, terms: Terms, patience: float) -> Exchange:
        self.answered = False
        self._writer.write((self._protocol.send(asked) or b"") + (self._protocol.send(h11.EndOfMessage()) or b""))
        response = await self._response(patience)
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw_items())
        stopped = terms.wanted(response.status_code, headers) if terms.wanted is not None else ""
        limit = terms.limit if response.status_code == 200 else min(terms.limit, _LARGEST_DIAGNOSTIC)
        announced = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
        if not stopped and response.status_code == 200 and announced > limit:
            stopped = TOO_LARGE
        pieces: list[bytes] = []
        size = 0
        while not stopped:
            event = await self._event(patience)
            if not isinstance(event, h11.Data):
                break
            pieces.append(bytes(event.data))
            size += len(event.data)
            if size > limit:
                stopped = TOO_LARGE
        body = b"".join(pieces)[:limit]
        shown = _shown(headers, len(body))
        head = f"HTTP/{response.http_version.decode()} {response.status_code} ".encode() + bytes(response.reason) + b"\r\n" + shown
        return Exchange(
            terms.url, terms.request, response.status_code, headers, head, body, stopped, self._place.address, terms.began
        )

    def reusable(self) -> bool:
        """Whether the response was read to its end, nothing lies behind it, and the server keeps the connection."""
        protocol = self._protocol
        if not (protocol.our_state is h11.DONE and protocol.their_state is h11.DONE and not protocol.trailing_data[0]):
            return False
        protocol.start_next_cycle()
        self.idle_since = asyncio.get_running_loop().time()
        return True

    def abort(self) -> None:
        # A loop that is closed already has closed its connections.
        with suppress(RuntimeError):
            self._writer.transport.abort()

    async def _response(self, patience: float) -> h11.Response:
        for _ in range(_MOST_INTERIM):
            event = await self._event(patience)
            if isinstance(event, h11.Response):
                return event
            if not isinstance(event, h11.InformationalResponse):
                break
        msg = "there is no response"
        raise h11.RemoteProtocolError(msg)

    async def _event(self, patience: float) -> Any:
        while (event := self._protocol.next_event()) is h11.NEED_DATA:
            async with asyncio.timeout(patience):
                data = await self._reader.read(_PIECE)
            self.answered = self.answered or bool(data)
            self._protocol.receive_data(data)
        return event


def _shown(headers: tuple[Header, ...], length: int) -> bytes:
    """Headers as an archive keeps them: credentials withheld, and the body's length that of the body that is kept.

    A chunked body is kept without its chunks, as in Common Crawl's archives: the digest of a payload is that of the body itself,
    and of two readers one would else take it for damaged.
    """
    lines = []
    reframed = False
    for name, value in headers:
        key = name.lower()
        if key in _CREDENTIALS:
            value = WITHHELD
        elif key == "transfer-encoding" or (key == "content-length" and length and value.strip() != str(length)):
            name, reframed = f"X-Crawl-{name}", True
        lines.append(f"{name}: {value}\r\n")
    if reframed:
        lines.append(f"Content-Length: {length}\r\n")
    return "".join(lines).encode("latin-1") + b"\r\n"


def broken(error: h11.RemoteProtocolError) -> str:
    """What was wrong, in words of ours: those of the library quote what the server sent."""
    told = str(error)
    if "without sending complete message body" in told or "incomplete chunked" in told:
        return "the body ended before its announced length"
    if "ConnectionClosed" in told or "no response" in told or "closed connection" in told:
        return "the server closed the connection without a response"
    return "the headers are too long" if "too long" in told else "the response is no valid HTTP"
