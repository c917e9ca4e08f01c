"""Text of pages whose layout is known: CSS selectors by site, over a tree of Beautiful Soup."""

from __future__ import annotations

import platform
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from data4llm_assets.extracted_text.extraction import Refused
from data4llm_assets.extracted_text.lxml_tree import xml_characters
from data4llm_assets.extracted_text.parser_limits import too_many_attributes
from data4llm_assets.extracted_text.site_fields import EVERYWHERE, Selection, Site, host_of, parts
from data4llm_assets.extracted_text.web_page import Page, WebExtraction, primary_language, too_deep
from data4llm_assets.method import Measure
from data4llm_assets.raw_crawl.address import request_url
from data4llm_assets.raw_crawl.source import Record

_TAG = re.compile(r"<[A-Za-z]")
_UNCLOSED = 10_000_000
"""Characters that Python's parser may read in vain: a third of a second."""


class SiteRecipe(WebExtraction):
    """What selectors name, to the letter. As good as they are written; a tree of Beautiful Soup costs as much as Trafilatura.

    A selector that finds nothing refuses the page: a site that was laid out anew must not become a corpus of empty fields. The
    parser is part of the recipe, for each makes another tree of faulty markup.
    """

    version: ClassVar[str] = "1"
    uses: ClassVar[tuple[str, ...]] = ("beautifulsoup4", "soupsieve", "lxml", "Resiliparse", "charset-normalizer")
    method: Literal["recipe"] = "recipe"
    sites: Measure[dict[str, Site]] = Field(
        default_factory=dict, description="by host, which stands for its subdomains, too: the longest name that fits wins"
    )
    default: Measure[Site | None] = Field(None, description="for pages of no other site; null: they are refused")
    parser: Measure[Literal["lxml", "html.parser"]] = Field(
        "lxml", description="lxml repairs what is not closed; html.parser, Python's own, takes what is written and is slower"
    )
    max_bytes: Measure[int] = Field(20_000_000, ge=1, description="bytes of HTML")
    max_depth: Measure[int] = Field(250, ge=1, le=900, description="levels of elements; selectors look at all that are around one")
    max_attributes: Measure[int] = Field(10_000, ge=1, description="attributes of one element; time grows with their square")

    @field_validator("sites")
    @classmethod
    def _by_host(cls, sites: Mapping[str, Site]) -> dict[str, Site]:
        named = {host_of(key): site for key, site in sites.items()}
        if len(named) < len(sites):
            msg = "two sites have one host"
            raise ValueError(msg)
        return named

    @model_validator(mode="after")
    def _names_sites_once(self) -> SiteRecipe:
        if not self.sites and self.default is None:
            msg = "name a site in `sites`, or what to do with every page in `default`"
            raise ValueError(msg)
        if EVERYWHERE in self.sites and self.default is not None:
            msg = f"the site {EVERYWHERE!r} and `default` are for the same pages: leave one of them out"
            raise ValueError(msg)
        return self

    def identity(self) -> dict[str, Any]:
        found = super().identity()
        # html.parser is part of Python, and changes with it.
        return {**found, "python": platform.python_version()} if self.parser == "html.parser" else found

    def prepare(self) -> None:
        from data4llm_assets.extracted_text.rendering import rendered

        self._soup("<p>text</p>")
        rendered("<p>text</p>", markdown=True)

    def page(self, html: str, record: Record) -> Page | Refused:
        from data4llm_assets.extracted_text.rendering import rendered

        site = self._site(record.url)
        if site is None:
            return Refused("extracted_text.no_site", "the recipe names no site that this page is of")
        soup = self._soup(html)
        if isinstance(soup, Refused):
            return soup
        fields: dict[str, list[str]] = {}
        # Sorted: in which order the recipe names fields is in no fingerprint.
        for name, selection in sorted({"title": site.title, "language": site.language, **site.__pydantic_extra__}.items()):
            if selection is not None:
                found = _values(soup, name, selection)
                if isinstance(found, Refused):
                    return found
                fields[name] = found
        for css in site.drop:
            for element in _select(soup, css):
                if not element.decomposed:
                    element.decompose()
        markup = _markup(soup, site.text)
        if isinstance(markup, Refused):
            return markup
        title, language = (next(iter(fields.pop(name, ())), None) for name in ("title", "language"))
        meta = {name: "; ".join(dict.fromkeys(values)) for name, values in fields.items() if values}
        text = rendered(markup, markdown=self.format == "markdown")
        return Page(text, title, primary_language(language or ""), meta=meta)

    def _site(self, url: str | None) -> Site | None:
        host = urlsplit(request_url(url or "") or "").hostname or ""
        labels = host.split(".")
        names = (*(".".join(labels[index:]) for index in range(len(labels))), EVERYWHERE)
        return next((self.sites[name] for name in names if name in self.sites), self.default)

    def _soup(self, html: str) -> Any | Refused:
        if refused := self.too_many(sum(1 for _ in _TAG.finditer(html))) or too_many_attributes(html, self.max_attributes):
            return refused
        if self.parser == "html.parser" and _never_closed(html):
            return Refused("extracted_text.max_elements", "too many tags are never closed", None, self.max_elements)
        from bs4 import BeautifulSoup

        builder = {"huge_tree": True} if self.parser == "lxml" else {"on_duplicate_attribute": "ignore"}
        with warnings.catch_warnings():
            # It takes XHTML for XML, and a text without tags for the name of a file.
            warnings.simplefilter("ignore")
            soup = BeautifulSoup(xml_characters(html), self.parser, multi_valued_attributes=None, **builder)
        depth = {id(soup): 0}
        for element in soup.find_all(True):
            depth[id(element)] = depth[id(element.parent)] + 1
        return too_deep(self.max_depth) if max(depth.values()) > self.max_depth else soup


def _never_closed(html: str) -> bool:
    """Whether Python's parser, which looks for the end of each thing on its own, would read too much in vain."""
    for opening, closing in (("<", ">"), ("<!--", "-->"), ("<![", "]>")):
        rest = html[html.rfind(closing) + 1 :]
        if rest.count(opening) * len(rest) > _UNCLOSED:
            return True
    return False


def _select(soup: Any, css: str) -> Iterable[Any]:
    import soupsieve

    return soupsieve.compile(css).select(soup)


def _nothing(written: str, name: str) -> Refused:
    return Refused("extracted_text.selector", f"selector {written!r} ({name}) finds nothing on the page")


def _values(soup: Any, name: str, selection: Selection) -> list[str] | Refused:
    """What a field says, one line a find, in order of its selectors."""
    values: list[str] = []
    for written in selection.select:
        css, attribute = parts(written)
        lines = [line for element in _select(soup, css) if (line := _said(element, attribute))]
        if not lines and not selection.optional:
            return _nothing(written, name)
        values += lines
    return values


def _said(element: Any, attribute: str | None) -> str:
    """What an element, or its attribute, says, on one line."""
    from data4llm_assets.extracted_text.rendering import rendered

    text = rendered(str(element), markdown=False) if attribute is None else element.get(attribute, "")
    return " ".join(text.split())


def _markup(soup: Any, selection: Selection) -> str | Refused:
    """HTML of all that the selectors find, in order of the page; what lies within another find is not told twice."""
    whole: set[int] = set()
    said: dict[int, str] = {}
    for written in selection.select:
        css, attribute = parts(written)
        texts = {
            id(element): element.get_text(strip=True) if attribute is None else _said(element, attribute)
            for element in _select(soup, css)
        }
        found = {place: text for place, text in texts.items() if text}
        if not found and not selection.optional:
            return _nothing(written, "text")
        if attribute is None:
            whole.update(found)
        else:
            said.update(found)
    return "".join(_in_order(soup, whole, said))


def _in_order(soup: Any, whole: set[int], said: Mapping[int, str]) -> Iterator[str]:
    for element in soup.find_all(True):
        if id(element) in said:
            yield f"<p>{escape(said[id(element)])}</p>"
        if id(element) in whole and not any(id(outer) in whole for outer in element.parents):
            yield f"<div>{element}</div>"
