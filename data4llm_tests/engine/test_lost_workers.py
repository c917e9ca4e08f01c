"""Real workers that execute Dagster runs and die in the middle of one."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import dagster as dg
import pytest
from mortal import deadly_graph
from toy import build, graph, manifests, world

from data4llm_assets.engine.home import open_instance
from data4llm_assets.engine.run import Report, bring_up_to_date
from data4llm_assets.engine.snapshots import Snapshots
from data4llm_assets.engine.state import State
from data4llm_assets.engine.store import Store
from data4llm_assets.engine.workers import DagsterPool, announce_snapshots

pytestmark = pytest.mark.long


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    from data4llm_assets.engine.home import dagster_home

    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    return dagster_home()


def built_by_workers(tmp_path: Path, home: str, most: int) -> Report:
    folder = world(tmp_path / "world", a__one="hello", a__two="hi", a__three="good morning", b__x="yes", b__y="never mind")
    load = partial(deadly_graph, folder, "b-0|first", tmp_path / "deaths", most)
    store = Store(str(tmp_path / "store"))
    Snapshots(store, "toy").add("first", load().sources)
    with open_instance(home) as instance:
        announce_snapshots(instance, "toy", ["first"])
    with DagsterPool(load, store.uri, home, "run", 2) as pool:
        return bring_up_to_date(State(load(), store), pool.execute, "run")


def statuses(home: str) -> list[str]:
    with open_instance(home) as instance:
        return sorted(run.status.value for run in instance.get_runs())


def test_a_worker_that_dies_once_costs_nothing_but_time(tmp_path: Path, home: str) -> None:
    report = built_by_workers(tmp_path, home, most=1)
    assert report.ok
    assert report.plan.current
    other = Store(str(tmp_path / "other"))
    assert build(other, graph(tmp_path / "world")).ok
    assert manifests(Store(str(tmp_path / "store"))) == manifests(other)
    # No run of the worker that died stays "started".
    assert dg.DagsterRunStatus.FAILURE.value in statuses(home)
    assert dg.DagsterRunStatus.STARTED.value not in statuses(home)


def test_a_partition_that_always_kills_its_worker_is_named_and_the_rest_is_published(tmp_path: Path, home: str) -> None:
    report = built_by_workers(tmp_path, home, most=99)
    ((partition, error),) = [(done.job.partition, done.error) for done in report.failures]
    assert partition == "b-0|first"
    # Two times alone; the first counts as well if the others had ended by then.
    assert error in {f"texts: killed its worker {times} times (out of memory?)" for times in (2, 3)}
    state = State(graph(tmp_path / "world"), Store(str(tmp_path / "store")))
    built = {partition.key for partition in state.grid if state.entry("lengths", partition.key).value is not None}
    assert built == {"a-0|first", "a-1|first"}
    assert state.entry("texts", "b-0|first").value is None
    assert dg.DagsterRunStatus.STARTED.value not in statuses(home)
