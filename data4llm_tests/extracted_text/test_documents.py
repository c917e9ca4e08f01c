from __future__ import annotations

from typing import Any, Literal

import polars as pl
import pytest
from pydantic import ValidationError

from data4llm_assets.document import DOCUMENTS, text_digest
from data4llm_assets.engine.fingerprint import Ingredients
from data4llm_assets.extracted_text import documents
from data4llm_assets.extracted_text.auto import Auto
from data4llm_assets.extracted_text.extraction import Extracted, Extraction, Refused
from data4llm_assets.extracted_text.plain import Plain
from data4llm_assets.extracted_text.stage import ExtractedText
from data4llm_assets.extracted_text.trafilatura import Trafilatura
from data4llm_assets.node import Node, Partition, Place, Ref, View
from data4llm_assets.raw_crawl.fields import Fields
from data4llm_assets.raw_crawl.files import Files
from data4llm_assets.raw_crawl.jsonl import Jsonl
from data4llm_assets.raw_crawl.source import Record, SourceSection
from data4llm_assets.raw_crawl.stage import RawCrawl
from raw_crawl.crawl_work import CrawlWork, place

RECORDS = Ref("raw_crawl", "records")
FILES = Files(kind="files", path="x", domain="docs")
PAGE = b"<html lang=en><title>T</title><body><p>" + b"A sentence of the page, with words in it. " * 10


class Shouted(Extraction):
    """A user's own method."""

    method: Literal["extracted_text.test_documents:Shouted"]
    mark: str = "!"

    def extract(self, payload: bytes, record: Record) -> Extracted | Refused:
        if b"fail" in payload:
            raise RecursionError("the text itself")
        return Extracted(payload.decode().upper() + self.mark, "Loud", "en", {"by": "me"})


def through(
    work: CrawlWork, source: SourceSection = FILES, section: ExtractedText | None = None
) -> tuple[pl.DataFrame, dict[str, str], dict[str, Any]]:
    """(documents, rule by doc_id, the one row of the frame `partition`) of both stages in turn."""
    (crawl,) = RawCrawl().nodes(place("raw_crawl", source))
    crawl.make(work)
    return again(work, work.table("records", crawl), source, section)


def again(
    work: CrawlWork, records: pl.DataFrame, source: SourceSection = FILES, section: ExtractedText | None = None
) -> tuple[pl.DataFrame, dict[str, str], dict[str, Any]]:
    """The second stage alone, over an index and the files of `work` as they are by now."""
    (node,) = (section or ExtractedText()).nodes(place("extracted_text", source, View(kept=RECORDS)))
    step = CrawlWork(work._files, {RECORDS: records}, work._gone)
    node.make(step)
    for expectation in node.expectations:
        assert expectation.arguments["column"] in step.metrics[expectation.frame].columns
    found, decisions = step.table("documents", node), step.table("decisions", node)
    assert dict(found.schema) == dict(DOCUMENTS)
    assert dict(decisions.schema) == dict(node.schemas["decisions"])
    assert sorted([*found["doc_id"], *decisions["doc_id"]]) == sorted(records["doc_id"])
    (totals,) = step.metrics["partition"].to_dicts()
    work.metrics, work.counters, work._written = step.metrics, step.counters, step._written
    return found, dict(decisions.select("doc_id", "rule").iter_rows()), totals


def test_every_kind_of_text_is_extracted_by_its_method() -> None:
    work = CrawlWork({"a.html": PAGE, "b.md": b"# *B*", "c.rst": b"C\n=\n", "d.txt": b"d\r\n", "e.py": b"e = 1\r\n"})
    found, decided, totals = through(work)
    assert found["text"].to_list()[1:] == ["# B", "# C", "d\n", "e = 1\r\n"]
    assert found["text_digest"].to_list() == [text_digest(text) for text in found["text"]]
    assert found["bytes"].to_list()[1:] == [3, 3, 2, 7]
    assert found["title"].to_list() == ["T", "B", "C", None, None]
    assert found["language"].to_list() == ["en", None, None, None, None]
    assert found["meta"].to_list()[4] == [{"key": "language", "value": "Python"}]
    assert decided == {}
    assert totals["documents"] == 5
    assert work.counters == {"documents_parsed": 5, "bytes_parsed": len(PAGE) + 5 + 4 + 3 + 7}
    assert work.metrics["media_types"]["documents_out"].to_list() == [1, 1, 1, 1, 1]
    assert work.metrics["domains"].rows() == [("docs", 5, int(found["bytes"].sum()))]


def test_every_record_without_text_has_a_decision() -> None:
    section = ExtractedText.model_validate(
        {"code": None, "plain": {"method": "extracted_text.test_documents:Shouted"}, "markdown": {"max_bytes": 3}}
    )
    work = CrawlWork({"a.html": b"<html><body></body></html>", "b.py": b"x", "c.txt": b"fail", "d.md": b"# long", "e.txt": b"fine"})
    found, decided, totals = through(work, FILES, section)
    assert found["text"].to_list() == ["FINE!"]
    assert sorted(decided.values()) == [
        "extracted_text.empty",
        "extracted_text.failed",
        "extracted_text.max_bytes",
        "extracted_text.unsupported",
    ]
    assert [totals[name] for name in ("empty", "failed", "beyond_limits", "unsupported", "lost")] == [1, 1, 1, 1, 0]


def test_a_payload_that_changed_after_indexing_is_refused() -> None:
    source = Jsonl(kind="jsonl", path="x", domain="docs", fields=Fields(id="id"))
    work = CrawlWork(
        {"a.jsonl": b'{"id": 1, "text": "one"}\n{"id": 2, "text": "two"}\n', "b.jsonl": b'{"id": 3, "text": "three"}\n'}
    )
    (crawl,) = RawCrawl().nodes(place("raw_crawl", source))
    crawl.make(work)
    records = work.table("records", crawl)
    work.replace("a.jsonl", b'{"id": 1, "text": "one"}\n{"id": 2, "text": "TWO"}\n')
    work._gone = ("b.jsonl",)
    found, decided, totals = again(work, records, source)
    assert found["text"].to_list() == ["one"]
    assert [decided[doc_id] for doc_id in records["doc_id"][1:]] == ["extracted_text.payload_changed", "extracted_text.missing"]
    assert totals["lost"] == 2


def test_records_that_moved_are_found_by_what_they_are() -> None:
    source = Jsonl(kind="jsonl", path="x", domain="docs", fields=Fields(id="id"))
    work = CrawlWork({"a.jsonl": b'{"id": 1, "text": "one"}\n{"id": 2, "text": "two"}\n'})
    (crawl,) = RawCrawl().nodes(place("raw_crawl", source))
    crawl.make(work)
    work.replace(
        "a.jsonl", b'{"id": 0, "text": "new"}\n{"id": 2, "text": "two"}\n{"id": 1, "text": "one"}\n{"id": 1, "text": "one"}\n'
    )
    found, decided, _ = again(work, work.table("records", crawl), source)
    assert found["text"].to_list() == ["two", "one"]
    assert decided == {}


def test_what_the_index_knows_is_kept_and_extraction_fills_the_rest() -> None:
    source = Jsonl(kind="jsonl", path="x", domain="d", fields=Fields(title="t", meta=("n",)))
    section = ExtractedText.model_validate({"plain": {"method": "extracted_text.test_documents:Shouted"}})
    work = CrawlWork({"a.jsonl": b'{"text": "a", "t": "Own", "n": 1}\n{"text": "b"}\n'})
    found, _, _ = through(work, source, section)
    assert found["title"].to_list() == ["Own", "Loud"]
    assert found["language"].to_list() == ["en", "en"]
    assert found["meta"].to_list() == [
        [{"key": "n", "value": "1"}, {"key": "by", "value": "me"}],
        [{"key": "by", "value": "me"}],
    ]


def test_rows_are_written_in_batches_of_bounded_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "BATCH_BYTES", 100)
    work = CrawlWork({f"{number}.txt": b"x" * 40 for number in range(7)})
    found, _, totals = through(work)
    assert found.height == totals["documents"] == 7
    assert [batch.height for batch in work.batches("documents")] == [3, 3, 1]


def test_garbled_and_tagged_texts_are_counted() -> None:
    garbled = "caf\ufffd".encode()
    page = PAGE + b'<p>&lt;div class="left"&gt; is left over in this text, which is about something else.</p>'
    work = CrawlWork(
        {**{f"{number:02}.txt": garbled for number in range(20)}, **{f"{number:02}.html": page for number in range(20)}}
    )
    _, _, totals = through(work)
    assert totals["replacement_share"] == 0.5
    assert totals["html_share_left"] == 1.0
    assert totals["mean_bytes"] > 100


def test_an_empty_partition_has_no_shares() -> None:
    found, _, totals = through(CrawlWork({}))
    assert found.height == 0
    assert totals["empty_share"] is None
    assert totals["mean_bytes"] is None


def test_a_section_names_methods_and_refuses_what_is_none() -> None:
    section = ExtractedText.model_validate({"html": {"strictness": 2}, "plain": {"method": "plain", "max_bytes": 5}})
    assert section.html == Auto(strictness=2)
    assert section.plain == Plain(max_bytes=5)
    assert section.model_dump()["plain"] == {"method": "plain", "max_bytes": 5}
    assert ExtractedText.model_validate(section.model_dump()) == section
    precise = ExtractedText.model_validate({"html": {"method": "trafilatura", "mode": "precision"}})
    assert precise.html == Trafilatura(mode="precision")
    with pytest.raises(ValidationError, match="no method is called 'trafilatur'"):
        ExtractedText.model_validate({"html": {"method": "trafilatur"}})
    with pytest.raises(ValidationError, match="strictnes"):
        ExtractedText.model_validate({"html": {"strictnes": 2}})
    with pytest.raises(ValidationError, match=r"'data4llm_assets\.method:Rule' extracts no text"):
        ExtractedText.model_validate({"html": {"method": "data4llm_assets.method:Rule"}})


def test_the_parameters_of_every_kind_make_the_step() -> None:
    def settings(**keys: Any) -> Any:
        return node_of(**keys).by_source["web"]

    assert settings() == settings()
    assert settings() != settings(markdown={"method": "plain", "max_bytes": 5})
    assert settings(markdown={"method": "plain"}) != settings(markdown={"method": "plain", "max_bytes": 5})
    assert settings() != settings(media_types={"text/x-log": "plain"})
    assert settings() != settings(code=None)


def node_of(**keys: Any) -> Node:
    """The step of a recipe with two sources."""
    of_two = Place("extracted_text", View(kept=RECORDS), 0, {"web": FILES, "books": FILES}, {})
    (node,) = ExtractedText.model_validate(keys).nodes(of_two)
    return node


def fingerprints(**keys: Any) -> dict[str, str]:
    """Of a partition of each source."""
    node, ingredients = node_of(**keys), Ingredients()
    partitions = [Partition(f"{source}-0|one", source=source, shard=f"{source}-0", snapshot="one") for source in ("web", "books")]
    return {partition.source: ingredients.fingerprint(node, partition, {}) for partition in partitions}


RAW = {"method": "raw"}
SELECTORS = {"method": "recipe", "sites": {"example.org": {"text": "article", "price": "b"}}}


@pytest.mark.parametrize(
    "books",
    [
        {"html": RAW},
        {"html": SELECTORS},
        {"html": {"strictness": 2}},
        {"html": None},
        {"code": None},
        {"media_types": {"text/x-log": "plain"}},
    ],
)
def test_what_one_source_is_extracted_by_leaves_the_others_as_they_are(books: dict[str, Any]) -> None:
    before, after = fingerprints(), fingerprints(sources={"books": books})
    assert after["web"] == before["web"]
    assert after["books"] != before["books"]


def test_a_source_that_names_what_it_is_extracted_by_is_not_touched_by_what_holds_for_the_others() -> None:
    before = fingerprints(sources={"books": {"html": {"method": "auto"}}})
    assert before == fingerprints()
    after = fingerprints(html=RAW, sources={"books": {"html": {"method": "auto"}}})
    assert after["books"] == before["books"]
    assert after["web"] != before["web"]
    # What it does not name holds for it as for all.
    raw = fingerprints(sources={"books": {"html": RAW}})
    assert fingerprints(code=None, sources={"books": {"html": RAW}})["books"] != raw["books"]


def test_the_methods_of_all_sources_are_the_step_s_each_once() -> None:
    node = node_of(html=SELECTORS, sources={"books": {"html": SELECTORS, "markdown": {"method": "plain"}}})
    assert sorted(method.method for method in node.methods) == ["code", "markdown", "plain", "recipe", "restructuredtext"]
    assert [method.method for method in node.methods_by_source["books"]] == ["recipe", "plain", "restructuredtext", "plain", "code"]
    other = {"method": "recipe", "sites": {"example.org": {"text": "main"}}}
    both = node_of(html=SELECTORS, sources={"books": {"html": other}})
    assert [method.method for method in both.methods].count("recipe") == 2


def test_each_source_is_extracted_by_its_own_methods() -> None:
    work = CrawlWork({"a.html": PAGE, "b.py": b"b = 1\n"})
    sections = [{"sources": {"web": {"html": RAW, "code": None}}}, {"sources": {"books": {"html": RAW, "code": None}}}]
    for section, engine, texts in zip(sections, ("raw", "blocks"), (1, 2), strict=True):
        found, decided, _ = through(work, FILES, ExtractedText.model_validate(section))
        assert found.height == texts
        assert {"key": "engine", "value": engine} in found["meta"].to_list()[0]
        assert list(decided.values()) == ["extracted_text.unsupported"] * (2 - texts)


def test_a_trial_goes_by_the_source_of_the_document() -> None:
    section = ExtractedText.model_validate({"sources": {"books": {"html": RAW}}})
    for source, rule in (("web", "extracted_text.auto"), ("books", "extracted_text.raw")):
        row = {"source": source, "locator": "a", "text": PAGE.decode(), "media_type": "text/html", "meta": []}
        shown = section.trial(place("extracted_text", FILES), pl.DataFrame([row], schema=DOCUMENTS), None)  # type: ignore[arg-type]
        assert shown.verdicts[0].rule == rule
        assert {verdict.rule for verdict in shown.verdicts[1:]} >= {"extracted_text.engine"}
        assert [part.kept for part in shown.parts] == ([True] if source == "web" else [])


def test_a_trial_shows_the_text_or_why_there_is_none() -> None:
    def trial(text: str, media_type: str) -> Any:
        document = pl.DataFrame([{"source": "web", "locator": "a", "text": text, "media_type": media_type}], schema=DOCUMENTS)
        return ExtractedText(code=None).trial(place("extracted_text", FILES), document, None)

    shown = trial("# *Title*", "text/markdown")
    assert (shown.text, shown.verdicts[0].rule, shown.verdicts[0].action) == ("# Title", "extracted_text.markdown", "keep")
    assert trial("", "text/plain").verdicts[0].rule == "extracted_text.empty"
    assert trial("x", "text/x-source").verdicts[0].action == "drop"
    after = ExtractedText().after(place("extracted_text", FILES, View(kept=RECORDS)))
    assert after == View(texts=(Ref("extracted_text", "documents"),), kept=Ref("extracted_text", "documents"))
