from __future__ import annotations

import base64
import gzip
import hashlib
import io
import re
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator

from data4llm_assets.raw_crawl.source import Bad, Record, Skipped
from data4llm_assets.raw_crawl.warc import Warc
from raw_crawl.warc_files import archive, offsets, response

WARC = Warc(kind="warc", path="x", domain="web")


def read(data: bytes, source: Warc = WARC) -> list:
    return list(source.records(io.BytesIO(data), "a.warc.gz"))


def records(data: bytes) -> list[Record]:
    return [found for found in read(data) if isinstance(found, Record)]


def test_a_response_becomes_a_record() -> None:
    (record,) = records(archive(response("http://Site.example:80/a?b#c", b"<html>caf\xe9</html>", "text/html; charset=ISO-8859-1")))
    assert record.url == "http://Site.example:80/a?b#c"
    assert record.address == "//site.example/a?b"
    assert record.payload == b"<html>caf\xe9</html>"
    assert record.media_type == "text/html"
    assert record.meta == {"charset": "iso-8859-1"}
    assert record.fetched_at == "2024-01-02T03:04:05Z"
    assert record.identity == ("//site.example/a?b", record.payload_digest)


def test_everything_else_is_counted_by_type() -> None:
    data = archive(
        response("http://a/", b"gone", status="404 Not Found"),
        response("http://a/i", b"\x89PNG", "image/png"),
        response("http://a/", b"", type="request"),
        response("http://a/", b"", type="revisit"),
    )
    assert read(data) == [Skipped("status 404"), Skipped("image/png"), Skipped("request"), Skipped("revisit")]


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_page_of_16_bit_characters_is_no_binary(codec: str) -> None:
    page = "<p>Съешь же ещё этих мягких французских булок</p>".encode(codec)
    assert [record.payload for record in records(archive(response("https://a.example/", page)))] == [page]


def test_a_locator_is_enough_to_read_the_record_again() -> None:
    data = archive(*(response(f"http://a/{number}", f"<html>{number}</html>".encode()) for number in range(3)))
    for number, record in enumerate(records(data)):
        offset, _, length = record.locator.removeprefix("a.warc.gz#").partition("+")
        again = next(iter(ArchiveIterator(io.BytesIO(data[int(offset) : int(offset) + int(length)]))))
        assert again.content_stream().read() == f"<html>{number}</html>".encode()


def test_records_that_share_a_gzip_member_go_by_their_number() -> None:
    plain = archive(response("http://a/0", b"<html>0"), response("http://a/1", b"<html>1"), compress=False)
    assert [record.locator for record in records(gzip.compress(plain))] == ["a.warc.gz#record/0", "a.warc.gz#record/1"]


@pytest.mark.parametrize("compress", [True, False])
def test_a_truncated_archive_keeps_what_came_before(compress: bool) -> None:
    pages = [response(f"http://a/{number}", b"<html>%d " % number + bytes(range(32, 127)) * 40) for number in range(3)]
    data = archive(*pages, compress=compress)
    last = offsets(*pages, compress=compress)[2]
    for cut in (last + 30, len(data) - 100):
        *kept, tail = read(data[:cut])
        assert [record.url for record in kept] == ["http://a/0", "http://a/1"]
        assert isinstance(tail, Bad)
        assert tail.rule == "raw_crawl.truncated"
        assert tail.locator.startswith(f"a.warc.gz#{last}")


@pytest.mark.parametrize("place", [0, 3, 60, -6])
def test_damage_to_one_member_costs_one_record(place: int) -> None:
    pages = [response(f"http://a/{number}", b"<html>%d " % number + bytes(range(32, 127)) * 40) for number in range(4)]
    data, starts = bytearray(archive(*pages)), offsets(*pages)
    data[starts[1] + place if place >= 0 else starts[2] + place] ^= 0xFF
    found = read(bytes(data))
    assert [record.url for record in found if isinstance(record, Record)] == ["http://a/0", "http://a/2", "http://a/3"]
    assert [bad.rule for bad in found if isinstance(bad, Bad)] == ["raw_crawl.truncated"]


def test_a_wrong_payload_digest_is_not_indexed() -> None:
    data = archive(response("http://a/", b"<html>right</html>"), response("http://b/", b"<html>other</html>"), compress=False)
    right, wrong = read(data.replace(b"<html>other", b"<html>wrong"))
    assert isinstance(right, Record)
    assert (wrong.rule, wrong.locator.partition("#")[0]) == ("raw_crawl.payload_digest", "a.warc.gz")


SHA1 = hashlib.sha1(b"<html>x</html>").digest()


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("sha1:" + base64.b32encode(SHA1).decode().lower(), Record),
        ("SHA-1:" + SHA1.hex(), Record),
        ("sha1:" + base64.urlsafe_b64encode(SHA1).decode(), Record),
        ("md5:" + hashlib.md5(b"<html>x</html>").hexdigest().upper(), Record),
        ("sha1:2JMJ7L5RSW0YVB", Bad),
        ("sha1:" + SHA1.hex()[::-1], Bad),
        ("sha3000:abc", Record),
        ("none", Record),
    ],
)
def test_digests_are_understood_as_writers_print_them_and_those_of_unknown_kinds_are_not_judged(value: str, kind: type) -> None:
    plain = archive(response("http://a/", b"<html>x</html>"), compress=False)
    (found,) = read(re.sub(rb"(WARC-Payload-Digest: )\S+", rb"\1" + value.encode(), plain))
    assert isinstance(found, kind)


def test_chunked_and_compressed_bodies_are_undone() -> None:
    body = gzip.compress(b"<html>" + b"long " * 50, mtime=0)
    chunked = b"%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (10, body[:10], len(body) - 10, body[10:])
    headers = [("Transfer-Encoding", "chunked"), ("Content-Encoding", "gzip")]
    (record,) = records(archive(response("http://a/", chunked, headers=headers)))
    assert record.payload == b"<html>" + b"long " * 50


def test_a_body_that_is_not_what_its_headers_say_is_taken_as_it_is() -> None:
    headers = [("Transfer-Encoding", "chunked"), ("Content-Encoding", "br")]
    (record,) = records(archive(response("http://a/", b"<html>plain</html>", headers=headers)))
    assert record.payload == b"<html>plain</html>"


def test_a_bomb_is_quarantined() -> None:
    bomb = gzip.compress(b"<html>" + bytes(1_000_000))
    data = archive(
        response("http://a/", bomb, headers=[("Content-Encoding", "gzip")]), response("http://b/", b"<html>" + b"x" * 200_000)
    )
    small = Warc(kind="warc", path="x", domain="web", max_bytes=100_000)
    assert [(bad.rule, bad.threshold) for bad in read(data, small)] == [("raw_crawl.max_bytes", 100_000)] * 2


def test_passwords_in_urls_are_not_carried_on() -> None:
    (record,) = records(archive(response("http://user:secret@a.example/", b"<html>x</html>")))
    assert record.url == "http://a.example/"
    assert "secret" not in str(record._replace(payload=b""))


def test_a_file_that_is_no_archive_is_one_decision() -> None:
    assert [bad.rule for bad in read(b"hello, this is no WARC\n" * 20)] == ["raw_crawl.truncated"]
    assert [bad.rule for bad in read(gzip.compress(b"neither is this " * 20))] == ["raw_crawl.truncated"]


def test_real_archives_with_known_faults_are_read_without_a_crash(evaluation_data: Path) -> None:
    files = sorted(file for file in (evaluation_data / "warc").rglob("*") if ".warc" in file.name or ".arc" in file.name)
    assert files
    found = {file.name: list(WARC.records(io.BytesIO(file.read_bytes()), file.name)) for file in files}
    assert sum(isinstance(item, Record) for item in found["warcfile.warc.lz4"]) == 16
    plain, packed = (
        [item.payload_digest for item in found[name] if isinstance(item, Record)] for name in ("warcfile.warc", "warcfile.warc.gz")
    )
    assert plain == packed
    assert sum(isinstance(item, Record) for item in found["clueweb-quirk.warc.gz"]) == 29
    assert [item.rule for item in found["clipped.warc.gz"]] == ["raw_crawl.truncated"]
    assert "raw_crawl.payload_digest" in [item.rule for item in found["example-trunc.warc"] if isinstance(item, Bad)]
