"""What a run costs Dagster, counted: databases opened, subsets of the job made."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy
from toy import graph, world

from data4llm_assets.engine.assets import build_assets
from data4llm_assets.engine.home import dagster_home, open_instance
from data4llm_assets.engine.snapshots import Snapshots
from data4llm_assets.engine.store import Store
from data4llm_assets.engine.workers import announce_snapshots, keeping_subsets


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    with open_instance(dagster_home()) as instance:
        yield instance


@dg.job
def nothing() -> None:
    pass


def test_runs_open_no_connection_of_their_own(instance: Any) -> None:
    opened: list[object] = []
    used: list[object] = []

    def count_opened(connection: object, _record: object) -> None:
        opened.append(connection)

    def count_used(connection: object) -> None:
        used.append(connection)

    sqlalchemy.event.listen(sqlalchemy.pool.Pool, "connect", count_opened)
    sqlalchemy.event.listen(sqlalchemy.Engine, "engine_connect", count_used)
    try:
        for _ in range(3):
            assert nothing.execute_in_process(instance=instance).success
    finally:
        sqlalchemy.event.remove(sqlalchemy.pool.Pool, "connect", count_opened)
        sqlalchemy.event.remove(sqlalchemy.Engine, "engine_connect", count_used)
    assert len(used) > 20
    assert opened == []


def test_events_reach_whoever_watches_a_run(instance: Any) -> None:
    run = instance.create_run_for_job(nothing)
    ended = threading.Event()

    def told(entry: Any, _cursor: str) -> None:
        if entry.dagster_event_type == dg.DagsterEventType.RUN_FAILURE:
            ended.set()

    instance.watch_event_logs(run.run_id, None, told)
    instance.report_run_failed(run, "on purpose")
    assert ended.wait(60)
    instance.end_watch_event_logs(run.run_id, told)


def test_the_job_of_a_stretch_is_made_once_and_its_runs_say_what_they_made(tmp_path: Path, instance: Any) -> None:
    toy = graph(world(tmp_path / "world", a__one="one", b__two="two"))
    store = Store(str(tmp_path / "store"))
    Snapshots(store, "toy").add("first", toy.sources)
    announce_snapshots(instance, "toy", ["first"])
    job = dg.Definitions(assets=build_assets(toy, store.uri)).resolve_implicit_global_asset_job_def()
    made = []
    make = job.as_ephemeral_job
    job.as_ephemeral_job = lambda **asked: made.append(asked["asset_selection"]) or make(**asked)  # type: ignore[func-returns-value]
    job = keeping_subsets(job)
    keys = [dg.AssetKey(["toy", "texts"]), dg.AssetKey(["toy", "lengths"])]
    for partition in ("a-0|first", "a-1|first", "b-0|first"):
        result = job.execute_in_process(instance=instance, partition_key=partition, asset_selection=keys)
        assert result.success
        run = result.dagster_run
        assert run.asset_selection == set(keys)
        assert instance.has_job_snapshot(run.job_snapshot_id)
    assert made == [keys]
    shown = instance.fetch_materializations(keys[0], limit=10).records
    assert {record.asset_materialization.partition for record in shown} == {"a-0|first", "a-1|first", "b-0|first"}
