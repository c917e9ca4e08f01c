"""How new snapshots come by themselves: a job that takes one, a schedule for it, a sensor that sees new files.

A snapshot that nobody names is named by its day: 2026-11-24, and 2026-11-24.2 if that was ever taken. The day is that of the tick
which asked for it (or on which somebody launched the job), and is kept with the run: one that is tried again takes the same name.
"""

# No `from __future__ import annotations` here: Dagster looks at the annotation of `context` itself, not at its name.
import time
from collections.abc import Collection
from datetime import datetime
from zoneinfo import ZoneInfo

import dagster as dg
from dagster import OpExecutionContext, ScheduleEvaluationContext, SensorEvaluationContext
from pydantic import Field

from data4llm_assets.engine.automation import UNDER_WAY, UPKEEP_TAG, Load, bringing
from data4llm_assets.engine.operation import Alerts, Schedules, Watch
from data4llm_assets.engine.snapshots import NothingNew, Snapshots
from data4llm_assets.engine.store import Store
from data4llm_assets.engine.watching import CannotList, news, watched

DAY_TAG = "data4llm/day"
SNAPSHOT_TAG = "data4llm/snapshot"
NEWS_TAG = "data4llm/news"


class Delivery(dg.Config):
    """What the launchpad asks before a delivery."""

    snapshot: str = Field("", description="Name of the new snapshot. Empty: the day, such as 2026-11-24.")


def deliver_job(corpus: str, load: Load, store_uri: str, workers: int, schedules: Schedules, alerts: Alerts) -> dg.JobDefinition:
    """Take a snapshot of all sources, then bring the corpus up to date."""

    @dg.op(
        name=f"deliver_{corpus}",
        out=dg.Out(dg.Nothing),
        description="Freezes a listing of all sources as a new snapshot. Sources that crawl crawl now.",
    )
    def deliver(context: OpExecutionContext, config: Delivery) -> None:
        snapshots, sources = Snapshots(Store(store_uri), corpus), load().sources
        run = context.instance.get_run_record_by_id(context.run_id)
        assert run is not None
        # A run that is tried again has the tags of the first: what that one delivered is not delivered twice.
        name = run.dagster_run.tags.get(SNAPSHOT_TAG, "")
        if not name or name not in snapshots.all():
            day = run.dagster_run.tags.get(DAY_TAG) or _day(run.create_timestamp, schedules)
            name = config.snapshot or name or free_name(day, names_taken(snapshots))
            context.instance.add_run_tags(context.run_id, {SNAPSHOT_TAG: name})
            try:
                snapshots.add(name, sources)
            except NothingNew as nothing:
                context.log.info(str(nothing))
                return
        listed = snapshots.all()[name]["sources"].values()
        files, size = sum(each["files"] for each in listed), sum(each["bytes"] for each in listed)
        context.log.info(f"snapshot {name} holds {files:,} files, {size / 1e6:,.1f} MB")

    bring = bringing(corpus, load, store_uri, workers, alerts, after=True)

    @dg.job(
        name=f"{corpus}_deliver",
        tags={UPKEEP_TAG: corpus},
        description="Takes a new snapshot of all sources (those that crawl crawl now), then brings the corpus up to date. The "
        "launchpad asks for the snapshot's name; without one it is the day.",
    )
    def delivered() -> None:
        bring(deliver())

    return delivered


def delivering(corpus: str, schedules: Schedules, job: dg.JobDefinition) -> dg.ScheduleDefinition:
    """A schedule of `schedules.deliver`."""
    assert schedules.deliver is not None

    @dg.schedule(
        name=f"{corpus}_deliver",
        cron_schedule=schedules.deliver,
        execution_timezone=schedules.timezone,
        job=job,
        description="At its hour, takes a new snapshot of all sources, named by the day, and brings the corpus up to date.",
    )
    def deliver(context: ScheduleEvaluationContext) -> dg.RunRequest:
        return dg.RunRequest(tags={DAY_TAG: _day(context.scheduled_execution_time, schedules)})

    return deliver


def new_files_sensor(
    corpus: str, load: Load, store_uri: str, watch: Watch, schedules: Schedules, job: dg.JobDefinition
) -> dg.SensorDefinition:
    """Looks at folders and buckets, and asks for a delivery once for the same news."""

    @dg.sensor(
        name=f"{corpus}_new_files",
        job=job,
        minimum_interval_seconds=30,
        description="Lists the watched folders and buckets. Files that are new or changed since the newest snapshot, and no longer "
        "being written, become a new snapshot, named by the day; then the corpus is brought up to date.",
    )
    def new_files(context: SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        try:
            found = news(Store(store_uri), corpus, watched(load().sources, watch.sources))
        except CannotList as error:
            return dg.SkipReason(str(error))
        if not found:
            return dg.SkipReason("no new or changed files since the newest snapshot")
        told = ", ".join(f"{count:,} in {source}" for source, count in found.files.items())
        if (age := time.time() - found.youngest) < watch.settle:
            return dg.SkipReason(
                f"new or changed files: {told}; the youngest is {max(0.0, age):.0f} s old, {watch.settle:g} s settle it"
            )
        job_runs = dg.RunsFilter(job_name=job.name, statuses=list(UNDER_WAY))
        if context.instance.get_runs_count(job_runs):
            return dg.SkipReason(f"new or changed files: {told}; a delivery is under way")
        if context.cursor == found.digest:
            # Not again and again: what stopped it would stop it at every tick, and who withdrew a snapshot does not want it back.
            reason = "they were delivered before, and the delivery failed or was withdrawn"
            return dg.SkipReason(f"new or changed files: {told}; {reason}: look at its run, and launch {job.name} to deliver them")
        tags = {DAY_TAG: _day(datetime.fromtimestamp(time.time(), ZoneInfo(schedules.timezone)), schedules), NEWS_TAG: found.digest}
        return dg.SensorResult([dg.RunRequest(run_key=found.digest, tags=tags)], cursor=found.digest)

    return new_files


def names_taken(snapshots: Snapshots) -> Collection[str]:
    """Names that snapshots have or had: one that was withdrawn leaves its name to nobody."""
    snapshots.register.refresh()
    return snapshots.register.generations().keys()


def free_name(day: str, taken: Collection[str]) -> str:
    """`day`, or `day.2`, `day.3`, …: the first that no snapshot ever had."""
    name, number = day, 1
    while name in taken:
        number += 1
        name = f"{day}.{number}"
    return name


def _day(moment: datetime, schedules: Schedules) -> str:
    return moment.astimezone(ZoneInfo(schedules.timezone)).date().isoformat()
