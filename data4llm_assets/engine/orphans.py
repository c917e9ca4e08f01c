"""Runs whose process is gone: killed, they would stay 'started' in Dagster's interface for ever.

A process that makes runs leaves a note in Dagster's folder while it works. One that is found beside no living process says that
somebody was killed there: so a command that has nothing to do need not open Dagster to know whether it has to tidy up.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

OWNER_TAG = "data4llm/owner"


@contextmanager
def noted(home: str) -> Iterator[None]:
    """Say, for as long as it takes, that this process makes runs. The note of one that fails or is killed stays."""
    folder = _notes(home)
    folder.mkdir(exist_ok=True)
    note = folder / owner()
    note.touch()
    yield
    note.unlink(missing_ok=True)


def left_behind(home: str) -> list[Path]:
    """Notes of processes that are gone."""
    folder = _notes(home)
    return [note for note in sorted(folder.iterdir()) if not _alive(note.name)] if folder.is_dir() else []


def fail_orphans(instance: Any, home: str) -> int:
    """Mark runs as failed whose process is gone. Returns how many."""
    import dagster as dg

    notes = left_behind(home)
    started = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.NOT_STARTED])
    runs = instance.get_runs(started)
    orphans = [run for run in runs if (made_by := run.tags.get(OWNER_TAG)) and not _alive(made_by)]
    for run in orphans:
        instance.report_run_failed(run, "the process that executed this run is gone")
    # A worker may outlive whoever was killed by a moment: while any run is under way, the next command looks again.
    if len(orphans) == len(runs):
        for note in notes:
            note.unlink(missing_ok=True)
    return len(orphans)


def owner() -> str:
    """This process: host, number, and when it began, for numbers are used again."""
    return f"{os.uname().nodename}:{os.getpid()}:{_birth(os.getpid())}"


def _notes(home: str) -> Path:
    return Path(home) / "at-work"


def _alive(made_by: str) -> bool:
    host, _, rest = made_by.partition(":")
    pid, _, began = rest.partition(":")
    if host != os.uname().nodename:
        return True
    return _birth(int(pid)) == began


def _birth(pid: int) -> str:
    """When a process started, as the kernel counts."""
    import psutil

    try:
        return str(int(psutil.Process(pid).create_time()))
    except psutil.NoSuchProcess:
        return ""
