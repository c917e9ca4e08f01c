"""What every program of the peers does: read its arguments, time its phases, print one line of figures.

Runs inside a peer's own environment, so it needs the standard library only.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any


class Arguments:
    """The JSON object in the file named on the command line."""

    def __init__(self) -> None:
        if len(sys.argv) != 2:
            raise SystemExit(f"usage: {Path(sys.argv[0]).name} ARGUMENTS.json")
        self.values: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())

    def path(self, name: str) -> Path:
        return Path(self.values[name]).absolute()

    def output(self) -> Path:
        """The folder to write to, which must be new or empty: what an earlier run left there would be taken for done."""
        folder = self.path("output")
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise SystemExit(f"{folder} is not empty")
        return folder

    def get(self, name: str, default: Any) -> Any:
        return self.values.get(name, default)


class Stopwatch:
    """Wall and CPU seconds of named phases. CPU: this process's, and that of the child processes that ended meanwhile."""

    def __init__(self) -> None:
        self.phases: dict[str, float] = {}
        self.cpu_seconds = 0.0

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        children, cpu, wall = _children(), time.process_time(), time.perf_counter()
        yield
        self.phases[name] = self.phases.get(name, 0.0) + time.perf_counter() - wall
        self.cpu_seconds += time.process_time() - cpu + _children() - children

    def report(
        self,
        documents: int,
        size: int,
        packages: Iterable[str],
        *,
        counters: Mapping[str, Any] | None = None,
        results: Mapping[str, Any] | None = None,
    ) -> None:
        """Print the figures as the last line of the standard output. `size`: bytes of what was read."""
        figures = {
            "seconds": sum(self.phases.values()),
            "cpu_seconds": self.cpu_seconds,
            "documents": documents,
            "bytes": size,
            "phases": self.phases,
            "counters": dict(counters or {}),
            "versions": {"python": sys.version.split()[0]} | {name: version(name) for name in packages},
            "results": dict(results or {}),
        }
        print(json.dumps(figures), flush=True)


def _children() -> float:
    times = os.times()
    return times.children_user + times.children_system


def shards(folder: Path) -> list[Path]:
    """The JSONL files of a folder, in order of name."""
    found = sorted(folder.glob("*.jsonl"))
    if not found:
        raise SystemExit(f"there is no .jsonl file in {folder}")
    return found


def documents(folder: Path) -> Iterator[tuple[str, str]]:
    """Id and text of every document of the JSONL files of a folder, in order."""
    for path in shards(folder):
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                yield row["id"], row["text"]


def size_of(paths: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in paths)


def write_dropped(folder: Path, dropped: Iterable[str]) -> int:
    """`dropped.txt`: one id a line, sorted. Returns how many."""
    lines = sorted(dropped)
    (folder / "dropped.txt").write_text("".join(f"{line}\n" for line in lines))
    return len(lines)
