"""Gradient-boosted trees as flat arrays, and their sums over many rows at once. No library is needed to use them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[Any]
_STEP, _MOST = 64, 8
_ODDS = np.arange(-_STEP * _MOST, _STEP * _MOST + 1) / _STEP
PROBABILITIES: Array = np.round(1 / (1 + np.exp(-_ODDS)), 6).astype(np.float32)
"""Of log-odds from -8 to 8 in steps of 1/64. From a table, because the last bit of an exponential hangs on the processor."""


class Trees(NamedTuple):
    """Nodes of all trees, a tree after the other.

    roots : int32, first node of each tree. depth : uint8, of each tree. feature (int16), threshold (float32), child (int16), value
    (float32) : by node. A row whose feature is at most the threshold goes on to `child`, counted from the root, any other to the
    node behind that. A leaf is its own child, and no feature is above its threshold: so a row may be led on however often.
    """

    roots: Array
    depth: Array
    feature: Array
    threshold: Array
    child: Array
    value: Array

    def odds(self, rows: Array) -> Array:
        """Sums of the trees' values: float64, one for each row. `rows` : float32, in rows. Always added in the same order."""
        return np.asarray(_sums(rows, *self))

    def probabilities(self, rows: Array) -> Array:
        """Logistic of the sums, to 1/64 of log-odds: float32."""
        middle = _STEP * _MOST
        return PROBABILITIES[np.clip(np.rint(self.odds(rows) * _STEP), -middle, middle).astype(np.int64) + middle]

    def named(self, name: str) -> dict[str, Array]:
        """As arrays of a model file."""
        return {f"{name}.{field}": value for field, value in self._asdict().items()}


def trees(arrays: Mapping[str, Array], name: str) -> Trees:
    """The trees that stand in a model file by a name."""
    return Trees(*(arrays[f"{name}.{field}"] for field in Trees._fields))


@njit(cache=True, nogil=True)
def _sums(rows: Any, roots: Any, depth: Any, feature: Any, threshold: Any, child: Any, value: Any) -> Any:
    count = rows.shape[0]
    found = np.zeros(count, np.float64)
    one, nothing = np.uint64(1), np.uint64(0)
    for tree in range(roots.size):
        root, levels = np.uint64(roots[tree]), depth[tree]
        # Four rows at a time, and no branch that could be foreseen wrongly: each waits for memory, together they do not.
        for first in range(0, count - 3, 4):
            a, b, c, d = root, root, root, root
            for _ in range(levels):
                a = root + np.uint64(child[a]) + (one if rows[first, np.uint64(feature[a])] > threshold[a] else nothing)
                b = root + np.uint64(child[b]) + (one if rows[first + 1, np.uint64(feature[b])] > threshold[b] else nothing)
                c = root + np.uint64(child[c]) + (one if rows[first + 2, np.uint64(feature[c])] > threshold[c] else nothing)
                d = root + np.uint64(child[d]) + (one if rows[first + 3, np.uint64(feature[d])] > threshold[d] else nothing)
            found[first] += value[a]
            found[first + 1] += value[b]
            found[first + 2] += value[c]
            found[first + 3] += value[d]
        for row in range(count - count % 4, count):
            node = root
            for _ in range(levels):
                node = root + np.uint64(child[node]) + (one if rows[row, np.uint64(feature[node])] > threshold[node] else nothing)
            found[row] += value[node]
    return found
