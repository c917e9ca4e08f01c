"""How certain a mean difference is: the paired bootstrap (Efron 1979; for systems on the same test set, Koehn, EMNLP 2004)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

RESAMPLES, SEED = 10_000, 1
_BLOCK = 1 << 22
"""Numbers drawn at a time: 32 MB."""


class Interval(NamedTuple):
    """A mean difference as it was measured, and the bounds within which those of 95 % of the resamples lie."""

    difference: float
    low: float
    high: float


def intervals(differences: np.ndarray) -> list[Interval]:
    """Of the mean of each column, from resamples of the rows: the same rows for every column, and the same each time.

    Parameters
    ----------
    differences : (pages, systems), Float64, with at least one row. A row holds what systems make of a page, less what the one they
        are compared with makes of it.
    """
    pages = len(differences)
    draw = np.random.default_rng(SEED)
    step, means = max(1, _BLOCK // pages), []
    for begin in range(0, RESAMPLES, step):
        # A mean asks only how often each page is drawn.
        times = draw.multinomial(pages, np.full(pages, 1 / pages), size=min(step, RESAMPLES - begin))
        means.append(times @ differences / pages)
    low, high = np.percentile(np.concatenate(means), [2.5, 97.5], axis=0)
    return [Interval(*map(float, each)) for each in zip(differences.mean(0), low, high, strict=True)]
