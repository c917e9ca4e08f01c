"""What a recipe for sites says: which selectors give which field. Faulty selectors and hosts are found when it is read."""

from __future__ import annotations

import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from data4llm_assets.extracted_text.extraction import FAULTS
from data4llm_assets.extracted_text.web_page import ENGINE
from data4llm_assets.method import Parameters
from data4llm_assets.raw_crawl.address import request_url

_ATTRIBUTE = re.compile(r"(.*[^\s>+~,])@([A-Za-z_][\w:.-]*)", re.S)
_OWN_KEYS = frozenset({ENGINE, FAULTS, "charset"})
EVERYWHERE = "*"
"""For a host: every page of no other site."""


def _selector(written: str) -> str:
    """A selector, if it is one; with `@attribute` behind it or not."""
    import soupsieve

    css = parts(written)[0]
    try:
        soupsieve.compile(css)
    except soupsieve.SelectorSyntaxError as error:
        msg = f"{written!r} is no CSS selector: {str(error).partition(chr(10))[0]}"
        raise ValueError(msg) from error
    return written


def parts(written: str) -> tuple[str, str | None]:
    """(CSS, attribute) of `CSS@attribute`."""
    match = _ATTRIBUTE.fullmatch(written.strip())
    return (match[1], match[2]) if match else (written, None)


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Selectors = Annotated[tuple[Annotated[str, AfterValidator(_selector)], ...], BeforeValidator(_several)]


class Selection(Parameters):
    """Where a field stands. In a recipe: a selector, a list of them, or `{select: ..., optional: true}`."""

    select: Selectors = Field(description="each must find something; `a, b` in one selector: either may")
    optional: bool = Field(False, description="a page without it is extracted all the same")

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"select": value} if isinstance(value, str | list | tuple) else value

    @field_validator("select")
    @classmethod
    def _at_least_one(cls, select: tuple[str, ...]) -> tuple[str, ...]:
        if not select:
            msg = "name a selector"
            raise ValueError(msg)
        return select


class Site(Parameters):
    """Fields of the pages of one site. Any other key is a field of its own: it becomes a key of the document's `meta`."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Selection] = Field(init=False)

    text: Selection = Field(description="elements that hold the text; all that are found, in order of the page")
    title: Selection | None = Field(None, description="the first that is found")
    language: Selection | None = Field(None, description="the first that is found, such as `html@lang`")
    drop: Selectors = Field((), description="elements that are no text, wherever they are; fields are read before they go")

    @model_validator(mode="after")
    def _names_nothing_twice(self) -> Site:
        if taken := _OWN_KEYS & self.__pydantic_extra__.keys():
            msg = f"{min(taken)!r} is what extraction itself says of a document: give the field another name"
            raise ValueError(msg)
        return self


def host_of(key: str) -> str:
    """The host that a site of the recipe is named by, as requests say it."""
    if key == EVERYWHERE:
        return key
    url = request_url(f"http://{key}")
    if url is None or urlsplit(url).path != "/":
        msg = f"{key!r} is no host: write `example.org`, without scheme and path, or {EVERYWHERE!r} for every other page"
        raise ValueError(msg)
    return str(urlsplit(url).hostname)
