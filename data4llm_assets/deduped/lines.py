"""Repeated spans of sentences: C4 (Raffel et al. 2020, arXiv 1910.10683)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from data4llm_assets.deduped.deduplication import Promises
from data4llm_assets.deduped.windows import Windowed
from data4llm_assets.method import Measure

if TYPE_CHECKING:
    from data4llm_assets.deduped.units import Cut


class Lines(Windowed):
    """Three consecutive sentences that occurred before are taken out, as in C4; a text of fewer is left as it is.

    Repeated spans that overlap go as one; what two of them cover is told as a repeat of the one that begins first. Every sentence
    taken out stands in an earlier place, but its neighbours may have been taken out there: the partner has the span first, and
    need not have kept it whole.
    """

    version: ClassVar[str] = "1"
    promises: ClassVar[Promises] = Windowed.promises._replace(names_partner=False)

    method: Literal["lines"] = "lines"
    unit: Measure[Literal["sentences", "lines"]] = Field(
        "sentences", description="what spans consist of; a line break ends a sentence, too"
    )
    span: Measure[int] = Field(3, ge=1, le=64, description="consecutive units that are compared as one (C4: 3 sentences)")

    @property
    def cut(self) -> Cut:
        from data4llm_assets.deduped.units import Cut

        return Cut(sentences=self.unit == "sentences", span=self.span, least=1)
