"""Dagster's definitions of a corpus: assets, a sensor and a job on the planner, a schedule if the recipe names one."""

from __future__ import annotations

import dagster as dg

from data4llm_assets.engine.assets import build_assets
from data4llm_assets.engine.automation import Load, planner_sensor, scheduled, up_to_date_job


def build_defs(
    load: Load, store_uri: str, *, owners: tuple[str, ...] = (), schedule: str | None = None, workers: int = 2
) -> dg.Definitions:
    """Definitions of the corpus that `load` compiles.

    Parameters
    ----------
    load : reads and compiles the recipe; picklable. The sensor calls it on every tick, so that an edited recipe counts at once.
    schedule : cron expression, None for no schedule.
    workers : processes of the job that brings the corpus up to date.
    """
    graph = load()
    job = up_to_date_job(graph.corpus, load, store_uri, workers)
    return dg.Definitions(
        assets=build_assets(graph, store_uri, owners=owners),
        jobs=[job],
        sensors=[planner_sensor(graph.corpus, load, store_uri)],
        schedules=[scheduled(graph.corpus, schedule, job)] if schedule else [],
    )
