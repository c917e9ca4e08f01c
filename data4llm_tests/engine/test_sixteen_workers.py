"""Sixteen workers, one SQLite: more writers at a time than this database likes, on as few cores as there are."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import dagster as dg
import pytest
from toy import Folder, graph, world

from data4llm_assets.engine.home import dagster_home, open_instance
from data4llm_assets.engine.run import bring_up_to_date
from data4llm_assets.engine.snapshots import Snapshots
from data4llm_assets.engine.state import Graph, State
from data4llm_assets.engine.store import Store
from data4llm_assets.engine.workers import DagsterPool, announce_snapshots

pytestmark = pytest.mark.long
SHARDS = 48


def many(folder: Path) -> Graph:
    return replace(graph(folder), sources={"a": Folder(path=str(folder / "a"), shards=SHARDS)})


def test_no_run_of_sixteen_workers_finds_the_database_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    folder = world(tmp_path / "world", **{f"a__{number}": f"text of {number}" for number in range(3 * SHARDS)})
    store, load = Store(str(tmp_path / "store")), partial(many, folder)
    Snapshots(store, "toy").add("first", load().sources)
    home = dagster_home()
    with open_instance(home) as instance:
        announce_snapshots(instance, "toy", ["first"])
        with DagsterPool(load, store.uri, home, "run", 16) as pool:
            report = bring_up_to_date(State(load(), store), pool.execute, "run")
        runs = instance.get_runs()
    assert [done.error for done in report.failures] == []
    assert report.ok
    assert report.plan.current
    # Stretches of a partition before and after the barrier, the barrier, two parts.
    assert len(runs) == 2 * SHARDS + 1 + 2
    assert {run.status for run in runs} == {dg.DagsterRunStatus.SUCCESS}
    assert len({run.tags["data4llm/owner"] for run in runs}) > 8
    assert "locked" not in "".join(capfd.readouterr())
