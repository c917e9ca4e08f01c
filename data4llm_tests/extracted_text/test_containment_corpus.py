"""A user's own method that crashes on a page, in a corpus: what was published once is built again to the bit, without that page."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from data4llm_assets.corpus import Corpus
from data4llm_assets.engine.garbage import collect
from data4llm_assets.engine.run import Report

RULES = """
import os
from typing import Literal

from data4llm_assets.extracted_text.extraction import Extracted, Extraction


class Fragile(Extraction):
    method: Literal["fragile_rules:Fragile"] = "fragile_rules:Fragile"
    notes: str

    def extract(self, payload, record):
        with open(self.notes, "a") as notes:
            print(record.locator, file=notes)
        if b"kill" in payload:
            os.abort()
        return Extracted(payload.decode())
"""
RECIPE = """
corpus: fragile
sources:
  web: {{kind: files, path: web, domain: web, shards: 2}}
steps:
  - stage: raw_crawl
  - stage: extracted_text
    plain: {{method: "fragile_rules:Fragile", notes: {notes}}}
  - stage: filtered
    rules: [{{method: email}}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "web").mkdir()
    for number in range(12):
        (tmp_path / "web" / f"{number}.txt").write_text(f"The keeper of gauge {number} writes the level of the river down. " * 5)
    (tmp_path / "web" / "bad.txt").write_text("kill")
    # Beside the recipe, where no path of the interpreter leads: the child must learn of it.
    (tmp_path / "fragile_rules.py").write_text(RULES)
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(notes=tmp_path / "notes"))
    return tmp_path


def build(folder: Path) -> tuple[Report, list[str]]:
    """The report, and the pages that the method was given."""
    (folder / "notes").write_text("")
    report = Corpus(folder / "recipe.yaml", folder / "store").build()
    assert report.ok, report.failures
    return report, sorted((folder / "notes").read_text().split())


def counted(report: Report, name: str) -> int:
    return sum(outcome.record.get("counters", {}).get(name, 0) for outcome in report.outcomes)


def manifests(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "store" / "manifests").iterdir()}


def test_a_page_that_crashed_is_dropped_again_without_being_run(folder: Path) -> None:
    first, given = build(folder)
    pages = sorted(path.name for path in (folder / "web").iterdir())
    assert sorted(set(given)) == pages
    made = manifests(folder)
    assert counted(first, "documents_parsed") == 13
    decided = Corpus(folder / "recipe.yaml", folder / "store").decisions("extracted_text")
    assert decided.select("rule", "action", "reason").rows() == [
        ("extracted_text.crashed", "drop", "fragile_rules:Fragile killed its worker (signal 6)")
    ]

    shutil.rmtree(folder / "store" / "corpora")
    shutil.rmtree(folder / "store" / "manifests")
    again, given = build(folder)
    assert given == [page for page in pages if page != "bad.txt"]
    assert counted(again, "pages_spared") == 1
    assert manifests(folder) == made
    assert digests(again) == digests(first)


def test_the_page_stays_out_of_the_snapshots_that_follow(folder: Path) -> None:
    build(folder)
    corpus = Corpus(folder / "recipe.yaml", folder / "store")
    corpus.snapshots.add("second", corpus.recipe.sources)
    report, given = build(folder)
    assert given == []
    assert counted(report, "pages_spared") == 1
    assert counted(report, "documents_carried") == 12


def test_records_are_kept_while_the_method_is_in_use(folder: Path) -> None:
    build(folder)
    corpus = Corpus(folder / "recipe.yaml", folder / "store")
    (told,) = [path for path in (folder / "store" / "measures").glob("*/method.json") if b"fragile_rules" in path.read_bytes()]
    assert collect(corpus.store, forget=True, measures=True, older_than=0, delete=True)["measures"] == (0, 0)
    assert len(list(told.parent.glob("*/*.parquet"))) == 1
    recipe = (folder / "recipe.yaml").read_text()
    (folder / "recipe.yaml").write_text(recipe.replace("/notes}", "/other}"))
    (folder / "other").touch()
    build(folder)
    assert collect(corpus.store, forget=True, measures=True, older_than=0, delete=True)["measures"][0] == 2
    assert not told.exists()


def digests(report: Report) -> dict[tuple[str, str], Any]:
    return {(outcome.node, outcome.partition): outcome.digest for outcome in report.outcomes}
