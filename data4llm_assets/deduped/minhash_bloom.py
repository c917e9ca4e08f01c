"""Near-duplicates by Bloom filters over MinHash bands: LSHBloom, Khan et al., arXiv 2411.04257."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import polars as pl
from pydantic import Field

from data4llm_assets.deduped.blooming import SIFTED, TAKEN, Blooming, Sifted
from data4llm_assets.deduped.minhash import Banded
from data4llm_assets.method import Decide
from data4llm_assets.node import Work

if TYPE_CHECKING:
    from data4llm_assets.deduped.bloom import Bloom, Size


class MinHashBloom(Blooming, Banded):
    """A document is dropped if one of its bands was seen before, by Bloom filters of fixed size: 52 bytes a document.

    The bands of `minhash`, one filter for each, instead of an index of documents; what it drops is not compared with anything, and
    no partner is named. With 14 x 8, a pair at Jaccard similarity .5 shares a band in 5 cases of 100, one at .7 in 56. Band keys
    are 64-bit hashes (the paper: sums modulo 2^61 - 1). Documents are judged in their total order; a page unchanged since an
    earlier snapshot is carried.
    """

    version: ClassVar[str] = "1"
    uses: ClassVar[tuple[str, ...]] = ("polars",)
    signal: ClassVar[str] = "band"

    method: Literal["minhash_bloom"] = "minhash_bloom"
    insert: Decide[Literal["kept", "always"]] = Field(
        "kept", description="whose bands later documents meet: with `always`, a page that drifts from crawl to crawl disappears"
    )
    capacity: Decide[int] = Field(
        1_000_000, ge=1, le=1 << 40, description="documents the filters are sized for; more of them fail a check"
    )
    false_positives: Decide[float] = Field(
        1e-5, ge=1e-12, le=0.5, description="share of new documents dropped by mistake of any of the filters, at capacity"
    )

    @property
    def judged_on(self) -> str:
        return f"{self.label}_buckets"

    @property
    def least(self) -> float:
        """One band."""
        return 1 / self.bands

    def size(self) -> Size:
        from data4llm_assets.deduped.bloom import sized

        return sized(self.capacity, self.false_positives, self.bands)

    def sift(self, work: Work, documents: pl.DataFrame, bloom: Bloom) -> Sifted:
        """The value of a verdict is the share of bands seen before."""
        import numpy as np

        from data4llm_assets.deduped import bloom as filters
        from data4llm_assets.deduped import flat

        keys = flat.unlist(documents[self.judged_on])[0].reshape(len(documents), self.bands)
        hits = np.empty(len(documents), np.int64)
        inserted = filters.sift(bloom.words, *bloom.layout, keys, self.insert == "always", hits)
        seen = np.flatnonzero(hits)
        verdicts = pl.DataFrame({"position": seen, "value": hits[seen] / self.bands}, schema=SIFTED, strict=False)
        return Sifted(verdicts, pl.DataFrame(schema=TAKEN), inserted, len(documents))
