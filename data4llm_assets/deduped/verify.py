"""Similarity of candidate pairs, on the features of their texts: texts are fetched in batches, within a budget of memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from data4llm_assets.deduped.matching import Matching

Fetch = Callable[[np.ndarray], pl.Series]
"""The texts of documents, given by their numbers in ascending order."""
_PAIR_BYTES = 64


class Verifier:
    """Compares documents by one method. Features stay in memory while they fit, since leaders are compared again and again."""

    def __init__(self, method: Matching, sizes: np.ndarray, fetch: Fetch, memory: int) -> None:
        """
        Parameters
        ----------
        sizes : `size` (uint32) of every document's features.
        memory : bytes for the features held, for those of the pairs at work, and for the texts they are made of: a third each.
        """
        self.method, self.sizes, self.fetch = method, sizes, fetch
        self.bytes = sizes.astype(np.int64) * method.weight + _PAIR_BYTES
        self.budget = max(memory // 3, 1)
        self.rows = np.full(len(sizes), -1, np.int32)
        self.held: pl.Series | None = None
        self.weight = 0

    def similarities(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Similarity (float64) of every pair of documents. The pairs may come in any order."""
        found = np.empty(len(left), np.float64)
        order = np.lexsort((right, left))
        blocks = np.cumsum(self.bytes[left[order]] + self.bytes[right[order]]) // self.budget
        for block in np.split(order, np.flatnonzero(np.diff(blocks)) + 1):
            if len(block):
                features = self._features(np.unique(np.concatenate([left[block], right[block]])))
                pair = features.gather(self.rows[left[block]]), features.gather(self.rows[right[block]])
                found[block] = self.method.similarities(*pair).to_numpy()
        return found

    def _features(self, documents: np.ndarray) -> pl.Series:
        """Features held, among them those of `documents`; `rows` says where."""
        missing = documents[self.rows[documents] < 0]
        if self.held is not None and self.weight + self.bytes[missing].sum() > self.budget:
            self.rows[:] = -1
            self.held, self.weight, missing = None, 0, documents
        if len(missing):
            fresh = self.method.features(self.fetch(missing))
            before = 0 if self.held is None else len(self.held)
            self.rows[missing] = np.arange(before, before + len(missing), dtype=np.int32)
            self.held = fresh if self.held is None else pl.concat([self.held, fresh], rechunk=False)
            self.weight += int(self.bytes[missing].sum())
        assert self.held is not None
        return self.held
