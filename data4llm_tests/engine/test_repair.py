"""Damaged files are found, named, forgotten and made anew; everything else stays."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from toy import build, graph, manifests, world

from data4llm_assets.engine.repair import examine, forget
from data4llm_assets.engine.state import State
from data4llm_assets.engine.store import Damaged, Store, data_path

TEXTS = {"a__one": "hello", "a__two": "hi", "a__three": "good morning", "b__x": "yes", "b__y": "never mind"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return world(tmp_path / "world", **TEXTS)


@pytest.fixture
def built(folder: Path, tmp_path: Path) -> Store:
    store = Store(str(tmp_path / "store"))
    assert build(store, graph(folder)).ok
    return store


def lengths(store: Store, folder: Path) -> Path:
    """The file of one shard's table of the toy's second node."""
    file = State(graph(folder), store).table("lengths", "b-0|first", "lengths")
    assert file is not None
    assert store.root is not None
    return store.root / data_path(file.digest)


def test_a_healthy_store_has_no_damage(built: Store) -> None:
    assert examine(built, rows=True) == ([], [], [], [], [])


def test_a_file_cut_short_is_named_by_whoever_reads_it(built: Store, folder: Path) -> None:
    file = lengths(built, folder)
    file.write_bytes(file.read_bytes()[:-20])
    report = build(built, graph(folder, minimum=6, version="2"))
    assert report.ok  # nothing that is due reads it
    world(folder, a__four="one more file")
    report = build(built, graph(folder), snapshot="second")
    (failure,) = {failed.error for failed in report.failures}
    assert f"{data_path(file.stem)} is cut short: `data4llm repair` finds such files" in str(failure)


@pytest.mark.parametrize("how", ["cut", "gone", "empty"])
def test_what_is_damaged_is_made_anew_and_nothing_else(built: Store, folder: Path, how: str) -> None:
    before, file = manifests(built), lengths(built, folder)
    if how == "gone":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-20] if how == "cut" else b"")
    found = examine(built)
    assert [path for path, _ in found.damaged] == [data_path(file.stem)]
    assert found.references == [("toy/lengths", "b-0@first")]
    forget(built, found)
    assert examine(built) == ([], [], [], [], [])
    report = build(built, graph(folder))
    assert [(outcome.node, outcome.partition, outcome.result) for outcome in report.outcomes] == [
        ("lengths", "b-0|first", "published")
    ]
    assert manifests(built) == before


def test_changed_bytes_are_found_when_rows_are_compared(built: Store, folder: Path) -> None:
    file = lengths(built, folder)
    frame = pl.read_parquet(file).with_columns(length=pl.col("length") + 1)
    frame.write_parquet(file)
    assert examine(built).damaged == []
    assert examine(built, rows=True).damaged == [(data_path(file.stem), "its rows are not those it is named by")]


def test_a_damaged_measure_is_measured_again(built: Store, folder: Path) -> None:
    path = next(path for path, _, _ in built.objects("measures/") if path.endswith(".parquet"))
    assert built.root is not None
    (built.root / path).write_bytes(b"half")
    found = examine(built)
    assert (found.damaged, found.references) == ([(path, "cut short")], [])
    forget(built, found)
    assert not built.exists(path)


def test_a_lost_listing_is_not_forgotten_but_told(built: Store, folder: Path) -> None:
    listing = next(iter(built.get_json("corpora/toy/snapshots/first.1.json")["sources"].values()))["listing"]
    assert built.root is not None
    (built.root / data_path(listing)).unlink()
    found = examine(built)
    assert found.lost == [listing]
    with pytest.raises(Damaged, match="is gone"):
        built.read_table(listing)
