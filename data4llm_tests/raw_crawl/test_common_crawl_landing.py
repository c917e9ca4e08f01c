"""What lands is what is wanted: through an index, by ranges, bit for bit."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from common_crawl_world import cdxj, files, found, landed, of, section, world
from range_server import RangeServer
from warcio.archiveiterator import ArchiveIterator

from data4llm_assets.raw_crawl.source import Record


def urls_and_digests(folder: Path) -> list[tuple[str, str]]:
    """As another reader sees it: (URL, SHA-1 of the payload) of every landed response."""
    seen = []
    for path in sorted(folder.glob("*.warc.gz")):
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, check_digests="raise"):
                if record.rec_type == "response":
                    payload = record.content_stream().read()
                    digest = base64.b32encode(hashlib.sha1(payload).digest()).decode()
                    seen.append((record.rec_headers.get_header("WARC-Target-URI"), digest))
    return seen


def test_exactly_the_wanted_records_land_and_little_else_is_sent(tmp_path: Path) -> None:
    captures = world(tmp_path / "data")
    index = cdxj(tmp_path / "index.cdxj", captures)
    with RangeServer(tmp_path / "data") as server:
        source = section(index=index, data=server.url, wanted={"hosts": ["docs.example.org"]})
        landed(source, tmp_path / "landing" / "first")
    expected = of(captures, status="200") & {pair for pair in of(captures) if "//docs.example.org/" in pair[0]}
    assert expected
    assert sorted(urls_and_digests(tmp_path / "landing" / "first")) == sorted(expected)
    wanted = sum(int(each["length"]) for each in captures if (each["url"], each["digest"]) in expected)
    assert wanted <= server.bytes_sent <= wanted * 1.05


def test_records_land_bit_for_bit_in_order_of_file_and_offset(tmp_path: Path) -> None:
    captures = world(tmp_path / "data")
    source = section(index=cdxj(tmp_path / "i.cdxj.gz", captures), data=str(tmp_path / "data"), files=1, wanted={"captures": "all"})
    got = landed(source, tmp_path / "landing" / "first")
    wanted = sorted((each["filename"], int(each["offset"]), int(each["length"])) for each in captures if each["status"] == "200")
    assert got == {
        "pages-00.warc.gz": b"".join(
            (tmp_path / "data" / name).read_bytes()[offset : offset + length] for name, offset, length in wanted
        )
    }


def test_records_come_out_as_documents(tmp_path: Path) -> None:
    captures = world(tmp_path / "data")
    source = section(index=cdxj(tmp_path / "i.cdxj", captures), data=str(tmp_path / "data"), wanted={"tlds": ["net"]})
    landed(source, tmp_path / "landing" / "first")
    records = found(source, tmp_path / "landing" / "first")
    assert {record.url for record in records if isinstance(record, Record)} == {
        url for url, _ in of(captures, status="200") if ".net" in url
    }
    assert all(isinstance(record, Record) and record.fetched_at == "2024-01-02T03:04:05Z" for record in records)


def test_a_finished_landing_is_left_alone(tmp_path: Path) -> None:
    captures = world(tmp_path / "data")
    index = cdxj(tmp_path / "i.cdxj", captures)
    with RangeServer(tmp_path / "data") as server:
        before = landed(section(index=index, data=server.url), tmp_path / "landing" / "first")
        asked = len(server.paths)
        index.unlink()
        source = section(index=index, data=server.url, wanted={"hosts": ["example.org"]})
        assert landed(source, tmp_path / "landing" / "first") == before
        assert len(server.paths) == asked


def test_records_that_lie_together_are_one_request(tmp_path: Path) -> None:
    captures = world(tmp_path / "data", archives=2)
    index = cdxj(tmp_path / "i.cdxj", captures)
    with RangeServer(tmp_path / "data") as server:
        landed(section(index=index, data=server.url, gap=100_000), tmp_path / "landing" / "one")
        assert len(server.paths) == 2
        landed(section(index=index, data=server.url, gap=0), tmp_path / "landing" / "many")
    assert len(server.paths) == 2 + len(of(captures, status="200"))
    assert files(tmp_path / "landing" / "one") == files(tmp_path / "landing" / "many")
