"""The micro corpus end to end: what the issue of every stage hangs on."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from data4llm_assets.corpus import Corpus
from data4llm_assets.engine.planner import plan
from data4llm_assets.engine.records import read_records
from data4llm_assets.engine.store import Store
from data4llm_assets.node import STAGES, Ref


def recipe(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "recipe.yaml"
    file.write_text(text)
    return file


def objects(store: Path, prefix: str) -> set[str]:
    return {path for path, _, _ in Store(str(store)).objects(prefix)}


@pytest.fixture
def corpus(micro_store: Path) -> Corpus:
    return Corpus("micro", micro_store)


def test_every_stage_is_built_and_does_something(corpus: Corpus) -> None:
    assert corpus.plan().current
    assert {node.stage for node in corpus.graph.nodes.values()} == set(STAGES)
    counts = {step.name: corpus.decisions(step.name).height for step in corpus.recipe.steps if step.name != "packed"}
    assert all(counts[name] for name in ("deduped", "filtered", "selected", "mixed")), counts
    assert corpus.read("packed").height > 10
    assert corpus.read("synthesized", table="documents").height > 0


def test_accounts_balance_and_every_document_that_went_has_its_decision(corpus: Corpus) -> None:
    standing = set(corpus.read("extracted_text", columns=["doc_id"])["doc_id"])
    assert len(standing) == 200
    for step in ("deduped", "filtered", "selected", "mixed", "synthesized"):
        after = set(corpus.read(step, columns=["doc_id"])["doc_id"])
        decided = corpus.decisions(step)
        gone = set(decided.filter(pl.col("action").is_in(["drop", "carry"]))["doc_id"])
        assert standing - after == gone & standing, step
        assert not after & gone, step
        standing = after


def test_every_edit_has_its_decision_and_no_address_is_left(corpus: Corpus) -> None:
    before = corpus.read("deduped").select("doc_id", "text")
    after = corpus.read("filtered").select("doc_id", edited="text")
    changed = set(after.join(before, on="doc_id").filter(pl.col("text") != pl.col("edited"))["doc_id"])
    decided = corpus.decisions("filtered").filter(action="edit")
    assert changed == set(decided["doc_id"])
    assert changed
    assert not decided["spans"].is_null().any()


def test_no_decision_holds_text(corpus: Corpus) -> None:
    decided = corpus.decisions()
    assert decided["spans"].explode().struct.field("type").drop_nulls().str.len_chars().max() <= 32
    assert decided["reason"].drop_nulls().str.len_chars().max() < 300


def test_dropped_duplicates_name_a_kept_partner(corpus: Corpus) -> None:
    kept = set(corpus.read("deduped", columns=["doc_id"])["doc_id"])
    dropped = corpus.decisions("deduped").filter(action="drop")
    assert dropped.height
    assert set(dropped["partner"]) <= kept


def test_sequences_are_full_of_traceable_tokens(corpus: Corpus) -> None:
    sequences = corpus.read("packed")
    length = corpus.step("packed").sequence_length  # type: ignore[attr-defined]
    assert sequences["input_ids"].list.len().unique().to_list() == [length]
    spans = sequences.with_row_index("sequence").select("sequence", "spans").explode("spans").unnest("spans")
    assert spans.filter(pl.col("length") <= 0).is_empty()
    assert spans.select((pl.col("sequence_start") + pl.col("length")).max()).item() <= length
    assert spans.group_by("sequence").agg(pl.col("doc_id").is_duplicated().any())["doc_id"].any() is False
    tokenizer = corpus.model(corpus.recipe.tokenizer)
    texts = dict(corpus.read("synthesized", columns=["doc_id", "text"]).iter_rows())
    for row in spans.sample(20, seed=1).iter_rows(named=True):
        ids, _ = tokenizer.encode_batch([texts[row["doc_id"]]])
        packed = sequences["input_ids"][row["sequence"]].to_list()[row["sequence_start"] : row["sequence_start"] + row["length"]]
        assert packed == list(ids[row["doc_start"] : row["doc_start"] + row["length"]])


def test_the_budget_is_met_within_a_document_a_domain(corpus: Corpus) -> None:
    mixture = corpus.read("mixture", table="mixture")
    budget = corpus.step("mixed").budget  # type: ignore[attr-defined]
    assert mixture["asked"].sum() == budget
    assert mixture.filter((pl.col("given") - pl.col("quota")).abs() > pl.col("largest")).is_empty()
    tokens = pl.concat([frame for _, frame in corpus.tables(Ref("domain_tokens", "tokens"))]).select("doc_id", "domain", "tokens")
    kept = pl.concat([frame for _, frame in corpus.tables(Ref("mixed", "kept"))]).join(tokens, on="doc_id")
    spent = kept.group_by("domain").agg(spent=(pl.col("tokens") * pl.col("repeats")).sum()).sort("domain")
    assert spent["spent"].to_list() == mixture.sort("domain")["given"].to_list()


def measured(store: Path) -> set[str]:
    """Files of remembered measures, but for a model's answers and the tokens of documents that are newly mixed in."""
    files = objects(store, "measures/")
    made_of = {name.rpartition("/")[0]: json.loads((store / name).read_text()) for name in files if name.endswith(".json")}
    kinds = (":SmolLM2", ":SmolLM2Tokenizer")
    asked = [folder for folder, method in made_of.items() if method["identity"]["class"].endswith(kinds)]
    assert asked
    return {name for name in files if not any(name.startswith(folder) for folder in asked)}


def test_a_changed_threshold_measures_nothing_and_going_back_costs_nothing(built: Path, tmp_path: Path, micro_text: str) -> None:
    changed = Corpus(recipe(tmp_path, micro_text.replace("min_words: 50", "min_words: 120")), built)
    due = plan(changed.state).by_node()
    assert any("min_words: 50 → 120" in reason for reason in due["filtered"]["reasons"]), due["filtered"]
    assert due["filtered"]["run"] == 3
    assert all(
        due[name]["run"] == due[name]["follow"] == 0
        for name in ("raw_crawl", "extracted_text", "signatures", "duplicates", "deduped")
    )
    before = measured(built)
    report = changed.build()
    assert report.ok
    assert measured(built) == before
    # Documents newly let through or shut out change who is measured downstream, never what a rule or an edit made of a text.
    counted = {record["node"]: {} for record in read_records(changed.store, report.run)}
    for record in read_records(changed.store, report.run):
        counted[record["node"]].update({name: amount for name, amount in record["counters"].items() if amount})
    assert {"filtered", "relevance", "domain_tokens", "tokenized"} <= counted.keys()
    # Which documents the model is asked about may change with those that are left.
    counted.pop("synthesized")
    # So may those that the selection lets in, of which tokens are counted then.
    assert counted.pop("domain_tokens").get("measured_smollm2", 0) <= 1
    # What is made is counted for forecasts.
    assert counted.pop("packed").keys() <= {"training_tokens"}
    assert not any(counted.values()), counted
    touched = {(outcome.node, outcome.partition) for outcome in report.outcomes if outcome.result != "unchanged"}
    untouched = {name for name in changed.graph.nodes if not any(node == name for node, _ in touched)}
    assert {"raw_crawl", "extracted_text", "signatures", "duplicates", "deduped"} <= untouched
    assert ("relevance", "code-0|first") not in touched, "code is excepted from the rule, so its verdicts did not change"
    back = Corpus("micro", built)
    made = back.build()
    assert made.jobs == 0
    assert back.plan().current


def test_two_recipes_share_what_they_have_in_common(built: Path, tmp_path: Path, micro_text: str) -> None:
    other = Corpus(recipe(tmp_path, micro_text.replace("corpus: micro", "corpus: other").replace("keep: 0.9", "keep: 0.8")), built)
    report = other.build()
    assert report.ok
    published = {outcome.node for outcome in report.outcomes if outcome.result == "published"}
    assert published.isdisjoint({"raw_crawl", "extracted_text", "signatures", "duplicates", "deduped", "filtered", "relevance"})
    assert Corpus("micro", built).plan().current


def test_a_recipe_that_drops_nearly_all_is_refused_and_the_old_version_stays(built: Path, tmp_path: Path, micro_text: str) -> None:
    kept = Corpus("micro", built).read("filtered", columns=["doc_id"])
    severe = micro_text.replace("min_words: 50", "min_words: 50000").replace(
        "    docs: {min: 0.2, max: 0.99}\n", "    docs: {min: 0.05, max: 0.99}\n"
    )
    corpus = Corpus(recipe(tmp_path, severe), built)
    report = corpus.build()
    assert {(outcome.node, outcome.partition) for outcome in report.refused()} == {("filtered", "docs-0|first")}
    assert Corpus("micro", built).read("filtered", columns=["doc_id"]).equals(kept)
    assert not [outcome for outcome in report.outcomes if outcome.node in ("cutoff", "mixture", "packed")]


def test_reading_is_a_join_that_the_library_does(corpus: Corpus) -> None:
    frame = corpus.read("filtered", shard="docs-0", columns=["doc_id", "domain", "text"], where="domain = 'documentation'", limit=3)
    assert frame.columns == ["doc_id", "domain", "text"]
    assert frame.height == 3
    with pytest.raises(LookupError, match="did you mean 'filtered'"):
        corpus.read("filterd")
    with pytest.raises(LookupError, match="no column 'txt'"):
        corpus.read("filtered", columns=["txt"])
    with pytest.raises(LookupError, match="no shard 'docs-7'"):
        corpus.read("filtered", shard="docs-7")


def test_a_table_of_a_helper_asset_can_be_read(corpus: Corpus) -> None:
    assert corpus.read("training_order").height == corpus.read("packed").height
    assert list(corpus.tables(Ref("duplicates", "verdicts")))
