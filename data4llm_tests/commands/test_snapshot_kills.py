"""SIGKILL while a snapshot is added or withdrawn: it is there whole or not at all, and the command given again does it."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from commands_fixture import command, data4llm, environment
from data4llm_assets.corpus import Corpus

pytestmark = pytest.mark.long


def killed(folder: Path, seconds: float, *arguments: str) -> bool:
    """Start a command and kill it without warning; False if it was done before."""
    started = subprocess.Popen(
        command(*arguments), cwd=folder, env=environment(folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        started.wait(seconds)
    except subprocess.TimeoutExpired:
        started.kill()
        started.wait()
        return True
    assert started.returncode == 0
    return False


def test_a_snapshot_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    chance = random.Random(3)
    (tmp_path / "once").mkdir()
    data4llm(tmp_path / "once", "snapshot", "add", "first", "--recipe", "micro")
    expected = Corpus("micro", tmp_path / "once" / "store").snapshots.all()
    kills = 0
    for attempt in range(40):
        folder = tmp_path / f"world-{attempt % 3}"
        folder.mkdir(exist_ok=True)
        done = not killed(folder, chance.uniform(1.0, 4.0), "snapshot", "add", "first", "--recipe", "micro")
        kills += not done
        found = Corpus("micro", folder / "store").snapshots.all()
        assert found in ({}, expected)
        assert found == expected or not done
        if found:
            data4llm(folder, "snapshot", "add", "second", "--recipe", "micro")
            withdrawn = not killed(folder, chance.uniform(0.5, 2.0), "snapshot", "remove", "first", "--recipe", "micro")
            kills += not withdrawn
            names = list(Corpus("micro", folder / "store").snapshots.all())
            assert names == ["second"] if withdrawn else names in (["second"], ["first", "second"])
            for file in sorted(folder.rglob("*"), reverse=True):
                file.unlink() if file.is_file() else file.rmdir()
        if kills >= 8:
            break
    assert kills >= 8
