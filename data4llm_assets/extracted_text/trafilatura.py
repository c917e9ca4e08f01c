"""Main text of web pages by Trafilatura (Barbaresi, ACL 2021 demonstrations), as in RefinedWeb and FineWeb."""

from __future__ import annotations

import logging
from typing import Any, ClassVar, Literal

from pydantic import Field

from data4llm_assets.extracted_text.lxml_tree import LxmlExtraction
from data4llm_assets.method import Measure


class Trafilatura(LxmlExtraction):
    """Menus, advertisements and footers go; headings, paragraphs, lists and tables stay. Exact for its price: 30 ms a page.

    Markdown is Trafilatura's own: characters of the text that would be marks have a backslash before them.

    Neither `deduplicate` (its memory outlives the page, so a page's text would hang on the pages before it) nor the page's date
    (its latest permitted date is today's, and the search costs four times the extraction) is used. `fetched_at` dates the record.
    """

    version: ClassVar[str] = "2"
    uses: ClassVar[tuple[str, ...]] = ("trafilatura", "lxml", "jusText", "charset-normalizer")
    method: Literal["trafilatura"] = "trafilatura"
    mode: Measure[Literal["balanced", "precision", "recall", "fast"]] = Field(
        "balanced",
        description="precision: less text, less boilerplate, as in FineWeb (arXiv 2406.17557); recall: looser rules; "
        "fast: balanced, but never compared with readability and jusText: a third faster, less exact",
    )
    include_comments: Measure[bool] = Field(False, description="comments of readers; false in FineWeb")
    include_tables: Measure[bool] = Field(True, description="the text in tables, too")

    def main_text(self, tree: Any) -> str:
        from trafilatura import extract

        # It reports on the standard error stream what the decisions table says already.
        logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
        text = extract(
            tree,
            output_format="markdown" if self.format == "markdown" else "txt",
            fast=self.mode == "fast",
            favor_precision=self.mode == "precision",
            favor_recall=self.mode == "recall",
            include_comments=self.include_comments,
            include_tables=self.include_tables,
            deduplicate=False,
            with_metadata=False,
        )
        return text or ""
