from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from data4llm_assets.deduped.stage import Deduped
from data4llm_assets.document import DECISIONS, DOCUMENTS, KEPT, conform, text_digest
from data4llm_assets.node import QUALITIES, Partition, Place, Ref, View

Make = Callable[..., Any]
PLACE = Place("deduped", View((Ref("extracted_text", "documents"),), (), Ref("extracted_text", "kept")), 0, {}, {})
STORY = " ".join(f"word{number}" for number in range(120))
NEARLY = STORY.replace("word60", "else60")


def test_the_default_is_exact_then_minhash_as_in_fineweb() -> None:
    exact, minhash = Deduped().methods
    assert (exact.method, minhash.method) == ("exact", "minhash")
    shingles = {"unit": "words", "ngram": 5}
    assert minhash.parameters() == {**shingles, "bands": 14, "rows": 8, "seed": 1, "similarity": 0.8, "compare": 64}


def test_a_recipe_reads_back_as_it_was_written() -> None:
    section = Deduped.model_validate({"methods": [{"method": "minhash", "bands": 20}], "scope": "snapshot"})
    assert Deduped.model_validate(section.model_dump(mode="json")) == section


def test_a_users_method_is_imported_and_its_parameters_are_checked() -> None:
    path = "fractions:Fraction"
    with pytest.raises(ValidationError, match="not a data4llm Method"):
        Deduped.model_validate({"methods": [{"method": path}]})
    with pytest.raises(ValidationError, match="no method is called 'minhsah'"):
        Deduped.model_validate({"methods": [{"method": "minhsah"}]})
    with pytest.raises(ValidationError, match="it must be a Matching"):
        Deduped.model_validate({"methods": [{"method": "data4llm_assets.method:Rule"}]})


def test_a_typo_names_the_key() -> None:
    with pytest.raises(ValidationError) as refused:
        Deduped.model_validate({"methods": [{"method": "minhash", "band": 20}]})
    assert refused.value.errors()[0]["loc"] == ("methods", 0, "minhash", "band")


def test_a_method_may_stand_once() -> None:
    with pytest.raises(ValidationError, match="once"):
        Deduped.model_validate({"methods": [{"method": "exact"}, {"method": "exact", "fold_case": True}]})


def test_importing_the_stage_imports_no_heavy_library() -> None:
    script = "import sys, data4llm_assets.deduped.stage; print({'numpy', 'numba', 'pyarrow'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_a_threshold_is_no_setting_of_the_signatures() -> None:
    strict = Deduped.model_validate({"methods": [{"method": "exact"}, {"method": "minhash", "similarity": 0.9, "compare": 8}]})
    signatures, duplicates, _ = strict.nodes(PLACE)
    assert (signatures.methods, signatures.measures, signatures.settings) == ((), strict.methods, {})
    assert [method.parameters("measure") for method in strict.methods] == [
        method.parameters("measure") for method in Deduped().methods
    ]
    assert duplicates.methods == strict.methods
    assert duplicates.settings == {"order": ["exact", "minhash"], "rule": "first_kept", "scope": "corpus"}


def test_nodes_have_the_names_and_grains_of_the_graph() -> None:
    nodes = Deduped().nodes(PLACE)
    assert [(node.name, node.grain) for node in nodes] == [("signatures", "grid"), ("duplicates", "corpus"), ("deduped", "grid")]
    again = Place("second_pass", PLACE.view, 0, {}, {})
    assert [node.name for node in Deduped(name="second_pass").nodes(again)] == [
        "second_pass_signatures", "second_pass_duplicates", "second_pass",
    ]  # fmt: skip
    assert Deduped().after(PLACE).kept == Ref("deduped", "kept")
    assert {expectation.quality for expectation in nodes[-1].expectations} == set(QUALITIES)


def test_every_document_is_kept_or_decided_and_further_columns_stay(build: Make, shard: Make) -> None:
    shop = build({shard(0): [("a", STORY), ("b", NEARLY), ("c", "c"), ("d", "c")]}, batch=3)
    kept, decisions = (shop.table(Ref("deduped", table), "web-0|s00") for table in ("kept", "decisions"))
    assert kept.schema == KEPT
    assert kept.rows() == [("a", text_digest(STORY), len(STORY)), ("c", text_digest("c"), 1)]
    assert decisions.schema == DECISIONS
    assert decisions.select("doc_id", "rule", "action", "partner").rows() == [
        ("b", "minhash.similarity", "drop", "a"), ("d", "exact.text", "drop", "c"),
    ]  # fmt: skip


def test_further_columns_of_the_kept_table_stay(build: Make, shard: Make) -> None:
    shop = build({shard(0): [("a", "one"), ("b", "two")]}, further={"repeats": 2, "phase": 1})
    kept = shop.table(Ref("deduped", "kept"), "web-0|s00")
    assert kept.select(pl.exclude("text_digest")).rows(named=True)[1] == {"doc_id": "b", "bytes": 3, "repeats": 2, "phase": 1}


def test_a_document_of_two_phases_is_no_duplicate_of_itself(build: Make, shard: Make) -> None:
    shop = build({shard(0): [("a", "one"), ("a", "one"), ("b", "one"), ("b", "one")]}, further={"phase": 1})
    assert shop.kept() == ["a", "a"]
    assert shop.verdicts().select("doc_id", "partner").rows() == [("b", "a")]
    assert shop.metrics["deduped", "partition", "web-0|s00"]["repeated_texts"][0] == 0


def expectations_broken(shop: Any, section: Deduped) -> list[str]:
    """The columns whose values break an expectation."""
    broken = []
    for node in section.nodes(PLACE):
        for expectation in node.expectations:
            for (name, frame, _), rows in shop.metrics.items():
                if (name, frame) == (node.name, expectation.frame):
                    column, low, high = (expectation.arguments[key] for key in ("column", "min_value", "max_value"))
                    broken += [column for value in rows[column].drop_nulls() if not low <= value <= high]
    return broken


def test_checks_pass_on_healthy_tiny_and_empty_partitions(build: Make, shard: Make) -> None:
    healthy = [(f"d{number:03}", f"{number} " * 5 + STORY.replace("word", f"w{number}x")) for number in range(150)]
    for held in ({shard(0): healthy, shard(1): healthy[:3]}, {shard(0): [("a", "b"), ("b", "b")]}, {shard(0): []}):
        assert expectations_broken(build(held), Deduped()) == []


def test_checks_fail_when_everything_is_dropped_or_too_short(build: Make, shard: Make) -> None:
    shop = build({shard(0): [(f"d{number:03}", "word") for number in range(150)]})
    broken = ["repeated_share", "smallest_share", "kept_share", "largest_cluster_share", "kept_share", "kept_share"]
    assert expectations_broken(shop, Deduped()) == broken


def test_a_shard_that_lost_all_its_documents_is_an_empty_one(build: Make, shard: Make) -> None:
    shop = build({shard(0): [("a", STORY)], shard(1): [("b", STORY)]})
    assert shop.kept() == ["a"]
    assert shop.metrics["deduped", "partition", "web-0|s01"].select("documents", "dropped", "strangers").row(0) == (1, 1, 0)


class Counter:
    """A bench over a built corpus."""

    def __init__(self, shop: Any) -> None:
        self.shop = shop

    def read_all(self, ref: Ref) -> Iterator[tuple[Partition, pl.DataFrame]]:
        return iter([]) if self.shop is None else self.shop.read_all(ref)

    def texts(self, view: View, partition: Partition, doc_ids: pl.Series) -> pl.DataFrame:
        return self.shop.texts(partition, doc_ids)


def attempt(shop: Any, doc_id: str, text: str, page: str = "") -> list[tuple[Any, ...]]:
    row = {"doc_id": doc_id, "text": text, "page_id": page, "snapshot": "new", "text_digest": text_digest(text)}
    trial = Deduped().trial(PLACE, conform(pl.DataFrame([row]), DOCUMENTS), Counter(shop))  # type: ignore[arg-type]
    return [(verdict.action, verdict.value, verdict.note) for verdict in trial.verdicts]


def test_a_trial_names_the_most_similar_kept_document(build: Make, shard: Make) -> None:
    shop = build({shard(0): [("a", STORY, "home"), ("b", NEARLY), ("c", STORY.replace("word0 ", ""))], shard(1): [("d", "new")]})
    assert attempt(shop, "x", NEARLY) == [
        ("keep", None, "no kept document is a candidate"), ("drop", 111 / 121, "most like a"),
    ]  # fmt: skip
    assert attempt(shop, "x", STORY, "home") == [("carry", 1.0, "most like a")] * 2
    assert attempt(shop, "x", STORY, "elsewhere") == [("drop", 1.0, "most like a")] * 2
    assert [action for action, *_ in attempt(shop, "d", "new")] == ["keep", "keep"]
    assert [action for action, *_ in attempt(None, "x", STORY)] == ["keep", "keep"]
