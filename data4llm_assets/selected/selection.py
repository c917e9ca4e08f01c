"""What a method of selection is: hashed features of each document, weighed by what the whole corpus holds.

A user's own method subclasses `Selection`; the stage does the rest (histograms, noise, cutoff, verdicts).
"""

from __future__ import annotations

import polars as pl
from pydantic import Field

from data4llm_assets.method import Decide, Method, Parameters

NGRAMS = pl.Schema({"doc_id": pl.String(), "domain": pl.String(), "words": pl.Int64(), "buckets": pl.List(pl.UInt16)})
"""Measured features. `words` is the length in words; `buckets` are the hashed features, ascending, repeats included."""

HISTOGRAM = pl.Schema({"domain": pl.String, "bucket": pl.UInt16, "count": pl.Int64})
"""How often each feature occurs in a domain."""


class Target(Parameters):
    """What selected documents should resemble."""

    domains: tuple[str, ...] = Field(min_length=1, description="domains of this corpus")


class Selection(Method):
    """Keeps the share of the corpus that resembles the target most."""

    target: Decide[Target] = Field(description="what kept documents should resemble")
    keep: Decide[float] = Field(0.9, gt=0, le=1, description="share of the documents of the corpus that stays")
    min_words: Decide[int] = Field(
        100, ge=1, description="shorter documents are dropped: too few words to judge (DSIR's reference code: 100)"
    )

    def ngrams(self, documents: pl.DataFrame) -> pl.DataFrame:
        """Measure every document; may not look at `Decide` parameters.

        Parameters
        ----------
        documents : (text_digest: String, text: String).

        Returns
        -------
        (words: Int64, buckets: List[UInt16]), one row for each document, in order.
        """
        raise TypeError(f"{type(self).__name__} must define ngrams()")

    def weights(self, histogram: pl.DataFrame) -> pl.DataFrame:
        """What each feature speaks for: (bucket: UInt16, weight: Float64), from the HISTOGRAM of the whole corpus."""
        raise TypeError(f"{type(self).__name__} must define weights()")

    def scores(self, buckets: pl.Series, weights: pl.DataFrame) -> pl.Series:
        """Score of each document from its features and their weights, in nats (Float64); null where it has no features."""
        raise TypeError(f"{type(self).__name__} must define scores()")
