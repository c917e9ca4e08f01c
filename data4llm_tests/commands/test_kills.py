"""SIGKILL at any moment: the next run goes on, and the result is the same byte for byte."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import dagster as dg
import pytest
from toy import manifests

from commands_fixture import command, data4llm, environment
from data4llm_assets.corpus import Corpus
from data4llm_assets.engine.store import Store

pytestmark = pytest.mark.long
KILLS = 10
ENDED = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}


def _heed_ctrl_c() -> None:
    # A shell that runs the tests in the background has them, and their children, ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def killed_after(folder: Path, seconds: float) -> bool:
    """Start a run and kill it without warning; False if it was done before."""
    folder.mkdir(parents=True, exist_ok=True)
    run = subprocess.Popen(
        command("run", "micro", "--workers", "2"),
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        run.wait(seconds)
    except subprocess.TimeoutExpired:
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
        return True
    return False


def test_ten_runs_killed_at_random_and_resumed_make_the_same_manifests(tmp_path: Path, micro_store: Path) -> None:
    chance = random.Random(7)
    kills, world, seen = 0, 0, []
    while kills < KILLS:
        folder = tmp_path / f"world-{world}"
        if killed_after(folder, chance.uniform(2.0, 12.0)):
            kills += 1
            # What stands after a kill is readable: every reference names a manifest, every manifest its tables.
            corpus = Corpus("micro", folder / "store")
            seen.append(len(list(corpus.store.objects("corpora/micro/"))))
            for node in corpus.graph.nodes.values():
                for partition in corpus.state.partitions(node):
                    value = corpus.state.entry(node.name, partition.key).value
                    if value is not None:
                        assert corpus.state.manifest(value["fingerprint"]) is not None
                        assert all(corpus.store.has_table(digest) for digest, _ in value["tables"].values())
        else:
            world += 1
    expected = manifests(Store(str(micro_store)))
    for index in range(world + 1):
        folder = tmp_path / f"world-{index}"
        if folder.exists():
            assert "all is current" in data4llm(folder, "run", "micro", "--workers", "1")
            assert manifests(Store(str(folder / "store"))) == expected
            with dg.DagsterInstance.from_config(str(folder / "dagster")) as instance:
                # Runs that died with their process do not stay "started" for ever.
                assert {run.status for run in instance.get_runs()} <= ENDED
    assert any(seen), "no run was killed after it had published something"


def test_two_runs_on_one_store_both_work_and_none_corrupts(tmp_path: Path, micro_store: Path) -> None:
    data4llm(tmp_path, "snapshot", "add", "first", "--recipe", "micro")
    both = [
        subprocess.Popen(
            command("run", "micro", "--workers", "1"), cwd=tmp_path, env=environment(tmp_path), stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    told = [run.communicate(timeout=300)[0] for run in both]
    assert [run.returncode for run in both] == [0, 0], told
    assert "all is current" in data4llm(tmp_path, "run", "micro")
    assert manifests(Store(str(tmp_path / "store"))) == manifests(Store(str(micro_store)))


def test_ctrl_c_stops_cleanly_and_the_next_run_goes_on(tmp_path: Path) -> None:
    run = subprocess.Popen(
        command("run", "micro"),
        cwd=tmp_path,
        env=environment(tmp_path),
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_heed_ctrl_c,
    )
    time.sleep(6)
    run.send_signal(signal.SIGINT)
    _, told = run.communicate(timeout=60)
    assert run.returncode == 130
    assert "interrupted" in told
    assert "Traceback" not in told
    assert "all is current" in data4llm(tmp_path, "run", "micro")
