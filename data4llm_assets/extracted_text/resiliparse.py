"""Main text of web pages by Resiliparse (Bevendorff et al., ECIR 2018), as in DCLM (Li et al. 2024, arXiv 2406.11794)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from data4llm_assets.extracted_text.extraction import Refused
from data4llm_assets.extracted_text.parser_limits import unparsable
from data4llm_assets.extracted_text.web_page import Page, WebExtraction, too_deep
from data4llm_assets.method import Measure
from data4llm_assets.raw_crawl.source import Record

_BLOCK = re.compile(r"(<pre>.*?</pre>|</?(?:p|h[1-6]|ul|ol|li)>|<br>)", re.S)
_CELLS = "\t\t"
"""Between the cells of a row; no other text keeps a tab."""


class Resiliparse(WebExtraction):
    """Menus, advertisements and footers go by rules over tags, classes and depth. Six times as fast as Trafilatura, less exact.

    Bulleted lists with fewer than five elements around them count as menus. The HTML5 parser takes any input and does not recurse;
    what costs it more than time in proportion to the page has a limit. Markdown marks headings, lists, tables and blocks of code:
    of emphasis and of code within lines it tells nothing.
    """

    version: ClassVar[str] = "2"
    uses: ClassVar[tuple[str, ...]] = ("Resiliparse", "charset-normalizer")
    method: Literal["resiliparse"] = "resiliparse"
    main_content: Measure[bool] = Field(True, description="the main content alone; false: everything a reader sees")
    preserve_formatting: Measure[bool] = Field(True, description="paragraphs, lists and line breaks stay; false: one line of text")
    list_bullets: Measure[bool] = Field(True, description="bullets and numbers before the items of lists")
    alt_texts: Measure[bool] = Field(False, description="what stands for images, too; false in DCLM")
    links: Measure[bool] = Field(False, description="targets of links, too; plain text alone has them")
    form_fields: Measure[bool] = Field(False, description="form fields and their values, too")
    noscript: Measure[bool] = Field(False, description="what is shown where scripts are off, too")
    comments: Measure[bool] = Field(True, description="comments of readers are main content, as in DCLM")
    post_meta: Measure[bool] = Field(True, description="authors and dates of posts are main content")
    max_bytes: Measure[int] = Field(20_000_000, ge=1, description="bytes of HTML")
    max_depth: Measure[int] = Field(250, ge=1, le=1000, description="levels of elements; time grows with their square")
    max_attributes: Measure[int] = Field(10_000, ge=1, description="attributes of one element; time grows with their square")

    @model_validator(mode="after")
    def _markdown_is_formatted(self) -> Self:
        if self.format == "markdown" and not (self.preserve_formatting and not self.links):
            msg = "markdown has its own form: leave out `preserve_formatting` and `links`, or write `format: plain`"
            raise ValueError(msg)
        return self

    def prepare(self) -> None:
        from data4llm_assets.extracted_text.rendering import rendered

        rendered("<p>Compiled.</p>", markdown=self.format == "markdown")

    def page(self, html: str, record: Record) -> Page | Refused:
        if not html.strip():
            return Refused("extracted_text.empty", "the page has no elements")
        if refused := unparsable(html, self.max_attributes, self.max_elements, self.max_depth):
            return refused
        from resiliparse.extract.html2text import extract_plain_text
        from resiliparse.parse.html import HTMLTree

        tree: Any = HTMLTree.parse(html)
        if refused := self.too_many(len(tree.document.query_selector_all("*"))):
            return refused
        if tree.document.query_selector(">".join("*" * (self.max_depth + 1))) is not None:
            return too_deep(self.max_depth)
        markdown = self.format == "markdown"
        text = extract_plain_text(
            tree,
            main_content=self.main_content,
            preserve_formatting="minimal_html" if markdown else self.preserve_formatting,
            list_bullets=self.list_bullets,
            alt_texts=self.alt_texts,
            links=self.links,
            form_fields=self.form_fields,
            noscript=self.noscript,
            comments=self.comments,
            post_meta=self.post_meta,
        )
        if not markdown:
            return Page(text)
        from data4llm_assets.extracted_text.rendering import rendered

        return Page(rendered("".join(_whole_html(text)), markdown=True))


def _whole_html(minimal: str) -> Iterator[str]:
    """Resiliparse's minimal HTML, with elements for what it says by line feeds and tabs: lines of their own, and tables."""
    for index, piece in enumerate(_BLOCK.split(minimal)):
        lines = [line.strip(" ") for line in piece.split("\n") if line.strip()]
        if index % 2 or (len(lines) < 2 and _CELLS not in piece):
            yield piece
            continue
        in_table = False
        for line in lines:
            if (_CELLS in line) != in_table:
                in_table = not in_table
                yield "<table>" if in_table else "</table>"
            if in_table:
                yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in line.split(_CELLS)) + "</tr>"
            else:
                yield f"<div>{line}</div>"
        if in_table:
            yield "</table>"
