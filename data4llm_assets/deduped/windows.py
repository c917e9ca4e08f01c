"""Methods that take out windows of consecutive units (sentences, lines) which occurred before, wherever they stand in a text.

Here is the contract; `lines.py` and `paragraphs.py` say what a unit is, `units.py` cuts, `repeats.py` folds over the corpus.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import polars as pl
from pydantic import Field

from data4llm_assets.deduped.alone import Excising
from data4llm_assets.deduped.deduplication import Promises
from data4llm_assets.deduped.tables import Scope
from data4llm_assets.method import Decide
from data4llm_assets.node import Bench, Expectation, Place, Ref, Trial, Work, between

if TYPE_CHECKING:
    from data4llm_assets.deduped.units import Cut

SIGNATURE = pl.Schema({"size": pl.UInt32(), "low": pl.List(pl.UInt64), "high": pl.List(pl.UInt64), "places": pl.List(pl.UInt64)})
"""What is measured of a document.

size : how many windows it has.
low, high, places : of each unit, as `units.Units` has them: the digest of the window that starts there, and where the unit stands.
"""


class Windowed(Excising):
    """Windows of consecutive units. Equal 128-bit digests of their normalised words say that two are equal.

    Words are those of `scripts.py`, without case and accents, digits read as 0; punctuation and white space only part them.

    `promises` are those of `keep: first`. With `none` a first copy goes when a later snapshot repeats it: every snapshot is then
    judged anew, and a new one may change verdicts over all.
    """

    promises: ClassVar[Promises] = Promises(incremental=True, withdrawable="refold", names_partner=True)
    signature: ClassVar[pl.Schema] = SIGNATURE

    keep: Decide[Literal["first", "none"]] = Field(
        "first", description="which copy of a repeated window stays: the first in total order, or none (as Lee et al. do)"
    )

    @property
    def cut(self) -> Cut:
        """How texts are cut into units, and which windows are compared."""
        raise TypeError(f"{type(self).__name__} must define cut")

    def signatures(self, documents: pl.DataFrame) -> pl.DataFrame:
        """`SIGNATURE` of every text."""
        from data4llm_assets.deduped import flat, units

        found, sizes = units.cut(*flat.strings(documents["text"]), self.cut)
        lists = {name: flat.lists(getattr(found, name), found.bounds) for name in ("low", "high", "places")}
        return pl.DataFrame({"size": sizes, **lists}, schema=SIGNATURE)

    def judge(self, work: Work, signatures: Ref, scope: Scope) -> None:
        """Publish the spans of repeated windows; counts of windows beside."""
        from data4llm_assets.deduped import repeats

        repeats.judge(work, signatures, scope, self)

    def trial(self, place: Place, document: pl.DataFrame, bench: Bench) -> Trial:
        """Which share of the text stands elsewhere, or twice in it."""
        from data4llm_assets.deduped import repeats

        return repeats.trial(Ref(place.sub("signatures"), "signatures"), document, bench, self)

    def expectations(self) -> tuple[Expectation, ...]:
        return (
            between(
                "sanitization", "left_over", 0, 0,
                "Counted again in a sample, other windows stay than should: a repeated one is left, or a single one went.",
            ),
        )  # fmt: skip
