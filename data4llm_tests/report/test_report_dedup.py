from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import polars as pl
import pytest
from typer.testing import CliRunner

from data4llm_assets.commands.main import app
from data4llm_assets.corpus import Corpus
from data4llm_assets.deduped.alone import Excising
from data4llm_assets.deduped.arrivals import arrivals
from data4llm_assets.deduped.deduplication import Promises
from data4llm_assets.deduped.publication import Publication
from data4llm_assets.deduped.tables import VERDICTS, Scope
from data4llm_assets.node import Ref, Work
from data4llm_assets.report.dedup import dedup

RECIPE = """
corpus: toy
sources:
  web: {kind: jsonl, path: web, domain: web, license: MIT, fields: {url: url, title: title}}
  books: {kind: jsonl, path: books, domain: books, license: MIT, priority: 1, fields: {url: url, title: title}}
steps:
  - stage: raw_crawl
  - stage: extracted_text
  - stage: deduped
compute: {workers: 1, memory: 1GB}
"""


def story(name: str, *changed: int) -> str:
    """Sixty words, 56 shingles; one changed in the middle leaves 51 of them."""
    return " ".join(f"{name}{'x' if number in changed else 'y'}{number}" for number in range(60))


def deliver(folder: Path, source: str, **texts: str) -> None:
    rows = [{"url": f"https://a.org/{name}", "title": f"Of {name}", "text": text} for name, text in texts.items()]
    (folder / source).mkdir(exist_ok=True)
    (folder / source / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def built(folder: Path, recipe: str = RECIPE) -> Corpus:
    (folder / "recipe.yaml").write_text(recipe)
    corpus = Corpus(folder / "recipe.yaml", folder / "store")
    report = corpus.build()
    assert report.ok, [done.error for done in report.failures] + [(o.node, o.partition) for o in report.refused()]
    return corpus


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Corpus:
    """Two sources; in the second snapshot one page comes again as it was, one as another's neighbour."""
    monkeypatch.chdir(tmp_path)
    deliver(tmp_path, "web", a=story("a"), b=story("b"))
    deliver(tmp_path, "books", c=story("a"), d=story("a", 30), e=story("b"), f=story("f"))
    first = built(tmp_path)
    deliver(tmp_path, "web", a=story("a"), g=story("f", 20), h=story("h"))
    deliver(tmp_path, "books", i=story("i"))
    first.snapshots.add("second", first.recipe.sources)
    return built(tmp_path)


def test_what_went_is_counted_by_rule_in_documents_and_bytes(corpus: Corpus) -> None:
    (step,) = dedup(corpus)
    size = len(story("a"))
    assert (step["step"], step["methods"], step["stale"]) == ("deduped", ["exact", "minhash"], False)
    assert (step["documents"], step["documents_out"], step["bytes"], step["bytes_out"]) == (10, 5, 10 * size, 5 * size)
    half = {"documents": 2, "bytes": 2 * size, "share": pytest.approx(0.2), "bytes_share": pytest.approx(0.2)}
    assert step["removed"] == [{"rule": "exact.text", **half}, {"rule": "minhash.similarity", **half}]
    (carried,) = step["carried"]
    assert (carried["rule"], carried["documents"], carried["bytes"]) == ("exact.text", 1, size)
    assert step["edited"] == []


def test_clusters_are_those_that_the_fold_published_and_the_largest_are_named(corpus: Corpus) -> None:
    (step,) = dedup(corpus)
    published = corpus.read("duplicates", table="clusters")
    assert step["clusters"] == {"1": 2, "2": 2, "3": 1} == {str(size): count for size, count in published.rows()}
    first, *others = step["largest"]
    assert {key: first[key] for key in ("documents", "source", "snapshot", "title", "url")} == {
        "documents": 3, "source": "web", "snapshot": "first", "title": "Of a", "url": "https://a.org/a",
    }  # fmt: skip
    assert {row["title"] for row in others} == {"Of b", "Of f"}


def test_matrices_say_where_the_dropped_and_their_partners_came_from(corpus: Corpus) -> None:
    (step,) = dedup(corpus)
    rows = {name: [tuple(row.values()) for row in step[name]] for name in ("sources", "snapshots")}
    assert rows["sources"] == [("web", "books", 1), ("books", "web", 3)]
    assert rows["snapshots"] == [("first", "first", 3), ("second", "first", 1)]


def test_similarities_are_counted_in_bins_and_comparisons_with_their_limit(corpus: Corpus) -> None:
    (step,) = dedup(corpus)
    assert [tuple(row.values()) for row in step["similarity"]] == [
        ("exact.text", 0.95, 1.0, 2), ("minhash.similarity", 0.8, 0.85, 2),
    ]  # fmt: skip
    assert step["compared"] == {"pairs": 2, "skipped": 0, "kept_after_skipping": 0, "chained": 0, "limits": {"minhash": 64}}
    assert [(row["snapshot"], row["pairs"], row["verified_precision"]) for row in step["audit"]["verified"]] == [
        ("first", 1, 1.0), ("second", 1, 1.0),
    ]  # fmt: skip
    assert step["audit"]["detection"] == []


def test_the_command_prints_tables_or_json(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    shown = CliRunner().invoke(app, ["report", "dedup", "--store", "store"], catch_exceptions=False)
    lines = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    assert lines[0] == "deduped: exact, minhash, first_kept, scope corpus"
    assert {"minhash.similarity 2 20.00% 0.00 20.00%", "web 1 ·", "books · 3", "3–4 1"} <= set(lines)
    told = CliRunner().invoke(app, ["report", "dedup", "--store", "store", "--json"], catch_exceptions=False)
    assert json.loads(told.stdout) == json.loads(json.dumps(dedup(corpus)))


def test_a_changed_recipe_is_said_to_be_ahead_of_what_is_reported(corpus: Corpus, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE.replace("stage: deduped", "stage: deduped\n    methods: [{method: exact}]"))
    (step,) = dedup(Corpus(tmp_path / "recipe.yaml", tmp_path / "store"))
    assert (step["stale"], step["documents_out"]) == (True, 5)


def test_what_is_not_built_is_wrong_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    with pytest.raises(LookupError, match="deduped of 'toy' is not built yet: data4llm run"):
        CliRunner().invoke(app, ["report", "dedup", "--store", "store"], catch_exceptions=False)
    (tmp_path / "recipe.yaml").write_text(RECIPE.replace("  - stage: deduped\n", ""))
    with pytest.raises(LookupError, match="has no step of the stage deduped"):
        CliRunner().invoke(app, ["report", "dedup", "--store", "store"], catch_exceptions=False)


class FirstWords(Excising):
    """Takes the first six bytes out of every text but the first: a stand-in for a method that edits."""

    method: Literal["test_report_dedup:FirstWords"] = "test_report_dedup:FirstWords"
    promises = Promises(incremental=True, withdrawable="anew", names_partner=False)
    signature = pl.Schema({"size": pl.UInt32()})

    def signatures(self, documents: pl.DataFrame) -> pl.DataFrame:
        return documents.select(size=pl.col("text").str.len_bytes().cast(pl.UInt32))

    def judge(self, work: Work, signatures: Ref, scope: Scope) -> None:
        publication = Publication(work, edits=True)
        for arrival in arrivals(work, signatures, scope):
            spans = arrival.documents[1:].select(
                "partition", "doc_id", start=pl.lit(0), end=pl.lit(6), partner=pl.lit(None, pl.String)
            )
            publication.add(arrival.name, arrival.documents, pl.DataFrame(schema={"partition": pl.UInt32, **VERDICTS}), spans)
        publication.metrics()


def test_edits_are_counted_with_their_spans_and_what_they_took(corpus: Corpus, tmp_path: Path) -> None:
    again = '  - stage: deduped\n  - {stage: deduped, name: cut, methods: [{method: "test_report_dedup:FirstWords"}]}\n'
    _, step = dedup(built(tmp_path, RECIPE.replace("  - stage: deduped\n", again)))
    edited: list[dict[str, Any]] = [{"rule": "firstwords.repeated", "documents": 3, "spans": 3, "characters": 18, "bytes": 18}]
    assert (step["step"], step["edited"], step["removed"]) == ("cut", edited, [])
    assert step["bytes"] - step["bytes_out"] == 18
    assert (step["compared"], step["audit"], step["clusters"]) == (None, None, {"1": 5})
