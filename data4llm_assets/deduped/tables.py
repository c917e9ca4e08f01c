"""The tables that the nodes of this stage exchange."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from data4llm_assets.deduped.matching import SIGNATURE, Matching
from data4llm_assets.document import DECISIONS

VERDICTS = pl.Schema({name: DECISIONS[name] for name in ("doc_id", "rule", "action", "value", "threshold", "partner")})
"""`duplicates` publishes them for every grid partition, in order of doc_id: its documents that do not stay."""

CLUSTERS = pl.Schema({"documents": pl.Int64, "clusters": pl.Int64})
"""How many kept documents stand for so many documents, themselves included; a page unchanged in a later crawl is not counted."""

DROPS = pl.Schema(
    {
        "position": pl.UInt32,
        "rule": pl.String,
        "action": pl.String,
        "value": pl.Float64,
        "threshold": pl.Float64,
        "partner": pl.UInt32,
    }
)
"""Verdicts of a step: `position` among the new documents, `partner` among all that are kept, earlier ones first."""

COUNTS = pl.Schema(
    {
        "documents": pl.Int64,
        "kept": pl.Int64,
        "dropped": pl.Int64,
        "carried": pl.Int64,
        "compared": pl.Int64,
        "skipped": pl.Int64,
        "kept_after_skipping": pl.Int64,
        "orphans": pl.Int64,
        "margin": pl.Float64,
    }
)
"""Of a step, for the report: pairs compared, comparisons skipped for full buckets, documents kept in spite of those, dropped
documents without a kept partner (none), least distance of a verified similarity to its threshold."""

FEW = 100
"""Shares of fewer documents than this say nothing, and are null."""


def signature_schema(methods: Sequence[Matching]) -> pl.Schema:
    """`signatures`: whose, and of each method `<label>_key`, `<label>_size`, `<label>_buckets`."""
    measured = {f"{method.label}_{name}": dtype for method in methods for name, dtype in SIGNATURE.items()}
    return pl.Schema({"doc_id": pl.String(), "page_id": pl.String(), "text_digest": pl.String(), **measured})


def with_share(counted: pl.DataFrame) -> pl.DataFrame:
    """(documents, carried, dropped) with `kept_share`: of the documents that are not carried; null if they are few."""
    fresh = pl.col("documents") - pl.col("carried")
    return counted.with_columns(kept_share=pl.when(fresh >= FEW).then((fresh - pl.col("dropped")) / fresh))
