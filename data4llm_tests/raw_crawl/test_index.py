from __future__ import annotations

import io
from typing import Any

import polars as pl
import pytest

from data4llm_assets.document import DOCUMENTS, RECORDS, document_id, page_id
from data4llm_assets.node import Ref
from data4llm_assets.raw_crawl.fields import Fields
from data4llm_assets.raw_crawl.files import Files
from data4llm_assets.raw_crawl.jsonl import Jsonl
from data4llm_assets.raw_crawl.parquet import Parquet
from data4llm_assets.raw_crawl.reading import SourceUnreachable
from data4llm_assets.raw_crawl.source import SourceSection
from data4llm_assets.raw_crawl.stage import RawCrawl
from data4llm_assets.raw_crawl.warc import Warc
from raw_crawl.crawl_work import CrawlWork, place
from raw_crawl.warc_files import archive, response

FILES = Files(kind="files", path="x", domain="docs", license="MIT")
JSONL = Jsonl(kind="jsonl", path="x", domain="docs", fields=Fields(id="id"))


def crawled(work: CrawlWork, source: SourceSection = FILES) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, Any]]:
    """(records, decisions, the one row of the frame `partition`)."""
    (node,) = RawCrawl().nodes(place("raw_crawl", source))
    node.make(work)
    for expectation in node.expectations:
        assert expectation.arguments["column"] in work.metrics[expectation.frame].columns
    records, decisions = work.table("records", node), work.table("decisions", node)
    assert dict(records.schema) == dict(node.schemas["records"])
    assert dict(decisions.schema) == dict(node.schemas["decisions"])
    (totals,) = work.metrics["partition"].to_dicts()
    assert totals["unexplained"] == 0
    return records, decisions, totals


def test_the_index_holds_what_the_sources_hold_and_not_the_bytes() -> None:
    records, decisions, totals = crawled(CrawlWork({"b.md": b"# B", "a.txt": b"text a", "c.png": b"\x89PNG"}))
    assert records.schema == RECORDS
    assert records["locator"].to_list() == ["a.txt", "b.md"]
    assert records["page_id"].to_list() == [page_id("web", "a.txt"), page_id("web", "b.md")]
    assert records["payload_bytes"].to_list() == [6, 3]
    assert records["license"].to_list() == ["MIT", "MIT"]
    assert decisions.height == 0
    assert (totals["files"], totals["records"], totals["skipped"], totals["bytes"]) == (3, 2, 1, 9)


def test_every_bad_file_is_one_decision_and_the_shard_goes_on() -> None:
    work = CrawlWork({"changed.md": b"old", "empty.md": b"", "fine.md": b"fine", "gone.md": b"gone"}, gone=("gone.md",))
    work.replace("changed.md", b"new")
    records, decisions, totals = crawled(work)
    assert records["locator"].to_list() == ["fine.md"]
    assert dict(decisions.select("rule", "doc_id").iter_rows()) == {
        rule: document_id("web", "one", "bad", path)
        for rule, path in (
            ("raw_crawl.changed", "changed.md"),
            ("raw_crawl.empty_file", "empty.md"),
            ("raw_crawl.vanished", "gone.md"),
        )
    }
    assert set(decisions["action"]) == {"drop"}
    assert totals["vanished"] == 3


def test_all_that_a_changed_file_gave_is_taken_back() -> None:
    work = CrawlWork(
        {"a.jsonl": b'{"text": "a"}\n', "b.jsonl": b'{"text": "b"}\n{"text": "c\\u0000"}\n{\n', "c.jsonl": b'{"text": "d"}\n'}
    )
    work.replace("b.jsonl", b'{"text": "b"}\n{"text": "c\\u0000"}\n{{\n')
    records, decisions, totals = crawled(work, JSONL)
    assert records["locator"].to_list() == ["a.jsonl#line/1", "c.jsonl#line/1"]
    assert decisions.select("rule", "value").rows() == [("raw_crawl.changed", 2.0)]
    assert (totals["seen"], totals["quarantined"]) == (6, 4)


def test_a_parquet_file_that_changed_is_not_read() -> None:
    out = io.BytesIO()
    pl.DataFrame({"text": ["a", "b"]}).write_parquet(out)
    source = Parquet(kind="parquet", path="x", domain="docs")
    work = CrawlWork({"a.parquet": out.getvalue()})
    assert crawled(work, source)[0]["locator"].to_list() == ["a.parquet#row/0", "a.parquet#row/1"]
    work = CrawlWork({"a.parquet": out.getvalue()})
    work.replace("a.parquet", out.getvalue() + b"\n")
    assert crawled(work, source)[1]["rule"].to_list() == ["raw_crawl.changed"]


def test_identical_records_are_one_row_with_a_count() -> None:
    page = response("http://a.example/", b"<html>same</html>")
    other = response("http://a.example/", b"<html>other</html>")
    work = CrawlWork({"1.warc.gz": archive(page, other), "2.warc.gz": archive(page, page)})
    records, _, totals = crawled(work, Warc(kind="warc", path="x", domain="web"))
    assert records["count"].to_list() == [3, 1]
    assert records["page_id"].n_unique() == 1
    assert records["locator"][0].startswith("1.warc.gz#0+")
    assert totals["repeats"] == 2


def test_a_records_identity_does_not_depend_on_where_it_lies() -> None:
    first, second = response("http://a/", b"<html>1</html>"), response("http://b/", b"<html>2</html>")
    warc = Warc(kind="warc", path="x", domain="web")
    one = crawled(CrawlWork({"a.warc.gz": archive(first, second)}), warc)[0]
    two = crawled(CrawlWork({"b.warc": archive(second, compress=False), "c.warc.gz": archive(first)}), warc)[0]
    assert sorted(one["doc_id"]) == sorted(two["doc_id"])


def test_a_mended_text_is_told_as_an_edit() -> None:
    _, decisions, _ = crawled(CrawlWork({"a.jsonl": b'{"text": "a\\u0000\\ud800"}'}), JSONL)
    assert decisions.select("rule", "action", "value").rows() == [
        ("raw_crawl.lone_surrogates", "edit", 1.0),
        ("raw_crawl.nul", "edit", 1.0),
    ]


class BrokenDisk(io.RawIOBase):
    def read(self, size: int = -1) -> bytes:
        raise OSError(5, "input/output error")


@pytest.mark.parametrize(
    ("name", "source"), [("a.warc.gz", Warc(kind="warc", path="x", domain="w")), ("a.jsonl.gz", JSONL), ("a.md", FILES)]
)
def test_a_broken_disk_is_not_taken_for_broken_data(name: str, source: SourceSection) -> None:
    with pytest.raises(SourceUnreachable, match="input/output error"):
        crawled(CrawlWork({name: BrokenDisk()}), source)


def test_a_share_of_bad_records_is_known_once_there_are_enough() -> None:
    lines = [b"{" if number % 4 == 0 else b'{"text": "%d"}' % number for number in range(40)]
    assert crawled(CrawlWork({"a.jsonl": b"\n".join(lines)}), JSONL)[2]["quarantined_share"] == 0.25
    assert crawled(CrawlWork({"a.jsonl": b"{\n"}), JSONL)[2]["quarantined_share"] is None
    assert crawled(CrawlWork({}), JSONL)[2]["records"] == 0


def test_only_what_changes_the_index_makes_it() -> None:
    def settings(**keys: Any) -> Any:
        (node,) = RawCrawl().nodes(place("raw_crawl", Warc(**{"kind": "warc", "path": "x", "domain": "web", **keys})))
        return node.by_source["web"]

    assert settings() == settings(path="y", shards=3, priority=2, include=("*.gz",), exclude=("b*",), access="private")
    assert settings() != settings(domain="news")
    assert settings() != settings(max_bytes=7)
    assert "FastWARC" in settings()["reader"]["libraries"]


def test_a_trial_shows_type_size_and_digest() -> None:
    document = pl.DataFrame([{"source": "web", "text": "x" * 20, "media_type": "text/plain"}], schema=DOCUMENTS)
    small = FILES.model_copy(update={"max_bytes": 10})
    verdicts = {verdict.rule: verdict for verdict in RawCrawl().trial(place("raw_crawl", small), document, None).verdicts}
    assert verdicts["raw_crawl.media_type"].value == "text/plain"
    assert (verdicts["raw_crawl.max_bytes"].value, verdicts["raw_crawl.max_bytes"].action) == (20.0, "drop")
    assert len(str(verdicts["raw_crawl.payload_digest"].value)) == 32
    assert RawCrawl().after(place("raw_crawl", FILES)).kept == Ref("raw_crawl", "records")
