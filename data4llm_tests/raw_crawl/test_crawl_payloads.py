"""Bodies as servers code them: kept as they came, read as what they mean."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import pyarrow as pa
import pytest
from fastwarc.warc import ArchiveIterator

from data4llm_assets.raw_crawl.http_payload import TooLarge, decoded
from data4llm_assets.raw_crawl.source import Record
from raw_crawl.crawl_site import crawl, found, landed, page, response, site

HTML = b"<html><body><p>" + b"Some text of this page. " * 200 + b"</p><a href='/next'>next</a></body></html>"


def brotli(data: bytes) -> bytes:
    # Stored, not compressed: what a reader must be able to read, without a writer.
    import brotli as library

    return bytes(library.compress(data))


def chunked(data: bytes, extra: bytes = b"") -> bytes:
    pieces = [data[place : place + 777] for place in range(0, len(data), 777)]
    framed = b"".join(b"%x%s\r\n%s\r\n" % (len(piece), extra, piece) for piece in pieces)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + framed + b"0\r\nX-Trailer: 1\r\n\r\n"


CODINGS = {
    "gzip": (gzip.compress(HTML), "gzip"),
    "deflate": (zlib.compress(HTML), "deflate"),
    "zstd": (pa.compress(HTML, codec="zstd", asbytes=True), "zstd"),
    "twice": (gzip.compress(gzip.compress(HTML)), "gzip, gzip"),
    "lie": (HTML, "gzip"),
    "unknown": (HTML, "x-unheard-of"),
}


@pytest.mark.parametrize("name", CODINGS)
def test_a_coded_body_is_kept_as_it_came_and_read_as_what_it_means(tmp_path: Path, name: str) -> None:
    body, coding = CODINGS[name]
    with site({"/": response(body, ("Content-Encoding", coding)), "/next": page()}) as served:
        section = crawl(served.url)
        landed(section, tmp_path)
        assert served.asked() == ["/", "/next"]
    records = [each for each in found(section, tmp_path) if isinstance(each, Record)]
    assert HTML in [record.payload for record in records]
    assert body in [kept for file in (tmp_path / "first").glob("pages-*") for kept in bodies(file)]


def bodies(file: Path) -> list[bytes]:
    """Bodies of the responses in a file, as they were sent; verified."""
    kept = []
    with file.open("rb") as stream:
        for record in ArchiveIterator(stream, auto_decode="none"):
            if record.headers["WARC-Type"] == "response":
                assert record.verify_payload_digest()
                kept.append(record.reader.read())
    return kept


def test_brotli_is_read(tmp_path: Path) -> None:
    with site({"/": response(brotli(HTML), ("Content-Encoding", "br"))}) as served:
        section = crawl(served.url, scope={"depth": 0})
        landed(section, tmp_path)
    assert [each.payload for each in found(section, tmp_path) if isinstance(each, Record)] == [HTML]


@pytest.mark.parametrize("extra", [b"", b";name=value"])
def test_a_chunked_body_is_kept_without_its_chunks_so_that_its_digest_is_that_of_the_page(tmp_path: Path, extra: bytes) -> None:
    with site({"/": chunked(HTML, extra)}) as served:
        section = crawl(served.url, scope={"depth": 0})
        landed(section, tmp_path)
    (file,) = (tmp_path / "first").glob("pages-*")
    assert bodies(file) == [HTML]
    with file.open("rb") as stream:
        (http,) = (dict(each.http_headers.items()) for each in ArchiveIterator(stream) if each.headers["WARC-Type"] == "response")
    assert (http["X-Crawl-Transfer-Encoding"], http["Content-Length"]) == ("chunked", str(len(HTML)))
    assert [each.payload for each in found(section, tmp_path) if isinstance(each, Record)] == [HTML]


def test_a_zstd_bomb_is_one_too() -> None:
    bomb = pa.compress(bytes(5_000_000), codec="zstd", asbytes=True)
    with pytest.raises(TooLarge):
        decoded(bomb, "zstd", 1_000_000)
    assert decoded(bomb, "zstd", 5_000_000) == bytes(5_000_000)
    assert decoded(b"nonsense", "zstd", 100) == b"nonsense"
    assert decoded(bomb[:20], "zstd", 100) in (bomb[:20], b"")
