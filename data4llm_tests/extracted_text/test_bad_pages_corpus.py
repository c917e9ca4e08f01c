"""Bad pages among good ones, in a corpus: the good ones come through, each bad one has a decision, and a second build is equal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from data4llm_assets.corpus import Corpus
from data4llm_assets.engine.run import Report

RECIPE = """
corpus: bad
sources:
  web: {kind: files, path: web, domain: web, shards: 2}
steps:
  - stage: raw_crawl
  - stage: extracted_text
    html: {method: auto}
"""
BAD: dict[str, tuple[bytes, str]] = {
    "deep.html": (b"<html>" + b"<div>" * 100_000 + b"text", "max_depth"),
    "custom.html": (b"<html>" + b"<x-a>" * 5_000 + b"text", "max_depth"),
    "paragraphs.html": (b"<html>" + b"<p>x" * 250_000, "max_elements"),
    "formatting.html": (b"<html>" + b"<b><i><u><em><s><tt>" * 20 + b"<p>text" * 190_000, "max_elements"),
    "attribute.html": (b"<html><p class='" + b"x " * 10_500_000 + b"'>text", "max_bytes"),
    "frames.html": (b"<html><frameset><frame src=a><noframes><p>Your browser shows none.</noframes></frameset>", "empty"),
    "blank.html": (b"<html><body> &nbsp; <script>document.write('text')</script></body></html>", "empty"),
    "comment.html": (b"<html><!--" + b"<p>text" * 1_000, "empty"),
}
"""By name: what it holds, and the rule that drops it."""
ODD: dict[str, bytes] = {
    "brackets.html": b"<html><p>" + b"<" * 1_000_000,
    "attributes.html": b"<html><p " + b" ".join(b"a%d=1" % number for number in range(200_000)) + b">A text that follows.",
    "unclosed.html": b"<html><table><tr><td><ul><li>" + b"<a href=x>A text in a cell that is never closed. " * 30,
    "drawing.html": b"<html><svg><title/><style><p>A text behind a drawing.</svg>" * 20,
    "entities.html": b"<html><p>" + b"&#xD800;&#x110000;&nbsp&amp;lt; A text between entities. " * 50,
}
"""Damaged pages of which something is left."""
PICTURE = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 8
GOOD = 150
"""Good pages: so many that the checks let the bad ones pass."""
SENTENCE = "The keeper of gauge {} writes the level of the river down, each morning before the fog is gone, and tells nobody. "


def good(number: int) -> str:
    paragraphs = "".join(f"<p>{SENTENCE.format(number) * (3 + part)}</p>" for part in range(4))
    menu = "<nav><ul><li><a href=/>Home</a><li><a href=/about>About</a></ul></nav>"
    head = f"<head><title>Gauge {number}</title></head>"
    return f"<html>{head}<body>{menu}<article><h1>Gauge {number}</h1>{paragraphs}</article></body></html>"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    web = tmp_path / "web"
    web.mkdir()
    for number in range(GOOD):
        (web / f"{number:03}.html").write_bytes(good(number).encode(("utf-8", "utf-16-le", "utf-16")[number % 3]))
    for name, content in (*ODD.items(), *((name, content) for name, (content, _) in BAD.items())):
        (web / name).write_bytes(content)
    # Whatever it is called: it is no record.
    (web / "picture.html").write_bytes(PICTURE)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return tmp_path


def build(folder: Path, store: str) -> tuple[Corpus, dict[tuple[str, str], Any]]:
    corpus = Corpus(folder / "recipe.yaml", folder / store)
    report: Report = corpus.build()
    assert report.ok, [(refused.node, refused.checks) for refused in report.refused()]
    return corpus, {(outcome.node, outcome.partition): outcome.digest for outcome in report.outcomes}


def test_bad_pages_cost_a_corpus_nothing_but_themselves(folder: Path) -> None:
    corpus, digests = build(folder, "store")
    documents, decisions = corpus.read("extracted_text"), corpus.decisions("extracted_text")
    texts = dict(documents.select("locator", "text").iter_rows())
    for number in range(GOOD):
        assert texts[f"{number:03}.html"].count(SENTENCE.format(number).strip()) == 3 + 4 + 5 + 6
        assert "About" not in texts[f"{number:03}.html"]
    records = corpus.read("raw_crawl")
    named = records.select("doc_id", "locator")
    rules = dict(decisions.join(named, on="doc_id").select("locator", "rule").iter_rows())
    assert {name: rules.get(name) for name in BAD} == {name: f"extracted_text.{rule}" for name, (_, rule) in BAD.items()}
    assert set(decisions["action"]) == {"drop"}
    # Every record is a document or has a decision, and none is both.
    assert sorted([*documents["doc_id"], *decisions["doc_id"]]) == sorted(records["doc_id"])
    assert records.height == GOOD + len(BAD) + len(ODD)
    assert documents.filter(pl.col("text").str.contains("\0", literal=True)).is_empty()

    other, again = build(folder, "elsewhere")
    assert again == digests
    assert other.read("extracted_text").sort("doc_id").equals(documents.sort("doc_id"))
    assert other.decisions("extracted_text").sort("doc_id").equals(decisions.sort("doc_id"))
