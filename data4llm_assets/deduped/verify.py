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
        memory : bytes: a third for the features held, the rest for the texts that more are made of, and while they are joined.
        """
        self.method, self.sizes, self.fetch = method, sizes, fetch
        self.bytes = sizes.astype(np.int64) * method.weight + _PAIR_BYTES
        self.budget = max(memory // 3, 1)
        self.rows = np.full(len(sizes), -1, np.int32)
        self.forget()

    def forget(self) -> None:
        """Let go of all features."""
        self.rows[:] = -1
        self.held: pl.Series | None = None
        self.weight = 0

    def similarities(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Similarity (float64) of every pair of documents. The pairs may come in any order."""
        found = np.empty(len(left), np.float64)
        order = np.lexsort((right, left))
        another = np.diff(left[order], prepend=-1) != 0
        blocks = np.cumsum(self.bytes[right[order]] + self.bytes[left[order]] * another) // self.budget
        for block in np.split(order, np.flatnonzero(np.diff(blocks)) + 1):
            if len(block):
                features = self._features(np.unique(np.concatenate([left[block], right[block]])))
                found[block] = self.method.similarities(features, self.rows[left[block]], self.rows[right[block]])
        return found

    def _features(self, documents: np.ndarray) -> pl.Series:
        """Features held, among them those of `documents`; `rows` says where."""
        missing = documents[self.rows[documents] < 0]
        if self.held is not None and self.weight + self.bytes[missing].sum() > self.budget:
            self.forget()
            missing = documents
        if len(missing):
            fresh = self.method.features(self.fetch(missing))
            before = 0 if self.held is None else len(self.held)
            self.rows[missing] = np.arange(before, before + len(missing), dtype=np.int32)
            self.held = fresh if self.held is None else pl.concat([self.held, fresh], rechunk=True)
            self.weight += int(self.bytes[missing].sum())
        assert self.held is not None
        return self.held
