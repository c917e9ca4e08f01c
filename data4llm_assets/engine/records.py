"""Run records: when a partition was made, how long it took, how much it read: all that differs from run to run."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from data4llm_assets.engine.state import file_name
from data4llm_assets.engine.store import Store


def new_run() -> str:
    """A name that sorts by time and that no two runs share."""
    return time.strftime("%Y%m%dT%H%M%S", time.gmtime()) + f"-{os.urandom(3).hex()}"


@dataclass
class Stopwatch:
    """Wall and CPU seconds of this process, threads included, since it was made."""

    started: float = field(default_factory=time.time)
    _wall: float = field(default_factory=time.perf_counter)
    _cpu: float = field(default_factory=time.process_time)

    def read(self) -> dict[str, Any]:
        return {
            "started": round(self.started, 3),
            "seconds": round(time.perf_counter() - self._wall, 4),
            "cpu_seconds": round(time.process_time() - self._cpu, 4),
            "peak_memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }


def write_record(store: Store, run: str, node: str, partition: str, record: dict[str, Any]) -> None:
    store.put_json(f"runs/{run}/{node}/{file_name(partition)}.json", {"run": run, "node": node, "partition": partition, **record})


def read_records(store: Store, run: str = "") -> Iterator[dict[str, Any]]:
    """The records of one run, or of all runs in order of time."""
    for path, _, _ in sorted(store.objects(f"runs/{run}/" if run else "runs/")):
        if path.endswith(".json") and (record := store.get_json(path)) is not None:
            yield record
