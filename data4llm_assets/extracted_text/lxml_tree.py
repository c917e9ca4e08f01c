"""What the engines that stand on lxml share: a page as a tree of libxml2, within limits."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from pydantic import Field

from data4llm_assets.extracted_text.extraction import Refused
from data4llm_assets.extracted_text.parser_limits import too_many_attributes
from data4llm_assets.extracted_text.web_page import Page, WebExtraction, primary_language, too_deep
from data4llm_assets.method import Measure
from data4llm_assets.raw_crawl.source import Record

_NO_XML = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]"
    r"|&#(?:0*(?:[0-8]|1[124-9]|2\d|3[01]|6553[45])(?!\d)|[xX]0*(?:[0-8bBcCeEfF]|1[0-9a-fA-F]|[fF]{3}[eEfF])(?![0-9a-fA-F]));?"
)
"""What no XML may hold, in person or by its number: libxml2 lets it in, but lxml refuses to move it, and the page would be lost."""
_CLOSED_ROOT = re.compile(r"(<html\b[^<>]{0,1000})/>", re.I)


class LxmlExtraction(WebExtraction):
    """An engine that is given a tree. libxml2 is a tenth of its time, and it reads tag soup nearly as browsers do."""

    uses: ClassVar[tuple[str, ...]] = ("lxml", "charset-normalizer")
    max_bytes: Measure[int] = Field(20_000_000, ge=1, description="bytes of HTML; Trafilatura's own MAX_FILE_SIZE")
    max_depth: Measure[int] = Field(
        250, ge=1, le=250, description="levels of elements within elements; the engines recurse, and Python's stack is finite"
    )

    max_attributes: Measure[int] = Field(10_000, ge=1, description="attributes of one element; time grows with their square")

    def prepare(self) -> None:
        self.main_text(parse("<p>Imported, and compiled.</p>"))

    def page(self, html: str, record: Record) -> Page | Refused:
        if refused := too_many_attributes(html, self.max_attributes):
            return refused
        tree = parse(html)
        if tree is None:
            return Refused("extracted_text.empty", "the page has no elements")
        # A tag is an element, and implies one more at most: counting is for pages that come near the limit.
        if 2 * html.count("<") + 3 > self.max_elements and (refused := self.too_many(int(tree.xpath("count(//*)")))):
            return refused
        if tree.xpath("boolean(self::*" + "/*" * self.max_depth + ")"):
            return too_deep(self.max_depth)
        return Page(self.main_text(tree))

    def main_text(self, tree: Any) -> str:
        """The text of a page, which may be untidy. The tree is the engine's own: it may change it."""
        raise TypeError(f"{type(self).__name__} must define main_text()")


def parse(html: str) -> Any | None:
    """The tree of a page, or of a fragment of one, without comments; its root is `html`. None if there is nothing in it."""
    from lxml import etree
    from lxml.html import HTMLParser, document_fromstring

    # Without `huge_tree` a text of ten megabytes, or what is nested too deeply, ends the page there, and nothing says so.
    parser = HTMLParser(
        encoding="utf-8", collect_ids=False, default_doctype=False, remove_comments=True, remove_pis=True, huge_tree=True
    )
    try:
        return document_fromstring(xml_characters(html).encode(), parser=parser)
    except etree.ParserError:
        return None


def xml_characters(html: str) -> str:
    """`html` as libxml2 can take it: characters that XML may hold, and a root that is not closed where it is opened."""
    return _CLOSED_ROOT.sub(r"\1>", _NO_XML.sub("\ufffd", html))


def language_of(tree: Any) -> str | None:
    """The language that the page declares."""
    return primary_language(str(tree.xpath("string((/html/@lang | /html/@*[local-name()='lang'])[1])")))
