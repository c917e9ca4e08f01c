from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from notes import build, recipe, write
from typer.testing import CliRunner

from data4llm_assets.commands.main import app
from data4llm_assets.corpus import Corpus
from data4llm_assets.document import page_id
from data4llm_assets.lineage.difference import compare, summary
from data4llm_assets.lineage.reader import Reader


def difference(before: Reader, after: Reader, step: str | None = None) -> tuple[dict[str, Any], list[tuple[str, str, str, str]]]:
    """The summary, and (change, page, step, rule) of every document."""
    found = list(compare(before, after, step))
    pages = {page_id("notes", f"{name}.txt"): name for name in ("river", "river-again", "school", "short", "fresh", "mill")}
    rows = pl.concat([each.documents for each in found])
    listed = [(row["change"], pages[row["page_id"]], row["step"], row["rule"]) for row in rows.iter_rows(named=True)]
    return summary(before, after, found), sorted(listed)


def test_what_a_rule_dropped_and_what_it_let_through(town: Path) -> None:
    loose = build(recipe(town / "notes", min_words=1), town / "store").freeze("loose")
    strict = build(recipe(town / "notes", min_words=5), town / "store").freeze("strict")
    told, documents = difference(loose, strict)
    assert documents == [("out", "short", "filtered", "gopher_quality.words")]
    assert told["recipe"] == ["steps.filtered.rules.gopher_quality.min_words: 1 → 5"]
    assert told["steps"][-1] == {"step": "filtered", "before": 3, "after": 2, "in": 0, "out": 1, "changed": 0}
    assert told["reasons"] == [{"change": "out", "step": "filtered", "rule": "gopher_quality.words", "documents": 1}]
    assert difference(strict, loose)[1] == [("in", "short", "filtered", "gopher_quality.words")]
    assert difference(loose, strict, "deduped")[1] == []


def test_pages_that_are_new_gone_and_edited(town: Path) -> None:
    corpus = Corpus(recipe(town / "notes"), town / "store")
    before = corpus.freeze("v1")
    fresh, school = "A new note about the mill by the old river bank", "Nobody needs to write to the school any more"
    write(town / "notes", fresh=fresh, school=school)
    (town / "notes" / "river.txt").unlink()
    corpus.snapshots.add("second", corpus.recipe.sources)
    corpus.snapshots.remove("first")
    after = build(recipe(town / "notes"), town / "store").freeze("v2")
    told, documents = difference(before, after)
    assert documents == [
        ("changed", "school", "sources", "another text"),
        ("in", "fresh", "sources", "no such snapshot"),
        ("in", "river-again", "deduped", "exact.text"),
        ("out", "river", "sources", "no such snapshot"),
    ]
    assert told["snapshots"] == {"in": ["second"], "out": ["first"], "changed": []}
    assert told["sources"][0] | {"bytes_before": 0, "bytes_after": 0} == {
        "source": "notes",
        "before": 2,
        "after": 3,
        "in": 2,
        "out": 1,
        "changed": 1,
        "bytes_before": 0,
        "bytes_after": 0,
        "tokens_before": None,
        "tokens_after": None,
    }


def test_an_unchanged_page_of_a_new_snapshot_is_no_difference(town: Path) -> None:
    corpus = Corpus(recipe(town / "notes"), town / "store")
    before = corpus.freeze("v1")
    corpus.snapshots.add("second", corpus.recipe.sources)
    corpus.snapshots.remove("first")
    after = build(recipe(town / "notes"), town / "store")
    assert before.read("filtered")["doc_id"].is_in(after.read("filtered")["doc_id"].implode()).sum() == 0
    # Of the two equal ones, which comes first is a matter of ids, which are other ones in another snapshot.
    assert [row for row in difference(before, after)[1] if "river" not in row[1]] == []


def test_the_same_text_edited_otherwise_is_told_apart_from_another_text(town: Path) -> None:
    before = Corpus(recipe(town / "notes"), town / "store").freeze("v1")
    unedited = recipe(town / "notes")
    unedited["steps"][3]["rules"] = unedited["steps"][3]["rules"][:1]
    after = build(unedited, town / "store")
    assert difference(before, after)[1] == [("changed", "school", "edits", "same text, edited otherwise")]


def test_a_source_that_went_is_named(town: Path) -> None:
    both = recipe(town / "notes")
    mills = write(town / "mills", mill="The mill by the river grinds the corn of the whole town")
    both["sources"]["mills"] = {"kind": "files", "path": str(mills), "domain": "mills"}
    before = build(both, town / "store").freeze("both")
    after = build(recipe(town / "notes"), town / "store")
    found = list(compare(before, after))
    rows = pl.concat([each.documents for each in found])
    assert rows.select("change", "source", "step", "rule").rows() == [("out", "mills", "sources", "no such source")]


def test_a_step_that_one_has_not_is_refused(town: Path) -> None:
    before = Corpus(recipe(town / "notes"), town / "store").freeze("v1")
    with pytest.raises(LookupError, match="no step 'mixed' in both; there are: extracted_text, deduped, filtered"):
        list(compare(before, before, "mixed"))


def test_the_command_counts_and_lists(town: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(town)
    Corpus(recipe(town / "notes"), town / "store").freeze("v1")
    (town / "recipe.yaml").write_text(json.dumps(recipe(town / "notes", min_words=17)))

    def run(*arguments: str) -> str:
        told = ["release", "diff", "v1", *arguments, "--store", str(town / "store")]
        done = CliRunner().invoke(app, told, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    build(recipe(town / "notes", min_words=17), town / "store")
    assert "gopher_quality.words" in run()
    assert json.loads(run("--json"))["reasons"][0]["documents"] == 1
    (row,) = [json.loads(line) for line in run("--documents", "--json").splitlines()]
    assert (row["change"], row["rule"], row["threshold"]) == ("out", "gopher_quality.words", 17.0)
    assert "gopher_quality.words" in run("--documents")
    assert "1 documents" in run("--to", str(town / "out.parquet"))
    assert pl.read_parquet(town / "out.parquet").height == 1
