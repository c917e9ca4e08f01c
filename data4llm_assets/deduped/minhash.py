"""Near-duplicates by MinHash: Broder 1997; banding as in FineWeb (arXiv 2406.17557)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import polars as pl
from pydantic import Field, model_validator

from data4llm_assets.deduped.deduplication import Deduplication
from data4llm_assets.deduped.matching import SIGNATURE, Matching, beyond_ascii
from data4llm_assets.deduped.presets import PRESETS, Preset
from data4llm_assets.method import Decide, Measure

if TYPE_CHECKING:
    import numpy as np


class Banded(Deduplication):
    """MinHash signatures cut into bands: the parameters and the measurement that several methods share."""

    signature: ClassVar[pl.Schema] = SIGNATURE

    preset: Measure[Preset | None] = Field(
        None,
        exclude=True,
        description="values of another system for the keys beneath; a key that is given counts before the preset",
    )
    unit: Measure[Literal["words", "characters"]] = Field(
        "words", description="of `ngram`; characters: with punctuation, and runs of white space as one space (NeMo, Marin)"
    )
    ngram: Measure[int] = Field(
        5, ge=1, le=64, description="words or characters per shingle; a shorter text is one shingle (FineWeb: 5 words)"
    )
    bands: Measure[int] = Field(14, ge=1, le=512, description="bands of the signature (FineWeb: 14)")
    rows: Measure[int] = Field(8, ge=1, le=64, description="minima per band (FineWeb: 8)")
    seed: Measure[int] = Field(1, ge=0, lt=2**62, description="of the hash functions (FineWeb: 1)")

    @model_validator(mode="before")
    @classmethod
    def _with_preset(cls, values: Any) -> Any:
        """The preset's values are written out, and its name is forgotten: who says them by hand says the same."""
        if not isinstance(values, Mapping) or values.get("preset") not in list(PRESETS):
            return values
        given = {name: value for name, value in values.items() if name != "preset"}
        return {name: value for name, value in PRESETS[values["preset"]].items() if name in cls.model_fields} | given

    def signatures(self, documents: pl.DataFrame) -> pl.DataFrame:
        """`key`: digest of the set of shingles. `size`: how many there are. `buckets`: one key for each band."""
        import numpy as np

        from data4llm_assets.deduped import flat, shingles

        minima, keys, sizes = sketch(documents["text"], self)
        buckets = np.empty((len(keys), self.bands), np.uint64)
        shingles.bands(minima, self.rows, buckets)
        offsets = np.arange(len(keys) + 1, dtype=np.int64) * self.bands
        columns = {"key": keys, "size": sizes, "buckets": flat.lists(buckets.ravel(), offsets)}
        return pl.DataFrame(columns, schema=SIGNATURE)


class MinHash(Banded, Matching):
    """Documents sharing a band are candidates; candidates at or above `similarity` match.

    A pair at Jaccard similarity s shares a band with probability 1 - (1 - s^rows)^bands: with 14 x 8, 77 % of pairs at .75 and
    92 % at .80. Text is lower-cased, diacritics fall away (NFD), punctuation counts as space, as in FineWeb's code; other than
    there digits keep their value, and a character of a script written without spaces is a word (`scripts.py`). Where shingles are
    of characters, punctuation stays and any white space is one space.
    """

    version: ClassVar[str] = "1"
    uses: ClassVar[tuple[str, ...]] = ("polars",)

    method: Literal["minhash"] = "minhash"
    similarity: Decide[float] = Field(
        0.8, gt=0, le=1, description="least Jaccard similarity of the shingle sets of a match; verified (FineWeb verifies none)"
    )
    compare: Decide[int] = Field(
        64, ge=1, description="earlier documents of a band's bucket that a document is compared with, at most: the earliest"
    )

    @property
    def threshold(self) -> float:
        return self.similarity

    @property
    def comparisons(self) -> int:
        return self.compare

    def features(self, texts: pl.Series) -> pl.Series:
        """Sorted distinct 64-bit hashes of the shingles (List(UInt64)), at least one."""
        from data4llm_assets.deduped import flat, shingles
        from data4llm_assets.deduped.scripts import KINDS

        return flat.lists(*shingles.sets(*flat.strings(normalised(texts)), KINDS, self.ngram, self.unit == "characters"))

    def similarities(self, features: pl.Series, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Jaccard similarity of the sets."""
        import numpy as np

        from data4llm_assets.deduped import flat, shingles

        similarities = np.empty(len(left), np.float64)
        shingles.jaccard(*flat.unlist(features), left, right, similarities)
        return similarities


def normalised(texts: pl.Series) -> pl.Series:
    """Decomposed, lower-cased texts. What is ASCII stays as it is: the compiled loop lower-cases it.

    Texts that `Exact` holds equal are equal here too, so that a similarity verified for one holds for the other.
    """
    return beyond_ascii(texts, lambda some: some.str.normalize("NFD").str.to_lowercase())


def sketch(texts: pl.Series, config: Banded) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Minima of every text under every hash function, the digest of its shingle set, the size of the set.

    Returns
    -------
    uint32[n, bands * rows], uint64[n], uint32[n]. The share of equal minima of two texts estimates their Jaccard similarity
    without bias, with standard deviation sqrt(J (1 - J) / (bands * rows)).
    """
    import numpy as np

    from data4llm_assets.deduped import flat, shingles
    from data4llm_assets.deduped.scripts import KINDS

    multipliers, addends = shingles.permutations(config.bands * config.rows, config.seed)
    minima = np.empty((len(texts), len(multipliers)), np.uint32)
    keys, sizes = np.empty(len(texts), np.uint64), np.empty(len(texts), np.uint32)
    data, offsets = flat.strings(normalised(texts))
    shingles.sign(data, offsets, KINDS, config.ngram, config.unit == "characters", multipliers, addends, minima, keys, sizes)
    return minima, keys, sizes
