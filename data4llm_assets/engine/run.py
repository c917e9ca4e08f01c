"""Bring a corpus up to date: plan, make the frontier, plan again, until nothing is due. An unchanged result stops the wave.

A job is one partition and a stretch of nodes between barriers. Who executes jobs is handed in: this process (`inline`), or a
pool of workers that execute them as Dagster runs (`engine.workers`).
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from data4llm_assets.engine.budget import Allowance, Spent, Step
from data4llm_assets.engine.experience import earlier_records
from data4llm_assets.engine.forecast import Forecaster
from data4llm_assets.engine.planner import Plan, Selection, plan
from data4llm_assets.engine.records import record_path
from data4llm_assets.engine.shell import Outcome, make
from data4llm_assets.engine.state import Missing, State


@dataclass(frozen=True)
class Job:
    """Nodes of one stretch, in order, for one partition. The first is due; the others follow where their inputs changed."""

    nodes: tuple[str, ...]
    partition: str
    reason: str = ""


@dataclass(frozen=True)
class Done:
    """A job that ended: the outcome of each node that was tried, and the error that stopped it, if one did."""

    job: Job
    outcomes: tuple[Outcome, ...]
    error: str | None = None
    trace: str = ""


@dataclass
class Report:
    """What a run did, counted as it went."""

    run: str
    outcomes: list[Outcome] = field(default_factory=list)
    failures: list[Done] = field(default_factory=list)
    plan: Plan = field(default_factory=lambda: Plan(()))
    jobs: int = 0
    allowance: Allowance | None = None
    """The account of a run that has a budget."""

    @property
    def held(self) -> bool:
        """Whether something was not begun because the budget might not have sufficed for it."""
        return self.allowance is not None and bool(self.allowance.held)

    def refused(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.result == "refused"]

    @property
    def ok(self) -> bool:
        return not self.failures and not self.refused()


Execute = Callable[[Iterable[Job]], Iterator[Done]]
"""Takes each job when it can begin at once, and not before: whether it may begin is decided as it is taken."""
Watch = Callable[[str, Any], None]


def bring_up_to_date(
    state: State,
    execute: Execute,
    run: str,
    *,
    selection: Selection | None = None,
    watch: Watch | None = None,
    workers: int = 1,
) -> Report:
    """Run everything that is due, or as much of it as the recipe's budget lets begin (`Report.held`).

    A partition that failed or was refused is not tried again in this run, and nothing that would read it is; everything else goes
    on. `watch` is told ("plan", Plan) and ("frontier", jobs) before each frontier, ("done", Done) as jobs end, and ("adopted",
    Outcome) where an earlier run's result became current again.
    """
    tell = watch or (lambda _event, _value: None)
    report = Report(run)
    gate = Gate(state, run, workers) if state.graph.spending.limited else None
    report.allowance = gate.allowance if gate is not None else None
    given_up: set[tuple[str, str]] = set()
    made: set[tuple[str, str, str]] = set()
    while True:
        state.refresh()
        report.plan = plan(state, selection)
        tell("plan", report.plan)
        if adoptable := [i for i in report.plan.due("adopt") if (i.node, i.partition.key) not in given_up]:
            # Made before: only a reference moves, so no worker is troubled and nothing is computed.
            for item in adoptable:
                outcome = make(state, state.graph.nodes[item.node], item.partition, run)
                report.outcomes.append(outcome)
                if outcome.result == "lost" or _again(outcome, made):
                    given_up.add((item.node, item.partition.key))
                tell("adopted", outcome)
            continue
        jobs = frontier(state, report.plan, given_up)
        if not jobs:
            return report
        tell("frontier", jobs)
        begun = 0
        for done in execute(jobs if gate is None else gate.admitted(jobs, report.plan)):
            begun += 1
            if gate is not None:
                gate.settle(done)
            report.outcomes += done.outcomes
            if done.error is not None:
                report.failures.append(done)
                tried = {outcome.node for outcome in done.outcomes}
                given_up |= {(node, done.job.partition) for node in done.job.nodes if node not in tried}
            given_up |= {(o.node, o.partition) for o in done.outcomes if o.result in ("refused", "lost") or _again(o, made)}
            tell("done", done)
        report.jobs += begun
        if not begun:
            return report


class Gate:
    """Lets jobs begin one by one, as far as the budget goes."""

    def __init__(self, state: State, run: str, workers: int) -> None:
        self.allowance = Allowance(state.graph.spending)
        self._state, self._run, self._workers = state, run, workers
        self._known = earlier_records(state.store)
        self._forecaster: Forecaster | None = None

    def admitted(self, jobs: Iterable[Job], due: Plan) -> Iterator[Job]:
        """As much of each job as fits into what is left when it is asked for."""
        self._forecaster = Forecaster(self._state, due, self._workers, self._known)
        for job in jobs:
            if count := self.allowance.fitting(_steps(job), self._expect):
                yield replace(job, nodes=job.nodes[:count])

    def settle(self, done: Done) -> None:
        """Account for a job that ended, by the records it left."""
        spent: dict[Step, Spent] = {}
        for name, partition in _steps(done.job):
            record = self._state.store.get_json(record_path(self._run, name, partition))
            if record is not None:
                spent[name, partition] = self._state.graph.spending.spent(self._state.graph.nodes[name], record)
                self._known.append(record)
                if self._forecaster is not None:
                    self._forecaster.learn(record)
        self.allowance.settle(_steps(done.job), spent, failed=done.error is not None)

    def _expect(self, name: str, partition: str) -> Spent:
        assert self._forecaster is not None
        node = self._state.graph.nodes[name]
        expected = self._forecaster.expect(node, self._state.partition(node, partition))
        return self._state.graph.spending.at_most(node, expected.sums())


def _steps(job: Job) -> list[Step]:
    return [(name, job.partition) for name in job.nodes]


def _again(outcome: Outcome, made: set[tuple[str, str, str]]) -> bool:
    """Whether this very thing was published before in this run: another run with another recipe keeps replacing it."""
    key = (outcome.node, outcome.partition, outcome.fingerprint)
    seen = key in made and outcome.result == "adopted"
    made.add(key)
    return seen


def frontier(state: State, due: Plan, given_up: set[tuple[str, str]]) -> list[Job]:
    """Jobs whose first node can run now, each with the nodes of its stretch that may follow for the same partition."""
    open_items = {(item.node, item.partition.key): item for item in due.due("run", "adopt", "follow")}
    jobs = []
    for stretch in state.graph.stretches:
        keys = dict.fromkeys(key for node, key in open_items if node in stretch)
        for key in keys:
            first = next((n for n in stretch if (n, key) in open_items and open_items[n, key].due in ("run", "adopt")), None)
            if first is None or any((node, key) in given_up for node in stretch):
                continue
            nodes = tuple(node for node in stretch[stretch.index(first) :] if (node, key) in open_items)
            if state.accept:
                # What follows may be one of those that are accepted, which is for the next plan to say.
                nodes = nodes[:1]
            jobs.append(Job(nodes, key, open_items[first, key].reason))
    return jobs


def inline(state: State, run: str) -> Execute:
    """Make jobs in this process, without Dagster: for notebooks and tests."""

    def execute(jobs: Iterable[Job]) -> Iterator[Done]:
        for job in jobs:
            yield carry_out(state, job, run)

    return execute


def carry_out(state: State, job: Job, run: str) -> Done:
    """Make one job's nodes in order. Stops at the first that is refused, lost or fails."""
    state.look([state.graph.nodes[name] for name in job.nodes], job.partition)
    outcomes: list[Outcome] = []
    for name in job.nodes:
        node = state.graph.nodes[name]
        try:
            outcome = make(state, node, state.partition(node, job.partition), run)
        except Missing:
            # Something else must come first; the next plan will say so.
            break
        except Exception as error:  # whatever a method raised is reported and stops this partition only
            return Done(job, tuple(outcomes), f"{name}: {type(error).__name__}: {error}", traceback.format_exc())
        outcomes.append(replace(outcome, tables={}))
        if outcome.result in ("refused", "lost"):
            break
    return Done(job, tuple(outcomes))


def selected(nodes: Iterable[str], snapshots: Iterable[str], shards: Iterable[str]) -> Selection:
    return Selection(frozenset(nodes), frozenset(snapshots), frozenset(shards))
