"""One file more in one source: one shard up to the corpus-wide step, after it only shards whose verdicts changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from data4llm_assets.corpus import Corpus
from data4llm_assets.engine.snapshots import shard_of

RECIPE = """
corpus: grown
sources:
  web: {kind: files, path: web, domain: web, shards: 3, priority: 1}
  books: {kind: files, path: books, domain: books, shards: 2}
steps:
  - stage: raw_crawl
  - stage: extracted_text
  - stage: deduped
  - stage: filtered
    rules: [{method: email}]
"""
GRID = ("raw_crawl", "extracted_text", "signatures", "deduped", "filtered")


def text(number: int) -> str:
    return " ".join(
        f"The keeper of gauge {number * 31 + line} writes the level of river {number * 17 + line * 3}." for line in range(30)
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for source, count in (("web", 12), ("books", 6)):
        (tmp_path / source).mkdir()
        for number in range(count):
            (tmp_path / source / f"{number}.txt").write_text(text(number + (100 if source == "books" else 0)))
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return tmp_path


def grow(folder: Path, source: str, name: str, content: str) -> dict[str, set[str]]:
    """Shards that each asset made anew after one more file was delivered."""
    Corpus(folder / "recipe.yaml", folder / "store").build()
    (folder / source / name).write_text(content)
    corpus = Corpus(folder / "recipe.yaml", folder / "store")
    corpus.snapshots.add("first", corpus.recipe.sources, relist=True)
    report = corpus.build()
    assert report.ok
    made = [outcome for outcome in report.outcomes if outcome.result == "published"]
    return {node: {outcome.partition.split("|")[0] for outcome in made if outcome.node == node} for node in GRID}


def test_a_new_text_touches_its_own_shard_alone(folder: Path) -> None:
    own = {shard_of("web", "new.txt", 3)}
    assert grow(folder, "web", "new.txt", text(500)) == dict.fromkeys(GRID, own)


def test_a_text_that_another_shard_holds_touches_that_one_after_the_barrier(folder: Path) -> None:
    # A book comes before the web's copy of it, so the copy is dropped now, in its own shard.
    book, copy = shard_of("books", "new.txt", 2), shard_of("web", "3.txt", 3)
    made = grow(folder, "books", "new.txt", text(3))
    assert made["raw_crawl"] == made["extracted_text"] == made["signatures"] == {book}
    assert made["deduped"] == {book, copy}
    assert made["filtered"] == {book, copy}
