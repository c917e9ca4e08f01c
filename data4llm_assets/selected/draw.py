"""The draw: measure features, weigh them over the corpus, add seeded noise, keep the best share.

Here: what the three nodes of `selected` do. Scores are taken partition by partition; of the whole corpus only the histogram and one
number for each document stand in memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
import polars as pl

from data4llm_assets import document
from data4llm_assets.node import Partition, Ref, Work
from data4llm_assets.selected import tally
from data4llm_assets.selected.dsir import divergence
from data4llm_assets.selected.selection import HISTOGRAM, NGRAMS, Selection

VERDICTS = pl.Schema(
    {"doc_id": pl.String, "words": pl.Int64, "score": pl.Float64, "key": pl.Float64, "cutoff": pl.Float64, "kept": pl.Boolean}
)
"""`key` is the score plus Gumbel noise; null, as the score, for a document that is too short to be drawn."""

CUTOFF = pl.Schema({"cutoff": pl.Float64, "documents": pl.Int64, "eligible": pl.Int64, "kept": pl.Int64})
"""One row. Documents at or above `cutoff` stay; `eligible` are those with enough words."""

SHARES = pl.Schema({"domain": pl.String, "documents": pl.Int64, "kept": pl.Int64})
SMOOTHING = 1e-8


def measure(work: Work, *, by: Selection) -> None:
    histogram = pl.DataFrame(schema=HISTOGRAM)
    documents = words = features = silent = 0
    for batch in work.batches():
        measured = work.measure(by, batch, by.ngrams)
        rows = document.conform(pl.concat([batch.select("doc_id", "domain"), measured], how="horizontal"), NGRAMS)
        work.write("ngrams", rows)
        for domain in rows["domain"].unique().sort():
            counted = _count(rows.filter(domain=domain)["buckets"])
            histogram = total([histogram, counted.select(pl.lit(domain, pl.String).alias("domain"), "bucket", "count")])
        documents += rows.height
        words += int(rows["words"].sum())
        features += int(rows["buckets"].list.len().sum())
        silent += rows.filter(pl.col("words") > 0, pl.col("buckets").list.len() == 0).height
    work.write("histogram", histogram)
    row = {"documents": documents, "words": words, "ngrams": features, "documents_without_ngrams": silent}
    row["uncounted_ngrams"] = features - int(histogram["count"].sum())
    per_document = pl.lit(words / documents if documents else None, pl.Float64)
    work.metric("partition", pl.DataFrame([row]).with_columns(words_per_document=per_document))


def decide(work: Work, *, by: Selection, seed: int, measured: str) -> None:
    """Two passes over the features: the first holds one number for each document, the second writes verdicts.

    The features are read once for both passes if they fit into a quarter of the node's memory.
    """
    ngrams = _Features(work, Ref(measured, "ngrams"))
    histogram = total(frame for _, frame in work.read_all(Ref(measured, "histogram")))
    weights = by.weights(histogram)
    drawn_keys = [pl.Series("key", [], dtype=pl.Float64)]
    documents = 0
    for _, frame in ngrams.partitions():
        documents += frame.height
        drawn_keys.append(keys(frame, by, weights, seed)["key"].drop_nulls())
    drawn = pl.concat(drawn_keys)
    wanted = math.ceil(round(by.keep * drawn.len(), 6))
    cutoff = drawn.top_k(wanted).min() if wanted else None
    kept = pl.DataFrame(schema=HISTOGRAM)
    shares = []
    for partition, frame in ngrams.partitions():
        judged = keys(frame, by, weights, seed).with_columns(cutoff=pl.lit(cutoff, pl.Float64))
        judged = judged.with_columns(kept=(pl.col("key") >= pl.col("cutoff")).fill_null(False))
        work.write_for(partition.key, "verdicts", document.conform(judged, VERDICTS))
        stays = judged.filter("kept")
        counted = _count(stays["buckets"]).select(pl.lit(None, pl.String).alias("domain"), "bucket", "count")
        kept = total([kept, counted])
        shares.append(judged.group_by("domain").agg(documents=pl.len().cast(pl.Int64), kept=pl.col("kept").sum().cast(pl.Int64)))
    domains = pl.concat(shares).group_by("domain").sum().sort("domain") if shares else pl.DataFrame(schema=SHARES)
    stay = int(domains["kept"].sum())
    row = pl.DataFrame({"cutoff": [cutoff], "documents": [documents], "eligible": [drawn.len()], "kept": [stay]}, schema=CUTOFF)
    work.write("cutoff", row)
    target = histogram.filter(pl.col("domain").is_in(by.target.domains)).group_by("bucket").agg(pl.col("count").sum())
    before, after = (divergence(target, by_bucket(counts), SMOOTHING) for counts in (histogram, kept))
    work.metric("partition", row.with_columns(
        surplus=pl.lit(stay - wanted, pl.Int64),
        divergence_before=pl.lit(before, pl.Float64), divergence_after=pl.lit(after, pl.Float64),
        divergence_change=pl.lit(None if before is None or after is None else after - before, pl.Float64),
    ))  # fmt: skip
    work.metric("domains", domains.with_columns(share=pl.col("kept") / pl.col("documents")))


class _Features:
    """The features of every partition, to be gone through more than once; held after the first time if they are few."""

    def __init__(self, work: Work, ngrams: Ref) -> None:
        self._work, self._ngrams = work, ngrams
        self._held: list[tuple[Partition, pl.DataFrame]] | None = None

    def partitions(self) -> Iterator[tuple[Partition, pl.DataFrame]]:
        if self._held is not None:
            yield from self._held
            return
        held: list[tuple[Partition, pl.DataFrame]] | None = []
        size = 0
        for partition, frame in self._work.read_all(self._ngrams):
            size += int(frame.estimated_size())
            held = None if held is None or size > self._work.memory // 4 else [*held, (partition, frame)]
            yield partition, frame
        self._held = held


def select(work: Work, *, by: Selection, cutoff: str) -> None:
    verdicts = work.read(Ref(cutoff, "verdicts"))
    judged_rows = [pl.DataFrame(schema=tally.JUDGED)]
    for batch in work.batches():
        described = batch.select("doc_id", "text_digest", "bytes", "domain", "language", "license")
        judged = described.join(verdicts, on="doc_id", how="left", maintain_order="left")
        work.write("kept", document.conform(judged.filter("kept"), document.KEPT))
        # A document without a verdict is neither kept nor dropped: the accounts refuse the partition.
        work.write("decisions", _decisions(judged.filter(~pl.col("kept")), by))
        judged_rows.append(document.conform(judged, tally.JUDGED))
    judged = pl.concat(judged_rows)
    work.metric("partition", tally.totals(judged, by.min_words))
    work.metric("domains", tally.shares(judged, "domain"))
    work.metric("languages", tally.shares(judged, "language"))


def _decisions(dropped: pl.DataFrame, by: Selection) -> pl.DataFrame:
    short = pl.col("words") < by.min_words
    rows = dropped.select(
        "doc_id",
        rule=pl.when(short).then(pl.lit(f"{by.method}.words")).otherwise(pl.lit(f"{by.method}.relevance")),
        action=pl.lit("drop"),
        value=pl.when(short).then(pl.col("words").cast(pl.Float64)).otherwise("key"),
        threshold=pl.when(short).then(pl.lit(by.min_words, pl.Float64)).otherwise("cutoff"),
    )
    return document.conform(rows, document.DECISIONS)


def keys(ngrams: pl.DataFrame, by: Selection, weights: pl.DataFrame, seed: int) -> pl.DataFrame:
    """`ngrams` with score and key; both null for documents with too few words."""
    long_enough = pl.col("words") >= by.min_words
    unit = document.unit_hash(seed, "selected", ngrams["doc_id"].to_list())
    # Gumbel top-k: the largest keys are a draw without replacement, with probability in proportion to exp(score).
    scored = ngrams.with_columns(by.scores(ngrams["buckets"], weights).alias("score"), unit)
    scored = scored.with_columns(pl.when(long_enough).then("score"))
    return scored.with_columns(key=pl.col("score") - (-pl.col("unit").log()).log()).drop("unit")


def _count(buckets: pl.Series) -> pl.DataFrame:
    """(bucket, count) over all lists."""
    counts = np.bincount(buckets.rechunk().to_arrow().flatten().to_numpy(zero_copy_only=False))
    (found,) = np.nonzero(counts)
    return pl.DataFrame({"bucket": found, "count": counts[found]}, schema={"bucket": pl.UInt16, "count": pl.Int64})


def total(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """The sum of histograms, in order of domain and bucket."""
    together = pl.concat([pl.DataFrame(schema=HISTOGRAM), *frames])
    return together.group_by("domain", "bucket").agg(pl.col("count").sum()).sort("domain", "bucket")


def by_bucket(histogram: pl.DataFrame) -> pl.DataFrame:
    return histogram.group_by("bucket").agg(pl.col("count").sum())
