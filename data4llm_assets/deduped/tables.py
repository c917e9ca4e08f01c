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
