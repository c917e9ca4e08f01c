"""A pool of long-lived workers that execute jobs as Dagster runs.

Starting a process costs seconds (Dagster, Great Expectations, numba), a run a few tenths: so workers import once and stay. Each
executes one Dagster run per job, in process. What becomes of jobs whose worker dies: `attempts`.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import connection
from multiprocessing.util import Finalize
from typing import Any

import dagster as dg

from data4llm_assets.engine import compiler
from data4llm_assets.engine.assets import RUN_TAG, build_assets, runless_events, snapshots_definition
from data4llm_assets.engine.attempts import Attempts
from data4llm_assets.engine.home import open_instance
from data4llm_assets.engine.orphans import OWNER_TAG, fail_orphans, owner
from data4llm_assets.engine.run import Done, Job
from data4llm_assets.engine.shell import Outcome
from data4llm_assets.engine.state import Graph

JOB_TAG = "data4llm/job"
_worker: dict[str, Any] = {}


class DagsterPool:
    """Use as a context manager; `execute` is a `run.Execute`."""

    def __init__(self, graph_of: Any, store_uri: str, home: str, run: str, workers: int) -> None:
        """graph_of: a picklable function without arguments that compiles the recipe."""
        self._run, self.workers = run, workers
        self._arguments = (graph_of, store_uri, home)
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> DagsterPool:
        return self

    def warm(self) -> None:
        """Start the workers, which import while the caller still opens its instance. Without it they start with the first job."""
        pool = self._start()
        for _ in range(self.workers):
            pool.submit(_prepare)

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if self._pool is None:
            return
        if kind is not None:
            # Interrupted: publishing is atomic, so a worker may stop anywhere.
            for worker in multiprocessing.active_children():
                worker.terminate()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def execute(self, jobs: Iterable[Job]) -> Iterator[Done]:
        """Run jobs, as many at a time as there are workers and scarce things; yields each as it ends."""
        graph: Graph = self._arguments[0]()

        def pools(job: Job) -> set[str]:
            return {node.pool for name in job.nodes if (node := graph.nodes.get(name)) is not None and node.pool}

        def submit(job: Job) -> Future[Done]:
            return self._start().submit(_carry_out, job, self._run)

        return Attempts(submit, self._clear_away, self.workers, pools, graph.pools).run(jobs)

    def _clear_away(self) -> None:
        """End a broken pool, and the runs of its workers: they would stay 'started' for ever."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)
        with open_instance(self._arguments[2]) as instance:
            fail_orphans(instance, self._arguments[2])

    def _start(self) -> ProcessPoolExecutor:
        if self._pool is None:
            # Libraries read these when they are imported, which is before a worker runs its first line: so here, not there.
            threads = str(max(1, (os.cpu_count() or 1) // self.workers))
            for name in ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS"):
                os.environ.setdefault(name, threads)
            # Spawned, not forked: Polars and numba keep threads that do not survive a fork.
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.workers, mp_context=context, initializer=_begin, initargs=self._arguments)
        return self._pool


def announce_snapshots(instance: Any, corpus: str, names: list[str]) -> None:
    """Make Dagster's dynamic partitions those of the store."""
    name = snapshots_definition(corpus).name or ""
    known = set(instance.get_dynamic_partitions(name))
    if new := [each for each in names if each not in known]:
        instance.add_dynamic_partitions(name, new)
    for gone in known - set(names):
        instance.delete_dynamic_partition(name, gone)


def report_adopted(instance: Any, graph: Graph, outcome: Outcome) -> None:
    """Tell Dagster that an earlier result is current again, without a run: nothing ran."""
    for event in runless_events(graph, outcome):
        instance.report_runless_asset_event(event)


def job_name(job: Job) -> str:
    """What two runs of one job have in common: the partition and its stretch."""
    return f"{job.nodes[-1]}:{job.partition}".replace("|", "@").rstrip(":")


def _follow_parent() -> None:
    """Stop when the parent is gone: a worker that outlives a killed run would compete with the next one."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _begin(graph_of: Any, store_uri: str, home: str) -> None:
    # Ctrl-C reaches the whole group; the parent decides what becomes of the workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, daemon=True).start()
    os.environ["DAGSTER_HOME"] = home
    _worker.update(graph_of=graph_of, store=store_uri, home=home, outcomes=[])


def _prepare() -> None:
    """Import what every job needs, and compile the definitions: seconds, once per worker."""
    if "job" in _worker:
        return
    from data4llm_assets.engine.expectations import import_great_expectations

    _worker["graph"] = _worker["graph_of"]()
    definitions = dg.Definitions(assets=build_assets(_worker["graph"], _worker["store"], watch=_worker["outcomes"].append))
    _worker["job"] = keeping_subsets(definitions.resolve_implicit_global_asset_job_def())
    import_great_expectations()
    if any("numba" in node.kinds for node in _worker["graph"].nodes.values()):
        compiler.start()
    # What stands now stays: the collector need not walk through the libraries every few runs.
    gc.collect()
    gc.freeze()


def keeping_subsets(job: Any) -> Any:
    """The same job, whose subset for a selection of assets is made once: that and its snapshot cost more than a run's events."""
    found: dict[tuple[dg.AssetKey, ...], Any] = {}
    make = job.as_ephemeral_job

    def subset(*, asset_selection: Sequence[dg.AssetKey], **others: Any) -> Any:
        key = tuple(asset_selection)
        if key not in found:
            found[key] = make(asset_selection=asset_selection, **others)
            # Whoever creates the run asks the subset for the same subset again.
            found[key].get_subset = lambda **_: found[key]
        return found[key]

    job.as_ephemeral_job = subset
    return job


def _carry_out(job: Job, run: str) -> Done:
    try:
        return _execute(job, run)
    except Exception as error:
        return Done(job, (), f"{job.nodes[0]}: {type(error).__name__}: {error}", traceback.format_exc())


def _execute(job: Job, run: str) -> Done:
    _prepare()
    if "instance" not in _worker:
        _worker["instance"] = open_instance(_worker["home"])
        # A pool ends its workers without Python's own way out; the last who closes the database folds its log into it.
        Finalize(None, _worker["instance"].dispose, exitpriority=1)
    outcomes: list[Outcome] = _worker["outcomes"]
    outcomes.clear()
    graph: Graph = _worker["graph"]
    result = _worker["job"].execute_in_process(
        instance=_worker["instance"],
        partition_key=job.partition or None,
        asset_selection=[dg.AssetKey([graph.corpus, name]) for name in job.nodes],
        tags={OWNER_TAG: owner(), RUN_TAG: run, JOB_TAG: job_name(job)},
        raise_on_error=False,
        # The event log has it all; the terminal belongs to the progress display.
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )
    ended = tuple(outcomes)
    if result.success or (ended and ended[-1].result in ("refused", "lost")):
        return Done(job, ended)
    for event in result.all_node_events:
        if event.is_step_failure:
            error = event.step_failure_data.error
            while error is not None and error.cause is not None:
                error = error.cause
            text = error.message.strip() if error is not None else "failed"
            if "Failure" in text and "not built yet" in text:
                return Done(job, ended)
            return Done(
                job, ended, f"{event.step_key.removeprefix(graph.corpus + '__')}: {text}", error.to_string() if error else ""
            )
    return Done(job, ended, f"{job.nodes[0]}: the run failed before a step began")
