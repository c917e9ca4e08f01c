"""Lengths of documents in tokens, log-normal as in web data: what packing works on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.inputs.cached import cached

VERSION = "1"


def lengths(folder: Path, documents: int = 1_000_000, median: int = 400, spread: float = 1.05, seed: int = 1) -> dict[str, Any]:
    """Make `folder/lengths.parquet` with one column `tokens` (UInt32, 1 to 1,000,000).

    `spread` is the standard deviation of the logarithm; with the defaults the mean is about 690, and 6 % of the documents, with
    three tokens in ten, are longer than 2,048.
    """

    def make(path: Path) -> dict[str, Any]:
        drawn = np.random.Generator(np.random.PCG64(seed)).lognormal(np.log(median), spread, documents)
        tokens = np.clip(np.rint(drawn), 1, 1_000_000).astype(np.uint32)
        pl.DataFrame({"tokens": tokens}).write_parquet(path)
        return {"documents": documents, "tokens": int(tokens.sum()), "longer_than_2048": int((tokens > 2048).sum())}

    key = {"version": VERSION, "documents": documents, "median": median, "spread": spread, "seed": seed}
    return cached(folder / "lengths.parquet", key, make)
