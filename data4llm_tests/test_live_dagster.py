"""A live web server and daemon, as `data4llm ui` starts them: a backfill over GraphQL, and the sensor after a recipe change."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from commands_fixture import command, data4llm, environment
from data4llm_assets.corpus import Corpus

pytestmark = pytest.mark.long
LOCATION = {"repositoryLocationName": "data4llm_assets.definitions", "repositoryName": "__repository__"}


class Live:
    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.url = folder, f"http://127.0.0.1:{port}/graphql"

    def query(self, text: str, **variables: Any) -> Any:
        body = json.dumps({"query": text, "variables": variables}).encode()
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            found = json.load(answer)
        assert "errors" not in found, found
        return found["data"]

    def corpus(self) -> Corpus:
        return Corpus(self.folder / "recipe.yaml", self.folder / "store")


def wait_for(what: str, done: Callable[[], Any], seconds: float) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if found := done():
                return found
        except OSError:
            pass
        time.sleep(2)
    raise AssertionError(f"{what}: not within {seconds} s")


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    from data4llm_assets.recipe import find_recipe

    folder = tmp_path_factory.mktemp("live")
    (folder / "recipe.yaml").write_text(find_recipe("micro").read_text())
    data4llm(folder, "run", "recipe.yaml")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (folder / "ui.log").open("w")
    ui = subprocess.Popen(
        command("ui", "recipe.yaml", "--port", str(port)), cwd=folder, env=environment(folder), stdout=log, stderr=log
    )
    found = Live(folder, port)
    try:
        wait_for("the web server", lambda: found.query("{ version }"), 120)
        yield found
    finally:
        ui.send_signal(signal.SIGINT)
        ui.wait(60)
        log.close()


def test_a_backfill_of_one_stage_over_all_partitions_succeeds(live: Live) -> None:
    keys = [partition.key for partition in live.corpus().state.grid]
    launched = live.query(
        """mutation($p: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $p) {
             __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }""",
        p={"assetSelection": [{"path": ["micro", "filtered"]}], "partitionNames": keys},
    )["launchPartitionBackfill"]
    assert launched["__typename"] == "LaunchBackfillSuccess", launched
    status = """query($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } } }"""
    done = {"COMPLETED_SUCCESS", "COMPLETED_FAILED", "FAILED", "CANCELED"}

    def ended() -> Any:
        state = live.query(status, id=launched["backfillId"])["partitionBackfillOrError"]["status"]
        return state if state in done else None

    assert wait_for("the backfill", ended, 300) == "COMPLETED_SUCCESS"
    assert live.corpus().plan().current


def test_checks_and_counts_are_shown_with_observed_values(live: Live) -> None:
    found = live.query(
        """{ assetNodeOrError(assetKey: {path: ["micro", "filtered"]}) { ... on AssetNode {
               groupName assetMaterializations(limit: 1) { metadataEntries { label } }
               assetChecksOrError { ... on AssetChecks { checks { name
                 executionForLatestMaterialization { status evaluation {
                   metadataEntries { label ... on IntMetadataEntry { intValue } } } } } } } } } }"""
    )["assetNodeOrError"]
    assert found["groupName"] == "4_filtered"
    labels = {entry["label"] for entry in found["assetMaterializations"][0]["metadataEntries"]}
    assert {"documents_in", "documents_out", "retention", "dagster/partition_row_count"} <= labels
    checks = found["assetChecksOrError"]["checks"]
    assert {check["name"] for check in checks} == {"inclusiveness", "abundance", "articulation", "sanitization"}
    evaluations = [check["executionForLatestMaterialization"] for check in checks]
    assert any(
        entry["label"] == "accounts/unexplained" for each in evaluations if each for entry in each["evaluation"]["metadataEntries"]
    )


def test_the_sensor_brings_the_corpus_up_to_date_after_a_recipe_change(live: Live) -> None:
    recipe = live.folder / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("min_words: 50", "min_words: 90"))
    assert not live.corpus().plan().current
    started = live.query(
        "mutation($s: SensorSelector!) { startSensor(sensorSelector: $s) { __typename ... on PythonError { message } } }",
        s={**LOCATION, "sensorName": "micro_planner"},
    )["startSensor"]
    assert started["__typename"] == "Sensor", started
    wait_for("the sensor's wave", lambda: live.corpus().plan().current, 600)
    failed = live.query("{ runsOrError(filter: {statuses: [FAILURE]}) { ... on Runs { results { runId } } } }")["runsOrError"][
        "results"
    ]
    assert failed == []


def test_a_refused_partition_shows_its_check_and_publishes_nothing(live: Live) -> None:
    recipe = live.folder / "recipe.yaml"
    live.query("mutation($s: String!) { stopSensor(id: $s) { __typename } }", s=_sensor_id(live))
    good = recipe.read_text()
    recipe.write_text(good.replace("min_words: 90", "min_words: 50000"))
    before = live.corpus().state.entry("filtered", "docs-0|first")
    data4llm(live.folder, "run", "recipe.yaml", expect=1)
    assert live.corpus().state.entry("filtered", "docs-0|first") == before
    found = live.query(
        """{ assetCheckExecutions(assetKey: {path: ["micro", "filtered"]}, checkName: "abundance", limit: 5) {
               status evaluation { severity description metadataEntries { label ... on FloatMetadataEntry { floatValue } } } } }"""
    )["assetCheckExecutions"]
    failed = next(each for each in found if each["status"] == "FAILED")
    assert failed["evaluation"]["severity"] == "ERROR"
    assert "documents of docs should survive this step" in failed["evaluation"]["description"]
    recipe.write_text(good)
    data4llm(live.folder, "run", "recipe.yaml")


def _sensor_id(live: Live) -> str:
    found = live.query(
        "query($s: SensorSelector!) { sensorOrError(sensorSelector: $s) { ... on Sensor { sensorState { id } } } }",
        s={**LOCATION, "sensorName": "micro_planner"},
    )
    return str(found["sensorOrError"]["sensorState"]["id"])
