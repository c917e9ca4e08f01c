"""Every engine for web pages, as the shipped recipe names them: each makes its source, and changing one makes that source again."""

from __future__ import annotations

import copy
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, get_args

import polars as pl
import pytest
from ruamel.yaml import YAML

from data4llm_assets.corpus import Corpus
from data4llm_assets.engine.run import Report
from data4llm_assets.extracted_text.auto import TOGETHER
from data4llm_assets.extracted_text.stage import WEB_METHODS
from data4llm_assets.extracted_text.trafilatura import Trafilatura
from data4llm_assets.method import ModelUnavailable
from data4llm_assets.recipe import find_recipe, load_recipe

DOCUMENTS = 10
CHANGED = "raw"


class Built(NamedTuple):
    recipe: dict[str, Any]
    store: Path
    report: Report


def with_engine(recipe: Mapping[str, Any], source: str, html: Mapping[str, Any]) -> dict[str, Any]:
    changed = copy.deepcopy(dict(recipe))
    changed["steps"][1]["sources"][source]["html"] = dict(html)
    return changed


def engines(recipe: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """By source: what the recipe says of its pages."""
    return {source: dict(kinds["html"]) for source, kinds in recipe["steps"][1]["sources"].items()}


def current(corpus: Corpus) -> dict[str, Any]:
    """By partition: which fingerprint is current, and the digest of what it produced."""
    corpus.state.refresh()
    found = {}
    for partition in corpus.state.partitions(corpus.graph.nodes["extracted_text"]):
        entry = corpus.state.entry("extracted_text", partition.key).value
        assert entry is not None
        manifest = corpus.state.manifest(entry["fingerprint"])
        assert manifest is not None
        found[partition.key] = (entry["fingerprint"], manifest["digest"])
    return found


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    recipe: dict[str, Any] = YAML(typ="safe").load(find_recipe("extraction"))
    recipe["sources"] = {name: {**source, "documents": DOCUMENTS} for name, source in recipe["sources"].items()}
    store = tmp_path_factory.mktemp("extraction") / "store"
    report = Corpus(recipe, store).build()
    assert report.ok, [done.error for done in report.failures] + [(o.partition, o.checks) for o in report.refused()]
    return Built(recipe, store, report)


def test_every_engine_is_named_for_a_source_of_the_same_pages(built: Built) -> None:
    named = engines(built.recipe)
    assert list(named) == list(built.recipe["sources"])
    assert {html["method"] for html in named.values()} == {*WEB_METHODS, "recipe"}
    modes = {html.get("mode", "balanced") for html in named.values() if html["method"] == "trafilatura"}
    assert modes == set(get_args(Trafilatura.model_fields["mode"].annotation))
    records = Corpus(built.recipe, built.store).read("raw_crawl", columns=["source", "payload_digest"])
    pages = records.group_by("source").agg(pl.col("payload_digest").sort())["payload_digest"].to_list()
    assert len(pages) == len(named)
    assert all(each == pages[0] for each in pages)


def test_every_engine_finds_texts_and_is_named_in_them_and_accounts_balance(built: Built) -> None:
    documents = Corpus(built.recipe, built.store).read("extracted_text", columns=["source", "text", "meta"])
    named = pl.element().filter(pl.element().struct["key"] == "engine").struct["value"]
    told = documents.select("source", "text", engine=pl.col("meta").list.eval(named)).explode("engine")
    for source, html in engines(built.recipe).items():
        own = told.filter(source=source)
        assert own.height > DOCUMENTS / 2, source
        assert own.filter(text="").is_empty()
        # `auto` says what it chose.
        names = {"blocks", "trafilatura", TOGETHER} if html["method"] == "auto" else {html["method"]}
        assert set(own["engine"]) <= names, source
    for outcome in built.report.outcomes:
        if outcome.node == "extracted_text":
            (account,) = outcome.metrics["accounts"]
            assert account["documents_in"] == account["documents_out"] + account["dropped"] == DOCUMENTS
            assert account["unexplained"] == 0


def test_another_engine_for_one_source_parses_that_source_alone_and_the_way_back_parses_nothing(built: Built) -> None:
    before = current(Corpus(built.recipe, built.store))
    partition = f"{CHANGED}-0|first"
    changed = Corpus(with_engine(built.recipe, CHANGED, {"method": "blocks"}), built.store)

    (due,) = changed.plan().due("run", "adopt", "follow")
    assert (due.node, due.partition.key, due.due) == ("extracted_text", partition, "run")
    assert "methods.html.method: raw → blocks" in due.reason
    report = changed.build()
    assert [(o.node, o.partition, o.result) for o in report.outcomes] == [("extracted_text", partition, "published")]
    assert report.outcomes[0].record["counters"]["documents_parsed"] == DOCUMENTS
    after = current(changed)
    assert {key for key in before if before[key] != after[key]} == {partition}
    assert after[partition][1] != before[partition][1]

    again = Corpus(built.recipe, built.store)
    assert [(item.partition.key, item.due) for item in again.plan().due("run", "adopt", "follow")] == [(partition, "adopt")]
    report = again.build()
    assert [(o.partition, o.result) for o in report.outcomes] == [(partition, "adopted")]
    assert "counters" not in report.outcomes[0].record
    assert current(again) == before


def test_without_the_extra_the_recipe_loads_and_says_what_is_missing_when_it_runs(
    built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "readability", None)
    assert load_recipe("extraction").graph().nodes["extracted_text"].methods
    with pytest.raises(ModelUnavailable, match=r"pip install 'data4llm\[readability\]'"):
        Corpus(built.recipe, built.store).build()
