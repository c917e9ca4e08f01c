"""One archive, several formats of its index: whatever the format, the same records are found."""

from __future__ import annotations

import bisect
import gzip
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from common_crawl_world import Capture, cdxj, files, landed, lines, of, section, table, world, zipnum
from range_server import RangeServer

from data4llm_assets.node import LandingFailed
from data4llm_assets.raw_crawl.ranges import zipnum as clusters

WANTED: dict[str, dict[str, Any]] = {
    "hosts": {"hosts": ["docs.example.org", "other.net"]},
    "domains": {"domains": ["example.org"], "captures": "all"},
    "prefixes": {"prefixes": ["http://example.com/guide/1", "net,other)/guide/3"]},
    "languages": {"languages": ["deu"], "tlds": ["org", "com"]},
    "sample": {"max_records": 5},
    "pattern": {"pattern": r"/\d$", "statuses": [200, 404]},
    "everything": {"statuses": [], "media_types": [], "captures": "all"},
}


def server_lines(path: Path, captures: list[Capture]) -> Path:
    """As an index server answers with output=json."""
    path.write_text("".join(f"{json.dumps(each)}\n" for each in captures))
    return path


@pytest.mark.parametrize("wanted", WANTED.values(), ids=WANTED)
def test_every_format_of_the_index_gives_the_same_landing(tmp_path: Path, wanted: dict[str, Any]) -> None:
    captures = world(tmp_path / "data")
    indexes = [
        cdxj(tmp_path / "a.cdxj", captures),
        cdxj(tmp_path / "b.cdxj.gz", captures),
        server_lines(tmp_path / "c.jsonl", captures),
        zipnum(tmp_path / "zipnum", captures),
        table(tmp_path / "d.parquet", captures),
    ]
    landings = [
        landed(section(index=index, data=str(tmp_path / "data"), wanted=wanted), tmp_path / "landing" / f"s{number}")
        for number, index in enumerate(indexes)
    ]
    assert landings[0]
    assert all(landing == landings[0] for landing in landings)


def test_classic_cdx_is_read_by_its_letters(tmp_path: Path) -> None:
    captures = world(tmp_path / "data")
    keys = ("urlkey", "timestamp", "url", "mime", "status", "digest", None, None, "length", "offset", "filename")
    rows = sorted(" ".join(each[key] if key else "-" for key in keys) for each in captures)
    classic = tmp_path / "index.cdx"
    classic.write_text(" CDX N b a m s k r M S V g\n" + "".join(f"{row}\n" for row in rows))
    one = landed(section(index=classic, data=str(tmp_path / "data")), tmp_path / "one")
    assert one == landed(section(index=cdxj(tmp_path / "i.cdxj", captures), data=str(tmp_path / "data")), tmp_path / "two")


def test_indexes_are_read_over_http_and_by_a_listing_of_paths(tmp_path: Path) -> None:
    captures = world(tmp_path / "data")
    here = landed(section(index=cdxj(tmp_path / "i.cdxj", captures), data=str(tmp_path / "data")), tmp_path / "landing" / "here")
    half = len(captures) // 2
    table(tmp_path / "data/table/subset=warc/part-0.parquet", captures[:half])
    table(tmp_path / "data/table/subset=warc/part-1.parquet", captures[half:])
    table(tmp_path / "data/table/subset=robotstxt/part-2.parquet", captures)
    names = sorted(path.relative_to(tmp_path / "data").as_posix() for path in (tmp_path / "data/table").rglob("*.parquet"))
    (tmp_path / "data/CC-7.paths.gz").write_bytes(gzip.compress("\n".join(names).encode()))
    zipnum(tmp_path / "data/cluster", captures)
    cdxj(tmp_path / "data/i.cdxj.gz", captures)
    with RangeServer(tmp_path / "data") as server:
        for number, index in enumerate(("{crawl}.paths.gz", "cluster/cluster.idx?crawl={crawl}", "i.cdxj.gz?{crawl}")):
            source = section(index=f"{server.url}{index}", crawl="CC-7", data=server.url)
            assert landed(source, tmp_path / "landing" / f"s{number}") == here
    assert not any("robotstxt" in path for path in server.paths)


def test_a_cluster_is_searched_by_few_requests(tmp_path: Path) -> None:
    keys = sorted(f"org,host{number % 977:03})/path/{number} 20261010" for number in range(20_000))
    index = "".join(f"{key}\tcdx-{number % 3}.gz\t{number * 100}\t100\t{number}\n" for number, key in enumerate(keys)).encode()
    read = 0

    def span(start: int, end: int) -> bytes:
        nonlocal read
        read += len(index[start:end])
        return index[start:end]

    for wanted in ("org,host500)/", "org,host500)/path/9", "org,host", "org,host000)/path/0 2", "org,host976)/path/99", "zzz", "a"):
        read = 0
        found = clusters.blocks(span, len(index), [wanted], "cluster.idx")
        first = bisect.bisect_left(keys, wanted)
        last = bisect.bisect_left(keys, wanted + "\U0010ffff")
        assert [block.offset // 100 for block in sorted(found, key=lambda b: b.offset)] == list(range(max(0, first - 1), last))
        assert read < 600_000 or wanted == "org,host"


def test_only_the_blocks_and_row_groups_that_can_hold_what_is_wanted_are_read(tmp_path: Path) -> None:
    captures = [
        {**each, "urlkey": f"org,site{number:05})/", "url": f"https://site{number:05}.org/"}
        for number, each in enumerate(world(tmp_path / "data", pages=12) * 400)
    ]
    zipnum(tmp_path / "data/cluster", captures, lines_per_block=50)
    table(tmp_path / "data/t.parquet", captures, rows_per_group=200)
    with RangeServer(tmp_path / "data") as server:
        for index in ("cluster/cluster.idx", "t.parquet"):
            before = server.bytes_sent
            source = section(index=server.url + index, data=server.url, wanted={"hosts": ["site00700.org"], "statuses": []})
            landed(source, tmp_path / "landing" / index.replace("/", "-"))
            assert server.bytes_sent - before < 100_000
    assert len(files(tmp_path / "landing" / "t.parquet")) == 1


def test_a_broken_line_of_an_index_is_quarantined_and_costs_no_other(tmp_path: Path) -> None:
    captures = world(tmp_path / "data")
    text = "".join(f"{line}\n" for line in lines(captures))
    (tmp_path / "i.cdxj").write_text(text + 'org,example)/x 2026 {"url": "htt\norg,example)/y nonsense\n')
    source = section(index=tmp_path / "i.cdxj", data=str(tmp_path / "data"), files=1, wanted={"domains": ["example.org"]})
    landed(source, tmp_path / "first")
    plan = pl.read_parquet(tmp_path / "first/.landing/wanted.parquet")
    assert plan["trouble"].drop_nulls().str.starts_with("raw_crawl.broken_index: a line cannot be read").to_list() == [True, True]
    assert plan.height - 2 == len([url for url, _ in of(captures, status="200") if "example.org/" in url])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("i.parquet", b"no parquet", "i.parquet is no Parquet file, or damaged"),
        ("i.cdxj.gz", gzip.compress(b"org,example)/ 2026 {}\n" * 1000, mtime=0)[:40], "i.cdxj.gz is damaged or cut off"),
        ("cluster.idx", b"org,example)/ 2026 nothing\n", "cluster.idx is no list of blocks"),
        ("cluster.idx", b"org,example)/ 2026\tcdx-9.gz\t0\t10\n", "or it names files that are not there"),
    ],
)
def test_an_index_that_cannot_be_read_says_so(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(LandingFailed, match=message):
        landed(section(index=tmp_path / name, data=str(tmp_path)), tmp_path / "landing" / "first")


def test_a_table_without_a_column_that_is_asked_for_says_which(tmp_path: Path) -> None:
    captures = world(tmp_path / "data")
    pl.read_parquet(table(tmp_path / "i.parquet", captures)).drop("content_languages").write_parquet(tmp_path / "i.parquet")
    source = section(index=tmp_path / "i.parquet", data=str(tmp_path / "data"), wanted={"languages": ["eng"]})
    with pytest.raises(LandingFailed, match=r"has no column 'content_languages', which wanted.languages asks for"):
        landed(source, tmp_path / "landing" / "first")
