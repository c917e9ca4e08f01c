"""Dagster's view of a corpus: one asset per node, one check per quality, a sensor and a schedule on the planner.

Everything here translates; nothing decides. What an asset does is `shell.make`, what must run is `planner.plan`.
"""

# No `from __future__ import annotations` here: Dagster looks at the annotation of `context` itself, not at its name.
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg
from dagster import OpExecutionContext, SensorEvaluationContext

from data4llm_assets.engine import accounts
from data4llm_assets.engine.digest import json_digest
from data4llm_assets.engine.expectations import by_quality, refused, sentence
from data4llm_assets.engine.planner import plan
from data4llm_assets.engine.run import Job, bring_up_to_date, frontier
from data4llm_assets.engine.shell import Outcome, make
from data4llm_assets.engine.state import Graph, Missing, State, reads_of
from data4llm_assets.engine.store import Store
from data4llm_assets.method import MEASURE
from data4llm_assets.node import STAGES, Node, Quality

warnings.filterwarnings("ignore", category=dg.PreviewWarning)
warnings.filterwarnings("ignore", category=dg.BetaWarning)

JOB_TAG = "data4llm/job"
Load = Callable[[], Graph]
GUARDS: dict[Quality, str] = {
    "inclusiveness": "Domains, sources, languages and styles are all there, and in balance.",
    "abundance": "Enough unique text comes through, and every document is accounted for.",
    "articulation": "Text is well formed and worth learning from.",
    "sanitization": "Nothing private, unsafe, unlicensed or unverified gets through.",
}


def snapshots_definition(corpus: str) -> dg.DynamicPartitionsDefinition:
    return dg.DynamicPartitionsDefinition(name=f"{corpus}_snapshots")


def build_defs(
    load: Load,
    store_uri: str,
    *,
    owners: tuple[str, ...] = (),
    schedule: str | None = None,
    workers: int = 2,
    watch: Callable[[Outcome], None] | None = None,
) -> dg.Definitions:
    """Definitions of the corpus that `load` compiles.

    Parameters
    ----------
    load : reads and compiles the recipe; the sensor calls it again on every tick, so that an edited recipe counts at once.
    watch : told every outcome, in the process that made it.
    """
    graph = load()
    shards = dg.StaticPartitionsDefinition([f"{name}-{i}" for name, source in graph.sources.items() for i in range(source.shards)])
    grid = dg.MultiPartitionsDefinition({"shard": shards, "snapshot": snapshots_definition(graph.corpus)})
    parts = dg.StaticPartitionsDefinition([f"part-{index}" for index in range(graph.parts)])
    partitions: dict[str, dg.PartitionsDefinition[Any] | None] = {"grid": grid, "corpus": None, "part": parts}
    assets = [_asset(graph, node, partitions, store_uri, owners, watch) for node in graph.nodes.values()]
    job = _up_to_date(graph.corpus, load, store_uri, workers)
    schedules = [_schedule(graph.corpus, schedule, job)] if schedule else []
    return dg.Definitions(assets=assets, jobs=[job], sensors=[_sensor(graph.corpus, load, store_uri)], schedules=schedules)


def qualities(node: Node) -> list[Quality]:
    """The checks of a node, in the order in which its expectations name them."""
    return list(dict.fromkeys(each.quality for each in (*node.expectations, *accounts.expectations(node, ""))))


def _asset(
    graph: Graph,
    node: Node,
    partitions: dict[str, Any],
    store_uri: str,
    owners: tuple[str, ...],
    watch: Callable[[Outcome], None] | None,
) -> dg.AssetsDefinition:
    key = dg.AssetKey([graph.corpus, node.name])
    own = partitions[node.grain]
    states: list[State] = []

    @dg.asset(
        key=key,
        partitions_def=own,
        deps=[_dep(graph, node, above) for above in graph.upstream[node.name]],
        check_specs=[
            dg.AssetCheckSpec(name=quality, asset=key, description=_guards(node, quality), blocking=True, partitions_def=own)
            for quality in qualities(node)
        ],
        code_version=code_version(node),
        group_name=f"{STAGES.index(node.stage) + 1}_{node.stage}",
        kinds=set(node.kinds),
        owners=list(owners),
        description=_describe(node),
        tags={"data4llm/stage": node.stage, "data4llm/grain": node.grain},
        metadata={"tables": {name: list(schema) for name, schema in node.schemas.items()}},
        backfill_policy=None if own is None else dg.BackfillPolicy.multi_run(1),
    )
    def materialize(context: dg.AssetExecutionContext) -> Iterator[Any]:
        if not states:
            states.append(State(graph, Store(store_uri)))
        state = states[0]
        state.refresh((*graph.upstream[node.name], node.name))
        # A backfill gives its runs a range of one key, the launchpad a key: the list holds either.
        (partition,) = context.partition_keys if own is not None else ("",)
        try:
            outcome = make(state, node, state.partition(node, partition), context.run.tags.get("data4llm/run", context.run_id))
        except Missing as missing:
            msg = f"{missing}: materialize it first, or let the sensor or `data4llm run` work out the order"
            raise dg.Failure(msg, allow_retries=False) from missing
        if watch is not None:
            watch(outcome)
        checks = _check_results(outcome, node)
        if outcome.result == "refused":
            # Verdicts before the failure are kept for this partition; nothing is materialized, and what was current still is.
            yield from checks
            failed = refused(outcome.checks)
            lines = "; ".join(sentence(result) for result in failed)
            msg = f"refused, nothing published: {lines}"
            raise dg.Failure(msg, metadata={"failed_checks": dg.MetadataValue.md(_table(failed))}, allow_retries=False)
        if outcome.result == "lost":
            msg = "another run published this partition first; its version is current"
            raise dg.Failure(msg, allow_retries=False)
        yield dg.MaterializeResult(
            asset_key=key,
            data_version=dg.DataVersion(outcome.digest or ""),
            metadata=_metadata(outcome, node),
            check_results=checks,
        )

    return materialize


def _describe(node: Node) -> str:
    """What a newcomer reads beside the asset: what it is, what it publishes, how it is partitioned."""
    grains = {"grid": "one partition per shard and snapshot", "corpus": "one for all", "part": "one partition per part"}
    tables = "\n".join(f"| `{name}` | {', '.join(schema)} |" for name, schema in node.schemas.items())
    return f"{node.description.rstrip('.')}.\n\nPublishes, {grains[node.grain]}:\n\n| table | columns |\n|---|---|\n{tables}"


def _guards(node: Node, quality: Quality) -> str:
    """The promise of the quality, and every expectation that guards it here."""
    asked = [each for each in (*node.expectations, *accounts.expectations(node, "")) if each.quality == quality]
    lines = [f"- {each.why}" + ("" if each.severity == "critical" else " (warns)") for each in asked]
    return "\n".join([GUARDS[quality], "", *lines])


def code_version(node: Node) -> str:
    """Moves when the step's own version, its keys of the recipe or its methods do, and at no other time."""
    methods = [[method.identity(), method.parameters()] for method in node.methods]
    measures = [[method.identity(), method.parameters(MEASURE)] for method in node.measures]
    return json_digest([node.function, node.version, node.settings, node.by_source, methods, measures])[:12]


def _dep(graph: Graph, node: Node, above: str) -> dg.AssetDep:
    grain = graph.nodes[above].grain
    spread = node.grain == "part" or any(read.across == "all" for read in reads_of(node) if read.ref.node == above)
    mapping = dg.AllPartitionMapping() if grain != "corpus" and node.grain != "corpus" and (spread or grain != node.grain) else None
    return dg.AssetDep(dg.AssetKey([graph.corpus, above]), partition_mapping=mapping)


def _check_results(outcome: Outcome, node: Node) -> list[dg.AssetCheckResult]:
    grouped = by_quality(outcome.checks)
    found = []
    for quality in qualities(node):
        group = grouped[quality]
        severity = dg.AssetCheckSeverity.ERROR if group["severity"] == "critical" else dg.AssetCheckSeverity.WARN
        failed = [sentence(each) for each in group["expectations"] if not each["passed"]]
        found.append(
            dg.AssetCheckResult(
                asset_key=None,
                check_name=quality,
                passed=group["passed"],
                severity=severity,
                description=" ".join(failed) or GUARDS[quality],
                metadata={"expectations": dg.MetadataValue.md(_table(group["expectations"]))}
                | {_label(each): each["observed"] for each in group["expectations"] if isinstance(each["observed"], (int, float))},
            )
        )
    return found


def runless_events(graph: Graph, outcome: Outcome) -> list[Any]:
    """A materialization with the outcome's data version, for what became current without a run."""
    node = graph.nodes[outcome.node]
    return [
        dg.AssetMaterialization(
            asset_key=dg.AssetKey([graph.corpus, node.name]),
            partition=outcome.partition or None,
            metadata=_metadata(outcome, node),
            tags={"dagster/data_version": outcome.digest or "", "dagster/code_version": code_version(node)},
        )
    ]


def _label(result: dict[str, Any]) -> str:
    return result["column"] if result["frame"] == "partition" else f"{result['frame']}/{result['column']}"


def _table(results: list[Any]) -> str:
    rows = ["| | expectation | observed | bounds | severity | why |", "|---|---|---|---|---|---|"]
    for each in results:
        bounds = ", ".join(f"{name.removesuffix('_value')} {value}" for name, value in each["bounds"].items() if value is not None)
        mark = "✓" if each["passed"] else "✗"
        observed = f"{each['observed']:.4g}" if isinstance(each["observed"], float) else each["observed"]
        rows.append(f"| {mark} | {_label(each)} | {observed} | {bounds} | {each['severity']} | {each['why']} |")
    return "\n".join(rows)


def _metadata(outcome: Outcome, node: Node) -> dict[str, Any]:
    """What a person wants to see of a partition: counts and rates, never text."""
    found: dict[str, Any] = {"result": outcome.result, "fingerprint": outcome.fingerprint}
    accounted = next(iter(outcome.metrics.get("accounts", [])), {})
    found |= {name: value for name, value in accounted.items() if value is not None}
    main = node.keeps if node.keeps in outcome.tables else node.tables[0]
    found["dagster/partition_row_count"] = sum(rows for name, (_, rows) in outcome.tables.items() if name.split("/")[0] == main)
    partition = next(iter(outcome.metrics.get("partition", [])), {})
    found |= {name: value for name, value in partition.items() if isinstance(value, (int, float)) and name not in found}
    for name, rows in outcome.metrics.items():
        if name not in ("accounts", "partition") and rows:
            found[name] = dg.MetadataValue.md(_rows(rows[:20]))
    if seconds := outcome.record.get("seconds"):
        found |= {"seconds": seconds, "peak_memory_MB": round(outcome.record["peak_memory"] / 1e6)}
        if accounted.get("documents_in"):
            found["documents_per_second"] = round(accounted["documents_in"] / seconds, 1)
    return found


def _rows(rows: list[dict[str, Any]]) -> str:
    head = list(rows[0])
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(str(row[name]) for name in head) + " |" for row in rows)])


def run_requests(state: State, busy: set[str]) -> list[dg.RunRequest]:
    """What the planner would run now, as Dagster runs; jobs in `busy` are under way."""
    requests = []
    for job in frontier(state, plan(state), set()):
        node = state.graph.nodes[job.nodes[0]]
        partition = state.partition(node, job.partition)
        fingerprint = json_digest(state.ingredients(node, partition, state.inputs(node, partition)))
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


def job_name(job: Job) -> str:
    """What two runs of one job have in common: the partition and its stretch."""
    return f"{job.nodes[-1]}:{job.partition}".replace("|", "@").rstrip(":")


def _busy(instance: dg.DagsterInstance) -> set[str]:
    waiting = dg.RunsFilter(
        statuses=[
            dg.DagsterRunStatus.QUEUED,
            dg.DagsterRunStatus.NOT_STARTED,
            dg.DagsterRunStatus.STARTING,
            dg.DagsterRunStatus.STARTED,
        ]
    )
    return {run.tags[JOB_TAG] for run in instance.get_runs(waiting) if JOB_TAG in run.tags}


def _sensor(corpus: str, load: Load, store_uri: str) -> dg.SensorDefinition:
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


def _up_to_date(corpus: str, load: Load, store_uri: str, workers: int) -> dg.JobDefinition:
    """What `data4llm run` does, as a job: the whole corpus, frontier by frontier, each partition a Dagster run of its own."""

    @dg.op(name=f"bring_{corpus}_up_to_date", description="Plans, makes what is due, plans again, until nothing is.")
    def bring(context: OpExecutionContext) -> None:
        from data4llm_assets.engine.workers import DagsterPool, announce_snapshots, report_adopted

        state = State(load(), Store(store_uri))
        announce_snapshots(context.instance, corpus, list(state.snapshots))

        def watch(event: str, value: Any) -> None:
            if event == "adopted":
                report_adopted(context.instance, state.graph, value)
            elif event == "plan":
                context.log.info(f"{len(value.due('run', 'adopt'))} partitions are due, {len(value.due('follow'))} may follow")

        with DagsterPool(load, store_uri, context.instance.root_directory, context.run_id, workers) as pool:
            report = bring_up_to_date(state, pool.execute, context.run_id, watch=watch)
        if not report.ok:
            told = [f"{outcome.node} {outcome.partition} was refused" for outcome in report.refused()]
            msg = "; ".join([*told, *(str(done.error) for done in report.failures)])
            raise dg.Failure(msg, allow_retries=False)

    @dg.job(name=f"{corpus}_up_to_date", description="Bring the whole corpus up to date, as `data4llm run` does.")
    def up_to_date() -> None:
        bring()

    return up_to_date


def _schedule(corpus: str, cron: str, job: dg.JobDefinition) -> dg.ScheduleDefinition:
    description = "At its hour, brings the corpus up to date by the planner. A corpus that is current costs one run that looks."
    return dg.ScheduleDefinition(name=f"{corpus}_schedule", cron_schedule=cron, job=job, description=description)
