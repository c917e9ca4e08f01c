"""The order of training: a seeded permutation of all sequences of a phase, phase after phase. An index only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from data4llm_assets import document


def permuted(phases: Sequence[tuple[int, int, int, int]], seed: int, batch: int = 1 << 20) -> Iterator[pl.DataFrame]:
    """(position, part, row, phase), Int64, in order of position and in batches.

    Parameters
    ----------
    phases : (phase, part, first row, rows) of every stretch of one phase in one part.
    """
    position = 0
    for phase in sorted({stretch[0] for stretch in phases}):
        stretches = sorted(stretch[1:] for stretch in phases if stretch[0] == phase)
        parts = np.concatenate([np.full(rows, part) for part, _, rows in stretches])
        numbers = np.concatenate([np.arange(first, first + rows) for _, first, rows in stretches])
        keys = np.concatenate([_keys(seed, phase, part, first, rows) for part, first, rows in stretches])
        order = np.argsort(keys, kind="stable")
        for begin in range(0, len(order), batch):
            chosen = order[begin : begin + batch]
            places = np.arange(position + begin, position + begin + len(chosen))
            yield pl.DataFrame({"position": places, "part": parts[chosen], "row": numbers[chosen]}).select(
                pl.all().cast(pl.Int64), phase=pl.lit(phase, pl.Int64)
            )
        position += len(order)


def _keys(seed: int, phase: int, part: int, first: int, rows: int) -> NDArray[np.uint64]:
    """SplitMix64: 64 random bits for each row, no two equal within a part."""
    start = int(document.digest("training order", str(seed), str(phase), str(part))[:16], 16)
    state = np.uint64(start) + np.arange(first, first + rows, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))
