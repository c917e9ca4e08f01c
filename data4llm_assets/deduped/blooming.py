"""The fold over the arrivals of methods that remember what came before in Bloom filters.

A step's verdicts are remembered under all that came up to it, and so are its filters. A new snapshot asks for the filters of the
one before, which are folded again only if they are gone; a prefix that did not change asks for none.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import polars as pl
from pydantic import Field

from data4llm_assets.deduped.alone import Alone, Excising
from data4llm_assets.deduped.budget import require
from data4llm_assets.deduped.deduplication import Promises
from data4llm_assets.deduped.publication import Publication
from data4llm_assets.deduped.tables import Scope
from data4llm_assets.document import digest
from data4llm_assets.method import Decide
from data4llm_assets.node import Expectation, Ref, Work, between

if TYPE_CHECKING:
    import numpy as np

    from data4llm_assets.deduped.bloom import Bloom, Size

SIFTED = pl.Schema({"position": pl.UInt32(), "value": pl.Float64()})
"""Documents that do not stay, by their place in the arrival, and the value of the rule."""
TAKEN = pl.Schema({"position": pl.UInt32(), "start": pl.Int64(), "end": pl.Int64()})
"""Spans taken out of documents that stay, in bytes of the text."""
_SLACK = 1.5
"""The rate estimated from few bits varies about the true one."""


class Sifted(NamedTuple):
    """What became of an arrival, and of the filters.

    inserted : keys that are new to a filter. offered : keys that would have been inserted, had nothing been a duplicate.
    """

    verdicts: pl.DataFrame
    spans: pl.DataFrame
    inserted: int
    offered: int


class Blooming(Alone):
    """A method whose memory of what came before is Bloom filters: small, of a size known beforehand, and at times mistaken.

    They cannot say which document was repeated, nor let it be verified. Nothing can be taken out of them: without a snapshot, the
    fold is repeated from there.
    """

    promises: ClassVar[Promises] = Promises(incremental=True, withdrawable="refold", names_partner=False)
    signal: ClassVar[str]

    capacity: Decide[int] = Field(1_000_000, ge=1, le=1 << 44)
    false_positives: Decide[float] = Field(0.01, ge=1e-12, le=0.5)

    @property
    def judged_on(self) -> str:
        """The column of the signatures that, in total order, decides everything."""
        raise TypeError(f"{type(self).__name__} must define judged_on")

    @property
    def least(self) -> float:
        """What the value of a verdict is held against."""
        raise TypeError(f"{type(self).__name__} must define least")

    def size(self) -> Size:
        """Of the filters."""
        raise TypeError(f"{type(self).__name__} must define size()")

    def sift(self, work: Work, documents: pl.DataFrame, bloom: Bloom) -> Sifted:
        """Judge the documents of an arrival, one after the other, and insert into the filters what is new."""
        raise TypeError(f"{type(self).__name__} must define sift()")

    def judge(self, work: Work, signatures: Ref, scope: Scope) -> None:
        """As `Alone.judge`. Raises `budget.NotEnoughMemory` if the filters take more than half of it."""
        import numpy as np

        from data4llm_assets.deduped import flat
        from data4llm_assets.deduped.arrivals import arrivals

        size = self.size()
        require(f"{self.label}: twice its Bloom filters for a capacity of {self.capacity:,}", 2 * size.bytes, work.memory)
        publication = Publication(work, edits=isinstance(self, Excising))
        counts: list[pl.DataFrame] = []
        pages, state, begin = np.zeros(0, np.uint64), "", 0
        for place, (name, fresh, documents) in enumerate(arrivals(work, signatures, scope)):
            if fresh:
                pages, state, begin = np.zeros(0, np.uint64), "", place
            before, state = state, digest(state, flat.digest(documents.select(new=self.judged_on)))
            fold = _Fold(self, work, signatures, scope, before, state, begin, place)
            step = work.remember("step", {"after": state}, partial(fold.step, documents))
            page = flat.fingerprints(documents["page_id"] + documents["text_digest"]).to_numpy()
            publication.add(name, documents.select("partition", "doc_id", "bytes"), *self._told(documents, step, page, pages))
            stays = np.ones(len(page), np.bool_)
            stays[step["verdicts"]["position"].to_numpy()] = False
            pages = np.append(pages, page[stays])
            counts.append(step["counts"].with_columns(begin=pl.lit(begin, pl.Int64)))
        publication.metrics(**_totals(counts, self.capacity))

    def _told(
        self, documents: pl.DataFrame, step: Mapping[str, pl.DataFrame], page: np.ndarray, pages: np.ndarray
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Verdicts and spans as `Publication.add` takes them; what stood in an earlier arrival as it is, is carried."""
        import numpy as np

        whose = documents.select("partition", "doc_id")
        verdicts, spans = (table.hstack(whose[table["position"].to_numpy()]) for table in (step["verdicts"], step["spans"]))
        carried = pl.Series(np.isin(page[verdicts["position"].to_numpy()], pages), dtype=pl.Boolean)
        told = verdicts.with_columns(
            rule=pl.lit(f"{self.label}.{self.signal}"),
            action=pl.when(carried).then(pl.lit("carry")).otherwise(pl.lit("drop")),
            threshold=pl.lit(self.least),
        )
        return told, spans

    def expectations(self) -> tuple[Expectation, ...]:
        """The rate of false positives is what the recipe says."""
        return (
            between(
                "inclusiveness", "capacity_needed", 0, self.capacity,
                f"The filters hold more than their capacity of {self.capacity:,}, so the rate of false positives is not met: "
                f"new text is dropped as if it had been seen. A capacity of the observed value is enough.",
            ),
            between(
                "inclusiveness", "false_positives", 0, _SLACK * self.false_positives,
                f"The filters are too full for a rate of false positives of {self.false_positives:g}: raise `capacity`.",
            ),
        )  # fmt: skip


class _Fold(NamedTuple):
    """One step: the arrival at `place`, on top of those from `begin` on; digests of all that was `before` it, and `after`."""

    method: Blooming
    work: Work
    signatures: Ref
    scope: Scope
    before: str
    after: str
    begin: int
    place: int

    def step(self, documents: pl.DataFrame) -> Mapping[str, pl.DataFrame]:
        from data4llm_assets.deduped.bloom import Bloom

        stored = self.work.remember("filters", {"after": self.before}, self._again)["filters"] if self.before else None
        bloom = Bloom(self.method.size(), stored)
        del stored
        verdicts, spans, inserted, offered = self.method.sift(self.work, documents, bloom)
        if self.scope == "corpus":  # else nothing that comes later may know of it
            self.work.remember("filters", {"after": self.after}, lambda: {"filters": bloom.frame()})
        counts = {"inserted": [inserted], "offered": [offered], "rate": [bloom.rate()]}
        return {"verdicts": verdicts, "spans": spans, "counts": pl.DataFrame(counts)}

    def _again(self) -> Mapping[str, pl.DataFrame]:
        """The filters before this arrival, from the beginning."""
        from data4llm_assets.deduped.arrivals import arrivals
        from data4llm_assets.deduped.bloom import Bloom

        bloom = Bloom(self.method.size())
        for arrival in islice(arrivals(self.work, self.signatures, self.scope), self.begin, self.place):
            self.method.sift(self.work, arrival.documents, bloom)
        return {"filters": bloom.frame()}


def _totals(counts: list[pl.DataFrame], capacity: int) -> dict[str, pl.Expr]:
    """Of the fullest filters: the capacity that is enough for them, and the rate of false positives they have reached."""
    if not counts:
        return {"capacity_needed": pl.lit(0, pl.Int64), "false_positives": pl.lit(0.0)}
    folds = pl.concat(counts).group_by("begin").agg(pl.col("inserted", "offered").sum(), pl.col("rate").max())
    needed = pl.when(pl.col("inserted") > capacity).then("offered").otherwise("inserted")
    fullest, rate = folds.select(needed.max(), pl.col("rate").max()).row(0)
    return {"capacity_needed": pl.lit(fullest, pl.Int64), "false_positives": pl.lit(rate, pl.Float64)}
