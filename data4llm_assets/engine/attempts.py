"""Which job a pool of workers begins next: as scarce things allow, and again where a worker died.

A process that dies breaks the whole pool, and nobody can say whose job it was. So whatever was under way is tried again, one job at
a time: the one that kills its worker is found and named, the others come through, and the rest goes on side by side as before.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool

from data4llm_assets.engine.run import Done, Job

RETRIES = 2
"""How often a job is tried again after its worker died."""


class Attempts:
    """Carries jobs through a pool that may break.

    Parameters
    ----------
    submit : hands a job to the pool; raises BrokenProcessPool if that broke while it was idle.
    restart : clears a broken pool away, so that the next `submit` finds another.
    pools : the scarce things that a job needs, by name.
    limits : how many jobs may have each at the same time; those not named are not counted.
    """

    def __init__(
        self,
        submit: Callable[[Job], Future[Done]],
        restart: Callable[[], None],
        workers: int,
        pools: Callable[[Job], Collection[str]],
        limits: Mapping[str, int],
    ) -> None:
        self._submit, self._restart, self._pools, self._limits = submit, restart, pools, limits
        # One more than can work lies ready for whoever is done first.
        self._most = workers + 1
        self._under_way: dict[Future[Done], Job] = {}
        self._suspects: deque[Job] = deque()
        self._tries: Counter[Job] = Counter()
        self._kills: Counter[Job] = Counter()

    def run(self, jobs: Sequence[Job]) -> Iterator[Done]:
        """Each job as it ends. Those that need something scarce begin first: they are what the others' end waits for."""
        waiting: dict[frozenset[str], deque[Job]] = {}
        for job in jobs:
            waiting.setdefault(frozenset(self._pools(job)), deque()).append(job)
        waiting = dict(sorted(waiting.items(), key=lambda queue: (-len(queue[0]), sorted(queue[0]))))
        while any(waiting.values()) or self._suspects or self._under_way:
            self._begin(waiting)
            ended, _ = wait(self._under_way, return_when=FIRST_COMPLETED)
            died: list[Job] = []
            while ended:
                future = ended.pop()
                job = self._under_way.pop(future)
                try:
                    yield future.result()
                except BrokenProcessPool:
                    died.append(job)
                    # The pool is gone, and with it everything that was under way; some of it may have ended well before.
                    ended |= wait(self._under_way).done
            if died:
                self._restart()
                yield from self._after(died)

    def _begin(self, waiting: Mapping[frozenset[str], deque[Job]]) -> None:
        if self._suspects:
            if not self._under_way:
                self._start(self._suspects.popleft())
            return
        taken = Counter(pool for job in self._under_way.values() for pool in self._pools(job))
        for needed, queue in waiting.items():
            while queue and len(self._under_way) < self._most and all(taken[name] < self._limit(name) for name in needed):
                taken.update(needed)
                self._start(queue.popleft())

    def _limit(self, pool: str) -> int:
        return self._limits.get(pool, self._most)

    def _start(self, job: Job) -> None:
        try:
            future = self._submit(job)
        except BrokenProcessPool:
            self._restart()
            future = self._submit(job)
        self._under_way[future] = job

    def _after(self, died: list[Job]) -> Iterator[Done]:
        for job in died:
            self._tries[job] += 1
            self._kills[job] += len(died) == 1
            if self._tries[job] <= RETRIES:
                self._suspects.append(job)
            else:
                yield Done(job, (), f"{job.nodes[0]}: killed its worker {self._kills[job]} times (out of memory?)")
