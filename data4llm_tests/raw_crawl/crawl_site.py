"""A web site on loopback that answers as a test says, and a clock that needs no waiting. For tests of the crawler."""

from __future__ import annotations

import asyncio
import math
import socket
import ssl
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from data4llm_assets.node import Delivery
from data4llm_assets.raw_crawl.crawl import Crawl
from data4llm_assets.raw_crawl.source import Found, Reference

Reply = bytes | Callable[["Request"], bytes | None]
"""What is sent back: bytes, or what a function of the request makes; None if it has said everything itself."""


class Request(NamedTuple):
    path: str
    headers: Mapping[str, str]
    connection: socket.socket
    at: float
    """Seconds of the site's clock."""


class Site:
    """Answers by path; a path without one is a 404. `requests` holds what was asked, in order."""

    def __init__(
        self, answers: Mapping[str, Reply], now: Callable[[], float] = lambda: 0.0, tls: ssl.SSLContext | None = None
    ) -> None:
        self.answers, self.requests = dict(answers), list[Request]()
        self._now, self._tls = now, tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def asked(self, prefix: str = "/") -> list[str]:
        """Paths of pages that were asked for."""
        mine = ("/robots.txt", "/.well-known/tdmrep.json")
        return [each.path for each in self.requests if each.path.startswith(prefix) and each.path not in mine]

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            connection.close()
        self._thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError):
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            head = b""
            while b"\r\n\r\n" not in head:
                piece = connection.recv(65536)
                if not piece:
                    return
                head += piece
            first, *lines = head.decode("latin-1").split("\r\n")
            pairs = (line.partition(": ")[::2] for line in lines if line)
            request = Request(first.split()[1], {name.lower(): value for name, value in pairs}, connection, self._now())
            self.requests.append(request)
            reply = self.answers.get(request.path, response(b"", status="404 Not Found"))
            data = reply(request) if callable(reply) else reply
            if data is not None:
                connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
        connection.close()


@contextmanager
def site(answers: Mapping[str, Reply], now: Callable[[], float] = lambda: 0.0, tls: ssl.SSLContext | None = None) -> Iterator[Site]:
    served = Site(answers, now, tls)
    try:
        yield served
    finally:
        served.close()


def response(body: bytes, *headers: tuple[str, str], status: str = "200 OK", kind: str = "text/html; charset=utf-8") -> bytes:
    told = [("Content-Type", kind), ("Content-Length", str(len(body))), ("Connection", "close"), *headers]
    last = {name.lower(): (name, value) for name, value in told}
    lines = "".join(f"{name}: {value}\r\n" for name, value in last.values() if value)
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body


def page(*links: str, text: str = "A page", head: str = "", headers: tuple[tuple[str, str], ...] = ()) -> bytes:
    anchors = "".join(f'<a href="{link}">x</a>' for link in links)
    return response(f"<html><head>{head}</head><body><p>{text}</p>{anchors}</body></html>".encode(), *headers)


def validated(body: bytes, etag: str) -> Callable[[Request], bytes]:
    """A page that answers 304 to whoever knows it."""

    def reply(request: Request) -> bytes:
        if request.headers.get("if-none-match") == etag:
            return response(b"", ("ETag", etag), status="304 Not Modified")
        return response(body, ("ETag", etag))

    return reply


def redirect(target: str, status: str = "302 Found") -> bytes:
    return response(b"moved", ("Location", target), status=status)


class FakeClock:
    """Time passes only where nothing else can happen."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds
        await asyncio.sleep(0)

    async def wait(self, tasks: Collection[asyncio.Task[Any]], until: float) -> None:
        if tasks:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        elif not math.isinf(until):
            self.time = max(self.time, until)


def crawl(*seeds: str, **keys: Any) -> Crawl:
    """A crawl of loopback, without pauses unless it is told otherwise."""
    calm = {"private_addresses": "allow", "pace": {"delay": 0}, "retries": {"times": 0}, "timeouts": {"read": 5, "total": 10}}
    return Crawl(kind="crawl", domain="web", seeds=seeds, **{**calm, **keys})


def landed(section: Crawl, folder: Path, name: str = "first", *earlier: str, **measured: Any) -> pl.DataFrame:
    """Crawl into folder/name; what came of every URL. `earlier`: the snapshots before it, newest first."""
    from data4llm_assets.raw_crawl.crawling.landing import land

    land(section, Delivery(folder / name, name, len(earlier) + 1, tuple(folder / each for each in earlier)), **measured)
    return outcomes(folder, name)


def outcomes(folder: Path, name: str = "first") -> pl.DataFrame:
    return pl.read_ndjson(folder / name / ".crawl.jsonl", infer_schema_length=None)


def found(section: Crawl, folder: Path, name: str = "first") -> list[Found]:
    """Everything that a snapshot holds, revisits resolved."""
    every: list[Found] = []
    for file in sorted((folder / name).glob("pages-*.warc.gz")):
        with file.open("rb") as stream:
            for each in section.records(stream, file.name):
                resolved = section.resolve(each, opener(folder / name)) if isinstance(each, Reference) else each
                every.append(resolved)
    return every


def opener(folder: Path) -> Any:
    return lambda path: (folder / path).open("rb")
