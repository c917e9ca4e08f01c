"""Best-fit packing of document lengths, as `packed` does it."""

from __future__ import annotations

import numpy as np
import polars as pl

from benchmarks.ours import told
from data4llm_assets.packed import best_fit

given = told.arguments()
lengths = pl.read_parquet(given["lengths"])["tokens"].head(given["documents"]).cast(pl.Int64).to_numpy()
size = int(given["sequence_length"])
numbers = np.arange(len(lengths))
best_fit.place(lengths[:100], numbers[:100], size, False)
with told.Clock() as clock:
    pieces = best_fit.place(lengths, numbers, size, False)
sequences, tokens = int(pieces.sequence.max()) + 1, int(lengths.sum())
bound = -(-tokens // size)
told.tell(
    clock,
    documents=len(lengths),
    size=0,
    results={"sequences": sequences, "bound": bound, "above_bound": sequences / bound - 1, "tokens": tokens},
)
