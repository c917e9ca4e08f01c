"""What deduplication did: what went and why, how much stands for how much, across which sources and snapshots. Read from what is
current: decisions, who is kept, and the numbers that the checks looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from data4llm_assets.corpus import Corpus
from data4llm_assets.deduped.alone import Alone
from data4llm_assets.deduped.matching import Matching
from data4llm_assets.deduped.stage import Deduped
from data4llm_assets.document import DECISIONS
from data4llm_assets.engine.documents import read_kept
from data4llm_assets.engine.state import Missing
from data4llm_assets.engine.store import TableFile
from data4llm_assets.node import Partition, Place, Ref

LARGEST = 10
"""Clusters that are named."""
WIDTH = 0.05
"""Of a bin of similarities."""

_PLACED = pl.Schema({"doc_id": pl.String, "bytes": pl.Int64, "source": pl.String, "snapshot": pl.String, "partition": pl.String})


class Step(NamedTuple):
    """The published tables of a deduped step.

    decisions : with `bytes` of the document before the step, and `source` and `snapshot` of both documents, `partner_` before
        the names of the second's.
    kept : documents that stay, as many as there are, with the bytes of their texts after the step; partners and edited ones alone.
    totals : documents and bytes before the step.
    """

    section: Deduped
    place: Place
    decisions: pl.DataFrame
    kept: pl.DataFrame
    totals: Mapping[str, int]


def dedup(corpus: Corpus) -> list[dict[str, Any]]:
    """One entry for each deduped step.

    step, methods, rule (null of a method that stands alone), scope, stale (whether recipe or sources have changed since);
    documents and bytes, before and after it (`_out`); `removed`, `carried`, `edited` by rule; `clusters` ({documents: clusters}),
    the `largest`; `sources`, `snapshots` of the dropped and of its partner; `similarity` by rule and bin; `compared` (null unless
    pairs are), `audit` of the run.

    Raises
    ------
    LookupError
        If the recipe does not deduplicate, or a step was never built.
    """
    found = [(section, place) for section, place in corpus.recipe.places() if isinstance(section, Deduped)]
    if not found:
        msg = "the recipe deduplicates nothing: it has no step of the stage deduped"
        raise LookupError(msg)
    return [_told(corpus, _read(corpus, section, place)) for section, place in found]


def _read(corpus: Corpus, section: Deduped, place: Place) -> Step:
    built = [each for each in corpus.state.grid if corpus.state.entry(section.name, each.key).value is not None]
    if not built:
        msg = f"{section.name} of {corpus.name!r} is not built yet: data4llm run"
        raise LookupError(msg)
    decided = [frame.with_columns(partition=pl.lit(each.key)) for each, frame in corpus.tables(Ref(section.name, "decisions"))]
    decisions = pl.concat([pl.DataFrame(schema={**DECISIONS, "partition": pl.String}), *decided])
    concerned = pl.concat([decisions["doc_id"], decisions["partner"].drop_nulls()]).unique()
    totals: dict[str, int] = {}
    before = _standing(corpus, place.view.kept, built, concerned, totals, "")
    kept = _standing(corpus, Ref(section.name, "kept"), built, concerned, totals, "_out")
    partners = kept.unique("doc_id", keep="first", maintain_order=True).select(
        partner="doc_id", partner_source="source", partner_snapshot="snapshot"
    )
    told = decisions.join(before, on=["doc_id", "partition"], how="left", maintain_order="left")
    return Step(section, place, told.join(partners, on="partner", how="left", maintain_order="left"), kept, totals)


def _standing(
    corpus: Corpus, ref: Ref, partitions: Sequence[Partition], concerned: pl.Series, totals: dict[str, int], suffix: str
) -> pl.DataFrame:
    """Those of the documents that a table of kept ones holds; how many it holds in all, and their bytes, are put into `totals`."""
    found, documents, size = [pl.DataFrame(schema=_PLACED)], 0, 0
    for partition in partitions:
        standing = read_kept(corpus.store, _file(corpus, ref, partition)).unique("doc_id", maintain_order=True)
        documents, size = documents + len(standing), size + int(standing["bytes"].sum())
        names = {"source": partition.source, "snapshot": partition.snapshot, "partition": partition.key}
        placed = standing.filter(pl.col("doc_id").is_in(concerned.implode())).select("doc_id", "bytes")
        found.append(placed.with_columns(pl.lit(value).alias(name) for name, value in names.items()))
    totals |= {f"documents{suffix}": documents, f"bytes{suffix}": size}
    return pl.concat(found)


def _file(corpus: Corpus, ref: Ref, partition: Partition) -> TableFile | None:
    try:
        return corpus.state.table(ref.node, partition.key, ref.table)
    except Missing:
        return None


def _told(corpus: Corpus, step: Step) -> dict[str, Any]:
    section, gone = step.section, step.decisions.filter(pl.col("action").is_in(["drop", "carry"]))
    dropped = gone.filter(action="drop")
    named = dropped.filter(pl.col("partner").is_not_null())
    clusters = (
        named.group_by("partner").agg(documents=pl.len().cast(pl.Int64) + 1).sort("documents", "partner", descending=[True, False])
    )
    alone = step.totals["documents_out"] - len(clusters)
    sizes = {1: alone} | dict(clusters.group_by("documents").len().sort("documents").iter_rows())
    return {
        "step": section.name,
        "methods": [method.label for method in section.methods],
        "rule": None if isinstance(section.methods[0], Alone) else section.rule,
        "scope": section.scope,
        "stale": bool(corpus.stale({section.name})),
        **step.totals,
        "removed": _by_rule(dropped, step.totals),
        "carried": _by_rule(gone.filter(action="carry"), step.totals),
        "edited": _edited(step),
        "clusters": {str(size): count for size, count in sizes.items()},
        "largest": _largest(corpus, step, clusters.head(LARGEST)),
        "sources": _across(named, "source", list(corpus.recipe.sources)),
        "snapshots": _across(named, "snapshot", list(corpus.state.snapshots)),
        "similarity": _similarity(named),
        **_counted(corpus, step),
    }


def _by_rule(gone: pl.DataFrame, totals: Mapping[str, int]) -> list[dict[str, Any]]:
    """Documents, bytes and their shares of what came in, by rule; the most first."""
    counted = gone.group_by("rule").agg(documents=pl.len().cast(pl.Int64), bytes=pl.col("bytes").sum())
    shares = {f"{name}share": pl.col(of) / max(totals[of], 1) for name, of in (("", "documents"), ("bytes_", "bytes"))}
    return counted.with_columns(**shares).sort("documents", "rule", descending=[True, False]).to_dicts()


def _edited(step: Step) -> list[dict[str, Any]]:
    """Of documents that stay: how many were edited, the spans taken out of them, in characters, and how many bytes they lost."""
    after = step.kept.select("doc_id", "partition", after="bytes")
    edits = step.decisions.filter(action="edit").join(after, on=["doc_id", "partition"], how="inner")
    length = pl.element().struct.field("end") - pl.element().struct.field("start")
    by_document = edits.group_by("rule", "doc_id", "partition").agg(
        spans=pl.col("spans").list.len().sum().cast(pl.Int64),
        characters=pl.col("spans").list.eval(length).list.sum().sum(),
        bytes=(pl.col("bytes") - pl.col("after")).first(),
    )
    counted = by_document.group_by("rule").agg(
        pl.len().cast(pl.Int64).alias("documents"), pl.col("spans", "characters", "bytes").sum()
    )
    return counted.sort("documents", "rule", descending=[True, False]).to_dicts()


def _largest(corpus: Corpus, step: Step, clusters: pl.DataFrame) -> list[dict[str, Any]]:
    """The kept documents that stand for most, with what a person knows them by."""
    known = clusters.join(step.kept, left_on="partner", right_on="doc_id", how="left", maintain_order="left")
    known = known.unique("partner", keep="first", maintain_order=True)
    named = []
    for partition in corpus.state.grid:
        here = known.filter(partition=partition.key)["partner"]
        for ref in step.place.view.texts if len(here) else ():
            file = _file(corpus, ref, partition)
            if file is not None and file.rows:
                rows = corpus.store.scan_table(file.digest, few=True).filter(pl.col("doc_id").is_in(here.implode()))
                named.append(rows.select("doc_id", "title", "url", "locator").collect())
    columns = ("doc_id", "documents", "source", "snapshot", "bytes")
    told = known.rename({"partner": "doc_id"}).select(columns)
    if named:
        told = told.join(pl.concat(named).unique("doc_id"), on="doc_id", how="left", maintain_order="left")
    return told.to_dicts()


def _across(named: pl.DataFrame, column: str, order: Sequence[str]) -> list[dict[str, Any]]:
    """How many documents of one source (snapshot) were dropped for one of another, or of their own."""
    places = {name: place for place, name in enumerate(order)}
    pair = [column, f"partner_{column}"]
    counted = named.drop_nulls(pair).group_by(pair).agg(documents=pl.len().cast(pl.Int64))
    by_place = [pl.col(name).replace_strict(places, default=len(places), return_dtype=pl.Int64) for name in pair]
    return counted.sort(*by_place, *pair).rename({column: "dropped", f"partner_{column}": "partner"}).to_dicts()


def _similarity(named: pl.DataFrame) -> list[dict[str, Any]]:
    """Dropped documents by rule and by their similarity to the partner; the last bin of a rule holds 1, too."""
    number = ((pl.col("value") + 1e-9) / WIDTH).floor().clip(upper_bound=round(1 / WIDTH) - 1).cast(pl.Int64)
    counted = (
        named.drop_nulls("value").group_by("rule", number.alias("bin")).agg(documents=pl.len().cast(pl.Int64)).sort("rule", "bin")
    )
    bounds = {"from": (pl.col("bin") * WIDTH).round(2), "to": ((pl.col("bin") + 1) * WIDTH).round(2)}
    return counted.select("rule", **bounds, documents="documents").to_dicts()


def _counted(corpus: Corpus, step: Step) -> dict[str, Any]:
    """What the fold counted, and what its audit found; null for methods that compare no pairs."""
    value = corpus.state.entry(step.place.sub("duplicates"), "").value
    manifest = None if value is None else corpus.state.manifest(value["fingerprint"])
    metrics = {} if manifest is None else manifest["metrics"]
    methods = [method for method in step.section.methods if isinstance(method, Matching)]
    if not methods or not metrics.get("partition"):
        return {"compared": None, "audit": None}
    (totals,) = metrics["partition"]
    counts = {"pairs": totals["compared"], **{name: totals.get(name) for name in ("skipped", "kept_after_skipping", "chained")}}
    limits = {method.label: method.comparisons for method in methods if method.comparisons}
    audit = {name: metrics.get(frame, []) for name, frame in (("verified", "audit"), ("detection", "detection"))}
    return {"compared": {**counts, "limits": limits}, "audit": audit}
