"""What our programs share: the clock around the work, corpora built in this process, and the last line that the harness reads."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import polars as pl
import psutil

from data4llm_assets.corpus import Corpus
from data4llm_assets.engine.planner import Selection
from data4llm_assets.engine.run import Report

VERSIONS = ("data4llm", "polars", "numba")


def arguments() -> dict[str, Any]:
    return dict(json.loads(Path(sys.argv[1]).read_text()))


class Clock:
    """Wall and CPU seconds between `with` and its end; of CPU also those of the processes started here, for engines run in one."""

    def __enter__(self) -> Clock:
        self._wall, self._cpu = time.perf_counter(), _cpu_seconds()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds, self.cpu_seconds = time.perf_counter() - self._wall, _cpu_seconds() - self._cpu


def _cpu_seconds() -> float:
    """Of this process, of its children that have ended, and of those that have not."""
    ended, living = os.times(), 0.0
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            living += sum(child.cpu_times()[:2])
    return time.process_time() + ended.children_user + ended.children_system + living


def tell(clock: Clock, *, documents: int, size: int, uses: Iterable[str] = (), **more: Any) -> None:
    """Print the result. `more`: phases, counters, results."""
    versions = {name: metadata.version(name) for name in (*VERSIONS, *uses)}
    taken = {"seconds": clock.seconds, "cpu_seconds": clock.cpu_seconds}
    print(json.dumps({**taken, "documents": documents, "bytes": size, "versions": versions, **more}))


def build(recipe: Mapping[str, Any], store: Path, snapshot: str | None = None, nodes: Iterable[str] = ()) -> tuple[Corpus, Report]:
    """Bring a corpus, or some nodes of it, up to date in this process. Raises RuntimeError if one failed or was refused."""
    corpus = Corpus(recipe, store)
    if snapshot is not None and corpus.snapshots.all():
        corpus.snapshots.add(snapshot, corpus.recipe.sources)
    report = corpus.build(selection=Selection(frozenset(nodes)))
    if not report.ok:
        refused = [(o.node, o.partition, [c["why"] for c in o.checks if not c["passed"]]) for o in report.refused()]
        msg = f"failed: {[done.error for done in report.failures]} refused: {refused}"
        raise RuntimeError(msg)
    return corpus, report


def warm_up(recipe: Mapping[str, Any], source: Path, folder: Path) -> None:
    """Build the recipe once on another, tiny input, so that imports, models and compiled loops are there before the clock starts.

    Whether its checks pass does not matter.
    """
    tiny = {**recipe, "corpus": "warm", "sources": {n: {**s, "path": str(source)} for n, s in recipe["sources"].items()}}
    Corpus(tiny, folder / "warm-up").build()


def phases(report: Report) -> dict[str, float]:
    """Seconds by node, as the run records have them: the node's function and its checks."""
    found: dict[str, float] = {}
    for outcome in report.outcomes:
        found[outcome.node] = found.get(outcome.node, 0.0) + float(outcome.record.get("seconds", 0))
    return {name: round(seconds, 4) for name, seconds in found.items()}


def counters(report: Report) -> dict[str, int]:
    """Work counted by the nodes themselves: documents parsed, texts measured, …"""
    found: Counter[str] = Counter()
    for outcome in report.outcomes:
        found.update(outcome.record.get("counters", {}))
    return {**dict(found), "jobs": report.jobs, "partitions_made": sum(bool(o.record) for o in report.outcomes)}


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def documents_and_bytes(corpus: Corpus, step: str) -> tuple[int, int]:
    frame = corpus.read(step, columns=["doc_id", "bytes"])
    return frame.height, int(frame.select(pl.col("bytes").sum()).item())
