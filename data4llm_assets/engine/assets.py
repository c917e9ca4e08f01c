"""Dagster's assets: one per node, with a check per quality. They translate; what an asset does is `shell.make`."""

# No `from __future__ import annotations` here: Dagster looks at the annotation of `context` itself, not at its name.
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import dagster as dg

from data4llm_assets.engine import accounts
from data4llm_assets.engine.descriptions import column_schema, description, figures, guards, label, rounded, verdict
from data4llm_assets.engine.digest import json_digest
from data4llm_assets.engine.expectations import by_quality, refused, sentence
from data4llm_assets.engine.shell import Outcome, make
from data4llm_assets.engine.state import Graph, Missing, State, reads_of
from data4llm_assets.engine.store import Store
from data4llm_assets.method import MEASURE
from data4llm_assets.node import Grain, Node, Quality

warnings.filterwarnings("ignore", category=dg.PreviewWarning)
warnings.filterwarnings("ignore", category=dg.BetaWarning)

RUN_TAG = "data4llm/run"
PARTITIONED: dict[Grain, str] = {"grid": "by_shard_and_snapshot", "corpus": "not", "part": "by_part"}


def snapshots_definition(corpus: str) -> dg.DynamicPartitionsDefinition:
    return dg.DynamicPartitionsDefinition(name=f"{corpus}_snapshots")


def build_assets(
    graph: Graph, store_uri: str, *, owners: tuple[str, ...] = (), watch: Callable[[Outcome], None] | None = None
) -> list[dg.AssetsDefinition]:
    """The assets of a corpus, in order of dependency. `watch` is told every outcome, in the process that made it."""
    shards = dg.StaticPartitionsDefinition([f"{name}-{i}" for name, source in graph.sources.items() for i in range(source.shards)])
    grid = dg.MultiPartitionsDefinition({"shard": shards, "snapshot": snapshots_definition(graph.corpus)})
    parts = dg.StaticPartitionsDefinition([f"part-{index}" for index in range(graph.parts)])
    partitions: dict[str, dg.PartitionsDefinition[Any] | None] = {"grid": grid, "corpus": None, "part": parts}
    steps = list(dict.fromkeys(node.step or node.stage for node in graph.nodes.values()))

    @cache
    def state() -> State:
        # One for all assets, made when the first runs: what one publishes the next has seen.
        return State(graph, Store(store_uri))

    # By their place in the recipe, so that a list of groups is in the order of the steps.
    groups = {step: f"{place:0{len(str(len(steps)))}}_{step}" for place, step in enumerate(steps, 1)}
    nodes = graph.nodes.values()
    return [_asset(graph, node, groups[node.step or node.stage], partitions, state, owners, watch) for node in nodes]


def qualities(node: Node) -> list[Quality]:
    """The checks of a node, in the order in which its expectations name them."""
    return list(dict.fromkeys(each.quality for each in (*node.expectations, *accounts.expectations(node, ""))))


def _asset(
    graph: Graph,
    node: Node,
    group: str,
    partitions: dict[str, Any],
    state_of: Callable[[], State],
    owners: tuple[str, ...],
    watch: Callable[[Outcome], None] | None,
) -> dg.AssetsDefinition:
    key = dg.AssetKey([graph.corpus, node.name])
    own = partitions[node.grain]

    @dg.asset(
        key=key,
        partitions_def=own,
        deps=[_dep(graph, node, above) for above in graph.upstream[node.name]],
        check_specs=[
            dg.AssetCheckSpec(
                name=quality, asset=key, description=guards(node, quality, list(graph.sources)), blocking=True, partitions_def=own
            )
            for quality in qualities(node)
        ],
        code_version=code_version(node),
        group_name=group,
        kinds=set(node.kinds),
        pool=node.pool or None,
        owners=list(owners),
        description=description(node),
        tags={"data4llm/stage": node.stage, "data4llm/partitioned": PARTITIONED[node.grain]},
        metadata={"dagster/column_schema": column_schema(node)},
    )
    def materialize(context: dg.AssetExecutionContext) -> Iterator[Any]:
        state = state_of()
        # Each run is given one key. With a backfill policy it would be a range, and Dagster files no check under a key of a range.
        partition = context.partition_key if own is not None else ""
        state.look([node], partition)
        try:
            outcome = make(state, node, state.partition(node, partition), context.run.tags.get(RUN_TAG, context.run_id))
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
            raise dg.Failure(msg, metadata={"failed_checks": dg.MetadataValue.md(verdict(failed))}, allow_retries=False)
        if outcome.result == "lost":
            msg = "another run published this partition first; its version is current"
            raise dg.Failure(msg, allow_retries=False)
        yield dg.MaterializeResult(
            asset_key=key,
            data_version=dg.DataVersion(outcome.digest or ""),
            metadata=figures(outcome, node),
            check_results=checks,
        )

    return materialize


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
        numbers = {
            label(each["frame"], each["column"]): rounded(each["observed"])
            for each in group["expectations"]
            if isinstance(each["observed"], (int, float))
        }
        found.append(
            dg.AssetCheckResult(
                asset_key=None,
                check_name=quality,
                passed=group["passed"],
                severity=severity,
                description=verdict(group["expectations"]),
                metadata=numbers,
            )
        )
    return found


def runless_events(graph: Graph, outcome: Outcome) -> list[Any]:
    """A materialization with the outcome's data version and its recorded verdicts, for what became current without a run."""
    node = graph.nodes[outcome.node]
    key, partition = dg.AssetKey([graph.corpus, node.name]), outcome.partition or None
    materialization = dg.AssetMaterialization(
        asset_key=key,
        partition=partition,
        metadata=figures(outcome, node),
        tags={"dagster/data_version": outcome.digest or "", "dagster/code_version": code_version(node)},
    )
    verdicts = [
        dg.AssetCheckEvaluation(
            asset_key=key,
            check_name=result.check_name or "",
            passed=result.passed,
            metadata=result.metadata,
            severity=result.severity,
            description=result.description,
            partition=partition,
        )
        for result in _check_results(outcome, node)
    ]
    return [materialization, *verdicts]
