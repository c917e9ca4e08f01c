"""Outcomes that are no function of the inputs: recorded at once, and found again by whoever works on the shard."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from toy import Length, build, graph, world

from data4llm_assets.engine.garbage import collect
from data4llm_assets.engine.repair import examine
from data4llm_assets.engine.state import State
from data4llm_assets.engine.store import Store
from data4llm_assets.engine.unmeasured import Unmeasured
from data4llm_assets.engine.work import Draft

SLOW = pl.DataFrame({"page": ["a"], "reason": ["slow"]})
BROKEN = pl.DataFrame({"page": ["b"], "reason": ["broken"]})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(str(tmp_path / "store"))
    build(store, graph(world(tmp_path / "world", a__one="hello", b__x="yes")))
    return store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "world"


def draft(store: Store, folder: Path, shard: str = "a-0") -> Draft:
    state = State(graph(folder), store)
    partition = next(each for each in state.grid if each.shard == shard)
    return Draft(state, state.graph.nodes["lengths"], partition, {})


def test_what_is_recorded_is_there_at_once_for_every_run_in_one_order(store: Store, folder: Path) -> None:
    one, other = draft(store, folder), draft(store, folder)
    assert one.recorded(Length()) is None
    one.record(Length(), SLOW)
    other.record(Length(), BROKEN)
    one.record(Length(), SLOW)
    found = draft(store, folder).recorded(Length())
    assert found is not None
    assert found.sort("page").equals(pl.concat([SLOW, BROKEN]))
    for each in (one, other):
        assert found.equals(each.recorded(Length()))  # type: ignore[arg-type]


def test_a_record_is_of_its_shard_and_of_every_parameter(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draft(store, folder).record(Length(), SLOW)
    assert draft(store, folder, "b-0").recorded(Length()) is None
    # What decides may have kept the method from the work that it crashed on.
    assert draft(store, folder).recorded(Length(minimum=9)) is None
    monkeypatch.setattr(Length, "version", "2")
    assert draft(store, folder).recorded(Length()) is None


def test_measures_of_the_same_method_are_apart(store: Store, folder: Path) -> None:
    state = State(graph(folder), store)
    measure = Unmeasured(state).measure(Length())
    before = Unmeasured(state)._folders
    draft(store, folder).record(Length(), SLOW)
    after = Unmeasured(state)._folders
    assert {key for key in after if key[0] == measure} == {key for key in before if key[0] == measure}
    assert build(store, graph(folder, version="2")).ok


def test_records_go_with_their_method_and_are_looked_after(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = draft(store, folder)
    method = graph(folder).nodes["lengths"].methods[0]
    work.record(method, SLOW)
    assert collect(store, forget=True, measures=True, older_than=0, delete=True)["measures"] == (0, 0)
    assert work.recorded(method) is not None
    monkeypatch.setattr(Length, "version", "2")
    work.record(method, BROKEN)
    monkeypatch.undo()
    # The folder of a version that nothing has: the rows, and what says whose they are.
    assert collect(store, forget=True, measures=True, older_than=0, delete=True)["measures"][0] == 2
    (path,) = [path for path, _, _ in store.objects("measures/") if path.endswith(".parquet") and "reason" in columns(store, path)]
    store.put(path, b"it was cut")
    assert examine(store).damaged == [(path, "cut short")]


def columns(store: Store, path: str) -> list[str]:
    return list(pl.read_parquet_schema(store.parquet(path)))
