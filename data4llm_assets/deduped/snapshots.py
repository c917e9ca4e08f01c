"""The fold over the snapshots in order of arrival: what the corpus-wide node `duplicates` does.

A step's verdicts are remembered under the digests of all signatures up to it, so a new, changed or withdrawn snapshot repeats the
fold only from there. This module says what a step is made of and what is published; the verdicts are `duplicates.py`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from data4llm_assets.deduped import duplicates, flat
from data4llm_assets.deduped.arrivals import arrivals
from data4llm_assets.deduped.kept import Kept, documents
from data4llm_assets.deduped.matching import Matching
from data4llm_assets.deduped.tables import CLUSTERS, COUNTS, FEW, VERDICTS, Scope, with_share
from data4llm_assets.document import conform
from data4llm_assets.node import Ref, Work

_SOURCES = pl.Schema({"source": pl.String, "documents": pl.Int64, "carried": pl.Int64, "dropped": pl.Int64})


def fold(work: Work, signatures: Ref, methods: Sequence[Matching], scope: Scope) -> None:
    """Publish the verdicts of every grid partition, the sizes of clusters, and counts for the checks."""
    kept, state = Kept(work, signatures, methods), ""
    folds: list[Kept] = [kept]
    counts: list[pl.DataFrame] = []
    sources: list[pl.DataFrame] = []
    for snapshot, fresh, new in arrivals(work, signatures, scope):
        if fresh and kept.masks:
            kept, state = Kept(work, signatures, methods), ""
            folds.append(kept)
        mine = documents(new, methods)
        ingredients = {"before": state, "new": flat.digest(new.drop("partition"))}
        del new  # its strings are the larger half of what stands in memory, and no longer needed
        step = duplicates.Step(methods, kept.documents, mine, kept.entries, kept.texts(mine), work.memory)

        def decide(step: duplicates.Step = step) -> Mapping[str, pl.DataFrame]:
            drops, counted = duplicates.decide(step)
            return {"drops": drops, "counts": counted}

        remembered = work.remember("step", ingredients, decide)
        drops = remembered["drops"]
        kept.add(mine, drops)
        state = flat.digest(pl.DataFrame({"ingredient": list(ingredients.values())}))
        partners = kept.documents["doc_id"].gather(drops["partner"])
        verdicts = drops.with_columns(mine.select("partition", "doc_id")[drops["position"]]).with_columns(partner=partners)
        for number in mine["partition"].unique().sort():
            own = verdicts.filter(pl.col("partition") == number).sort("doc_id")
            work.write_for(work.partitions[number].key, "verdicts", conform(own, VERDICTS))
        counts.append(remembered["counts"].select(pl.lit(snapshot).alias("snapshot"), pl.all()))
        sources.append(_by_source(work, mine, verdicts))
    clusters = _clusters(folds)
    work.write("clusters", clusters)
    work.metric("snapshots", pl.concat([pl.DataFrame(schema={"snapshot": pl.String, **COUNTS}), *counts]))
    by_source = pl.concat([pl.DataFrame(schema=_SOURCES), *sources]).group_by("source").sum().sort("source")
    work.metric("sources", with_share(by_source))
    work.metric("partition", _totals(counts, clusters, sum(kept.repeated_texts() for kept in folds)))


def _by_source(work: Work, mine: pl.DataFrame, verdicts: pl.DataFrame) -> pl.DataFrame:
    names = pl.Series([partition.source for partition in work.partitions], dtype=pl.String)
    sources = mine.select("doc_id", "partition", source=names.gather(mine["partition"]))
    judged = sources.join(verdicts.select("doc_id", "partition", "action"), on=["partition", "doc_id"], how="left")
    counted = judged.group_by("source").agg(
        documents=pl.len(), carried=(pl.col("action") == "carry").sum(), dropped=(pl.col("action") == "drop").sum()
    )
    return counted.cast(_SOURCES)


def _clusters(folds: Sequence[Kept]) -> pl.DataFrame:
    sizes, counts = np.unique(np.concatenate([kept.stands_for for kept in folds]), return_counts=True)
    return pl.DataFrame({"documents": sizes, "clusters": counts}, schema=CLUSTERS)


def _totals(counts: Sequence[pl.DataFrame], clusters: pl.DataFrame, repeated_texts: int) -> pl.DataFrame:
    """The frame `partition`: sums over the snapshots, and what the checks look at."""
    frame = pl.concat([pl.DataFrame(schema=COUNTS), *(some.drop("snapshot") for some in counts)])
    totals = frame.select(pl.exclude("margin").sum(), pl.col("margin").min())
    return with_share(totals).with_columns(
        repeated_texts=pl.lit(repeated_texts, pl.Int64),
        largest_cluster=pl.lit(clusters["documents"].max(), pl.Int64),
        largest_cluster_share=pl.when(pl.col("documents") >= FEW).then(clusters["documents"].max() / pl.col("documents")),
        unsure_share=pl.when(pl.col("kept") >= FEW).then(pl.col("kept_after_skipping") / pl.col("kept")),
    )
