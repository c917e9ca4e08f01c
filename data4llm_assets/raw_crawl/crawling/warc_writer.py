"""WARC 1.1 (ISO 28500:2017) as a crawl writes it: one gzip member a record, digests of block and payload, files that only grow.

A member counts once `WarcFiles.sync` has returned and the journal has noted the file's length. What stands behind that length when
a crawl begins again was on its way when it was killed, and is cut off.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple
from uuid import UUID

from data4llm_assets.document import digest
from data4llm_assets.node import LandingFailed
from data4llm_assets.raw_crawl.crawling.connection import Exchange, Header

PROFILES = {
    "not-modified": "http://netpreserve.org/warc/1.1/revisit/server-not-modified",
    "identical": "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest",
}
PAGES = re.compile(r"pages-\d{2}\.warc\.gz")
DIAGNOSTICS = "diagnostics.warc.gz"
"""Where everything lands that is no page: robots.txt, sitemaps, redirects, errors."""
_LEVEL = 6


class Original(NamedTuple):
    """A response that later ones may refer to. snapshot, file, offset: where it lies. digest: of its payload, as WARC names it."""

    snapshot: str
    file: str
    offset: int
    digest: str
    url: str
    date: str
    record: str


class Landed(NamedTuple):
    """Where a record lies in its file, in bytes, and what it is called."""

    file: str
    offset: int
    length: int
    record: str


class WarcFiles:
    """The files of one snapshot."""

    def __init__(self, folder: Path, lengths: Mapping[str, int], info: str) -> None:
        """lengths: what the journal knows of every file. info: lines of `warcinfo`, the same in each.

        Raises
        ------
        LandingFailed
            If a file holds less than the journal says.
        """
        self._folder, self._info = folder, info
        self._lengths = dict(lengths)
        self._open: dict[str, BinaryIO] = {}
        self._dirty: set[str] = set()
        self._new = False
        for name, length in self._lengths.items():
            if not (folder / name).is_file() or (folder / name).stat().st_size < length:
                msg = f"{folder / name} holds less than was written to it: delete {folder} to crawl anew, or put the file back"
                raise LandingFailed(msg)
        for found in folder.iterdir():
            known = self._lengths.get(found.name)
            if PAGES.fullmatch(found.name) or found.name == DIAGNOSTICS:
                if known is None:
                    found.unlink()
                elif found.stat().st_size > known:
                    os.truncate(found, known)

    def append(self, name: str, members: Iterable[tuple[str, bytes]], date: datetime) -> list[Landed]:
        """Write records, each given as (its name, its bytes), to the end of a file."""
        if name not in self._open:
            self._begin(name, date)
        found = []
        for record, member in members:
            self._open[name].write(member)
            found.append(Landed(name, self._lengths[name], len(member), record))
            self._lengths[name] += len(member)
        self._dirty.add(name)
        return found

    def sync(self) -> dict[str, int]:
        """Put on disk what was written since the last call; the lengths of those files."""
        for name in self._dirty:
            stream = self._open[name]
            stream.flush()
            os.fsync(stream.fileno())
        if self._new:
            directory = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
            self._new = False
        synced = {name: self._lengths[name] for name in self._dirty}
        self._dirty.clear()
        return synced

    def close(self) -> None:
        """Close all files. What was not synced does not count."""
        for stream in self._open.values():
            stream.close()
        self._open.clear()

    def _begin(self, name: str, date: datetime) -> None:
        fresh = name not in self._lengths
        self._open[name] = (self._folder / name).open("ab")
        if fresh:
            self._lengths[name] = 0
            self._new = True
            fields = [("WARC-Filename", name), ("Content-Type", "application/warc-fields")]
            _, member = _record("warcinfo", name, date, fields, self._info.encode())
            self._open[name].write(member)
            self._lengths[name] = len(member)


def request_and_response(exchange: Exchange, extra: Iterable[Header] = ()) -> list[tuple[str, bytes]]:
    """The records of an exchange: its request, then its response. `extra` stands in the response's header."""
    fields = [
        *_about(exchange),
        ("Content-Type", "application/http; msgtype=response"),
        ("WARC-Payload-Digest", payload_digest(exchange.body)),
        *((("WARC-Truncated", "length"),) if exchange.stopped else ()),
        *extra,
    ]
    return _pair(exchange, "response", fields, exchange.head + exchange.body)


def request_and_revisit(
    exchange: Exchange, original: Original, here: str, profile: str, extra: Iterable[Header] = ()
) -> list[tuple[str, bytes]]:
    """The records of an exchange that brought what an earlier response, of snapshot `here` or another, had brought already."""
    where = original.file if original.snapshot == here else f"../{original.snapshot}/{original.file}"
    fields = [
        *_about(exchange),
        ("Content-Type", "application/http; msgtype=response"),
        ("WARC-Profile", PROFILES[profile]),
        ("WARC-Payload-Digest", original.digest),
        ("WARC-Refers-To", original.record),
        ("WARC-Refers-To-Target-URI", original.url),
        ("WARC-Refers-To-Date", original.date),
        ("WARC-Refers-To-Filename", where),
        ("WARC-Refers-To-File-Offset", str(original.offset)),
        *((("WARC-Truncated", "length"),) if profile == "identical" else ()),
        *extra,
    ]
    return _pair(exchange, "revisit", fields, exchange.head)


def payload_digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def warc_date(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _about(exchange: Exchange) -> list[Header]:
    return [("WARC-Target-URI", exchange.url), ("WARC-IP-Address", exchange.address)]


def _pair(exchange: Exchange, kind: str, fields: list[Header], block: bytes) -> list[tuple[str, bytes]]:
    asked, answered = (_name(each, exchange.url, exchange.began) for each in ("request", kind))
    request = [*_about(exchange), ("Content-Type", "application/http; msgtype=request"), ("WARC-Concurrent-To", answered)]
    return [
        _record("request", exchange.url, exchange.began, request, exchange.request),
        _record(kind, exchange.url, exchange.began, [*fields, ("WARC-Concurrent-To", asked)], block),
    ]


def _record(kind: str, about: str, date: datetime, fields: list[Header], block: bytes) -> tuple[str, bytes]:
    name = _name(kind, about, date)
    head = [("WARC-Type", kind), ("WARC-Record-ID", name), ("WARC-Date", warc_date(date)), *fields]
    head += [("WARC-Block-Digest", payload_digest(block)), ("Content-Length", str(len(block)))]
    lines = "".join(f"{field}: {value}\r\n" for field, value in head)
    return name, gzip.compress(f"WARC/1.1\r\n{lines}\r\n".encode() + block + b"\r\n\r\n", _LEVEL, mtime=0)


def _name(kind: str, about: str, date: datetime) -> str:
    """A record's name: a function of what it records, and of the moment."""
    return f"<urn:uuid:{UUID(digest('record', kind, about, warc_date(date)), version=5)}>"
