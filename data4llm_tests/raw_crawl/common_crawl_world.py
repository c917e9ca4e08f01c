"""A small web archive as Common Crawl publishes it: WARC files, and one index in several formats."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import polars as pl
from warc_files import archive, offsets, response

from data4llm_assets.node import Delivery
from data4llm_assets.raw_crawl.common_crawl import CommonCrawl
from data4llm_assets.raw_crawl.source import Found

CRAWL = "CC-MAIN-2026-40"
HOSTS = ("example.org", "docs.example.org", "example.com", "other.net")
POLITE = {"first_wait": 0.001, "longest_wait": 0.01, "requests_per_second": 10_000, "retries": 3, "timeout": 5}
Capture = dict[str, Any]


def page(host: str, number: int, edition: int = 0) -> bytes:
    words = " ".join(hashlib.sha256(f"{host} {number} {edition} {index}".encode()).hexdigest() for index in range(20))
    return f"<html><head><title>Page {number}</title></head><body><p>Page {number} of {host}. {words}</p></body></html>".encode()


def world(folder: Path, pages: int = 24, archives: int = 3) -> list[Capture]:
    """Archives under `folder`, each page with its request and metadata; what an index says of the pages, in order of the archives.

    Every eighth page is there twice, every sixth is plain text in German, every fifth was not found.
    """
    captures: list[Capture] = []
    for index in range(archives):
        name = f"crawl-data/{CRAWL}/segments/1.{index}/warc/part-{index:05}.warc.gz"
        numbers = range(index, pages, archives)
        records, told = [], []
        for number in numbers:
            host, url = HOSTS[number % 4], f"https://{HOSTS[number % 4]}/guide/{number}"
            for edition in range(2 if number % 8 == 0 else 1):
                body = page(host, number, edition)
                kind = "text/plain" if number % 6 == 5 else "text/html"
                status = "404 Not Found" if number % 5 == 4 else "200 OK"
                records += [response(url, b"", type="request"), response(url, body, kind, status=status)]
                told.append((len(records) - 1, url, host, body, kind, status, edition, number))
        data, starts = archive(*records), [*offsets(*records), 0]
        starts[-1] = len(data)
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        captures += [
            {
                "urlkey": f"{','.join(reversed(host.split('.')))})/guide/{number}",
                "timestamp": f"202610{10 + edition:02}010203",
                "url": url,
                "mime": kind,
                "mime-detected": kind,
                "status": status[:3],
                "digest": base64.b32encode(hashlib.sha1(body).digest()).decode(),
                "length": str(starts[at + 1] - starts[at]),
                "offset": str(starts[at]),
                "filename": name,
                "languages": "deu,eng" if kind == "text/plain" else "eng",
            }
            for at, url, host, body, kind, status, edition, number in told
        ]
    return captures


def lines(captures: list[Capture]) -> list[str]:
    """CDXJ, sorted."""
    return sorted(
        f"{each['urlkey']} {each['timestamp']} {json.dumps({key: each[key] for key in each if key not in ('urlkey', 'timestamp')})}"
        for each in captures
    )


def cdxj(path: Path, captures: list[Capture]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = "".join(f"{line}\n" for line in lines(captures)).encode()
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return path


def zipnum(folder: Path, captures: list[Capture], lines_per_block: int = 4, parts: int = 2) -> Path:
    """A cluster: blocks of lines in gzip members over several files, and `cluster.idx` that says where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    found = lines(captures)
    blocks = [found[start : start + lines_per_block] for start in range(0, len(found), lines_per_block)]
    index: list[str] = []
    for part in range(parts):
        name, data = f"cdx-{part:05}.gz", b""
        for block in blocks[len(blocks) * part // parts : len(blocks) * (part + 1) // parts]:
            member = gzip.compress("".join(f"{line}\n" for line in block).encode(), mtime=0)
            index.append(
                "\t".join([" ".join(block[0].split(" ")[:2]), name, str(len(data)), str(len(member)), str(len(index) + 1)])
            )
            data += member
        (folder / name).write_bytes(data)
    (folder / "cluster.idx").write_text("".join(f"{line}\n" for line in index))
    return folder / "cluster.idx"


def table(path: Path, captures: list[Capture], rows_per_group: int = 5) -> Path:
    """Common Crawl's columnar index."""
    path.parent.mkdir(parents=True, exist_ok=True)
    hosts = [each["url"].split("/")[2] for each in captures]
    pl.DataFrame(
        {
            "url_surtkey": [each["urlkey"] for each in captures],
            "url": [each["url"] for each in captures],
            "url_host_name": hosts,
            "url_host_tld": [host.rpartition(".")[2] for host in hosts],
            "url_host_registered_domain": [".".join(host.split(".")[-2:]) for host in hosts],
            "fetch_time": pl.Series([each["timestamp"] for each in captures]).str.to_datetime("%Y%m%d%H%M%S", time_unit="ms"),
            "fetch_status": pl.Series([int(each["status"]) for each in captures], dtype=pl.Int16),
            "content_digest": [each["digest"] for each in captures],
            "content_mime_type": [each["mime"] for each in captures],
            "content_mime_detected": [each["mime-detected"] for each in captures],
            "content_languages": [each["languages"] for each in captures],
            "warc_filename": [each["filename"] for each in captures],
            "warc_record_offset": pl.Series([int(each["offset"]) for each in captures], dtype=pl.Int32),
            "warc_record_length": pl.Series([int(each["length"]) for each in captures], dtype=pl.Int32),
        }
    ).sort("url_surtkey").write_parquet(path, row_group_size=rows_per_group)
    return path


def section(**keys: Any) -> CommonCrawl:
    """A source that never leaves this machine: `data` must be given."""
    assert "data" in keys
    given = {"kind": "common_crawl", "domain": "web", "files": 3, "gap": 100, "politeness": POLITE, **keys}
    return CommonCrawl.model_validate({**given, "index": str(given["index"]) if "index" in given else ()})


def landed(source: CommonCrawl, folder: Path) -> dict[str, bytes]:
    """What a landing makes: the files that a snapshot would list."""
    source.land(Delivery(folder, folder.name, 1))
    return files(folder)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*")) if path.is_file()}


def found(source: CommonCrawl, folder: Path) -> list[Found]:
    result: list[Found] = []
    for path in sorted(folder.glob("*.warc.gz")):
        with path.open("rb") as stream:
            result += source.records(stream, path.name)
    return result


def of(captures: list[Capture], **keys: str) -> set[tuple[str, str]]:
    """(URL, digest) of the captures that have these values, the newest of each URL."""
    newest: dict[str, Capture] = {}
    for each in captures:
        if (
            all(each[key.replace("_", "-")] == value for key, value in keys.items())
            and each["timestamp"] >= newest.get(each["url"], each)["timestamp"]
        ):
            newest[each["url"]] = each
    return {(each["url"], each["digest"]) for each in newest.values()}
