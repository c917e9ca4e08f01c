"""`data4llm run` through real workers and real Dagster runs."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import dagster as dg
import pytest
from toy import manifests

from commands_fixture import data4llm
from data4llm_assets.corpus import Corpus
from data4llm_assets.engine.orphans import OWNER_TAG
from data4llm_assets.engine.store import Store

GONE = f"{os.uname().nodename}:1:0"
"""A process whose number is in use again, by another that began later."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    first = data4llm(folder, "run", "micro", "--workers", "2")
    assert "all is current" in first
    return folder


def runs(folder: Path) -> list[dg.DagsterRun]:
    with dg.DagsterInstance.from_config(str(folder / "dagster")) as instance:
        return list(instance.get_runs())


def test_a_run_with_nothing_to_do_still_ends_the_runs_of_a_killed_one(folder: Path) -> None:
    with dg.DagsterInstance.from_config(str(folder / "dagster")) as instance:
        left = dg.DagsterRun(job_name="left", status=dg.DagsterRunStatus.STARTED, tags={OWNER_TAG: GONE})
        instance.add_run(left)
    (folder / "dagster" / "at-work" / GONE).touch()
    assert "nothing to do" in data4llm(folder, "run", "micro")
    with dg.DagsterInstance.from_config(str(folder / "dagster")) as instance:
        assert instance.get_run_by_id(left.run_id).status == dg.DagsterRunStatus.FAILURE
        instance.delete_run(left.run_id)
    assert not list((folder / "dagster" / "at-work").iterdir())


def test_everything_ran_as_dagster_runs_that_succeeded(folder: Path) -> None:
    found = runs(folder)
    assert {run.status for run in found} == {dg.DagsterRunStatus.SUCCESS}
    with dg.DagsterInstance.from_config(str(folder / "dagster")) as instance:
        corpus = Corpus("micro", folder / "store")
        for node in corpus.graph.nodes.values():
            event = instance.get_latest_materialization_event(dg.AssetKey(["micro", node.name]))
            assert event is not None, node.name


def test_a_second_run_creates_no_dagster_run_and_says_that_all_is_current(folder: Path) -> None:
    before = len(runs(folder))
    began = time.perf_counter()
    assert "all is current" in data4llm(folder, "run", "micro")
    assert time.perf_counter() - began < 10
    assert len(runs(folder)) == before
    assert json.loads(data4llm(folder, "plan", "micro", "--json"))["current"] is True


def test_two_workers_make_the_same_manifests_as_none(folder: Path, micro_store: Path) -> None:
    assert manifests(Store(str(folder / "store"))) == manifests(Store(str(micro_store)))


def test_a_refused_recipe_is_told_in_words_and_exits_with_one(folder: Path, micro_text: str) -> None:
    severe = micro_text.replace("min_words: 50", "min_words: 50000")
    (folder / "severe.yaml").write_text(severe)
    told = data4llm(folder, "run", "severe.yaml", expect=1)
    assert "refused" in told
    assert "of the documents of docs should survive" in told
    with dg.DagsterInstance.from_config(str(folder / "dagster")) as instance:
        failed = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
        assert len(failed) == 1
    # Back to the first recipe: nothing to make.
    count = len(runs(folder))
    assert "all is current" in data4llm(folder, "run", "micro")
    assert len(runs(folder)) == count


def test_what_becomes_current_again_is_shown_with_its_verdicts(folder: Path, micro_text: str) -> None:
    (folder / "other.yaml").write_text(micro_text.replace("keep: 0.9", "keep: 0.85"))
    data4llm(folder, "run", "other.yaml")
    count = len(runs(folder))
    told = data4llm(folder, "run", "micro")
    assert "0 partitions made" in told
    assert len(runs(folder)) == count
    current = Corpus("micro", folder / "store").state.entry("selected", "docs-0|first").value
    key = dg.AssetKey(["micro", "selected"])
    with dg.DagsterInstance.from_config(str(folder / "dagster")) as instance:
        records = instance.fetch_materializations(dg.AssetRecordsFilter(key, asset_partitions=["docs-0|first"]), limit=1).records
        tags = records[0].asset_materialization.tags  # type: ignore[union-attr]
        assert tags["dagster/data_version"] == current["digest"]
        checks = instance.event_log_storage.get_latest_asset_check_execution_by_key([dg.AssetCheckKey(key, "abundance")])
        (check,) = checks.values()
        assert check.status.value == "SUCCEEDED"
        assert check.event.timestamp >= records[0].timestamp - 5


def test_select_takes_only_what_was_asked(folder: Path, micro_text: str) -> None:
    (folder / "other.yaml").write_text(micro_text.replace("keep: 0.9", "keep: 0.7"))
    data4llm(folder, "run", "other.yaml", "--select", "cutoff")
    plan = json.loads(data4llm(folder, "plan", "other.yaml", "--json"))
    assert plan["assets"]["cutoff"]["current"] == 1
    assert plan["assets"]["selected"]["run"] == 3
    assert "did you mean 'filtered'" in data4llm(folder, "run", "micro", "--select", "filtred", expect=2)
    data4llm(folder, "run", "micro")


def test_wrong_use_exits_with_two(folder: Path) -> None:
    assert "no recipe 'nothing'" in data4llm(folder, "run", "nothing", expect=2)
    assert "No such option" in data4llm(folder, "run", "--wrokers", "2", expect=2)
    assert "there is no snapshot 'x'" in data4llm(folder, "snapshot", "remove", "x", "--recipe", "micro", expect=2)
    unknown = data4llm(folder, "snapshot", "add", "x", "--source", "doc", "--recipe", "micro", expect=2)
    assert "there is no source 'doc'; there are: docs, code, manual" in unknown


def test_read_decisions_snapshot_and_gc(folder: Path) -> None:
    target = folder / "out.jsonl"
    data4llm(folder, "read", "filtered", "--recipe", "micro", "--columns", "doc_id,domain", "--limit", "5", "--to", str(target))
    rows = [json.loads(line) for line in target.read_text().splitlines()]
    assert len(rows) == 5
    assert set(rows[0]) == {"doc_id", "domain"}
    told = data4llm(folder, "decisions", "--recipe", "micro")
    assert "deduped" in told
    assert "filtered" in told
    dropped = Corpus("micro", folder / "store").decisions("deduped").filter(action="drop")["doc_id"][0]
    assert "drop" in data4llm(folder, "decisions", dropped, "--recipe", "micro")
    assert "first" in data4llm(folder, "snapshot", "list", "--recipe", "micro")
    before = manifests(Store(str(folder / "store")))
    data4llm(folder, "gc", "--older-than", "0", "--delete")
    assert manifests(Store(str(folder / "store"))) == before
    assert "all is current" in data4llm(folder, "run", "micro")
    data4llm(folder, "gc", "--older-than", "0", "--delete", "--forget")
    assert "all is current" in data4llm(folder, "run", "micro")
    assert Corpus("micro", folder / "store").read("filtered").height
