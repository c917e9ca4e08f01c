"""What the methods for web pages share: the page as characters, and what it says of itself."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from pydantic import Field

from data4llm_assets.extracted_text.charset import codec_of, decode
from data4llm_assets.extracted_text.extraction import Extracted, LimitedExtraction, Refused, plain_form, tidy
from data4llm_assets.method import Measure
from data4llm_assets.raw_crawl.source import Record

_LANGUAGE = re.compile(r"\s*([A-Za-z]{2,3})(?:[-_][A-Za-z0-9-]+)?\s*")
_SPACE = re.compile(r"\s+")


class Page(NamedTuple):
    """What a parser finds in a page; the text may be untidy."""

    text: str
    title: str | None
    language: str | None


class WebExtraction(LimitedExtraction):
    """From the bytes of a page to its characters, and from what the parser of a subclass finds there to a document."""

    max_elements: Measure[int] = Field(200_000, ge=1, description="elements of one page; time grows faster than their number")

    def extract(self, payload: bytes, record: Record) -> Extracted | Refused:
        if refused := self.oversize(payload):
            return refused
        decoded = decode(payload, record.meta.get("charset"), markup=True)
        found = self.page(plain_form(decoded.text))
        if isinstance(found, Refused):
            return found
        declared = codec_of(record.meta.get("charset") or "utf-8")
        meta = {} if declared == decoded.charset else {"charset": decoded.charset}
        return Extracted(tidy(found.text), found.title, found.language, meta)

    def page(self, html: str) -> Page | Refused:
        """What is in a page. `html` has line feeds alone, no BOM, no NULs, nothing that UTF-8 cannot hold."""
        raise TypeError(f"{type(self).__name__} must define page()")

    def too_many(self, elements: int) -> Refused | None:
        if elements <= self.max_elements:
            return None
        return Refused("extracted_text.max_elements", "the page has too many elements", elements, self.max_elements)


def too_deep(limit: int) -> Refused:
    return Refused("extracted_text.max_depth", "the page's elements are nested too deeply", None, limit)


def first_title(candidates: Iterable[str]) -> str | None:
    """The first that is not blank, on one line."""
    for candidate in candidates:
        title = _SPACE.sub(" ", plain_form(candidate)).strip()
        if title:
            return title
    return None


def primary_language(declared: str) -> str | None:
    """The primary subtag of a declared language (BCP 47), lower-case; None if it is no language tag."""
    match = _LANGUAGE.fullmatch(declared)
    return match[1].lower() if match else None
