"""Gopher's rules on texts: signals of every document, then verdicts of each rule, whatever the other says."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from benchmarks.ours import told
from data4llm_assets.document import text_digests
from data4llm_assets.filtered.gopher_quality import GopherQuality
from data4llm_assets.filtered.gopher_repetition import GopherRepetition
from data4llm_assets.filtered.rules import decisions

RULES = (GopherRepetition(method="gopher_repetition"), GopherQuality(method="gopher_quality"))


def verdicts(documents: pl.DataFrame) -> pl.DataFrame:
    found = [decisions(rule.method, rule, documents["id"], rule.signals(documents)) for rule in RULES]
    return pl.concat(found).select("doc_id", "rule")


given = told.arguments()
texts = pl.read_parquet(given["texts"]).head(given["documents"])
texts = texts.with_columns(text_digests(texts["text"]))
verdicts(texts.head(20))
with told.Clock() as clock:
    dropped = verdicts(texts)
dropped.write_parquet(Path(given["folder"]) / "verdicts.parquet")
told.tell(
    clock,
    documents=texts.height,
    size=int(texts["text"].str.len_bytes().sum()),
    results={"dropped": dropped["doc_id"].n_unique()},
)
