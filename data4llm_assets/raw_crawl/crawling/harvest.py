"""What becomes of a response: records in the snapshot's files, an outcome in the journal, links to follow."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from data4llm_assets.raw_crawl import http_payload, media_type
from data4llm_assets.raw_crawl.address import canonical_url, has_credentials
from data4llm_assets.raw_crawl.crawling import links, rights
from data4llm_assets.raw_crawl.crawling.connection import TOO_LARGE, Exchange
from data4llm_assets.raw_crawl.crawling.journal import Item, Journal, Kind, Known, Outcome
from data4llm_assets.raw_crawl.crawling.robots import Reservation, reservation_of
from data4llm_assets.raw_crawl.crawling.scope import Boundary, authority
from data4llm_assets.raw_crawl.crawling.warc_writer import (
    DIAGNOSTICS,
    Landed,
    Original,
    WarcFiles,
    payload_digest,
    request_and_response,
    request_and_revisit,
    warc_date,
)
from data4llm_assets.raw_crawl.landing import file_of
from data4llm_assets.raw_crawl.source import Record, Reference

if TYPE_CHECKING:
    from data4llm_assets.raw_crawl.crawl import Crawl

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_URLS, _URLS_A_PAGE = 100_000, 50
"""URLs that are taken down at most, or for each page that may land: a site that makes up links does not fill the disk."""
_LARGEST_SITEMAP = 50 << 20
"""Bytes, unpacked: the sitemaps protocol's own limit."""


class Changed(Exception):
    """A page was said to be unchanged, and what it was is not there any more: it must come whole."""


class Harvest:
    """Takes responses in. `found` is called with the site of every URL that is to be fetched."""

    def __init__(
        self, section: Crawl, folder: Path, journal: Journal, files: WarcFiles, boundary: Boundary, found: Callable[[str], None]
    ) -> None:
        self._section, self._folder, self._journal, self._files = section, folder, journal, files
        self._boundary, self._found = boundary, found
        self._sitemaps = 0
        self._room = max(_MOST_URLS, _URLS_A_PAGE * section.max_pages) - sum(journal.counts().values())

    def take(
        self, item: Item, exchange: Exchange, known: Known | None, reserving: tuple[Reservation, ...], attempts: int
    ) -> Outcome:
        """A response to its outcome. Raises Changed if a 304 cannot be understood."""
        told: dict[str, Any] = {"status": exchange.status, "attempts": attempts, "date": warc_date(exchange.began)}
        if exchange.status == 304 and known is not None:
            return self._unchanged(item, exchange, known, reserving, told)
        if exchange.status in REDIRECTS and exchange.header("location"):
            return self._redirected(item, exchange, told)
        if exchange.status != 200:
            self.diagnostic(exchange)
            return self._journal.done(item, "status", reason=f"status {exchange.status}", **told)
        if exchange.stopped:
            outcome: Outcome = "too_large" if exchange.stopped == TOO_LARGE else "media_type"
            return self._journal.done(item, outcome, reason=exchange.stopped, **told)
        try:
            payload = http_payload.decoded(exchange.body, exchange.header("content-encoding"), self.largest(item.kind))
        except http_payload.TooLarge:
            return self._journal.done(item, "too_large", reason="too large once it is decoded", **told)
        if item.kind == "sitemap":
            return self._sitemap(item, exchange, payload, told)
        return self._page(item, exchange, payload, known, reserving, told)

    def diagnostic(self, exchange: Exchange) -> None:
        """Keep an exchange that brought no page."""
        self._files.append(DIAGNOSTICS, request_and_response(exchange), exchange.began)

    def wanted(self, status: int, headers: tuple[tuple[str, str], ...]) -> str:
        """Why the body of a page is not read; empty if it is."""
        said = next((value for name, value in headers if name.lower() == "content-type"), "").partition(";")[0].strip().lower()
        return f"a media type that is not asked for: {said[:100]}" if status == 200 and said and said not in self._types() else ""

    def discover(self, url: str, kind: Kind, depth: int, hops: int, found: str) -> str | None:
        """Take a URL down if it is one. Why it will not be fetched; None if it will, or was."""
        normal = self._boundary.normal(url)
        if normal is None:
            return "no URL that could be asked for"
        if has_credentials(url):
            self._journal.add(normal, site_of(normal), kind, depth, hops, found, ("credentials", "the URL holds credentials"))
            return "it holds credentials"
        if kind == "sitemap":
            self._sitemaps += 1
            if self._sitemaps > self._section.sitemaps.most:
                return "more sitemaps than are read"
        if self._room <= 0:
            return "more URLs than a crawl of that many pages takes down"
        listed = found == "sitemaps" or (kind == "sitemap" and self._boundary.holds(authority(normal)))
        objection = None if listed else self._boundary.objection(normal, depth)
        refused = None if objection is None else ("scope", objection)
        if self._journal.add(normal, site_of(normal), kind, depth, hops, found, refused):  # type: ignore[arg-type]
            self._room -= 1
            if objection is None:
                self._found(site_of(normal))
        return objection

    def _page(
        self,
        item: Item,
        exchange: Exchange,
        payload: bytes,
        known: Known | None,
        reserving: tuple[Reservation, ...],
        told: dict[str, Any],
    ) -> Outcome:
        said = exchange.header("content-type").partition(";")[0].strip().lower()
        seen = media_type.of_content(payload)
        kind = said or seen
        if kind not in self._types() or seen == media_type.BINARY:
            return self._journal.done(item, "media_type", reason="what was sent is no text of a type that is asked for", **told)
        if not payload.strip():
            return self._journal.done(item, "empty", reason="the page is empty", **told)
        own = self._read(item, exchange, payload, kind, links.charset_of(exchange.headers), reserving)
        digest = payload_digest(exchange.body)
        told |= {"bytes": len(exchange.body), "etag": exchange.header("etag") or None}
        told["modified"] = exchange.header("last-modified") or None
        name = self._file(item)
        if known is not None and known.original.digest == digest and self._original(item, known.original) is not None:
            pair = request_and_revisit(exchange, known.original, self._folder.name, "identical", own.fields())
            return self._landed(item, self._files.append(name, pair, exchange.began)[-1], known.original, told)
        landed = self._files.append(name, request_and_response(exchange, own.fields()), exchange.began)[-1]
        date = warc_date(exchange.began)
        original = Original(self._folder.name, name, landed.offset, digest, item.url, date, landed.record)
        return self._landed(item, landed, original, told)

    def _unchanged(
        self, item: Item, exchange: Exchange, known: Known, reserving: tuple[Reservation, ...], told: dict[str, Any]
    ) -> Outcome:
        before = self._original(item, known.original)
        if before is None:
            raise Changed
        own = self._read(item, exchange, before.payload, before.media_type, before.meta.get("charset"), reserving)
        pair = request_and_revisit(exchange, known.original, self._folder.name, "not-modified", own.fields())
        # A 304 may bring new validators; what it does not say holds on.
        told |= {"bytes": 0, "etag": exchange.header("etag") or known.etag}
        told["modified"] = exchange.header("last-modified") or known.modified
        return self._landed(item, self._files.append(self._file(item), pair, exchange.began)[-1], known.original, told)

    def _landed(self, item: Item, landed: Landed, original: Original, told: dict[str, Any]) -> Outcome:
        outcome: Outcome = "page" if original.snapshot == self._folder.name else "revisit"
        place = {"file": landed.file, "offset": landed.offset, "length": landed.length}
        return self._journal.landed(item, outcome, original, **place, **told)

    def _read(
        self, item: Item, exchange: Exchange, payload: bytes, kind: str, charset: str | None, reserving: tuple[Reservation, ...]
    ) -> rights.Rights:
        """Follow the links of a page; what it, its headers and its site say of its use."""
        stated = rights.of_site(reservation_of(urlsplit(item.url).path, reserving))
        stated = stated.then(rights.of_headers(exchange.headers, self._section.robot))
        if kind not in (media_type.HTML, media_type.XHTML):
            return stated
        page = links.page(payload, item.url, charset, self._section.robot)
        stated = stated.then(page.rights)
        if not ("nofollow" in self._section.honour and {"nofollow", "none"} & set(stated.robots)):
            for link in page.links:
                self.discover(link, "page", item.depth + 1, 0, "link")
        return stated

    def _sitemap(self, item: Item, exchange: Exchange, payload: bytes, told: dict[str, Any]) -> Outcome:
        self.diagnostic(exchange)
        if payload.startswith(b"\x1f\x8b"):
            try:
                with gzip.GzipFile(fileobj=io.BytesIO(payload)) as unpacked:
                    payload = unpacked.read(_LARGEST_SITEMAP + 1)
            except (EOFError, gzip.BadGzipFile, zlib.error):
                return self._journal.done(item, "failed", reason="the sitemap cannot be unpacked", **told)
                return
        if len(payload) > _LARGEST_SITEMAP:
            return self._journal.done(item, "too_large", reason="the sitemap is too large once it is unpacked", **told)
        found = links.sitemap(payload, self._section.sitemaps.most_urls)
        for location in found.locations:
            # Indexes of indexes are against the protocol, and a way to go in circles; nothing counts the hops but this.
            if found.nested and item.hops <= self._section.redirects:
                self.discover(location, "sitemap", 0, item.hops + 1, "sitemap")
            elif not found.nested:
                self.discover(location, "page", 0, 0, "sitemap")
        return self._journal.done(item, "sitemap", bytes=len(exchange.body), reason=f"{len(found.locations)} locations", **told)

    def _redirected(self, item: Item, exchange: Exchange, told: dict[str, Any]) -> Outcome:
        self.diagnostic(exchange)
        try:
            target = urljoin(item.url, exchange.header("location"))
        except ValueError:
            target = ""
        shown = self._boundary.normal(target)
        if shown == item.url:
            return self._journal.done(item, "redirect", reason="to itself", **told)
        if item.hops >= self._section.redirects:
            return self._journal.done(item, "redirect", reason=f"more than {self._section.redirects} redirects", **told)
        objection = self.discover(target, item.kind, item.depth, item.hops + 1, "redirect")
        what = f"to {shown}" if shown else "to nowhere"
        return self._journal.done(item, "redirect", reason=what if objection is None else f"{what}: {objection}", **told)

    def _original(self, item: Item, original: Original) -> Record | None:
        """The response that holds an earlier payload, read and verified."""
        where = f"../{original.snapshot}/{original.file}"
        found = self._section.original(
            Reference(where, original.offset, original.digest, item.url, None, ""), lambda path: (self._folder / path).open("rb")
        )
        return found if isinstance(found, Record) else None

    def _file(self, item: Item) -> str:
        return file_of(canonical_url(item.url), self._section.files)

    def largest(self, kind: Kind) -> int:
        """Bytes of a body that are read."""
        return _LARGEST_SITEMAP if kind == "sitemap" else self._section.max_bytes

    def _types(self) -> tuple[str, ...]:
        return self._section.media_types


def site_of(url: str) -> str:
    """Scheme and authority: what a robots.txt is for."""
    return "/".join(url.split("/")[:3])
