"""Everything a reader of a page sees, nothing judged: what Common Crawl's WET files hold, menus and footers included."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from data4llm_assets.extracted_text.dom import MAX_DEPTH
from data4llm_assets.extracted_text.extraction import Refused
from data4llm_assets.extracted_text.web_page import Page, WebExtraction
from data4llm_assets.method import Measure
from data4llm_assets.raw_crawl.source import Record


class Raw(WebExtraction):
    """The floor that every engine has to beat, and right for pages that are all content. The cheapest: a parser and a writer.

    Scripts, styles, templates and the head are left out; what is hidden until a script shows it is not.
    """

    version: ClassVar[str] = "1"
    uses: ClassVar[tuple[str, ...]] = ("Resiliparse", "charset-normalizer")
    method: Literal["raw"] = "raw"
    max_bytes: Measure[int] = Field(20_000_000, ge=1, description="bytes of HTML")
    max_depth: Measure[int] = Field(MAX_DEPTH, ge=1, description="levels of elements within elements")

    def prepare(self) -> None:
        from data4llm_assets.extracted_text.rendering import rendered

        rendered("<p>Compiled.</p>", markdown=self.format == "markdown")

    def page(self, html: str, record: Record) -> Page | Refused:
        from data4llm_assets.extracted_text.dom.tree import parse
        from data4llm_assets.extracted_text.rendering import write_text

        page = parse(html, max_elements=self.max_elements, max_depth=self.max_depth)
        if isinstance(page, Refused):
            return page
        everything = np.ones(len(page.blocks.first), np.bool_)
        return Page(write_text(page, everything, markdown=self.format == "markdown"))
