"""Main text of web pages by Body Text Extraction (BTE): Finn, Kushmerick, Smyth 2001, "Fact or Fiction: Content Classification for
Digital Libraries", DELOS workshop.

A page is a sequence of tags and words. Its main text is the one stretch with most words inside and most tags outside.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from data4llm_assets.extracted_text.dom import MAX_DEPTH
from data4llm_assets.extracted_text.extraction import Refused
from data4llm_assets.extracted_text.web_page import Page, WebExtraction
from data4llm_assets.method import Measure
from data4llm_assets.raw_crawl.source import Record


class BTE(WebExtraction):
    """One stretch of the page, whatever lies in it. No rule over names and nothing learned, so nothing to go out of date.

    It finds most of a long article, and with it what stands amid the article: advertisements, shares, related stories. A page of
    several texts with menus between them loses some. Blocks are kept whole, if more than half of their words are in the stretch.
    """

    version: ClassVar[str] = "1"
    uses: ClassVar[tuple[str, ...]] = ("Resiliparse", "charset-normalizer")
    method: Literal["bte"] = "bte"
    max_bytes: Measure[int] = Field(20_000_000, ge=1, description="bytes of HTML")
    tag_weight: Measure[float] = Field(
        1.0, gt=0, le=100, description="words that a tag outside the text is worth; published: 1. Less: more text, more boilerplate"
    )
    max_depth: Measure[int] = Field(MAX_DEPTH, ge=1, description="levels of elements within elements")

    def page(self, html: str, record: Record) -> Page | Refused:
        from data4llm_assets.extracted_text.bte_span import main_blocks
        from data4llm_assets.extracted_text.dom.tree import parse
        from data4llm_assets.extracted_text.rendering import write_text

        tree = parse(html, max_elements=self.max_elements, max_depth=self.max_depth)
        if isinstance(tree, Refused):
            return tree
        return Page(write_text(tree, main_blocks(tree, self.tag_weight), markdown=self.format == "markdown"))
