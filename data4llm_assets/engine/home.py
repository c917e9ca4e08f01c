"""Dagster's home: the folder of its event log and settings, made when it is first needed."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def dagster_home() -> str:
    """$DAGSTER_HOME, or `.dagster` here; gets the project's `dagster.yaml` unless it has one."""
    return furnished(Path(os.environ.get("DAGSTER_HOME") or ".dagster"))


def furnished(folder: Path) -> str:
    """A folder as Dagster's home, with the project's `dagster.yaml` (telemetry off, among others) unless it has one."""
    home = folder.resolve()
    home.mkdir(parents=True, exist_ok=True)
    settings = home / "dagster.yaml"
    if not settings.exists():
        # The folder itself, so that whoever opens the instance later needs no environment.
        settings.write_text(_settings().replace("{env: DAGSTER_HOME}", json.dumps(str(home))))
    return str(home)


def open_instance(home: str) -> Any:
    """Dagster's instance in a folder, with its databases made.

    Two processes that make SQLite's tables at the same moment break each other, so the first opening takes its turn.
    """
    import dagster as dg

    with (Path(home) / ".opening").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        instance = dg.DagsterInstance.from_config(home)
        # Each makes its tables when it is first asked for.
        for storage in (instance.run_storage, instance.event_log_storage, instance.schedule_storage):
            assert storage is not None
        instance.get_dynamic_partitions("")
    return instance


def limit_pools(home: str, pools: Mapping[str, int]) -> None:
    """Make the limits of scarce things those of a recipe, for runs that Dagster's daemon starts; others stay as they are."""
    if pools:
        with open_instance(home) as instance:
            for pool, limit in pools.items():
                instance.event_log_storage.set_concurrency_slots(pool, limit)


def _settings() -> str:
    """The project's `dagster.yaml`: in the package when installed, beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    found = next(file for file in (package / "dagster.yaml", package.parent / "dagster.yaml") if file.is_file())
    return found.read_text()
