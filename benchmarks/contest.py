"""Running contenders: each a program in a process of its own, pinned to the same cores, in turn, several times.

A program is told its arguments in a JSON file, loads and warms up what it needs, does the work once, and prints as its last line
one JSON object: `seconds` and `cpu_seconds` of the work alone, `documents`, `bytes`, `phases`, `counters`, `versions`, `results`.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Literal

import psutil

ROOT = Path(__file__).resolve().parent.parent
SAMPLING_SECONDS = 0.1
Side = Literal["ours", "peer"]


@dataclass(frozen=True)
class Contender:
    """One program with its arguments. `python` is the interpreter of its own environment."""

    name: str
    side: Side
    python: Path
    program: Path
    arguments: Mapping[str, Any]
    repetitions: int = 3
    cores: int = 1
    keep: Mapping[str, Path] = field(default_factory=dict)
    """Files of its folder that are wanted afterwards, and where to."""


@dataclass(frozen=True)
class Run:
    """One process: what it printed, and what the operating system says of it."""

    seconds: float
    cpu_seconds: float
    documents: int
    bytes: int
    whole_process_seconds: float
    peak_memory: int
    """Bytes: the largest sum over the process and its children, sampled ten times a second."""
    phases: Mapping[str, float] = field(default_factory=dict)
    counters: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    results: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """All runs of one contender, or why there are none."""

    name: str
    side: Side
    runs: tuple[Run, ...] = ()
    failure: str | None = None

    @property
    def seconds(self) -> float:
        return median(run.seconds for run in self.runs)

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "side": self.side, "failure": self.failure, "runs": [asdict(run) for run in self.runs]}


def race(contenders: Sequence[Contender], tell: Callable[[str], None]) -> dict[str, Measured]:
    """Run contenders in turn (A B C A B C …), each as often as it asks, so that a machine that slows down slows all of them.

    A contender that fails is not run again; its last words are its failure.
    """
    runs: dict[str, list[Run]] = {contender.name: [] for contender in contenders}
    failures: dict[str, str] = {}
    for turn in range(max((contender.repetitions for contender in contenders), default=0)):
        for contender in contenders:
            if turn >= contender.repetitions or contender.name in failures:
                continue
            try:
                run = execute(contender)
            except Failed as failed:
                failures[contender.name] = str(failed)
                tell(f"  {contender.name}: failed: {failed}")
                continue
            runs[contender.name].append(run)
            tell(f"  {contender.name}: {run.seconds:.2f} s of work, {run.peak_memory / 1e6:.0f} MB at most")
    return {c.name: Measured(c.name, c.side, tuple(runs[c.name]), failures.get(c.name)) for c in contenders}


class Failed(RuntimeError):
    """A program ended with an error, or printed no result."""


def execute(contender: Contender) -> Run:
    """Run one program once, in an empty folder that is removed afterwards. Raises Failed."""
    cores = sorted(os.sched_getaffinity(0))[: contender.cores]
    with tempfile.TemporaryDirectory(prefix="benchmark-", dir=os.environ.get("TMPDIR")) as scratch:
        arguments = Path(scratch) / "arguments.json"
        work = Path(scratch) / "work"
        work.mkdir()
        arguments.write_text(json.dumps({**contender.arguments, "folder": str(work), "output": str(work)}))
        out, err = Path(scratch) / "out", Path(scratch) / "err"
        begin = time.perf_counter()
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(
                [contender.python, contender.program, arguments],
                stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, cwd=ROOT, env=environment(len(cores)),
                preexec_fn=lambda: os.sched_setaffinity(0, cores),
            )  # fmt: skip
            with _memory_of(process.pid) as peak:
                process.wait()
        whole = time.perf_counter() - begin
        lines = out.read_text(errors="replace").strip().splitlines()
        if process.returncode != 0 or not lines:
            said = err.read_text(errors="replace").strip().splitlines() or lines or [f"exit status {process.returncode}"]
            raise Failed(said[-1][:300])
        try:
            told = json.loads(lines[-1])
        except json.JSONDecodeError:
            raise Failed(f"its last line is no result: {lines[-1][:200]}") from None
        for name, target in contender.keep.items():
            shutil.move(work / name, target)
    return Run(
        seconds=float(told["seconds"]),
        cpu_seconds=float(told.get("cpu_seconds", 0)),
        documents=int(told.get("documents", 0)),
        bytes=int(told.get("bytes", 0)),
        whole_process_seconds=whole,
        peak_memory=max(peak),
        **{name: told[name] for name in ("phases", "counters", "versions", "results") if name in told},
    )


def environment(threads: int) -> dict[str, str]:
    """As many threads as cores, for every library that would rather count the machine's; no network, no telemetry."""
    names = (
        "POLARS_MAX_THREADS",
        "RAYON_NUM_THREADS",
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NUMBA_NUM_THREADS",
    )
    quiet = {
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "GX_ANALYTICS_ENABLED": "false",
        "DAGSTER_DISABLE_TELEMETRY": "1",
    }
    # Data sets of the peers are cached by their input's fingerprint: a second run would only read the first one's result.
    return {
        **os.environ,
        **dict.fromkeys(names, str(threads)),
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONPATH": str(ROOT),
        **quiet,
        "HF_DATASETS_DISABLE_CACHING": "1",
    }


@contextlib.contextmanager
def _memory_of(pid: int) -> Iterator[list[int]]:
    """Samples the resident memory of a process and its descendants until the block ends."""
    peak, ended = [0], threading.Event()

    def sample() -> None:
        while True:
            with contextlib.suppress(psutil.Error):
                family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
                peak.append(sum(_resident(each) for each in family))
            if ended.wait(SAMPLING_SECONDS):
                return

    watcher = threading.Thread(target=sample, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        ended.set()
        watcher.join()


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0
