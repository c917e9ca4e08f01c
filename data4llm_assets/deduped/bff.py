"""Repeated paragraphs by a Bloom filter of word n-grams: DCLM's "big friendly filter" (old-both), Li et al., arXiv 2406.11794."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

import polars as pl
from pydantic import Field, model_validator

from data4llm_assets.deduped.alone import Excising
from data4llm_assets.deduped.blooming import SIFTED, TAKEN, Blooming, Sifted
from data4llm_assets.deduped.budget import require
from data4llm_assets.deduped.minhash import normalised
from data4llm_assets.method import Decide
from data4llm_assets.node import Work

if TYPE_CHECKING:
    from data4llm_assets.deduped.bloom import Bloom, Size

_WEIGHT = 24
"""Bytes of memory per byte of text while it is read and judged: Greek and Korean decomposed need as much, ASCII a third."""
_DOCUMENT_BYTES = 128
_TOGETHER = 1 << 28
"""Bytes of text that are judged at once, at most."""


class Bff(Blooming, Excising):
    """Paragraphs whose n-grams were nearly all seen before are removed, and documents that consist of them dropped.

    A paragraph is a line. If more than `threshold` of its n-grams are in the filter it is removed with its newline, else all are
    inserted. One shorter than an n-gram is a single one if it has `min_ngram` words, else it has none and stays. A document is
    dropped if more than `threshold` of all its n-grams were in the filter; what it inserted stays there. Words are those of
    `minhash`: lower-cased, without punctuation (DCLM: Unicode words in their case, and every punctuation mark). The order of
    documents matters, and is the total one. A page unchanged since an earlier snapshot is carried if its document is dropped.
    """

    version: ClassVar[str] = "1"
    uses: ClassVar[tuple[str, ...]] = ("polars",)
    signature: ClassVar[pl.Schema] = pl.Schema({"size": pl.UInt32()})
    signal: ClassVar[str] = "ngrams"

    method: Literal["bff"] = "bff"
    ngram: Decide[int] = Field(13, ge=1, le=256, description="words of an n-gram (DCLM: 13)")
    min_ngram: Decide[int] = Field(5, ge=1, le=256, description="words of the shortest paragraph that can be removed")
    threshold: Decide[float] = Field(
        0.8, ge=0, le=1, description="share of n-grams seen before, above which a paragraph is removed, or the document (DCLM: 0.8)"
    )
    capacity: Decide[int] = Field(
        100_000_000,
        ge=1,
        le=1 << 44,
        description="different n-grams the filter is sized for, 1.2 bytes each; more of them fail a check",
    )
    false_positives: Decide[float] = Field(
        0.01, ge=1e-12, le=0.5, description="share of new n-grams held to be seen, at capacity (DCLM: 0.01)"
    )

    @model_validator(mode="after")
    def _ordered(self) -> Bff:
        if self.min_ngram > self.ngram:
            msg = f"min_ngram ({self.min_ngram}) may not be above ngram ({self.ngram})"
            raise ValueError(msg)
        return self

    @property
    def judged_on(self) -> str:
        return "text_digest"

    @property
    def least(self) -> float:
        return self.threshold

    def size(self) -> Size:
        from data4llm_assets.deduped.bloom import sized

        return sized(self.capacity, self.false_positives)

    def signatures(self, documents: pl.DataFrame) -> pl.DataFrame:
        """`size`: words. The n-grams themselves are no smaller than the text, and made from it when they are needed."""
        import numpy as np

        from data4llm_assets.deduped import flat, paragraph_ngrams
        from data4llm_assets.deduped.scripts import KINDS

        sizes = np.empty(len(documents), np.uint32)
        paragraph_ngrams.count_words(*flat.strings(normalised(documents["text"])), KINDS, sizes)
        return pl.DataFrame({"size": sizes}, schema=self.signature)

    def sift(self, work: Work, documents: pl.DataFrame, bloom: Bloom) -> Sifted:
        """Read the texts in their order, as many at once as memory allows. The value of a verdict is the share of n-grams seen."""
        from data4llm_assets.deduped.arrivals import read_texts

        sifted = [Sifted(pl.DataFrame(schema=SIFTED), pl.DataFrame(schema=TAKEN), 0, 0)]
        for first, some in self._together(documents, bloom.size.bytes, work.memory):
            found = self._paragraphs(read_texts(work, some), bloom)
            verdicts, spans = (table.with_columns(pl.col("position") + first) for table in (found.verdicts, found.spans))
            sifted.append(Sifted(verdicts, spans, found.inserted, found.offered))
        return Sifted(
            pl.concat([one.verdicts for one in sifted]),
            pl.concat([one.spans for one in sifted]),
            sum(one.inserted for one in sifted),
            sum(one.offered for one in sifted),
        )

    def _together(self, documents: pl.DataFrame, taken: int, memory: int) -> Iterator[tuple[int, pl.DataFrame]]:
        """Consecutive documents whose texts fit into what the filter leaves of the memory; each with the place of the first."""
        costs = documents["bytes"] + _DOCUMENT_BYTES
        largest = int(costs.max() or 0)  # type: ignore[arg-type]
        require(f"{self.label}: its Bloom filter and a document of {largest / 1e6:,.0f} MB", taken + _WEIGHT * largest, memory)
        ends, most, first = costs.cum_sum(), min((memory - taken) // _WEIGHT, _TOGETHER), 0
        while first < len(documents):
            before = int(ends[first - 1]) if first else 0
            last = max(first + 1, int(ends.search_sorted(before + most, side="right")))
            yield first, documents[first:last]
            first = last

    def _paragraphs(self, texts: pl.Series, bloom: Bloom) -> Sifted:
        import numpy as np

        from data4llm_assets.deduped import flat, paragraph_ngrams
        from data4llm_assets.deduped.scripts import KINDS

        form, limits = normalised(texts), (self.ngram, self.min_ngram, self.threshold)
        original = flat.strings(texts)
        words_of = original if form is texts else flat.strings(form)
        del form, texts  # of a large text, each form counts
        met, spans, inserted = paragraph_ngrams.sift(*original, *words_of, KINDS, limits, bloom.words[0], *bloom.layout)
        some = met[:, 1] > 0
        share = np.divide(met[:, 0], met[:, 1], out=np.zeros(len(met)), where=some)
        dropped = np.flatnonzero(share > self.threshold)
        verdicts = pl.DataFrame({"position": dropped, "value": share[dropped]}, schema=SIFTED, strict=False)
        taken = pl.DataFrame(spans, schema=list(TAKEN), orient="row").cast(TAKEN)
        taken = taken.join(verdicts, on="position", how="anti", maintain_order="left")
        return Sifted(verdicts, taken, inserted, int(met[:, 1].sum()))
