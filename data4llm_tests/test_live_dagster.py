"""A live web server and daemon, as `data4llm ui` starts them: a backfill over GraphQL, and the sensor after a recipe change."""

from __future__ import annotations

from typing import Any

import pytest

from commands_fixture import data4llm
from live_dagster import LOCATION, Live, wait_for

pytestmark = pytest.mark.long


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
    found = live.query(
        """{ assetCheckExecutions(assetKey: {path: ["micro", "filtered"]}, checkName: "abundance", limit: 3) {
               status evaluation { partition } } }"""
    )["assetCheckExecutions"]
    assert {(each["status"], each["evaluation"]["partition"]) for each in found} == {("SUCCEEDED", key) for key in keys}
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
    assert any(entry["label"] == "unexplained" for each in evaluations if each for entry in each["evaluation"]["metadataEntries"])


def test_the_sensor_brings_the_corpus_up_to_date_after_a_recipe_change(live: Live) -> None:
    recipe = live.folder / "recipe.yaml"
    before = failed_runs(live)
    recipe.write_text(recipe.read_text().replace("min_words: 50", "min_words: 90"))
    assert not live.corpus().plan().current
    started = live.query(
        "mutation($s: SensorSelector!) { startSensor(sensorSelector: $s) { __typename ... on PythonError { message } } }",
        s={**LOCATION, "sensorName": "micro_planner"},
    )["startSensor"]
    assert started["__typename"] == "Sensor", started
    wait_for("the sensor's wave", lambda: live.corpus().plan().current, 600)
    assert failed_runs(live) == before


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


def failed_runs(live: Live) -> Any:
    found = live.query("{ runsOrError(filter: {statuses: [FAILURE]}) { ... on Runs { results { runId } } } }")
    return found["runsOrError"]["results"]


def _sensor_id(live: Live) -> str:
    found = live.query(
        "query($s: SensorSelector!) { sensorOrError(sensorSelector: $s) { ... on Sensor { sensorState { id } } } }",
        s={**LOCATION, "sensorName": "micro_planner"},
    )
    return str(found["sensorOrError"]["sensorState"]["id"])
