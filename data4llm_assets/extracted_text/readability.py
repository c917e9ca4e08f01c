"""Main text of web pages by readability-lxml, a port of Arc90's Readability (2009), which browsers' reading views go back to."""

from __future__ import annotations

import logging
from typing import Any, ClassVar, Literal

from pydantic import Field

from data4llm_assets.extracted_text.lxml_tree import LxmlExtraction
from data4llm_assets.method import Measure, ModelUnavailable


class Readability(LxmlExtraction):
    """The element whose paragraphs have most text and commas and fewest links, and its like. Made for articles.

    It costs about what Trafilatura does. Its package is an extra: it imports chardet, which is under the LGPL.
    """

    version: ClassVar[str] = "1"
    uses: ClassVar[tuple[str, ...]] = ("readability-lxml", "lxml", "lxml-html-clean", "Resiliparse", "charset-normalizer")
    method: Literal["readability"] = "readability"
    min_text_length: Measure[int] = Field(25, ge=0, description="characters: shorter paragraphs do not count; the package's 25")
    retry_length: Measure[int] = Field(
        250, ge=0, description="characters of HTML: if less is found, unlikely parts are looked at, too; the package's 250"
    )
    max_bytes: Measure[int] = Field(5_000_000, ge=1, description="bytes of HTML; it may be read once for each list")
    max_elements: Measure[int] = Field(20_000, ge=1, description="elements of one page; time grows with their square")

    def identity(self) -> dict[str, Any]:
        _library()
        return super().identity()

    def main_text(self, tree: Any) -> str:
        from data4llm_assets.extracted_text.rendering import rendered

        # It reports on the standard error stream what the decisions table says already.
        logging.getLogger("readability").setLevel(logging.CRITICAL)
        document = _library()(tree, min_text_length=self.min_text_length, retry_length=self.retry_length)
        return rendered(document.summary(html_partial=True), markdown=self.format == "markdown")


def _library() -> Any:
    try:
        from readability import Document
    except ImportError as error:
        raise ModelUnavailable(
            "readability",
            "readability-lxml",
            "chardet (LGPL-2.1), which it imports",
            "pip install 'data4llm[readability]'",
            "method: trafilatura, which holds a readability of its own",
        ) from error
    return Document
