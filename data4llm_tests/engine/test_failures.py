"""The sensor that tells of runs which failed in Dagster's interface."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from toy import build, graph, world

from data4llm_assets.engine.home import dagster_home, open_instance
from data4llm_assets.engine.operation import Alerts, Webhook
from data4llm_assets.engine.store import Store
from data4llm_assets.engine.wiring import build_defs
from data4llm_assets.engine.workers import announce_snapshots
from listeners import Hook, serving


class Ui:
    """A corpus whose source b is refused, the interface it is looked at with, and who is told."""

    def __init__(self, defs: dg.Definitions, instance: Any, hook: Hook) -> None:
        self.defs, self.instance, self.hook = defs, instance, hook
        self.cursor: str | None = None

    def materialize(self, asset: str, partition: str, **tags: str) -> dg.DagsterRun:
        job = self.defs.resolve_implicit_global_asset_job_def()
        keys = [dg.AssetKey(["toy", asset])]
        done = job.execute_in_process(
            instance=self.instance, partition_key=partition, asset_selection=keys, tags=tags, raise_on_error=False
        )
        assert not done.success
        return done.dagster_run

    def tick(self) -> list[str]:
        """The texts that were posted."""
        before = len(self.hook.posted)
        context = dg.build_sensor_context(self.instance, cursor=self.cursor, definitions=self.defs)
        self.defs.resolve_sensor_def("toy_alerts")(context)
        self.cursor = context.cursor
        return [posted["text"] for _, posted in self.hook.posted[before:]]


@pytest.fixture
def ui(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ui]:
    folder = world(tmp_path / "world", a__one="hello", b__x="yes", b__y="never mind")
    build(store := Store(str(tmp_path / "store")), graph(folder))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    alerts = Alerts(webhook=Webhook(url_env="HOOK_URL"))
    defs = build_defs(lambda: graph(folder, minimum=100, retention=(0.05, 1.0)), store.uri, alerts=alerts)
    with serving(Hook()) as hook, open_instance(dagster_home()) as instance:
        monkeypatch.setenv("HOOK_URL", hook.url)
        announce_snapshots(instance, "toy", ["first"])
        yield Ui(defs, instance, hook)


def test_a_refused_partition_is_told_once_with_its_numbers(ui: Ui) -> None:
    assert ui.tick() == []
    run = ui.materialize("kept", "b-0|first")
    (text,) = ui.tick()
    assert text.startswith(
        f"toy: 1 refused (run {run.run_id})\nrefused kept b-0|first: [abundance] retention is 0, outside 0.05 to 1."
    )
    assert "Look at the checks of the asset toy/kept in Dagster" in text
    assert ui.tick() == []


def test_what_failed_before_somebody_switched_it_on_is_not_told(ui: Ui) -> None:
    ui.materialize("kept", "b-0|first")
    assert ui.tick() == []
    assert ui.tick() == []


def test_all_that_failed_between_two_looks_is_one_message(ui: Ui) -> None:
    ui.tick()
    ui.materialize("kept", "b-0|first")
    # A snapshot that only Dagster knows: a failure before any work.
    ui.instance.add_dynamic_partitions("toy_snapshots", ["gone"])
    ui.materialize("kept", "b-0|gone")
    (text,) = ui.tick()
    assert text.splitlines()[0].startswith("toy: 1 refused, 1 failed (run ")
    assert "failed kept b-0|gone: see run " in text


@pytest.mark.parametrize("tag", [("data4llm/owner", "host:1:2"), ("data4llm/told", "true"), ("dagster/will_retry", "true")])
def test_runs_that_tell_of_themselves_or_are_tried_again_are_passed_over(ui: Ui, tag: tuple[str, str]) -> None:
    ui.tick()
    run = ui.materialize("kept", "b-0|first")
    ui.instance.add_run_tags(run.run_id, dict([tag]))
    assert ui.tick() == []


def test_a_backfill_is_told_of_when_it_has_ended(ui: Ui) -> None:
    ui.tick()
    backfill = PartitionBackfill("filling", BulkActionStatus.REQUESTED, False, {}, 0.0)
    ui.instance.add_backfill(backfill)
    for _ in range(2):
        ui.materialize("kept", "b-0|first", **{"dagster/backfill": "filling"})
        assert ui.tick() == []
    ui.instance.update_backfill(backfill.with_status(BulkActionStatus.COMPLETED_FAILED))
    (text,) = ui.tick()
    assert text.startswith("toy: 2 refused (run ")
    assert ui.tick() == []


def test_a_server_that_is_down_is_said_in_the_tick_and_not_asked_for_ever(ui: Ui) -> None:
    ui.tick()
    ui.hook.answers = [404]
    ui.materialize("kept", "b-0|first")
    assert len(ui.tick()) == 1
    assert ui.tick() == []
