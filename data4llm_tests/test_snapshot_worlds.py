"""Years of a corpus in seconds: crawls arrive, pages change and go, crawls are withdrawn. Step by step = from scratch."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from data4llm_assets.corpus import Corpus
from data4llm_assets.engine.run import Report
from raw_crawl.warc_files import archive, response

RECIPE = """
corpus: living
sources:
  web: {kind: warc, path: web, domain: web, shards: SHARDS, deliver: new_files}
  notes: {kind: files, path: notes, domain: notes, priority: -1}
steps:
  - stage: raw_crawl
  - stage: extracted_text
  - stage: deduped
    methods: [{method: url, keep: KEEP}, {method: exact}, {method: minhash, similarity: 0.7}]
  - stage: filtered
    rules: [{method: gopher_quality, min_words: 30, min_alphabetic_words: 0.5}, {method: email}]
  - stage: mixed
    budget: 4000
    weights: {web: 0.6, notes: 0.4}
    max_epochs: 2
  - stage: packed
    sequence_length: 64
    parts: 1
retention: {deduped: {min: 0}, filtered: {min: 0}, extracted_text: {min: 0}}
"""
WORDS = [
    "river", "gauge", "keeper", "water", "level", "morning", "report", "bridge", "season", "field", "stone", "winter", "harbour",
    "letter", "market", "road",
]  # fmt: skip


class World:
    """Pages by address with their texts; each delivery writes a crawl of all that are there."""

    def __init__(self, folder: Path, chance: random.Random, keep: str, shards: int = 2) -> None:
        self.folder, self.chance = folder, chance
        self.pages: dict[str, list[str]] = {}
        self.delivered = 0
        (folder / "web").mkdir(parents=True)
        (folder / "notes").mkdir()
        (folder / "recipe.yaml").write_text(RECIPE.replace("KEEP", keep).replace("SHARDS", str(shards)))
        for number in range(6):
            (folder / "notes" / f"{number}.txt").write_text("\n".join(self.sentence() for _ in range(8)))
        for _ in range(14):
            self.appear()

    def sentence(self) -> str:
        return "The " + " ".join(self.chance.choice(WORDS) for _ in range(9)) + f" of {self.chance.randrange(10**6)} is with that."

    def appear(self) -> None:
        # A fifth of all new pages repeat another, a fifth nearly.
        lines = [self.sentence() for _ in range(10)]
        if self.pages and self.chance.random() < 0.4:
            lines = list(self.chance.choice(list(self.pages.values())))
            if self.chance.random() < 0.5:
                lines[self.chance.randrange(len(lines))] = self.sentence()
        self.pages[f"http://site.test/{len(self.pages)}-{self.chance.randrange(10**6)}"] = lines

    def change(self) -> None:
        for address in self.chance.sample(sorted(self.pages), 2):
            del self.pages[address]
        for address in self.chance.sample(sorted(self.pages), 2):
            self.pages[address][self.chance.randrange(10)] = self.sentence()
        for _ in range(3):
            self.appear()

    def deliver(self, corpus: Corpus) -> None:
        self.delivered += 1
        name = f"crawl-{self.delivered}"
        addresses = self.chance.sample(sorted(self.pages), len(self.pages))
        pages = [response(address, self.html(address)) for address in addresses]
        (self.folder / "web" / f"{name}.warc.gz").write_bytes(archive(*pages))
        corpus.snapshots.add(name, corpus.recipe.sources)

    def html(self, address: str) -> bytes:
        paragraphs = "".join(f"<p>{line}</p>" for line in self.pages[address])
        return f"<html><head><title>{address[-4:]}</title></head><body><article>{paragraphs}</article></body></html>".encode()

    def corpus(self, store: str) -> Corpus:
        return Corpus(self.folder / "recipe.yaml", self.folder / store)


def standing(corpus: Corpus) -> dict[str, Any]:
    """What is current: the digest and the metrics of every partition."""
    corpus.state.refresh()
    found: dict[str, Any] = {}
    for node in corpus.graph.nodes.values():
        for partition in corpus.state.partitions(node):
            value = corpus.state.entry(node.name, partition.key).value
            manifest = corpus.state.manifest(value["fingerprint"])
            assert manifest is not None
            found[f"{node.name} {partition.key}"] = value, manifest["metrics"]
    return found


def build(corpus: Corpus) -> Report:
    report = corpus.build()
    assert report.ok, [done.trace for done in report.failures] + [(o.node, o.partition, o.checks) for o in report.refused()]
    return report


def counted(report: Report, name: str) -> int:
    return sum(int(outcome.record.get("counters", {}).get(name, 0)) for outcome in report.outcomes)


@pytest.mark.parametrize(
    ("seed", "keep"),
    [(1, "newest"), *(pytest.param(seed, keep, marks=pytest.mark.long) for seed in (2, 3) for keep in ("first", "newest"))],
)
def test_step_by_step_is_from_scratch_whatever_comes_and_goes(tmp_path: Path, seed: int, keep: str) -> None:
    chance = random.Random(seed)
    world = World(tmp_path, chance, keep)
    grown = world.corpus("store")
    world.deliver(grown)
    build(grown)
    for step in range(3):
        known = list(grown.snapshots.all())
        if step and len(known) > 1 and chance.random() < 0.5:
            grown.snapshots.remove(chance.choice(known))
        else:
            world.change()
            world.deliver(grown)
        report = build(grown)
        scratch = world.corpus(f"scratch-{step}")
        # The same snapshots, arrivals and listings, and nothing of what was made.
        frozen = "corpora/living/snapshots"
        shutil.copytree(tmp_path / "store" / frozen, tmp_path / f"scratch-{step}" / frozen)
        listings = {listed["listing"] for snapshot in grown.snapshots.all().values() for listed in snapshot["sources"].values()}
        for digest in listings:
            frame = grown.store.read_table(digest)
            assert scratch.store.write_table([frame], frame.schema).digest == digest
        once = build(scratch)
        assert standing(grown) == standing(scratch)
        assert counted(report, "documents_parsed") < counted(once, "documents_parsed")


def test_an_unchanged_page_is_neither_parsed_nor_measured_again(tmp_path: Path) -> None:
    world = World(tmp_path, random.Random(4), "newest", shards=1)
    corpus = world.corpus("store")
    world.deliver(corpus)
    first = build(corpus)
    world.change()
    world.deliver(corpus)
    second = build(corpus)
    # Two edited, three new (of which some repeat a page that stands).
    assert counted(first, "documents_parsed") == 14 + 6
    assert counted(second, "documents_parsed") == 5
    assert counted(second, "documents_carried") == 10 + 6
    assert counted(second, "measured_gopher_quality") <= 5
    decisions = corpus.decisions()
    carried = decisions.filter(pl.col("action") == "carry")
    assert carried.height
