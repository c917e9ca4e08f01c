"""What a method that stands alone publishes: verdicts and spans of every partition, and the counts that its checks look at."""

from __future__ import annotations

import polars as pl

from data4llm_assets.deduped.tables import FEW, SPANS, VERDICTS, with_share
from data4llm_assets.document import conform
from data4llm_assets.node import Work

_COUNTS = pl.Schema(dict.fromkeys(("documents", "carried", "dropped", "edited", "bytes", "removed"), pl.Int64()))
"""Documents before, carried, dropped, and with spans; bytes of text before, and within the spans of documents that stay."""


class Publication:
    """Takes in what becomes of the documents of one arrival after another."""

    def __init__(self, work: Work, *, edits: bool = False) -> None:
        self._work, self._edits = work, edits
        self._counted: list[pl.DataFrame] = []

    def add(self, name: str, documents: pl.DataFrame, verdicts: pl.DataFrame, spans: pl.DataFrame | None = None) -> None:
        """Publish what was decided over some documents.

        Parameters
        ----------
        name : of the arrival.
        documents : all of it: (partition, doc_id, bytes).
        verdicts : documents that do not stay: `partition` and the columns of `tables.VERDICTS`.
        spans : what is taken out of texts: `partition` and the columns of `tables.SPANS`.
        """
        spans = pl.DataFrame(schema={"partition": pl.UInt32, **SPANS}) if spans is None else spans
        for number in documents["partition"].unique().sort():
            key, here = self._work.partitions[number].key, pl.col("partition") == number
            self._work.write_for(key, "verdicts", conform(verdicts.filter(here).sort("doc_id"), VERDICTS))
            if self._edits:
                self._work.write_for(key, "spans", conform(spans.filter(here).sort("doc_id", "start"), SPANS))
        self._counted.append(self._count(documents, verdicts, spans).select(pl.lit(name).alias("snapshot"), pl.all()))

    def metrics(self, **more: pl.Expr) -> None:
        """Write the frames `snapshots`, `sources` and `partition` (totals), the last with further columns."""
        counted = pl.concat([pl.DataFrame(schema={"snapshot": pl.String, "source": pl.String, **_COUNTS}), *self._counted])
        self._work.metric("snapshots", _shares(counted.group_by("snapshot", maintain_order=True).agg(pl.col(*_COUNTS).sum())))
        self._work.metric("sources", _shares(counted.group_by("source").agg(pl.col(*_COUNTS).sum()).sort("source")))
        self._work.metric("partition", _shares(counted.select(pl.col(*_COUNTS).sum())).with_columns(**more))

    def _count(self, documents: pl.DataFrame, verdicts: pl.DataFrame, spans: pl.DataFrame) -> pl.DataFrame:
        whose = ["partition", "doc_id"]
        removed = spans.group_by(whose).agg(removed=(pl.col("end") - pl.col("start")).sum())
        judged = documents.select(*whose, "bytes").join(verdicts.select(*whose, "action"), on=whose, how="left")
        judged = judged.join(removed, on=whose, how="left")
        names = pl.Series([partition.source for partition in self._work.partitions], dtype=pl.String)
        stays = pl.col("action").is_null()
        return (
            judged.with_columns(source=names.gather(judged["partition"]))
            .group_by("source", maintain_order=True)
            .agg(
                documents=pl.len(),
                carried=(pl.col("action") == "carry").sum(),
                dropped=(pl.col("action") == "drop").sum(),
                edited=(stays & pl.col("removed").is_not_null()).sum(),
                bytes=pl.col("bytes").sum(),
                removed=pl.col("removed").filter(stays).sum(),
            )
            .cast(_COUNTS)
        )


def _shares(counted: pl.DataFrame) -> pl.DataFrame:
    enough = (pl.col("documents") >= FEW) & (pl.col("bytes") > 0)
    return with_share(counted).with_columns(removed_share=pl.when(enough).then(pl.col("removed") / pl.col("bytes")))
