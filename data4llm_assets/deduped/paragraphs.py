"""Repeated paragraphs, line by line: CCNet (Wenzek et al. 2020, arXiv 1911.00359)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from data4llm_assets.deduped.windows import Windowed
from data4llm_assets.method import Measure

if TYPE_CHECKING:
    from data4llm_assets.deduped.units import Cut


class Paragraphs(Windowed):
    """A line of text that occurred before, in whichever document, is taken out."""

    version: ClassVar[str] = "1"

    method: Literal["paragraphs"] = "paragraphs"
    min_unit_words: Measure[int] = Field(1, ge=1, description="a line of fewer words stays, however often it occurs (CCNet: 1)")

    @property
    def cut(self) -> Cut:
        from data4llm_assets.deduped.units import Cut

        return Cut(sentences=False, span=1, least=self.min_unit_words)
