"""What an index says of a capture, whatever its format: one frame of columns, and the names they go by."""

from __future__ import annotations

from typing import Any

import polars as pl

CAPTURES = pl.Schema(
    {
        "url": pl.String(),
        "timestamp": pl.String(),
        "status": pl.Int64(),
        "media_type": pl.String(),
        "languages": pl.String(),
        "digest": pl.String(),
        "filename": pl.String(),
        "offset": pl.Int64(),
        "length": pl.Int64(),
        "trouble": pl.String(),
    }
)
"""Captures. timestamp: 14 digits, UTC. media_type: as detected, else as sent. languages: ISO 639-3 codes with commas between, most
text first. digest: SHA-1 of the payload in base32. filename, offset, length: where the record lies, in compressed bytes. trouble:
why it cannot be fetched, if that is known without asking, as `rule: reason`. Null where the index says nothing."""

BROKEN = "raw_crawl.broken_index: "


def troubled(frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` with `trouble` where an entry names no place in a file."""
    named = pl.col("filename").is_not_null() & (pl.col("offset") >= 0) & (pl.col("length") > 0)
    trouble = pl.when(~named.fill_null(False)).then(pl.lit(f"{BROKEN}it names no file, offset and length of the record"))
    return frame.with_columns(trouble=pl.coalesce("trouble", trouble))


def captures(**columns: Any) -> pl.DataFrame:
    """Captures out of columns; those that are missing are null."""
    frame = pl.DataFrame(columns)
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(dtype).alias(name) for name, dtype in CAPTURES.items()
    )
