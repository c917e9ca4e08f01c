"""Whether fetched bytes are the record that the index says: one whole gzip member, of that URL, with that payload."""

from __future__ import annotations

import io
from typing import Any, NamedTuple

from data4llm_assets.raw_crawl import http_payload
from data4llm_assets.raw_crawl.archive import Archive

BOMB = 16
"""Times `max_bytes` that a record may hold decompressed."""
_CHUNK = 1 << 20


class Wrong(Exception):
    """It is not. rule: of the decision that quarantines it."""

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(reason)
        self.rule, self.reason = rule, reason


class Expected(NamedTuple):
    """What the index says; None where it says nothing."""

    url: str | None
    digest: str | None


def verified(member: bytes, expected: Expected, max_bytes: int) -> str:
    """The URL of the record in `member`, the compressed bytes of one record.

    A payload larger than `max_bytes` is not compared with its digest: the reader of the archive quarantines it by its size.

    Raises
    ------
    Wrong
        If it is no whole record, or another one than expected.
    """
    archive = Archive(io.BytesIO(member))
    if not archive.compressed:
        raise Wrong("raw_crawl.wrong_record", "no compressed record begins there")
    read = archive.read()
    record = next(read, None)
    if record is None:
        raise _unreadable(archive)
    url = (record.headers.get("WARC-Target-URI") or "").strip().removeprefix("<").removesuffix(">")
    if expected.url is not None and url != expected.url:
        raise Wrong("raw_crawl.wrong_record", "the record there is of another URL")
    if not url:
        raise Wrong("raw_crawl.no_url", "the record names no WARC-Target-URI")
    bodies = archive.guarded(_payload, record, max_bytes)
    # Only at its end is a member known to be whole.
    more = next(read, None)
    if bodies is None or archive.damage() is not None:
        raise _unreadable(archive)
    if more is not None or archive.broken or archive.place(0, None) != (0, len(member)):
        raise Wrong("raw_crawl.wrong_record", "offset and length do not cover one record")
    if bodies and expected.digest:
        said = expected.digest if ":" in expected.digest else f"sha1:{expected.digest}"
        if http_payload.matches_digest(said, *bodies) is False:
            raise Wrong("raw_crawl.payload_digest", "the payload is not what the index's digest says")
    return url


def _payload(record: Any, max_bytes: int) -> tuple[bytes, ...]:
    """The forms of the payload that its digest may be of; none if it is too large to be held. Reads the record to its end."""
    if record.content_length > max_bytes * BOMB:
        raise Wrong("raw_crawl.max_bytes", "decompressed, the record is many times larger than the limit")
    length = record.content_length
    block = record.reader.read(length) if 0 < length <= max_bytes + _CHUNK else b""
    if block and len(block) < length:
        raise OSError
    if not block:
        if record.reader.consume() != length:
            raise OSError
        return ()
    head, found, body = block.partition(b"\r\n\r\n") if record.is_http else (b"", b"", b"")
    if not found:
        return (block,)
    chunked = b"chunked" in head.lower()
    return (body, http_payload.dechunked(body), block) if chunked else (body, block)


def _unreadable(archive: Archive) -> Wrong:
    if archive.damage() is None:
        return Wrong("raw_crawl.wrong_record", "what begins there is no WARC record")
    return Wrong("raw_crawl.truncated", "the record is damaged, or its end is missing")
