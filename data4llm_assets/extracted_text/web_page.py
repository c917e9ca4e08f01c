"""What the methods for web pages share: the page as characters, and what it says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from pydantic import Field

from data4llm_assets.extracted_text.charset import codec_of, decode
from data4llm_assets.extracted_text.extraction import Extracted, LimitedExtraction, Refused, line_feeds, tidy
from data4llm_assets.extracted_text.page_metadata import first_title as first_title
from data4llm_assets.extracted_text.page_metadata import of_page
from data4llm_assets.extracted_text.page_metadata import primary_language as primary_language
from data4llm_assets.method import Measure
from data4llm_assets.raw_crawl.source import Record

ENGINE = "engine"
"""Key of a document's `meta`: which engine made its text."""


class Page(NamedTuple):
    """What an engine finds in a page; the text may be untidy.

    title, language: None where the engine finds none; the page's own metadata fill them. engine: which one ran, where a method
    chooses among several. meta: what else it found, such as fields of a site's recipe; goes before the page's own metadata.
    """

    text: str
    title: str | None = None
    language: str | None = None
    engine: str | None = None
    meta: Mapping[str, str] = {}


class WebExtraction(LimitedExtraction):
    """From the bytes of a page to its characters, and from what the engine of a subclass finds there to a document."""

    format: Measure[Literal["plain", "markdown"]] = Field(
        "plain", description="of the text: markdown marks headings, lists, tables, code and emphasis; plain marks lists alone"
    )
    max_elements: Measure[int] = Field(200_000, ge=1, description="elements of one page; time grows faster than their number")

    def extract(self, payload: bytes, record: Record) -> Extracted | Refused:
        if refused := self.oversize(payload):
            return refused
        decoded = decode(payload, record.meta.get("charset"), markup=True)
        html = line_feeds(decoded.text)
        found = self.page(html, record)
        if isinstance(found, Refused):
            return found
        about = of_page(html, record.url)
        declared = codec_of(record.meta.get("charset") or "utf-8")
        meta = {
            **({} if declared == decoded.charset else {"charset": decoded.charset}),
            **about.meta(),
            **found.meta,
            ENGINE: found.engine or self.method,
        }
        return Extracted(tidy(found.text), found.title or about.title, found.language or about.language, meta)

    def page(self, html: str, record: Record) -> Page | Refused:
        """What is in a page. `html` has line feeds alone, no BOM, no NULs, nothing that UTF-8 cannot hold."""
        raise TypeError(f"{type(self).__name__} must define page()")

    def too_many(self, elements: int) -> Refused | None:
        if elements <= self.max_elements:
            return None
        return Refused("extracted_text.max_elements", "the page has too many elements", elements, self.max_elements)


def too_deep(limit: int) -> Refused:
    return Refused("extracted_text.max_depth", "the page's elements are nested too deeply", None, limit)
