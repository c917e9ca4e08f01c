"""Probes and the forecasts that follow them, on a small corpus of two sources."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data4llm_assets.corpus import Corpus
from data4llm_assets.engine.experience import PROBES, earlier_records
from data4llm_assets.evaluation.probe import listed, probe
from data4llm_assets.report.forecast import forecast


def recipe(folder: Path) -> dict[str, Any]:
    return {
        "corpus": "probed",
        "sources": {
            "rows": {"kind": "jsonl", "path": str(folder / "rows"), "domain": "rows", "shards": 2},
            "pages": {"kind": "files", "path": str(folder / "pages"), "domain": "pages", "include": ["*.txt"]},
        },
        "steps": [
            {"stage": "raw_crawl"},
            {"stage": "extracted_text"},
            {"stage": "filtered", "rules": [{"method": "gopher_quality"}]},
        ],
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rows").mkdir()
    (tmp_path / "pages").mkdir()
    words = "the page that we have here is one of many and it says with some words what be is to of and the"
    for number in range(80):
        (tmp_path / "pages" / f"{number}.txt").write_text(" ".join([words, str(number)] * 4))
    for part in range(2):
        rows = ({"id": f"{part}-{number}", "text": " ".join([words, str(number)] * 3)} for number in range(300))
        (tmp_path / "rows" / f"{part}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def objects(corpus: Corpus) -> dict[str, bytes | None]:
    return {path: corpus.store.get(path) for path, _, _ in corpus.store.objects("")}


def test_a_probe_leaves_nothing_but_its_records(folder: Path) -> None:
    corpus = Corpus(recipe(folder), folder / "store")
    corpus.deliver()
    before = objects(corpus)
    found = probe(corpus, corpus, documents=40)
    assert found.failures == ()
    assert found.documents == {"rows": 20, "pages": 20}
    after = objects(corpus)
    added = after.keys() - before.keys()
    assert {name: after[name] for name in before} == before
    assert added
    assert {name.split("/")[0] for name in added} == {PROBES}
    assert corpus.plan().due("adopt", "current") == []
    # Four documents, then forty; of files with three hundred rows only as many are read as are wanted.
    made = [record["wrote"]["records"] for record in earlier_records(corpus.store) if record["node"] == "raw_crawl"]
    assert sorted(made) == [2, 2, 20, 20]


def test_after_a_probe_everything_is_forecast_in_proportion(folder: Path) -> None:
    corpus = Corpus(recipe(folder), folder / "store")
    corpus.deliver()
    assert forecast(corpus.state, corpus.plan(), 2).knows_nothing
    probe(corpus, corpus, documents=40)
    told = forecast(corpus.state, corpus.plan(), 2)
    assert told.unknown == ()
    assert [(line.asset, line.partitions) for line in told.assets] == [("raw_crawl", 3), ("extracted_text", 3), ("filtered", 3)]
    assert all(line.amounts["cpu_seconds"].low < line.amounts["cpu_seconds"].expected for line in told.assets)
    total = sum(line.amounts["cpu_seconds"].expected for line in told.assets)
    assert told.total.amounts["cpu_seconds"].expected == pytest.approx(total)
    corpus.build()
    assert forecast(corpus.state, corpus.plan(), 2).assets == ()


def test_what_is_not_delivered_is_listed_elsewhere(folder: Path, tmp_path: Path) -> None:
    corpus = Corpus(recipe(folder), folder / "store")
    other = listed(corpus, tmp_path / "listed")
    probe(corpus, other, documents=10)
    assert corpus.snapshots.all() == {}
    told = forecast(other.state, other.plan(), 2, earlier_records(corpus.store))
    assert not told.knows_nothing
    with pytest.raises(LookupError, match="nothing is delivered yet: data4llm snapshot add first"):
        probe(corpus, corpus)
