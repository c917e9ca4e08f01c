"""What keeps a corpus up to date by itself: a sensor, a job and its schedule, all on the planner. They ask and request; they decide
nothing. How new snapshots come: `deliveries`.
"""

# No `from __future__ import annotations` here: Dagster looks at the annotation of `context` itself, not at its name.
from collections.abc import Callable
from typing import Any

import dagster as dg
from dagster import OpExecutionContext, SensorEvaluationContext

from data4llm_assets.engine.alerts import findings, tell
from data4llm_assets.engine.assets import snapshots_definition
from data4llm_assets.engine.operation import Alerts, Schedules
from data4llm_assets.engine.planner import plan
from data4llm_assets.engine.run import bring_up_to_date, frontier
from data4llm_assets.engine.state import Graph, State
from data4llm_assets.engine.store import Store
from data4llm_assets.engine.workers import JOB_TAG, DagsterPool, announce_snapshots, job_name, report_adopted

Load = Callable[[], Graph]
UPKEEP_TAG = "data4llm/upkeep"
"""On runs that are about a whole corpus: `dagster.yaml` lets one of them run at a time, the others wait."""
TOLD_TAG = "data4llm/told"
"""On runs that sent their own alert, or of which one was sent."""
UNDER_WAY = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
)


def planner_sensor(corpus: str, load: Load, store_uri: str) -> dg.SensorDefinition:
    snapshots = snapshots_definition(corpus)

    @dg.sensor(
        name=f"{corpus}_planner",
        asset_selection="*",
        minimum_interval_seconds=10,
        description="Asks the planner what is out of date and requests exactly that. Creates no run when nothing is.",
    )
    def planner(context: SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        state = State(load(), Store(store_uri))
        known = set(context.instance.get_dynamic_partitions(snapshots.name or ""))
        new = [name for name in state.snapshots if name not in known]
        requests = run_requests(state, _busy(context.instance))
        if not requests and not new:
            return dg.SkipReason("everything is current, or under way")
        added = [snapshots.build_add_request(new)] if new else []
        return dg.SensorResult(run_requests=requests, dynamic_partitions_requests=added)

    return planner


def up_to_date_job(corpus: str, load: Load, store_uri: str, workers: int, alerts: Alerts) -> dg.JobDefinition:
    """What `data4llm run` does, as a job: the whole corpus, frontier by frontier, each partition a Dagster run of its own."""
    bring = bringing(corpus, load, store_uri, workers, alerts)

    @dg.job(
        name=f"{corpus}_up_to_date",
        tags={UPKEEP_TAG: corpus},
        description="Brings everything that is delivered up to date, as `data4llm run` does. No source is looked at again.",
    )
    def up_to_date() -> None:
        bring()

    return up_to_date


def bringing(corpus: str, load: Load, store_uri: str, workers: int, alerts: Alerts, *, after: bool = False) -> dg.OpDefinition:
    """The operation that makes what is due, with workers of its own. `after`: whether another operation comes before it."""

    @dg.op(
        name=f"{'then_' if after else ''}bring_{corpus}_up_to_date",
        description="Plans, makes what is due, plans again, until nothing is.",
        ins={"start": dg.In(dg.Nothing)} if after else {},
    )
    def bring(context: OpExecutionContext) -> None:
        state = State(load(), Store(store_uri))
        announce_snapshots(context.instance, corpus, list(state.snapshots))

        def watch(event: str, value: Any) -> None:
            if event == "adopted":
                report_adopted(context.instance, state.graph, value)
            elif event == "plan":
                context.log.info(f"{len(value.due('run', 'adopt'))} partitions are due, {len(value.due('follow'))} may follow")

        with DagsterPool(load, store_uri, context.instance.root_directory, context.run_id, workers) as pool:
            report = bring_up_to_date(state, pool.execute, context.run_id, watch=watch, workers=workers)
        for line in tell(alerts, corpus, context.run_id, findings(report)):
            context.log.warning(line)
        if report.held and report.allowance is not None:
            context.log.warning("; ".join(["stopped within the budget, and the next run goes on", *report.allowance.told()]))
        if not report.ok:
            # Told once for all partitions: the sensor that tells of failed runs passes over this one.
            context.instance.add_run_tags(context.run_id, {TOLD_TAG: "true"})
            told = [f"{outcome.node} {outcome.partition} was refused" for outcome in report.refused()]
            msg = "; ".join([*told, *(str(done.error) for done in report.failures)])
            raise dg.Failure(msg, allow_retries=False)

    return bring


def refreshing(corpus: str, schedules: Schedules, job: dg.JobDefinition) -> dg.ScheduleDefinition:
    """A schedule of `schedules.refresh`."""
    assert schedules.refresh is not None
    return dg.ScheduleDefinition(
        name=f"{corpus}_refresh",
        cron_schedule=schedules.refresh,
        execution_timezone=schedules.timezone,
        job=job,
        description="At its hour, brings everything that is delivered up to date. A corpus that is current costs one look.",
    )


def run_requests(state: State, busy: set[str]) -> list[dg.RunRequest]:
    """What the planner would run now, as Dagster runs; jobs in `busy` are under way."""
    requests = []
    for job in frontier(state, plan(state), set()):
        node = state.graph.nodes[job.nodes[0]]
        partition = state.partition(node, job.partition)
        fingerprint = state.fingerprint(node, partition, state.inputs(node, partition))
        name = job_name(job)
        if name in busy:
            continue
        requests.append(
            dg.RunRequest(
                run_key=f"{name}:{fingerprint}:{state.entry(node.name, partition.key).generation}",
                asset_selection=[dg.AssetKey([state.graph.corpus, each]) for each in job.nodes],
                partition_key=job.partition or None,
                tags={JOB_TAG: name},
            )
        )
    return requests


def _busy(instance: dg.DagsterInstance) -> set[str]:
    waiting = dg.RunsFilter(statuses=list(UNDER_WAY))
    return {run.tags[JOB_TAG] for run in instance.get_runs(waiting) if JOB_TAG in run.tags}
