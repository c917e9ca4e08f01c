"""Exact duplicates by digest of the normalised text, as CCNet (arXiv 1911.00359) and others do, verified on the text itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import polars as pl
from pydantic import Field

from data4llm_assets.deduped.matching import SIGNATURE, Matching, beyond_ascii
from data4llm_assets.method import Measure

if TYPE_CHECKING:
    import numpy as np


class Exact(Matching):
    """Documents whose normalised texts (Unicode NFC) are equal match."""

    version: ClassVar[str] = "1"
    uses: ClassVar[tuple[str, ...]] = ("polars",)
    signal: ClassVar[str] = "text"
    weight: ClassVar[int] = 1

    method: Literal["exact"] = "exact"
    fold_whitespace: Measure[bool] = Field(True, description="runs of white space are one space, and none stands at the ends")
    fold_case: Measure[bool] = Field(False, description="upper and lower case are one; the default keeps case")

    def signatures(self, documents: pl.DataFrame) -> pl.DataFrame:
        """`key`: leading 64 bits of SHA-256 of the normalised text. `size`: its UTF-8 bytes. No buckets."""
        from data4llm_assets.deduped.flat import hashes

        texts = self.features(documents["text"])
        size = texts.str.len_bytes().clip(upper_bound=2**32 - 1).cast(pl.UInt32)
        none = pl.Series([[]], dtype=SIGNATURE["buckets"]).new_from_index(0, len(texts))
        return pl.DataFrame({"key": hashes(texts), "size": size, "buckets": none}, schema=SIGNATURE)

    def features(self, texts: pl.Series) -> pl.Series:
        """The normalised texts (String)."""
        texts = beyond_ascii(texts, lambda some: some.str.normalize("NFC"))
        if self.fold_whitespace:
            texts = texts.str.replace_all(r"\s+", " ").str.strip_chars()
        return texts.str.to_lowercase() if self.fold_case else texts

    def similarities(self, features: pl.Series, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """1 for equal texts, else 0."""
        return (features.gather(left) == features.gather(right)).cast(pl.Float64).to_numpy()
