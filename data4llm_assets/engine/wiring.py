"""Dagster's definitions of a corpus: assets, jobs on the planner, and the sensors and schedules that its recipe asks for."""

from __future__ import annotations

import dagster as dg

from data4llm_assets.engine.assets import build_assets
from data4llm_assets.engine.automation import Load, planner_sensor, refreshing, up_to_date_job
from data4llm_assets.engine.deliveries import deliver_job, delivering, new_files_sensor
from data4llm_assets.engine.failures import alert_sensor
from data4llm_assets.engine.operation import Alerts, Schedules, Watch
from data4llm_assets.engine.watching import watched


def build_defs(
    load: Load,
    store_uri: str,
    *,
    owners: tuple[str, ...] = (),
    schedules: Schedules | None = None,
    watch: Watch | None = None,
    alerts: Alerts | None = None,
    workers: int = 2,
) -> dg.Definitions:
    """Definitions of the corpus that `load` compiles.

    Parameters
    ----------
    load : reads and compiles the recipe; picklable. Sensors call it on every tick, so that an edited recipe counts at once.
    schedules, watch, alerts : sections of the recipe; what they leave out there is not.
    workers : processes of the jobs that bring the corpus up to date.
    """
    graph = load()
    schedules, watch, alerts = schedules or Schedules(), watch or Watch(), alerts or Alerts()
    refresh = up_to_date_job(graph.corpus, load, store_uri, workers, alerts)
    deliver = deliver_job(graph.corpus, load, store_uri, workers, schedules, alerts)
    sensors = [planner_sensor(graph.corpus, load, store_uri)]
    if watched(graph.sources, watch.sources):
        sensors.append(new_files_sensor(graph.corpus, load, store_uri, watch, schedules, deliver))
    if alerts.wanted:
        sensors.append(alert_sensor(graph.corpus, store_uri, alerts))
    ticking = [refreshing(graph.corpus, schedules, refresh)] if schedules.refresh else []
    ticking += [delivering(graph.corpus, schedules, deliver)] if schedules.deliver else []
    return dg.Definitions(
        assets=build_assets(graph, store_uri, owners=owners), jobs=[refresh, deliver], sensors=sensors, schedules=ticking
    )
