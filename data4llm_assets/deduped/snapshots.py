"""The fold over the snapshots in order of arrival: what the corpus-wide node `duplicates` does.

A step's verdicts are remembered under the digests of all signatures up to it, so a new, changed or withdrawn snapshot repeats the
fold only from there. This module says what a step is made of and what is published; the verdicts are `duplicates.py`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from data4llm_assets.deduped import audit, duplicates, flat
from data4llm_assets.deduped.arrivals import arrivals, as_one
from data4llm_assets.deduped.kept import Kept, documents
from data4llm_assets.deduped.matching import Matching
from data4llm_assets.deduped.tables import CLUSTERS, COUNTS, FEW, VERDICTS, KeepRule, Scope, with_share
from data4llm_assets.deduped.url import Url
from data4llm_assets.deduped.versions import LOSERS, Versions
from data4llm_assets.document import conform
from data4llm_assets.node import Ref, Work

_WITH_VERSIONS = pl.Schema({**COUNTS, "versions": pl.Int64()})
_SOURCES = pl.Schema({"source": pl.String, "documents": pl.Int64, "carried": pl.Int64, "dropped": pl.Int64})


def fold(work: Work, signatures: Ref, methods: Sequence[Matching], url: Url | None, scope: Scope, rule: KeepRule) -> None:
    """Publish the verdicts of every grid partition, the sizes of clusters, and counts for the checks."""
    groups = arrivals(work, signatures, scope)
    if rule == "components" and scope == "corpus":
        # A new document may join what stood apart: nothing is settled before all is there.
        groups = as_one(groups)
    versions = Versions(work, signatures, url, scope) if url else None
    folds: list[Kept] = []
    counts: list[pl.DataFrame] = []
    sources: list[pl.DataFrame] = []
    verified: list[pl.DataFrame] = []
    state = ""
    for arrival in groups:
        if arrival.fresh:
            folds.append(Kept(work, signatures, methods))
            state = ""
        kept = folds[-1]
        lost = versions.losers(arrival) if versions else pl.DataFrame(schema=LOSERS)
        stands = np.ones(len(arrival.documents), np.bool_)
        stands[lost["position"].to_numpy()] = False
        new = arrival.documents.filter(pl.Series(stands))
        mine = documents(new, methods)
        ingredients = {"before": state, "new": _digest(new, methods)}
        name, all_of_it = arrival.name, arrival.documents.select("partition", "doc_id")
        del new, arrival  # their strings are the larger half of what stands in memory, and no longer needed
        step = duplicates.Step(methods, kept.documents, mine, kept.gone, kept.entries, kept.texts(mine), work.memory, rule)

        def decide(step: duplicates.Step = step) -> Mapping[str, pl.DataFrame]:
            drops, counted = duplicates.decide(step)
            return {"drops": drops, "counts": counted}

        remembered = work.remember("step", ingredients, decide)
        drops = remembered["drops"]
        kept.add(mine, stands, drops)
        state = flat.digest(pl.DataFrame({"ingredient": list(ingredients.values())}))
        verified.append(audit.verified(work, methods, name, state, kept.documents, mine, drops))
        partners = kept.documents["doc_id"].gather(drops["partner"])
        verdicts = drops.with_columns(mine.select("partition", "doc_id")[drops["position"]]).with_columns(partner=partners)
        actions = pl.concat([frame.select("partition", "doc_id", "action") for frame in (verdicts, lost)])
        if versions is not None:
            verdicts = pl.concat([verdicts, versions.verdicts(verdicts, lost)], how="diagonal")
        _publish(work, verdicts, all_of_it["partition"].unique().sort())
        counts.append(_with_versions(remembered["counts"], lost).select(pl.lit(name).alias("snapshot"), pl.all()))
        sources.append(_by_source(work, all_of_it, actions))
    if versions is not None and (rest := versions.rest()).height:
        _publish(work, rest, rest["partition"].unique().sort())
    audit.tell(work, methods, folds[0].documents if folds else None, verified)
    clusters = _clusters(folds)
    work.write("clusters", clusters)
    work.metric("snapshots", pl.concat([pl.DataFrame(schema={"snapshot": pl.String, **_WITH_VERSIONS}), *counts]))
    by_source = pl.concat([pl.DataFrame(schema=_SOURCES), *sources]).group_by("source").sum().sort("source")
    work.metric("sources", with_share(by_source))
    work.metric("partition", _totals(counts, clusters, sum(kept.repeated_texts() for kept in folds) if methods else None))


def _digest(new: pl.DataFrame, methods: Sequence[Matching]) -> str:
    """Of all that verdicts depend on: not of shards, nor of how many snapshots came before."""
    signed = [f"{method.label}_{name}" for method in methods for name in method.signature]
    since = (pl.col("arrival") - pl.col("arrival").min()).alias("since")
    return flat.digest(new.select("doc_id", "page_id", "text_digest", since, *signed))


def _publish(work: Work, verdicts: pl.DataFrame, partitions: pl.Series) -> None:
    for number in partitions:
        own = verdicts.filter(pl.col("partition") == number).sort("doc_id")
        work.write_for(work.partitions[number].key, "verdicts", conform(own, VERDICTS))


def _with_versions(counted: pl.DataFrame, lost: pl.DataFrame) -> pl.DataFrame:
    """The counts of a step, and beside them the documents that do not stand for their URL."""
    carried = (lost["action"] == "carry").sum()
    return counted.with_columns(
        pl.col("documents") + len(lost),
        pl.col("dropped") + len(lost) - carried,
        pl.col("carried") + carried,
        versions=pl.lit(len(lost), pl.Int64),
    )


def _by_source(work: Work, mine: pl.DataFrame, verdicts: pl.DataFrame) -> pl.DataFrame:
    names = pl.Series([partition.source for partition in work.partitions], dtype=pl.String)
    sources = mine.select("doc_id", "partition", source=names.gather(mine["partition"]))
    judged = sources.join(verdicts.select("doc_id", "partition", "action"), on=["partition", "doc_id"], how="left")
    counted = judged.group_by("source").agg(
        documents=pl.len(), carried=(pl.col("action") == "carry").sum(), dropped=(pl.col("action") == "drop").sum()
    )
    return counted.cast(_SOURCES)


def _clusters(folds: Sequence[Kept]) -> pl.DataFrame:
    sizes, counts = np.unique(np.concatenate([np.zeros(0, np.int64), *(kept.stands_for for kept in folds)]), return_counts=True)
    return pl.DataFrame({"documents": sizes, "clusters": counts}, schema=CLUSTERS)


def _totals(counts: Sequence[pl.DataFrame], clusters: pl.DataFrame, repeated_texts: int | None) -> pl.DataFrame:
    """The frame `partition`: sums over the snapshots, and what the checks look at."""
    frame = pl.concat([pl.DataFrame(schema=_WITH_VERSIONS), *(some.drop("snapshot") for some in counts)])
    totals = frame.select(pl.exclude("margin").sum(), pl.col("margin").min())
    return with_share(totals).with_columns(
        repeated_texts=pl.lit(repeated_texts, pl.Int64),
        largest_cluster=pl.lit(clusters["documents"].max(), pl.Int64),
        largest_cluster_share=pl.when(pl.col("documents") >= FEW).then(clusters["documents"].max() / pl.col("documents")),
        unsure_share=pl.when(pl.col("kept") >= FEW).then(pl.col("kept_after_skipping") / pl.col("kept")),
    )
