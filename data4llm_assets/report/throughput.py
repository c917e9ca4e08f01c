"""How fast a corpus is built: what a run did a second, from its records alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import polars as pl

from data4llm_assets.engine.records import read_records
from data4llm_assets.engine.store import Store

THROUGHPUT = pl.Schema(
    {
        "asset": pl.String(),
        "partitions": pl.Int64(),
        "documents": pl.Int64(),
        "seconds": pl.Float64(),
        "documents_per_second": pl.Float64(),
        "mb_per_second": pl.Float64(),
    }
)
"""One row per asset that a run made. `seconds` is summed over partitions, which may have been made at the same time: documents
and megabytes (of text, or of payload where an asset reads sources) a second are those of one worker. Null where not counted."""

_FINISHED = ("published", "refused")
_COUNTED = (
    ("accounts", "documents_in", "bytes_in"),
    ("counters", "records_read", "bytes_read"),
    ("partition", "documents", "bytes"),
)


def throughput(store: Store, run: str) -> pl.DataFrame:
    """What a run made, in the order in which it came to each asset: the columns of THROUGHPUT."""
    rows = [_row(record) for record in _made(read_records(store, run))]
    if not rows:
        return pl.DataFrame(schema=THROUGHPUT)
    totals = (
        pl.DataFrame(rows, schema_overrides={"documents": pl.Int64, "bytes": pl.Int64})
        .sort("started")
        .group_by("asset", maintain_order=True)
        .agg(
            partitions=pl.len(),
            documents=_sum_or_null("documents"),
            bytes=_sum_or_null("bytes"),
            seconds=pl.col("seconds").sum(),
        )
    )
    per_second = totals.with_columns(
        documents_per_second=pl.col("documents") / _positive("seconds"), mb_per_second=pl.col("bytes") / 1e6 / _positive("seconds")
    )
    return per_second.select(pl.col(name).cast(dtype) for name, dtype in THROUGHPUT.items())


def _made(records: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Those whose work was done to its end: a failure says little about how long success takes."""
    return (record for record in records if record.get("result") in _FINISHED)


def _row(record: Mapping[str, Any]) -> dict[str, Any]:
    documents, size = _counts(record)
    found = {"asset": record["node"], "started": record["started"], "seconds": record["seconds"]}
    return {**found, "documents": documents, "bytes": size}


def _counts(record: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Documents and bytes that went in: from the accounts, else from what was counted while working, else from its metrics."""
    metrics = record.get("metrics", {})
    for where, documents, size in _COUNTED:
        rows = [record["counters"]] if where == "counters" else metrics.get(where, [])
        if rows and documents in rows[0]:
            return sum(row[documents] for row in rows), sum(row[size] for row in rows) if size in rows[0] else None
    return None, None


def _sum_or_null(name: str) -> pl.Expr:
    return pl.when(pl.col(name).is_not_null().any()).then(pl.col(name).sum()).alias(name)


def _positive(name: str) -> pl.Expr:
    return pl.when(pl.col(name) > 0).then(name)
