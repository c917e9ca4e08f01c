"""Data selection by importance resampling (DSIR): Xie et al., NeurIPS 2023, arXiv 2302.03169.

Each document is a bag of hashed words and pairs of words. A bucket's weight is log p_target - log p_corpus; documents are drawn
without replacement with probability rising with the sum of weights (Gumbel top-k, in the stage).
"""

from __future__ import annotations

from typing import ClassVar, Literal

import polars as pl
from pydantic import Field

from data4llm_assets.method import Decide, Measure
from data4llm_assets.selected.selection import Selection


class Dsir(Selection):
    """Importance resampling over hashed n-grams of fixed windows of words."""

    version: ClassVar[str] = "1"
    uses: ClassVar[tuple[str, ...]] = ("polars", "numpy")

    method: Literal["dsir"] = "dsir"
    bucket_count: Measure[int] = Field(10_000, ge=2, le=65_536, description="hash buckets (paper: 10,000)")
    smoothing: Decide[float] = Field(1e-8, gt=0, description="added to both probabilities of a bucket (reference code: 1e-8)")
    window: Decide[int] = Field(
        32,
        ge=1,
        description="words that are scored: a document counts with the expected log importance of a window of this length. The sum "
        "over whole documents has a spread of some 30 nats against the Gumbel noise's 1.3, which makes the draw a hard cut that "
        "favours long documents.",
    )

    def ngrams(self, documents: pl.DataFrame) -> pl.DataFrame:
        from data4llm_assets.selected import hashing

        return hashing.ngrams(documents["text"], self.bucket_count)

    def weights(self, histogram: pl.DataFrame) -> pl.DataFrame:
        """Log ratio of the bucket's probability in the target domains to that in the whole corpus, for all buckets.

        Raises
        ------
        ValueError
            If a target domain has no documents, unless the corpus has none at all.
        """
        absent = sorted(set(self.target.domains) - set(histogram["domain"]))
        if absent and histogram.height:
            present = sorted(set(histogram["domain"]))
            msg = f"selected: no document of the target domain {', '.join(absent)}; the corpus has {', '.join(present)}"
            raise ValueError(msg)
        is_target = pl.col("domain").is_in(self.target.domains)
        counts = histogram.group_by("bucket").agg(
            corpus=pl.col("count").sum().cast(pl.Float64), target=pl.col("count").filter(is_target).sum().cast(pl.Float64)
        )
        buckets = pl.select(bucket=pl.int_range(self.bucket_count, dtype=pl.Int64)).cast(pl.UInt16)
        counts = buckets.join(counts, on="bucket", how="left", maintain_order="left").fill_null(0.0)
        target, corpus = (pl.col(name) / pl.col(name).sum().clip(1.0) + self.smoothing for name in ("target", "corpus"))
        return counts.select("bucket", weight=target.log() - corpus.log())

    def scores(self, buckets: pl.Series, weights: pl.DataFrame) -> pl.Series:
        """Mean weight of a document's n-grams times the n-grams of a window: `window` words and `window - 1` pairs."""
        from data4llm_assets.selected import hashing

        return hashing.means(buckets, weights["weight"]) * (2 * self.window - 1)


def divergence(target: pl.DataFrame, other: pl.DataFrame, smoothing: float) -> float | None:
    """Kullback-Leibler divergence of two tables (bucket, count), target from other, in nats; null if one is empty."""
    if not target.height or not other.height:
        return None
    both = target.rename({"count": "p"}).join(other.rename({"count": "q"}), on="bucket", how="left", maintain_order="left")
    p = pl.col("p") / target["count"].sum()
    q = pl.col("q").fill_null(0) / other["count"].sum() + smoothing
    return float(both.sort("bucket").select((p * (p.log() - q.log())).sum()).item())
