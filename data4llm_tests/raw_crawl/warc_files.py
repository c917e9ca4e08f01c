"""WARC files for tests, written by warcio."""

from __future__ import annotations

import io
from typing import Any

from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter


def response(
    url: str,
    body: bytes,
    content_type: str = "text/html",
    *,
    status: str = "200 OK",
    type: str = "response",
    headers: list[tuple[str, str]] | None = None,
) -> dict[str, Any]:
    """One record for `archive`: a response unless `type` says otherwise."""
    http = StatusAndHeaders(status, [("Content-Type", content_type), *(headers or [])], protocol="HTTP/1.1")
    if type == "request":
        http = StatusAndHeaders("GET / HTTP/1.1", [("Host", "a")], is_http_request=True)
    warc = {"WARC-Date": "2024-01-02T03:04:05Z"}
    return {"uri": url, "record_type": type, "payload": body, "http_headers": http, "warc_headers_dict": warc}


def archive(*records: dict[str, Any], compress: bool = True) -> bytes:
    return _write(records, compress)[0]


def offsets(*records: dict[str, Any], compress: bool = True) -> list[int]:
    return _write(records, compress)[1]


def _write(records: tuple[dict[str, Any], ...], compress: bool) -> tuple[bytes, list[int]]:
    out, starts = io.BytesIO(), []
    writer = WARCWriter(out, gzip=compress)
    for number, record in enumerate(records):
        starts.append(out.tell())
        # A fixed id: compressed lengths must not differ between two calls.
        named = {**record["warc_headers_dict"], "WARC-Record-ID": f"<urn:uuid:00000000-0000-0000-0000-{number:012}>"}
        content = io.BytesIO(record["payload"])
        writer.write_record(writer.create_warc_record(**{**record, "payload": content, "warc_headers_dict": named}))
    return out.getvalue(), starts
