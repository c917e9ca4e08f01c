"""Main text of web pages by Trafilatura (Barbaresi, ACL 2021 demonstrations), as in RefinedWeb and FineWeb."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from pydantic import Field

from data4llm_assets.extracted_text.extraction import Refused
from data4llm_assets.extracted_text.web_page import Page, WebExtraction, first_title, primary_language, too_deep
from data4llm_assets.method import Measure

_PARSER_DEPTH = 250
"""libxml2 stops at 256 levels and drops what is deeper without a word; a deeper limit would not be kept."""


class Trafilatura(WebExtraction):
    """Menus, advertisements and footers go; headings, paragraphs, lists and tables stay, as plain text.

    Neither `deduplicate` (its memory outlives the page, so a page's text would hang on the pages before it) nor the page's date
    (its latest permitted date is today's, and the search costs four times the extraction) is used. `fetched_at` dates the record.
    """

    version: ClassVar[str] = "1"
    uses: ClassVar[tuple[str, ...]] = ("trafilatura", "lxml", "jusText", "charset-normalizer")
    method: Literal["trafilatura"] = "trafilatura"
    favor_precision: Measure[bool] = Field(False, description="less text, less boilerplate; true in FineWeb (arXiv 2406.17557)")
    include_comments: Measure[bool] = Field(False, description="comments of readers; false in FineWeb")
    include_tables: Measure[bool] = Field(True, description="the text in tables, too")
    fast: Measure[bool] = Field(False, description="never compare with readability and jusText: a fifth faster, less exact")
    max_bytes: Measure[int] = Field(20_000_000, ge=1, description="bytes of HTML; Trafilatura's own MAX_FILE_SIZE")
    max_depth: Measure[int] = Field(_PARSER_DEPTH, ge=1, le=_PARSER_DEPTH, description="levels of elements within elements")

    def page(self, html: str) -> Page | Refused:
        tree = parse(html)
        if tree is None:
            return Refused("extracted_text.empty", "the page has no elements")
        # A tag is an element, and implies one more at most: counting is for pages that come near the limit.
        if 2 * html.count("<") + 3 > self.max_elements and (refused := self.too_many(int(tree.xpath("count(//*)")))):
            return refused
        if tree.xpath("boolean(self::*" + "/*" * self.max_depth + ")"):
            return too_deep(self.max_depth)
        from trafilatura import extract

        title, language = first_title(titles(tree)), primary_language(language_of(tree))
        text = extract(
            tree,
            output_format="txt",
            fast=self.fast,
            favor_precision=self.favor_precision,
            include_comments=self.include_comments,
            include_tables=self.include_tables,
            include_formatting=False,
            deduplicate=False,
            with_metadata=False,
        )
        return Page(text or "", title, language)


def parse(html: str) -> Any | None:
    """The tree of a page, or of a fragment of one; None if there is nothing in it."""
    from trafilatura.utils import load_html

    # It reports on the standard error stream what the decisions table says already.
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    tree = load_html(html)
    if tree is None and html.strip():
        tree = load_html(f"<html><body>{html}</body></html>")
    return tree


def titles(tree: Any) -> Iterator[str]:
    """What may name the page: what it gives to social networks, then `title`, then the first `h1`."""
    yield str(tree.xpath('string(//meta[@property="og:title"]/@content)'))
    for tag in ("title", "h1"):
        found = next(tree.iter(tag), None)
        yield "" if found is None else "".join(found.itertext())


def language_of(tree: Any) -> str:
    """The language that the page declares, as it stands there; empty if it declares none."""
    return str(tree.xpath("string((/html/@lang | /html/@*[local-name()='lang'])[1])"))
