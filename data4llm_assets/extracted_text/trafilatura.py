"""Main text of web pages by Trafilatura (Barbaresi, ACL 2021 demonstrations), as in RefinedWeb and FineWeb."""

from __future__ import annotations

import logging
import re
from typing import Any, ClassVar, Literal

from pydantic import Field

from data4llm_assets.extracted_text.charset import codec_of, decode
from data4llm_assets.extracted_text.extraction import Extracted, LimitedExtraction, Refused, plain_form, tidy
from data4llm_assets.method import Measure
from data4llm_assets.raw_crawl.source import Record

_LANGUAGE = re.compile(r"\s*([A-Za-z]{2,3})(?:[-_][A-Za-z0-9-]+)?\s*")
_SPACE = re.compile(r"\s+")
_PARSER_DEPTH = 250
"""libxml2 stops at 256 levels and drops what is deeper without a word; a deeper limit would not be kept."""


class Trafilatura(LimitedExtraction):
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
    max_bytes: Measure[int] = Field(20_000_000, ge=1, description="bytes of HTML; Trafilatura's own MAX_FILE_SIZE")
    max_depth: Measure[int] = Field(_PARSER_DEPTH, ge=1, le=_PARSER_DEPTH, description="levels of elements within elements")
    max_elements: Measure[int] = Field(200_000, ge=1, description="elements of one page; time grows faster than their number")

    def extract(self, payload: bytes, record: Record) -> Extracted | Refused:
        if refused := self.oversize(payload):
            return refused
        decoded = decode(payload, record.meta.get("charset"), markup=True)
        tree = parse(plain_form(decoded.text))
        if tree is None:
            return Refused("extracted_text.empty", "the page has no elements")
        if refused := self._beyond_limits(tree):
            return refused
        from trafilatura import extract

        title, language = title_of(tree), language_of(tree)
        text = extract(
            tree,
            output_format="txt",
            favor_precision=self.favor_precision,
            include_comments=self.include_comments,
            include_tables=self.include_tables,
            include_formatting=False,
            deduplicate=False,
            with_metadata=False,
        )
        declared = codec_of(record.meta.get("charset") or "utf-8")
        return Extracted(tidy(text or ""), title, language, {} if declared == decoded.charset else {"charset": decoded.charset})

    def _beyond_limits(self, tree: Any) -> Refused | None:
        elements = int(tree.xpath("count(descendant-or-self::*)"))
        if elements > self.max_elements:
            return Refused("extracted_text.max_elements", "the page has too many elements", elements, self.max_elements)
        if tree.xpath("boolean(self::*" + "/*" * self.max_depth + ")"):
            return Refused("extracted_text.max_depth", "the page's elements are nested too deeply", None, self.max_depth)
        return None


def parse(html: str) -> Any | None:
    """The tree of a page, or of a fragment of one; None if there is nothing in it."""
    from trafilatura.utils import load_html

    # It reports on the standard error stream what the decisions table says already.
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    tree = load_html(html)
    if tree is None and html.strip():
        tree = load_html(f"<html><body>{html}</body></html>")
    return tree


def title_of(tree: Any) -> str | None:
    """The page's title: what it gives to social networks, else `title`, else the first `h1`."""
    for path in ('string(//meta[@property="og:title"]/@content)', "string(//title)", "string((//h1)[1])"):
        title = _SPACE.sub(" ", plain_form(str(tree.xpath(path)))).strip()
        if title:
            return title
    return None


def language_of(tree: Any) -> str | None:
    """The primary language subtag (BCP 47) that the page declares, lower-case."""
    declared = str(tree.xpath("string((/html/@lang | /html/@*[local-name()='lang'])[1])"))
    match = _LANGUAGE.fullmatch(declared)
    return match[1].lower() if match else None
