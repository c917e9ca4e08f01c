"""Records for tests of extraction methods."""

from __future__ import annotations

from data4llm_assets.extracted_text.extraction import Extracted, Extraction
from data4llm_assets.raw_crawl.source import Record, payload_digest


def record(payload: bytes, path: str = "a", **meta: str) -> Record:
    digest = payload_digest(payload)
    return Record((path, digest), path, path, payload, digest, "text/plain", meta=meta)


def extracted(method: Extraction, payload: bytes | str, path: str = "a", **meta: str) -> Extracted:
    data = payload.encode() if isinstance(payload, str) else payload
    found = method.extract(data, record(data, path, **meta))
    assert isinstance(found, Extracted)
    return found
