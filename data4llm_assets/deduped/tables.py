"""The tables that the nodes of this stage exchange."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import polars as pl

from data4llm_assets.deduped.deduplication import Deduplication
from data4llm_assets.document import DECISIONS

Scope: TypeAlias = Literal["corpus", "snapshot", "shard"]
KeepRule: TypeAlias = Literal["first_kept", "components"]

VERDICTS = pl.Schema({name: DECISIONS[name] for name in ("doc_id", "rule", "action", "value", "threshold", "partner")})
"""`duplicates` publishes them for every grid partition, in order of doc_id: its documents that do not stay."""

SPANS = pl.Schema({"doc_id": pl.String(), "start": pl.Int64(), "end": pl.Int64(), "partner": pl.String()})
"""Half-open spans in bytes of the UTF-8 text before the step, on boundaries of characters, disjoint in a document;
`partner` is the document that has the same text first, null if the method cannot name it."""

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
        "chained": pl.Int64,
        "margin": pl.Float64,
    }
)
"""Of a step, for the report: pairs compared, comparisons skipped for full buckets, documents kept in spite of those, dropped
documents without a kept partner (none), those whose partner is like them only by way of others (rule `components`), least distance
of a verified similarity to its threshold (rule `first_kept`)."""

FEW = 100
"""Shares of fewer documents than this say nothing, and are null."""

TOLERANCE = 0.05
"""Between the share of planted pairs that is found and what theory says, in a bin of similarities."""


def signature_schema(methods: Sequence[Deduplication]) -> pl.Schema:
    """`signatures`: whose, how many bytes of text, and of each method its `signature`, as `<label>_<column>`."""
    measured = {f"{method.label}_{name}": dtype for method in methods for name, dtype in method.signature.items()}
    whose = {"doc_id": pl.String(), "page_id": pl.String(), "text_digest": pl.String(), "bytes": pl.Int64()}
    return pl.Schema({**whose, **measured})


def with_share(counted: pl.DataFrame) -> pl.DataFrame:
    """(documents, carried, dropped) with `kept_share`: of the documents that are not carried; null if they are few."""
    fresh = pl.col("documents") - pl.col("carried")
    return counted.with_columns(kept_share=pl.when(fresh >= FEW).then((fresh - pl.col("dropped")) / fresh))
