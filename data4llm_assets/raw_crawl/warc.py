"""Web archives (ISO 28500) as crawlers write them: `.warc`, `.warc.gz`, `.warc.lz4`. Read by FastWARC; source kind `warc`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO, ClassVar, Literal, NamedTuple

from pydantic import Field

from data4llm_assets.raw_crawl import http_payload, media_type, substitute
from data4llm_assets.raw_crawl.address import canonical_url, without_credentials
from data4llm_assets.raw_crawl.archive import Archive
from data4llm_assets.raw_crawl.source import Bad, Found, Record, Reference, Skipped, SourceSection, payload_digest

_CHARSET = re.compile(r"charset\s*=\s*[\"']?([^\s\"';,]+)", re.I)
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?")
_UNFINISHED = "the archive ends, or is damaged, inside this record"


class WebArchive(SourceSection):
    """What every kind of source that reads WARC files does alike."""

    uses: ClassVar[tuple[str, ...]] = ("FastWARC", "pyarrow")
    media_types: tuple[str, ...] = Field(
        (media_type.HTML, media_type.XHTML, media_type.PLAIN),
        description="responses to take, by Content-Type, or by their first bytes where none is sent; others are counted",
    )

    def records(self, stream: BinaryIO, path: str) -> Iterator[Found | Reference]:
        """Every record of the archive; its locator is `path#offset+length` in the compressed file.

        Where records are not compressed one by one, so that none can be read alone, the locator is `path#record/N`, from 0.
        """
        archive = Archive(stream)
        waiting: _Waiting | None = None
        number = 0
        while True:
            for record in archive.read():
                start = record.stream_pos
                if waiting is not None:
                    yield self._placed(archive, waiting, start, path)
                waiting = _Waiting(
                    archive.guarded(self._found, record) or Bad("raw_crawl.truncated", _UNFINISHED, ""), start, number
                )
                number += 1
            if waiting is not None:
                yield self._placed(archive, waiting, None, path, lost=archive.broken)
            damage = archive.damage()
            if damage is not None or archive.broken:
                told = waiting is not None and isinstance(waiting.found, Bad) and waiting.found.reason == _UNFINISHED
                held = waiting is not None and damage is not None and archive.begins(waiting.start, damage)
                if not told and not held:
                    where = f"{path}#{archive.consumed() if damage is None else damage}"
                    yield Bad("raw_crawl.truncated", "the archive ends, or is damaged, where a record should begin", where)
            waiting = None
            if not archive.resume():
                return

    def _placed(self, archive: Archive, waiting: _Waiting, end: int | None, path: str, *, lost: bool = False) -> Found | Reference:
        """What was found, with its locator: known only when the next record begins (`lost`: nobody knows where)."""
        found = waiting.found
        if isinstance(found, Skipped):
            archive.place(waiting.start, end)
            return found
        if end is None and isinstance(found, Record) and archive.spoiled(waiting.start):
            found = Bad("raw_crawl.truncated", _UNFINISHED, "")
        place = archive.place(waiting.start, end) if not lost or archive.compressed else None
        return found._replace(locator=f"{path}#{place[0]}+{place[1]}" if place else f"{path}#record/{waiting.number}")

    def _found(self, record: Any) -> Found | Reference:
        """One WARC record, read to its end. The locator is filled in later."""
        headers, kind = record.headers, str(record.record_type).rpartition(".")[2]
        if "WARC-Type" not in headers or "Content-Length" not in headers:
            return Bad("raw_crawl.truncated", _UNFINISHED, "")
        if kind != "response" or not record.is_http:
            return self._passed_over(record, kind)
        digest_said = headers.get("WARC-Payload-Digest")
        # Some crawlers give the digest of the whole block, HTTP headers included, for that of the payload.
        whole = bool(digest_said) and digest_said == headers.get("WARC-Block-Digest") and record.content_length <= self.max_bytes
        verified = whole and record.verify_block_digest()
        try:
            # Lenient: some crawlers end HTTP header lines with a bare line feed.
            record.parse_http(auto_decode="none", quirks_mode=True)
        except (OSError, ValueError):
            return Bad("raw_crawl.broken_http", "the response has no readable HTTP headers", "")
        status = record.http_headers.status_code if record.http_headers is not None else None
        if status != 200:
            return self._passed_over(record, f"status {status}")
        kind = (record.http_headers.get("Content-Type") or "").partition(";")[0].strip().lower()
        if kind and kind not in self.media_types:
            return self._passed_over(record, kind if re.fullmatch(r"[\w.+-]+/[\w.+-]+", kind) else "unknown type")
        if record.content_length > self.max_bytes:
            found = self.too_large("the response", "", record.content_length)
            return found if record.reader.consume() == record.content_length else Bad("raw_crawl.truncated", _UNFINISHED, "")
        length = record.content_length
        body = record.reader.read(length) if length else b""
        while len(body) < length and (more := record.reader.read(length - len(body))):
            body += more
        if len(body) < length:
            return Bad("raw_crawl.truncated", _UNFINISHED, "")
        return self._response(record, body, kind, verified)

    def _passed_over(self, record: Any, kind: str) -> Found:
        if kind == "metadata" and (missing := substitute.read(record)) is not None:
            return missing
        length = record.content_length
        return Skipped(kind) if record.reader.consume() == length else Bad("raw_crawl.truncated", _UNFINISHED, "")

    def _response(self, record: Any, body: bytes, said: str, verified: bool) -> Found:
        headers, http = record.headers, record.http_headers
        sent = http_payload.dechunked(body) if "chunked" in (http.get("Transfer-Encoding") or "").lower() else body
        digest_said = headers.get("WARC-Payload-Digest")
        if digest_said and not verified and http_payload.matches_digest(digest_said, body, sent) is False:
            return Bad("raw_crawl.payload_digest", "the payload is not what the archive's digest says", "")
        try:
            payload = http_payload.decoded(sent, http.get("Content-Encoding") or "", self.max_bytes)
        except http_payload.TooLarge:
            return self.too_large("the decompressed response", "")
        kind = said or media_type.of_content(payload)
        if kind not in self.media_types or media_type.holds_binary(payload[:4096]):
            return Skipped("unknown type" if not said else f"binary sent as {said}")
        if not payload.strip():
            return Bad("raw_crawl.empty", "the response is empty", "")
        url = (headers.get("WARC-Target-URI") or "").strip().removeprefix("<").removesuffix(">")
        if not url:
            return Bad("raw_crawl.no_url", "the record names no WARC-Target-URI", "")
        digest, address, date = payload_digest(payload), canonical_url(url), headers.get("WARC-Date") or ""
        meta = {}
        if charset := _CHARSET.search(http.get("Content-Type") or ""):
            meta["charset"] = charset[1].lower()
        if truncated := headers.get("WARC-Truncated"):
            meta["truncated"] = truncated
        return Record(
            (address, digest),
            address,
            "",
            payload,
            digest,
            kind,
            url=without_credentials(url),
            fetched_at=date if _DATE.fullmatch(date) else None,
            license=self.license,
            meta=meta,
        )


class Warc(WebArchive):
    """Successful responses with a text type become records; requests, revisits and everything else are counted by type.

    Damage costs the record it lies in: a gzipped archive is read on from the next whole record, any other up to the damage.
    """

    version: ClassVar[str] = "3"
    kind: Literal["warc"]
    include: tuple[str, ...] = Field(
        ("**/*.warc", "**/*.warc.gz", "**/*.warc.lz4"), description="globs over paths within the folder"
    )


class _Waiting(NamedTuple):
    """A record whose end is not known yet."""

    found: Found | Reference
    start: int
    number: int
