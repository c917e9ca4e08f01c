"""Which job a pool of workers begins next: as scarce things allow, and again where a worker died.

A process that dies breaks the whole pool, and nobody can say whose job it was. So whatever was under way is tried again, one job at
a time: the one that kills its worker is found and named, the others come through, and the rest goes on side by side as before.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
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
        self._coming: Iterator[Job] = iter(())
        self._waiting: list[Job] = []
        self._patience = self._most
        self._suspects: deque[Job] = deque()
        self._tries: Counter[Job] = Counter()
        self._kills: Counter[Job] = Counter()

    def run(self, jobs: Iterable[Job]) -> Iterator[Done]:
        """Each job as it ends. Jobs are taken one by one, when they can begin: whether they may is decided as they are taken.

        Those of a list that need something scarce begin first: they are what the others' end waits for.
        """
        if isinstance(jobs, Sequence):
            jobs = sorted(jobs, key=lambda job: -len(self._pools(job)))
            self._patience = len(jobs)
        self._coming = iter(jobs)
        while True:
            self._begin()
            if not self._under_way:
                return
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

    def _begin(self) -> None:
        if self._suspects:
            if not self._under_way:
                self._start(self._suspects.popleft())
            return
        while len(self._under_way) < self._most and (job := self._next()) is not None:
            self._start(job)

    def _next(self) -> Job | None:
        """The first job for which there is enough of what is scarce. Few are taken that must wait for it."""
        taken = Counter(pool for job in self._under_way.values() for pool in self._pools(job))

        def has_all(job: Job) -> bool:
            return all(taken[name] < self._limit(name) for name in self._pools(job))

        ready = next((job for job in self._waiting if has_all(job)), None)
        if ready is not None:
            self._waiting.remove(ready)
            return ready
        while len(self._waiting) < self._patience and (job := next(self._coming, None)) is not None:
            if has_all(job):
                return job
            self._waiting.append(job)
        return None

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
