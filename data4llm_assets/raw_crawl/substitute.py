"""What lands in place of a record that could not be had: a metadata record that says which, and why. Readers quarantine it."""

from __future__ import annotations

import gzip
import uuid
from typing import Any

from data4llm_assets.document import digest
from data4llm_assets.raw_crawl.address import without_credentials
from data4llm_assets.raw_crawl.source import Bad

_FIELDS = "application/warc-fields"
_MARK = "Missing-Record"
_LARGEST = 1 << 16


def written(rule: str, reason: str, *, url: str | None, timestamp: str | None, place: str) -> bytes:
    """A gzipped WARC record. place: where the index says the record lies, `filename#offset+length`. The same for the same words."""
    body = f"reason: {_plain(f'{reason}: {place}' if place else reason)}\r\n".encode()
    stamp = timestamp if timestamp and len(timestamp) == 14 and timestamp.isdecimal() else "19700101000000"
    head = {
        "WARC-Type": "metadata",
        "WARC-Record-ID": f"<urn:uuid:{uuid.UUID(hex=digest('missing', url or '', place, rule, reason), version=5)}>",
        "WARC-Date": f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]}T{stamp[8:10]}:{stamp[10:12]}:{stamp[12:]}Z",
        **({"WARC-Target-URI": _plain(without_credentials(url))} if url else {}),
        # Beside the standard's fields, so that no other metadata is taken for this: the standard allows further ones.
        _MARK: rule,
        "Content-Type": _FIELDS,
        "Content-Length": str(len(body)),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    return gzip.compress(b"WARC/1.1\r\n" + lines.encode() + b"\r\n" + body + b"\r\n\r\n", mtime=0)


def read(record: Any) -> Bad | None:
    """What such a record says; None for any other metadata, of which nothing is read."""
    if record.headers.get("Content-Type") != _FIELDS or record.headers.get(_MARK) is None:
        return None
    body = record.reader.read(min(record.content_length, _LARGEST)).decode("utf-8", "replace")
    fields = dict(line.partition(": ")[::2] for line in body.split("\r\n"))
    url, reason = record.headers.get("WARC-Target-URI"), fields.get("reason", "")
    return Bad(str(record.headers.get(_MARK)), f"{url}: {reason}" if url else reason, "")


def _plain(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
