"""Jobs and the pool that carries them: what begins when, and what becomes of them when a process dies."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path

import pytest
from mortal import carry_out

from data4llm_assets.engine.attempts import Attempts
from data4llm_assets.engine.run import Done, Job

JOBS = [Job(("texts",), f"p{number}") for number in range(6)]


class Pool:
    """Two processes, and others when they die."""

    def __init__(self, deaths: Path, most: int) -> None:
        self.deaths, self.most, self.started = deaths, most, 0
        self._executor: ProcessPoolExecutor | None = None

    def submit(self, job: Job) -> Future[Done]:
        if self._executor is None:
            self.started += 1
            self._executor = ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))
        return self._executor.submit(carry_out, job, "p1", self.deaths, self.most)

    def restart(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True)
        self._executor = None


@pytest.fixture
def pools(tmp_path: Path) -> Iterator[list[Pool]]:
    made = [Pool(tmp_path / "once", 1), Pool(tmp_path / "always", 99)]
    yield made
    for pool in made:
        pool.restart()


def test_a_job_that_loses_its_worker_once_is_done_again_and_so_are_its_neighbours(pools: list[Pool]) -> None:
    pool = pools[0]
    done = list(Attempts(pool.submit, pool.restart, 2, lambda job: (), {}).run(JOBS))
    assert sorted(each.job.partition for each in done) == [job.partition for job in JOBS]
    assert [each.error for each in done] == [None] * 6
    assert pool.started == 2


def test_a_job_that_always_kills_its_worker_is_named_and_the_innocent_go_on(pools: list[Pool]) -> None:
    pool = pools[1]
    done = list(Attempts(pool.submit, pool.restart, 2, lambda job: (), {}).run(JOBS))
    assert len(done) == 6
    ((partition, error),) = [(each.job.partition, each.error) for each in done if each.error]
    # Twice alone, for certain; the first time most likely in company, and then nobody is to blame.
    assert partition == "p1"
    assert error in [f"texts: killed its worker {times} times (out of memory?)" for times in (2, 3)]
    assert pool.deaths.read_text().splitlines() == ["died"] * 3


def test_what_is_scarce_is_had_by_so_many_at_a_time_and_the_others_pass_by() -> None:
    jobs = [*(Job(("writes",), f"w{number}") for number in range(4)), *(Job(("reads",), f"r{number}") for number in range(7))]
    needs = {"w": ("language_model",), "r": ()}
    running: dict[Future[Done], str] = {}
    most = Counter[str]()

    def submit(job: Job) -> Future[Done]:
        future: Future[Done] = Future()
        running[future] = job.partition[0]
        now = Counter(kind for each, kind in running.items() if not each.done())
        for kind, count in now.items():
            most[kind] = max(most[kind], count)
        if len([each for each in running if not each.done()]) >= 2:
            # The oldest ends.
            next(each for each in running if not each.done()).set_result(Done(job, ()))
        return future

    attempts = Attempts(submit, lambda: None, 3, lambda job: needs[job.partition[0]], {"language_model": 1})
    ended = attempts.run(jobs)
    for _ in range(len(jobs) - 1):
        next(ended)
    next(each for each in running if not each.done()).set_result(Done(jobs[0], ()))
    assert len(list(ended)) == 1
    assert len(running) == len(jobs)
    assert most["w"] == 1
