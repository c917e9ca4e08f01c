"""A live web server and daemon: new files become a snapshot, the launchpad delivers one, a refused check is told."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from commands_fixture import command, data4llm, environment
from listeners import Hook, serving
from test_live_dagster import LOCATION, Live, wait_for

pytestmark = pytest.mark.long
RECIPE = """\
corpus: small
sources:
  notes: {{kind: files, path: notes, domain: text}}
steps:
  - stage: raw_crawl
  - stage: extracted_text
  - stage: filtered
    rules: [{{method: gopher_quality, min_words: {words}}}]
retention: {{filtered: {{min: 0.5, max: 1.0}}}}
schedules: {{refresh: "0 3 * * *", deliver: "0 1 * * 0"}}
watch: {{settle: 0}}
alerts: {{webhook: {{url_env: HOOK_URL}}}}
"""
NOTE = "The water of the town is said to be good to drink again, and the people of it have their doubts about that. " * 10


@pytest.fixture(scope="module")
def hook() -> Iterator[Hook]:
    with serving(Hook()) as server:
        yield server


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, hook: Hook) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("operation")
    (folder / "notes").mkdir()
    for number in range(12):
        (folder / "notes" / f"{number}.txt").write_text(f"Note {number}. {NOTE}")
    (folder / "recipe.yaml").write_text(RECIPE.format(words=5))
    data4llm(folder, "run", "recipe.yaml")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    surroundings = {**environment(folder), "HOOK_URL": hook.url}
    with (folder / "ui.log").open("w") as log:
        ui = subprocess.Popen(
            command("ui", "recipe.yaml", "--port", str(port)), cwd=folder, env=surroundings, stdout=log, stderr=log
        )
        found = Live(folder, port)
        try:
            wait_for("the web server", lambda: found.query("{ version }"), 180)
            yield found
        finally:
            ui.send_signal(signal.SIGINT)
            ui.wait(60)


def up_to_date(live: Live, snapshots: int) -> Any:
    corpus = live.corpus()
    names = list(corpus.snapshots.all())
    return names if len(names) == snapshots and corpus.plan().current else None


def test_every_schedule_and_sensor_is_there_to_be_switched(live: Live) -> None:
    found = live.query(
        """query($r: RepositorySelector!) { repositoryOrError(repositorySelector: $r) { ... on Repository {
             schedules { name description scheduleState { status } } sensors { name description sensorState { status } } } } }""",
        r=LOCATION,
    )["repositoryOrError"]
    states = {each["name"]: each["scheduleState"]["status"] for each in found["schedules"]}
    states |= {each["name"]: each["sensorState"]["status"] for each in found["sensors"]}
    assert states == {
        "small_refresh": "STOPPED",
        "small_deliver": "STOPPED",
        "small_planner": "STOPPED",
        "small_new_files": "STOPPED",
        "small_alerts": "RUNNING",
    }
    assert all(each["description"] for each in (*found["schedules"], *found["sensors"]))


def test_a_new_file_becomes_a_snapshot_that_is_built(live: Live) -> None:
    started = live.query(
        "mutation($s: SensorSelector!) { startSensor(sensorSelector: $s) { __typename ... on PythonError { message } } }",
        s={**LOCATION, "sensorName": "small_new_files"},
    )["startSensor"]
    assert started["__typename"] == "Sensor", started
    (live.folder / "notes" / "new.txt").write_text(f"Another note. {NOTE}")
    first, second = wait_for("the sensor's snapshot", lambda: up_to_date(live, 2), 300)
    assert first == "first"
    assert second[:2] == "20"
    assert len(second) == len("2026-11-24")


def test_the_launchpad_delivers_a_snapshot_of_a_name(live: Live) -> None:
    launched = live.query(
        """mutation($p: ExecutionParams!) { launchRun(executionParams: $p) { __typename ... on PythonError { message } } }""",
        p={
            "selector": {**LOCATION, "jobName": "small_deliver"},
            "runConfigData": {"ops": {"deliver_small": {"config": {"snapshot": "autumn"}}}},
        },
    )["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    assert "autumn" in wait_for("the delivery", lambda: up_to_date(live, 3), 300)


def test_a_refused_check_of_a_single_run_is_told(live: Live, hook: Hook) -> None:
    (live.folder / "recipe.yaml").write_text(RECIPE.format(words=5000))
    assert hook.posted == []
    launched = live.query(
        """mutation($p: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $p) { __typename } }""",
        p={"assetSelection": [{"path": ["small", "filtered"]}], "partitionNames": ["notes-0|first"]},
    )["launchPartitionBackfill"]
    assert launched["__typename"] == "LaunchBackfillSuccess", launched
    wait_for("the alert", lambda: hook.posted, 300)
    ((_, posted),) = hook.posted
    assert posted["text"].startswith("small: 1 refused (run ")
    assert "retention is 0, outside 0.5 to 1." in posted["text"]
