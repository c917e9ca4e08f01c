"""Methods that compare pairs of documents: signatures to find candidates by, features to verify them on.

Here is the contract that `duplicates.py` folds over and that a user's own method fulfils. The methods: `exact.py`, `minhash.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

import polars as pl

from data4llm_assets.deduped.deduplication import Deduplication, Promises

if TYPE_CHECKING:
    import numpy as np

SIGNATURE = pl.Schema({"key": pl.UInt64(), "size": pl.UInt32(), "buckets": pl.List(pl.UInt64)})
"""What is measured of a document.

key : equal keys say that two documents are equal; verified before it counts.
size : of the features; a similarity is never above the smaller size divided by the larger.
buckets : two documents with a bucket in common are candidates. Of one document they differ from each other.
"""


class Matching(Deduplication):
    """A test of whether a document repeats an earlier one.

    Documents that a method holds equal (`key`, verified) are one document for the methods after it: name the finest first.
    """

    promises: ClassVar[Promises] = Promises(incremental=True, withdrawable="refold", names_partner=True)
    signature: ClassVar[pl.Schema] = SIGNATURE
    signal: ClassVar[str] = "similarity"
    weight: ClassVar[int] = 8
    """Bytes of memory per unit of `size`, while features are compared."""

    @property
    def threshold(self) -> float:
        """Documents at or above this similarity match; keys are verified against 1."""
        return 1.0

    @property
    def comparisons(self) -> int:
        """With how many earlier documents of a bucket, at most, a document is compared: the earliest ones."""
        return 0

    @property
    def rule(self) -> str:
        return f"{self.label}.{self.signal}"

    def features(self, texts: pl.Series) -> pl.Series:
        """What texts are compared on, one value of any dtype for each."""
        raise TypeError(f"{type(self).__name__} must define features()")

    def similarities(self, features: pl.Series, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Similarity in [0, 1] (float64) of pairs, given as rows of `features`; symmetric, and 1 for equal features."""
        raise TypeError(f"{type(self).__name__} must define similarities()")


def beyond_ascii(texts: pl.Series, change: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """`texts` with `change` applied to those that hold more than ASCII: Unicode normalisation is slow, and ASCII needs none."""
    beyond = texts.str.len_bytes() != texts.str.len_chars()
    if not beyond.any():
        return texts
    places = pl.concat([(~beyond).arg_true(), beyond.arg_true()])
    return pl.concat([texts.filter(~beyond), change(texts.filter(beyond))]).gather(places.arg_sort())
