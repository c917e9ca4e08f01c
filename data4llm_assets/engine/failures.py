"""A sensor that tells of runs which failed in Dagster: started by hand, by a backfill or by the planner's sensor.

Runs of `data4llm run` and of the jobs that bring a corpus up to date tell of themselves, once for all their partitions. Here, one
message covers all that ended badly since the tick before, and a backfill is told of when it has ended.
"""

# No `from __future__ import annotations` here: Dagster looks at the annotation of `context` itself, not at its name.
import json
from datetime import UTC, datetime

import dagster as dg
from dagster import SensorEvaluationContext
from dagster._core.execution.backfill import BULK_ACTION_TERMINAL_STATUSES

from data4llm_assets.engine.alerts import Finding, of_record, tell
from data4llm_assets.engine.automation import TOLD_TAG
from data4llm_assets.engine.operation import Alerts
from data4llm_assets.engine.orphans import OWNER_TAG
from data4llm_assets.engine.records import read_records
from data4llm_assets.engine.store import Store

_BACKFILL_TAG = "dagster/backfill"
_RETRY_TAG = "dagster/will_retry"
_AT_MOST = 500
"""Runs looked at in a tick; the next one goes on."""
_DEADLINE = 20.0
"""Seconds: a tick has sixty."""


def alert_sensor(corpus: str, store_uri: str, alerts: Alerts) -> dg.SensorDefinition:
    @dg.sensor(
        name=f"{corpus}_alerts",
        minimum_interval_seconds=30,
        # The only one that is on by itself: whoever writes down who is to be told means it.
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells by webhook or e-mail, as the recipe's `alerts` say, which partitions were refused or failed in runs "
        "that were started here. One message for all since the last look; a backfill is told of when it has ended.",
    )
    def failed_runs(context: SensorEvaluationContext) -> dg.SkipReason:
        now = datetime.now(UTC).timestamp()
        seen = json.loads(context.cursor) if context.cursor else {"after": now, "waiting": []}
        failed, seen = _failed_since(context.instance, corpus, seen)
        context.update_cursor(json.dumps(seen))
        if not failed:
            return dg.SkipReason("no run failed since the last look")
        found = [finding for run in failed for finding in _findings(Store(store_uri), corpus, run)]
        named = failed[0].run_id if len(failed) == 1 else f"{failed[0].run_id} and {len(failed) - 1} more"
        trouble = tell(alerts, corpus, named, found, deadline=_DEADLINE)
        for run in failed:
            context.instance.add_run_tags(run.run_id, {TOLD_TAG: "true"})
        for line in trouble:
            context.log.warning(line)
        return dg.SkipReason("; ".join(trouble) or f"told of {len(failed)} failed runs")

    return failed_runs


def _failed_since(
    instance: dg.DagsterInstance, corpus: str, seen: dict[str, object]
) -> tuple[list[dg.DagsterRun], dict[str, object]]:
    """Failed runs of a corpus that nobody was told of, and what to start from next time: {after: seconds, waiting: run ids}."""
    after = datetime.fromtimestamp(float(str(seen["after"])), UTC)
    failure = [dg.DagsterRunStatus.FAILURE]
    records = instance.get_run_records(
        dg.RunsFilter(statuses=failure, updated_after=after), limit=_AT_MOST, order_by="update_timestamp", ascending=True
    )
    waiting = [str(each) for each in seen["waiting"]] if isinstance(seen["waiting"], list) else []
    before = instance.get_runs(dg.RunsFilter(run_ids=waiting, statuses=failure)) if waiting else []
    runs = {run.run_id: run for run in (*before, *(record.dagster_run for record in records)) if _concerns(run, corpus)}
    unfinished = [run_id for run_id, run in runs.items() if _in_backfill(instance, run)]
    latest = records[-1].update_timestamp.timestamp() if records else after.timestamp()
    return [run for run_id, run in runs.items() if run_id not in unfinished], {"after": latest, "waiting": unfinished}


def _concerns(run: dg.DagsterRun, corpus: str) -> bool:
    """Whether a failed run is of this corpus, nobody was told of it, and it is not tried again."""
    mine = any(key.path[0] == corpus for key in run.asset_selection or ()) or run.job_name.startswith(f"{corpus}_")
    quiet = TOLD_TAG in run.tags or OWNER_TAG in run.tags or run.tags.get(_RETRY_TAG) == "true"
    return mine and not quiet


def _in_backfill(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    name = run.tags.get(_BACKFILL_TAG)
    backfill = instance.get_backfill(name) if name else None
    return backfill is not None and backfill.status not in BULK_ACTION_TERMINAL_STATUSES


def _findings(store: Store, corpus: str, run: dg.DagsterRun) -> list[Finding]:
    """What the records of a run say went wrong; of a run that never came to a partition, that it failed."""
    found = [finding for record in read_records(store, run.run_id) if (finding := of_record(record)) is not None]
    if found:
        return found
    asset = next((key.path[-1] for key in sorted(run.asset_selection or ()) if key.path[0] == corpus), "")
    return [Finding("failed", asset or run.job_name, run.tags.get("dagster/partition", ""), error=f"see run {run.run_id}")]
