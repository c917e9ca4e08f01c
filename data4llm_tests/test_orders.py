"""Recipes that reorder and repeat steps, and rules that users bring."""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl
import pytest

from data4llm_assets.corpus import Corpus

TEXTS = {
    "one": "The committee of the town has met with the people that live near the river, and they have agreed to be of help. " * 6,
    "two": "Write to ann@example.net or to the mayor, and be sure that they have the letter with the date of the meeting in it. "
    * 6,
    "three": "word " * 80,
}
FINEWEB = """
corpus: fineweb
sources:
  web: {kind: files, path: web, domain: web}
steps:
  - stage: raw_crawl
  - stage: extracted_text
  - stage: filtered
    rules: [{method: language, languages: [en], minimum: 0.3}, {method: gopher_quality}]
  - stage: deduped
    methods: [{method: minhash}]
  - stage: filtered
    name: anonymised
    rules: [{method: email}, {method: public_ip}]
  - stage: packed
    sequence_length: 128
    parts: 1
retention: {filtered: {min: 0}, deduped: {min: 0}}
"""


@pytest.fixture
def world(tmp_path: Path) -> Path:
    (tmp_path / "web").mkdir()
    for name, text in TEXTS.items():
        (tmp_path / "web" / f"{name}.txt").write_text(text)
    (tmp_path / "web" / "again.txt").write_text(TEXTS["one"])
    return tmp_path


def build(folder: Path, text: str) -> Corpus:
    (folder / "recipe.yaml").write_text(text)
    corpus = Corpus(folder / "recipe.yaml", folder / "store")
    report = corpus.build()
    assert report.ok, [done.trace for done in report.failures] + [outcome.checks for outcome in report.refused()]
    return corpus


def test_finewebs_order_filters_then_deduplicates_then_anonymises(world: Path) -> None:
    corpus = build(world, FINEWEB)
    assert list(corpus.graph.nodes) == [
        "raw_crawl", "extracted_text", "filtered", "signatures", "duplicates", "deduped", "anonymised", "tokenized", "packed",
        "training_order",
    ]  # fmt: skip
    assert corpus.read("filtered").height == 3
    assert corpus.read("deduped").height == 2
    texts = corpus.read("anonymised")["text"].to_list()
    assert len(texts) == 2
    assert not any("ann@example.net" in text for text in texts)
    assert any("ann@example.net" in text for text in corpus.read("deduped")["text"])
    assert corpus.read("packed")["input_ids"].list.len().unique().to_list() == [128]


def test_a_method_of_another_package_works_by_import_path_and_its_version_counts(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = world / "site" / "capitals"
    package.mkdir(parents=True)
    code = '''
from typing import ClassVar, Literal
import polars as pl
from data4llm_assets.method import Decide, Limit, Rule

class Capitals(Rule):
    """Drops texts that shout."""
    method: str = "capitals.rules:Capitals"
    version: ClassVar[str] = "VERSION"
    most: Decide[float] = 0.5

    def signals(self, documents: pl.DataFrame) -> pl.DataFrame:
        return documents.select(capitals=pl.col("text").str.count_matches("[A-Z]") / pl.col("text").str.len_chars())

    def limits(self) -> tuple[Limit, ...]:
        return (Limit(signal="capitals", maximum=self.most),)
'''
    (package / "__init__.py").write_text("")
    (package / "rules.py").write_text(code.replace("VERSION", "1"))
    (world / "web" / "loud.txt").write_text("HEAR ME NOW " * 40)
    monkeypatch.syspath_prepend(str(world / "site"))
    text = FINEWEB.replace("{method: gopher_quality}", "{method: 'capitals.rules:Capitals', most: 0.3}").replace(
        "{method: language, languages: [en], minimum: 0.3}, ", ""
    )
    corpus = build(world, text)
    loud = corpus.decisions("filtered").filter(action="drop")
    assert loud.height == 1
    assert loud["value"][0] > loud["threshold"][0] == 0.3
    (package / "rules.py").write_text(code.replace("VERSION", "2"))
    for name in [name for name in sys.modules if name.startswith("capitals")]:
        del sys.modules[name]
    again = Corpus(world / "recipe.yaml", world / "store")
    assert any("version: 1 → 2" in reason for reason in again.plan().by_node()["filtered"]["reasons"])


def test_a_method_of_another_package_works_by_entry_point(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = world / "site"
    (site / "quiet-1.0.dist-info").mkdir(parents=True)
    (site / "quiet-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: quiet\nVersion: 1.0\n")
    (site / "quiet-1.0.dist-info" / "entry_points.txt").write_text("[data4llm.methods]\nshort = quiet:Short\n")
    (site / "quiet.py").write_text(
        "from data4llm_assets.method import Decide, Limit, Rule\nimport polars as pl\n"
        "class Short(Rule):\n    method: str = 'short'\n    uses = ('quiet',)\n    least: Decide[int] = 500\n"
        "    def signals(self, documents):\n        return documents.select(characters=pl.col('text').str.len_chars())\n"
        "    def limits(self):\n        return (Limit(signal='characters', minimum=self.least),)\n"
    )
    monkeypatch.syspath_prepend(str(site))
    corpus = build(
        world,
        FINEWEB.replace("{method: gopher_quality}", "{method: short}").replace(
            "{method: language, languages: [en], minimum: 0.3}, ", ""
        ),
    )
    assert corpus.decisions("filtered").filter(pl.col("rule").str.contains("short")).height == 1
    (site / "quiet-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: quiet\nVersion: 1.1\n")
    from data4llm_assets.method import library_version

    library_version.cache_clear()
    assert any(
        "libraries.quiet: 1.0 → 1.1" in reason
        for reason in Corpus(world / "recipe.yaml", world / "store").plan().by_node()["filtered"]["reasons"]
    )
