"""Main text of web pages by Resiliparse (Bevendorff et al., ECIR 2018), as in DCLM (Li et al. 2024, arXiv 2406.11794)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from pydantic import Field

from data4llm_assets.extracted_text.extraction import Refused
from data4llm_assets.extracted_text.web_page import Page, WebExtraction, first_title, primary_language, too_deep
from data4llm_assets.method import Measure

_LONG_TAG = 1 << 13
"""Characters: a shorter tag has no room for more attributes than are soon read."""
_SCRIPT = re.compile(r"<script\b.*?</script\b", re.I | re.S)
_TAG_NAME = re.compile(r"<[A-Za-z][^\s/>]*")
_ATTRIBUTE = re.compile(r"=\s*(?:\"[^\"]*\"|'[^']*'|\S+)|[^\s/=]+")
_FORMATTING = "b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u"
_ATTRIBUTED = re.compile(rf"<(?=[bcefinstuBCEFINSTU])(?i:{_FORMATTING})\s[^>]*")
_REOPENED = re.compile(rf"<(/?)({_FORMATTING})(?=[\s/>])([^>]*)", re.I)
_ALIKE = 3
"""Elements of one tag and the same attributes that HTML opens again at most (HTML Standard, 13.2.4.3)."""
_CLONES = 10
"""Times `max_elements`: more than the parser could be made to create is not parsed at all."""


class Resiliparse(WebExtraction):
    """Menus, advertisements and footers go by rules over tags, classes and depth. Ten times faster than Trafilatura, less exact.

    Bulleted lists with fewer than five elements around them count as menus. The HTML5 parser takes any input and does not recurse;
    what costs it more than time in proportion to the page has a limit.
    """

    version: ClassVar[str] = "1"
    uses: ClassVar[tuple[str, ...]] = ("Resiliparse", "charset-normalizer")
    method: Literal["resiliparse"] = "resiliparse"
    main_content: Measure[bool] = Field(True, description="the main content alone; false: everything a reader sees")
    preserve_formatting: Measure[bool] = Field(True, description="paragraphs, lists and line breaks stay; false: one line of text")
    list_bullets: Measure[bool] = Field(True, description="bullets and numbers before the items of lists")
    alt_texts: Measure[bool] = Field(False, description="what stands for images, too; false in DCLM")
    links: Measure[bool] = Field(False, description="targets of links, too")
    form_fields: Measure[bool] = Field(False, description="form fields and their values, too")
    noscript: Measure[bool] = Field(False, description="what is shown where scripts are off, too")
    comments: Measure[bool] = Field(True, description="comments of readers are main content, as in DCLM")
    post_meta: Measure[bool] = Field(True, description="authors and dates of posts are main content")
    max_bytes: Measure[int] = Field(20_000_000, ge=1, description="bytes of HTML")
    max_depth: Measure[int] = Field(250, ge=1, le=1000, description="levels of elements; time grows with their square")
    max_attributes: Measure[int] = Field(10_000, ge=1, description="attributes of one element; time grows with their square")

    def page(self, html: str) -> Page | Refused:
        if not html.strip():
            return Refused("extracted_text.empty", "the page has no elements")
        if refused := self._unparsable(html):
            return refused
        from resiliparse.extract.html2text import extract_plain_text
        from resiliparse.parse.html import HTMLTree

        tree: Any = HTMLTree.parse(html)
        if refused := self.too_many(len(tree.document.query_selector_all("*"))):
            return refused
        if tree.document.query_selector(">".join("*" * (self.max_depth + 1))) is not None:
            return too_deep(self.max_depth)
        text = extract_plain_text(
            tree,
            main_content=self.main_content,
            preserve_formatting=self.preserve_formatting,
            list_bullets=self.list_bullets,
            alt_texts=self.alt_texts,
            links=self.links,
            form_fields=self.form_fields,
            noscript=self.noscript,
            comments=self.comments,
            post_meta=self.post_meta,
        )
        return Page(text, first_title(titles(tree, html)), primary_language(language_of(tree)))

    def _unparsable(self, html: str) -> Refused | None:
        """Why the page would keep the parser for hours or cost it all memory: nothing could stop it once it has begun."""
        if any(html.find(">", place, place + _LONG_TAG) < 0 for place in range(0, len(html) - _LONG_TAG, _LONG_TAG)):
            count = max(map(_attributes, _SCRIPT.sub("", html).split(">")))
            if count > self.max_attributes:
                return Refused("extracted_text.max_attributes", "an element has too many attributes", count, self.max_attributes)
        # Each tag may open again every formatting element that is open. Of those without attributes only a few can be.
        tags, affordable = html.count("<"), _CLONES * self.max_elements
        if tags * tags > 4 * affordable:
            kinds = 1 + _FORMATTING.count("|") + len(set(_ATTRIBUTED.findall(html)))
            if tags * kinds * _ALIKE > affordable and tags * _reopened(html) > affordable:
                reason = "too many formatting elements are never closed"
                return Refused("extracted_text.max_elements", reason, None, self.max_elements)
        return None


def titles(tree: Any, html: str) -> Iterator[str]:
    """What may name the page: what it gives to social networks, then `title`, then the first `h1`."""
    # Most pages give nothing, and to search the characters is faster than to search the tree.
    shared = tree.document.query_selector('meta[property="og:title"]') if "og:title" in html else None
    yield (shared.getattr("content") or "") if shared is not None else ""
    yield tree.title or ""
    heading = tree.document.query_selector("h1")
    yield heading.text if heading is not None else ""


def language_of(tree: Any) -> str:
    """The language that the page declares, as it stands there; empty if it declares none."""
    root = tree.document.document_element
    return root.getattr("lang") or root.getattr("xml:lang") or ""


def _attributes(piece: str) -> int:
    """How many attributes the tag that ends a piece of markup has, or a few more."""
    if len(piece) <= _LONG_TAG or (tag := _TAG_NAME.search(piece)) is None:
        return 0
    return sum(1 for found in _ATTRIBUTE.finditer(piece, tag.end()) if not found[0].startswith("="))


def _reopened(html: str) -> int:
    """The most formatting elements that are open at once and that the parser would open again after a block."""
    opened: dict[str, list[str]] = {}
    now = most = 0
    for closing, name, attributes in _REOPENED.findall(html):
        same = opened.setdefault(name.lower(), [])
        if closing:
            now -= bool(same)
            del same[-1:]
        elif same.count(attributes) < _ALIKE:
            same.append(attributes)
            now += 1
            most = max(most, now)
    return most
