"""Snapshots by job, schedule and sensor, without a daemon: what they ask for, and what the job makes of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from toy import graph, world

from data4llm_assets.engine.deliveries import free_name
from data4llm_assets.engine.home import dagster_home, open_instance
from data4llm_assets.engine.operation import Alerts, Schedules, Watch, Webhook
from data4llm_assets.engine.snapshots import Snapshots
from data4llm_assets.engine.store import Store
from data4llm_assets.engine.wiring import build_defs


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    with open_instance(dagster_home()) as instance:
        yield instance


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return world(tmp_path / "world", a__one="one", b__two="two")


@pytest.fixture
def defs(folder: Path, tmp_path: Path) -> dg.Definitions:
    return build_defs(
        lambda: graph(folder),
        str(tmp_path / "store"),
        schedules=Schedules(refresh="0 3 * * *", deliver="0 1 * * 0", timezone="Pacific/Auckland"),
        watch=Watch(settle=0.0),
        alerts=Alerts(webhook=Webhook(url_env="HOOK_URL")),
    )


def snapshots(tmp_path: Path) -> list[str]:
    return list(Snapshots(Store(str(tmp_path / "store")), "toy").all())


def deliver(defs: dg.Definitions, instance: Any, name: str = "", **tags: str) -> dg.ExecuteInProcessResult:
    """The first of the job's two operations: what follows is what the refresh does."""
    job = defs.resolve_job_def("toy_deliver")
    config = {"ops": {"deliver_toy": {"config": {"snapshot": name}}}}
    return job.execute_in_process(config, instance=instance, op_selection=["deliver_toy"], tags=tags, raise_on_error=False)


def ticked(defs: dg.Definitions, instance: Any, cursor: str | None = None) -> dg.SensorResult:
    context = dg.build_sensor_context(instance, cursor=cursor, definitions=defs)
    found = defs.resolve_sensor_def("toy_new_files")(context)
    return found if isinstance(found, dg.SensorResult) else dg.SensorResult(skip_reason=found)  # type: ignore[arg-type]


def reason(result: dg.SensorResult) -> str:
    assert result.skip_reason is not None, result
    return str(getattr(result.skip_reason, "skip_message", result.skip_reason))


def test_everything_is_there_described_and_off_but_the_alerts(defs: dg.Definitions) -> None:
    ticking = {each.name: each for each in (*(defs.sensors or ()), *(defs.schedules or ()))}
    assert sorted(ticking) == ["toy_alerts", "toy_deliver", "toy_new_files", "toy_planner", "toy_refresh"]
    assert {name: each.default_status.value for name, each in ticking.items()} == {
        name: "RUNNING" if name == "toy_alerts" else "STOPPED" for name in ticking
    }
    assert all(len(each.description or "") > 50 for each in ticking.values())
    dg.Definitions.validate_loadable(defs)


def test_a_recipe_that_asks_for_nothing_has_the_planner_and_the_watch(folder: Path, tmp_path: Path) -> None:
    defs = build_defs(lambda: graph(folder), str(tmp_path / "store"))
    assert [sensor.name for sensor in defs.sensors or ()] == ["toy_planner", "toy_new_files"]
    assert list(defs.schedules or ()) == []
    assert [job.name for job in defs.jobs or ()] == ["toy_up_to_date", "toy_deliver"]


def test_names_never_collide() -> None:
    assert free_name("2026-11-24", set()) == "2026-11-24"
    assert free_name("2026-11-24", {"2026-11-24", "2026-11-24.3"}) == "2026-11-24.2"
    assert free_name("2026-11-24", {"2026-11-24", "2026-11-24.2"}) == "2026-11-24.3"


def test_a_delivery_is_named_by_the_day_of_whoever_asked(defs: dg.Definitions, instance: Any, tmp_path: Path) -> None:
    for _ in range(2):
        assert deliver(defs, instance, **{"data4llm/day": "2026-11-24"}).success
    assert snapshots(tmp_path) == ["2026-11-24", "2026-11-24.2"]
    Snapshots(Store(str(tmp_path / "store")), "toy").remove("2026-11-24.2")
    assert deliver(defs, instance, **{"data4llm/day": "2026-11-24"}).success
    assert snapshots(tmp_path) == ["2026-11-24", "2026-11-24.3"]


def test_a_delivery_that_is_launched_by_hand_is_named_there_or_by_its_day(
    defs: dg.Definitions, instance: Any, tmp_path: Path
) -> None:
    assert deliver(defs, instance, "autumn").success
    assert not deliver(defs, instance, "autumn").success
    run = deliver(defs, instance).dagster_run
    created = instance.get_run_record_by_id(run.run_id).create_timestamp
    (named,) = set(snapshots(tmp_path)) - {"autumn"}
    from zoneinfo import ZoneInfo

    assert named == created.astimezone(ZoneInfo("Pacific/Auckland")).date().isoformat()


def test_a_run_that_is_tried_again_delivers_once(defs: dg.Definitions, instance: Any, tmp_path: Path) -> None:
    first = deliver(defs, instance, **{"data4llm/day": "2026-11-24"})
    tags = instance.get_run_by_id(first.run_id).tags
    assert tags["data4llm/snapshot"] == "2026-11-24"
    assert deliver(defs, instance, **{name: value for name, value in tags.items() if name.startswith("data4llm/")}).success
    assert snapshots(tmp_path) == ["2026-11-24"]
    # It stopped between taking a name and delivering.
    lost = {"data4llm/day": "2026-11-24", "data4llm/snapshot": "2026-11-24.2"}
    assert deliver(defs, instance, **lost).success
    assert snapshots(tmp_path) == ["2026-11-24", "2026-11-24.2"]


def test_the_schedule_names_the_day_of_its_tick_where_it_is_meant(defs: dg.Definitions) -> None:
    schedule = next(each for each in defs.schedules or () if each.name == "toy_deliver")
    context = dg.build_schedule_context(scheduled_execution_time=datetime(2026, 11, 21, 12, 0, tzinfo=UTC))
    (request,) = schedule.evaluate_tick(context).run_requests  # type: ignore[union-attr]
    assert request.tags["data4llm/day"] == "2026-11-22"
    assert schedule.execution_timezone == "Pacific/Auckland"


def test_new_files_are_asked_for_once(defs: dg.Definitions, instance: Any, folder: Path, tmp_path: Path) -> None:
    assert deliver(defs, instance, "first").success
    assert reason(ticked(defs, instance)) == "no new or changed files since the newest snapshot"
    world(folder, a__three="three", b__four="four")
    found = ticked(defs, instance)
    (request,) = found.run_requests or ()
    assert request.run_key == found.cursor
    assert set(request.tags) == {"data4llm/day", "data4llm/news"}
    again = ticked(defs, instance, found.cursor)
    assert reason(again).startswith("new or changed files: 1 in a, 1 in b; they were delivered before, and the delivery failed")
    assert deliver(defs, instance, **request.tags).success
    assert len(snapshots(tmp_path)) == 2
    assert reason(ticked(defs, instance, found.cursor)) == "no new or changed files since the newest snapshot"


def test_files_that_are_being_written_are_waited_for(folder: Path, tmp_path: Path, instance: Any) -> None:
    defs = build_defs(lambda: graph(folder), str(tmp_path / "store"), watch=Watch(settle=3600))
    assert "3600 s settle it" in reason(ticked(defs, instance))
    os.utime(folder / "a" / "one.txt", (0, 0))  # an old date says nothing about when it came
    assert "3600 s settle it" in reason(ticked(defs, instance))


def test_a_folder_that_is_gone_is_a_reason_and_no_failure(defs: dg.Definitions, instance: Any, folder: Path) -> None:
    shutil.rmtree(folder / "a")
    assert reason(ticked(defs, instance)).startswith("source 'a' cannot be listed: there is no file or folder")


def test_a_delivery_that_is_under_way_is_waited_for(defs: dg.Definitions, instance: Any) -> None:
    instance.create_run_for_job(defs.resolve_job_def("toy_deliver"), status=dg.DagsterRunStatus.STARTED)
    assert reason(ticked(defs, instance)).endswith("a delivery is under way")


def test_whole_corpus_jobs_take_turns(defs: dg.Definitions) -> None:
    assert {job.name: job.tags.get("data4llm/upkeep") for job in defs.jobs or ()} == {  # type: ignore[union-attr]
        "toy_up_to_date": "toy",
        "toy_deliver": "toy",
    }
