"""Resident memory of a command that starts processes, sampled while it runs: of all together, and of each with its own children."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import defaultdict

import psutil

from benchmarks.contest import SAMPLING_SECONDS


class Trees:
    """Watches a process for the length of a `with`. A tree is a child of it with all that this one started."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._samples: defaultdict[int, list[tuple[float, int]]] = defaultdict(list)
        self._all = 0
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Trees:
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._watcher.join()

    def peak_of_all(self) -> int:
        """Bytes: the largest sum over the process and everything below it."""
        return self._all

    def peak(self, pid: int, begin: float, end: float) -> int:
        """Bytes: the most that the tree of a child had between two moments (`time.time()`), or at the sample next to them."""
        near = [size for at, size in self._samples[pid] if begin - SAMPLING_SECONDS <= at <= end + SAMPLING_SECONDS]
        return max(near, default=0)

    def _watch(self) -> None:
        while not self._ended.wait(SAMPLING_SECONDS):
            try:
                processes = self._root.children(recursive=True)
                total = self._root.memory_info().rss
            except psutil.Error:
                continue
            at, parents, own = time.time(), {self._root.pid: 0}, {}
            for process in processes:
                with contextlib.suppress(psutil.Error):
                    parents[process.pid], own[process.pid] = process.ppid(), process.memory_info().rss
            sizes: defaultdict[int, int] = defaultdict(int)
            for pid, size in own.items():
                sizes[_top(pid, parents)] += size
            for pid, size in sizes.items():
                self._samples[pid].append((at, size))
            self._all = max(self._all, total + sum(sizes.values()))


def _top(pid: int, parents: dict[int, int]) -> int:
    """Which child of the watched process this one descends from; where its parents have gone meanwhile, itself."""
    while parents.get(parents[pid]):
        pid = parents[pid]
    return pid
