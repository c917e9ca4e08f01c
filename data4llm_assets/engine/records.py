"""Run records: when a partition was made, how long it took, how much it read: all that differs from run to run.

What forecasts learn from (`engine.costs`) is told apart in them: the work of each measure, and all the rest.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import polars as pl

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

    def taken(self) -> tuple[float, float]:
        """(wall, CPU) seconds."""
        return time.perf_counter() - self._wall, time.process_time() - self._cpu

    def read(self, elsewhere: float = 0.0) -> dict[str, Any]:
        """As a run record has it. `elsewhere` : CPU seconds that other processes took for the same work."""
        wall, cpu = self.taken()
        return {
            "started": round(self.started, 3),
            "seconds": round(wall, 4),
            "cpu_seconds": round(cpu + elsewhere, 4),
            "peak_memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }


TEXTS = "texts"
"""What reading texts to measure goes by, among measures."""
LOADING = "loading "
"""Before the class of a method whose model was loaded, among measures."""
_BEGUN: set[str] = set()


def first_here(work: str) -> bool:
    """Whether this process does such work for the first time: it then imports, compiles and loads what the next time is there."""
    first = work not in _BEGUN
    _BEGUN.add(work)
    return first


@dataclass
class Measuring:
    """What one measure cost in one partition.

    asked: rows whose values were wanted. rows, bytes: those that had to be computed, and of what size their texts were.
    """

    kind: str
    """The method's class."""
    measure: str
    """The name under which its values are remembered."""
    asked: int = 0
    rows: int = 0
    bytes: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    first: bool = False

    def time(self, compute: Callable[[pl.DataFrame], pl.DataFrame], rows: pl.DataFrame) -> pl.DataFrame:
        """What `compute` makes of these rows, with its cost added."""
        if not rows.height:
            return compute(rows)
        self.first |= first_here(self.measure)
        watch = Stopwatch()
        values = compute(rows)
        self.add(*watch.taken())
        self.rows += rows.height
        self.bytes += int(rows["text"].str.len_bytes().sum()) if "text" in rows.columns else 0
        return values

    def add(self, wall: float, cpu: float) -> None:
        self.seconds, self.cpu_seconds = round(self.seconds + wall, 4), round(self.cpu_seconds + cpu, 4)


def write_record(store: Store, run: str, node: str, partition: str, record: dict[str, Any]) -> None:
    store.put_json(record_path(run, node, partition), {"run": run, "node": node, "partition": partition, **record})


def record_path(run: str, node: str, partition: str) -> str:
    return f"runs/{run}/{node}/{file_name(partition)}.json"


def read_records(store: Store, run: str = "", folder: str = "runs") -> Iterator[dict[str, Any]]:
    """The records of one run, or of all runs in order of time."""
    for path, _, _ in sorted(store.objects(f"{folder}/{run}/" if run else f"{folder}/")):
        if path.endswith(".json") and (record := store.get_json(path)) is not None:
            yield record
