"""SIGKILL at any moment: the next run goes on, and the result is the same byte for byte."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from toy import manifests

from commands_fixture import command, data4llm, environment
from data4llm_assets.corpus import Corpus
from data4llm_assets.engine.store import Store

pytestmark = pytest.mark.long
KILLS = 10


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
    assert any(seen), "no run was killed after it had published something"


def test_ctrl_c_stops_cleanly_and_the_next_run_goes_on(tmp_path: Path) -> None:
    run = subprocess.Popen(
        command("run", "micro"), cwd=tmp_path, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    time.sleep(6)
    run.send_signal(signal.SIGINT)
    _, told = run.communicate(timeout=60)
    assert run.returncode == 130
    assert "interrupted" in told
    assert "Traceback" not in told
    assert "all is current" in data4llm(tmp_path, "run", "micro")
