"""Texts are read when they are needed, and only then: counted where they are read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from toy import Length, build, graph, world

from data4llm_assets.document import DOCUMENTS, KEPT, OVERLAY, conform, text_digests
from data4llm_assets.engine import store as store_module
from data4llm_assets.engine.documents import batches, documents, texts
from data4llm_assets.engine.records import read_records
from data4llm_assets.engine.run import Report
from data4llm_assets.engine.snapshots import Snapshots
from data4llm_assets.engine.state import Graph, State
from data4llm_assets.engine.store import Store
from data4llm_assets.engine.work import Draft
from data4llm_assets.node import Ref, View

VIEW = View((Ref("x", "documents"),), (Ref("x", "overlay"),), Ref("x", "kept"))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


@pytest.fixture
def files(store: Store, monkeypatch: pytest.MonkeyPatch) -> dict[Ref, Any]:
    """Two row groups of two documents; b has gone, c was edited, d stands in two phases."""
    monkeypatch.setattr(store_module, "ROW_GROUP_BYTES", 1)
    frame = pl.DataFrame({"doc_id": list("abcd"), "text": ["one", "two", "three", "four"]})
    stored = conform(frame.with_columns(text_digests(frame["text"]), title="doc_id"), DOCUMENTS)
    kept = conform(stored[[0, 2, 3, 3]], KEPT).with_columns(
        phase=pl.Series([0, 0, 0, 1]), text_digest=pl.Series(["A", "C", "D", "D"])
    )
    overlay = conform(pl.DataFrame({"doc_id": ["c"], "text": ["THREE"]}), OVERLAY)
    return {
        VIEW.texts[0]: store.write_table([stored[:2], stored[2:]], DOCUMENTS),
        VIEW.kept: store.write_table([kept], kept.schema),
        VIEW.overlays[0]: store.write_table([overlay], OVERLAY),
    }


def test_a_batch_is_a_row_group_without_its_texts_until_they_are_asked_for(store: Store, files: dict[Ref, Any]) -> None:
    kept = store.read_table(files[VIEW.kept].digest)
    found = []
    for batch in batches(store, VIEW, files, kept):
        assert "text" not in batch.rows.columns
        found.append((batch.rows.select("doc_id", "text_digest", "phase").rows(), batch.texts.rows()))
    assert found == [
        ([("a", "A", 0)], [("a", "one")]),
        ([("c", "C", 0), ("d", "D", 0), ("d", "D", 1)], [("c", "THREE"), ("d", "four"), ("d", "four")]),
    ]


def test_a_reader_gets_whole_documents(store: Store, files: dict[Ref, Any]) -> None:
    frame = pl.concat(documents(store, VIEW, files))
    assert frame.columns == [*(name for name in DOCUMENTS if name not in ("text_digest", "bytes")), "text_digest", "bytes", "phase"]
    assert frame.select("title", "text", "phase").rows() == [("a", "one", 0), ("c", "THREE", 0), ("d", "four", 0), ("d", "four", 1)]


def test_texts_of_some_documents_are_the_latest(store: Store, files: dict[Ref, Any]) -> None:
    found = texts(store, VIEW, files, pl.DataFrame({"doc_id": ["c", "a"]}))
    assert sorted(found.rows()) == [("a", "one"), ("c", "THREE")]


def read(store: Store, report: Report, run: str) -> int:
    assert report.ok
    return sum(record["counters"].get("texts_read", 0) for record in read_records(store, run) if record["node"] == "lengths")


def again(toy: Graph, version: str) -> Graph:
    """The same, but `lengths` is due again: its measures are still known."""
    return replace(toy, nodes={**toy.nodes, "lengths": replace(toy.nodes["lengths"], version=version)})


def test_what_was_measured_is_not_read_again(tmp_path: Path, store: Store) -> None:
    toy = graph(world(tmp_path, a__one="hello", a__two="hi", b__x="yes"))
    assert read(store, build(store, toy, run="1"), "1") == 3
    assert read(store, build(store, again(toy, "2"), run="2"), "2") == 0
    world(tmp_path, b__y="new")
    Snapshots(store, "toy").add("first", toy.sources, relist=True)
    # the row group of the new document is read, those of the other shards are not
    assert read(store, build(store, again(toy, "3"), run="3"), "3") == 2


def test_a_text_that_a_step_edited_is_measured_as_it_gives_it(tmp_path: Path, store: Store) -> None:
    toy = graph(world(tmp_path, b__x="yes", b__y="never mind", a__z="a"))
    build(store, toy)
    state = State(toy, store)
    node, partition = toy.nodes["lengths"], state.partition(toy.nodes["lengths"], "b-0|first")
    seen: list[tuple[Any, ...]] = []

    def compute(documents: pl.DataFrame) -> pl.DataFrame:
        seen.extend(documents.rows())
        return documents.select(size=pl.col("text").str.len_chars())

    with Draft(state, node, partition, state.inputs(node, partition)) as draft:
        (batch,) = draft.batches()
        edited = batch.sort("bytes").with_columns(text=pl.Series([None, "EDITED"]), text_digest=pl.Series(["1", "2"]))
        # not in the batch at hand any more: found all the same
        assert draft.measure(Length(method="length", unit=9), edited, compute)["size"].to_list() == [3, 6]
        assert seen == [("1", "yes"), ("2", "EDITED")]
        assert draft.counters["texts_read"] == 1
        assert draft.measure(Length(method="length", unit=9), edited.drop("text"), compute)["size"].to_list() == [3, 6]
        assert len(seen) == draft.counters["measured_length"] == 2
