"""What a newcomer reads in Dagster: nothing is shown without a word on what it is, and what is shown stays small."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data4llm_assets.corpus import Corpus
from data4llm_assets.document import COLUMNS, TABLES
from data4llm_assets.engine import accounts
from data4llm_assets.engine.assets import build_assets
from data4llm_assets.engine.descriptions import column_schema, description, figures, guards, verdict
from data4llm_assets.engine.shell import Outcome
from data4llm_assets.recipe import load_graph

ENGINE = {"dagster/row_count", "dagster/partition_row_count", "result", "fingerprint"}


@pytest.mark.parametrize("recipe", ["micro", "sample", "deduplication", "extraction"])
def test_every_table_and_column_is_explained(recipe: str) -> None:
    for node in load_graph(recipe).nodes.values():
        told = {**COLUMNS, **node.glossary.columns}
        columns = {column for schema in node.schemas.values() for column in schema}
        assert columns - set(told) == set(), node.name
        assert set(node.tables) - {*TABLES, *node.glossary.tables} == set(), node.name
        assert all(column.description for column in column_schema(node).columns)


def test_every_figure_shown_of_the_micro_corpus_is_explained_and_all_fit_a_page(micro_store: Path) -> None:
    state = Corpus("micro", micro_store).state
    for node in state.graph.nodes.values():
        text = description(node)
        for partition in state.partitions(node):
            entry = state.entry(node.name, partition.key).value
            assert entry is not None
            manifest = state.manifest(entry["fingerprint"])
            assert manifest is not None
            made = Outcome(
                "published", node.name, partition.key, manifest["fingerprint"], manifest["digest"], manifest["checks"],
                manifest["metrics"], manifest["tables"],
            )  # fmt: skip
            shown = figures(made, node)
            assert [name for name in shown if name not in ENGINE and f"`{name}`" not in text] == [], node.name
            assert len(json.dumps({name: getattr(value, "value", value) for name, value in shown.items()})) < 4000
            assert not any(name in shown for name in ("documents", "kept") if node.takes), node.name


def test_groups_are_the_steps_of_the_recipe_in_its_order() -> None:
    assets = build_assets(load_graph("deduplication"), "memory://")
    groups = {key.path[-1]: group for asset in assets for key, group in asset.group_names_by_key.items()}
    assert groups["raw_crawl"] == "1_raw_crawl"
    assert groups["duplicates"] == groups["deduped"] == "3_deduped"
    assert groups["deduped_paragraphs_duplicates"] == groups["deduped_paragraphs"] == "5_deduped_paragraphs"


def test_a_description_says_what_it_is_then_how_the_recipe_makes_it() -> None:
    text = description(load_graph("micro").nodes["filtered"])
    assert text.startswith("Documents that pass the recipe's rules")
    assert "`data4llm read filtered --table NAME`" in text
    assert "min_alphabetic_words: 0.5" in text
    assert "[arXiv 2112.11446](https://arxiv.org/abs/2112.11446)" in text
    assert "- `retention`: share of new documents that stay" in text


def test_a_check_names_its_bounds_source_by_source() -> None:
    graph = load_graph("micro")
    text = guards(graph.nodes["filtered"], "abundance", list(graph.sources))
    assert text.startswith("Enough unique text comes through")
    assert "- **retention** 0.2 to 0.99: Between 20% and 99% of the documents of docs should survive" in text
    assert "- **retention** 0.5 to 1: Between 50% and 100% of the documents of code, manual should survive" in text
    assert "documents of all sources should survive" in guards(graph.nodes["deduped"], "abundance", list(graph.sources))


def test_a_verdict_tells_what_failed_first() -> None:
    held = {"passed": True, "severity": "critical", "frame": "accounts", "column": "unexplained", "observed": 0,
            "bounds": {"min_value": 0, "max_value": 0}, "why": "Every document is kept or decided."}  # fmt: skip
    silent = {**held, "column": "share", "observed": None, "bounds": {"min_value": 0.5, "max_value": None}}
    failed = {**held, "passed": False, "column": "retention", "observed": 0.01739, "bounds": {"min_value": 0.2, "max_value": 0.99}}
    assert verdict([held, silent, failed]).splitlines() == [
        "- ✗ retention is 0.01739, outside 0.2 to 0.99. Every document is kept or decided.",
        "- ✓ unexplained: 0 (exactly 0)",
        "- ✓ share: nothing to measure, or too little to say",
    ]


def test_the_accounts_explain_all_they_count() -> None:
    import polars as pl

    none = pl.DataFrame(schema={"doc_id": pl.String})
    decisions = pl.DataFrame(schema={"doc_id": pl.String, "action": pl.String})
    counted = accounts.account(none, none, none["doc_id"], decisions, none["doc_id"])
    assert set(counted.columns) == set(accounts.FIGURES)
