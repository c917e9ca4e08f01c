"""Which captures of an index are wanted: the keys of the recipe, and the expression they come to."""

from __future__ import annotations

import re
from functools import reduce
from operator import and_
from typing import Literal

import polars as pl
from pydantic import Field, field_validator

from data4llm_assets.method import Parameters
from data4llm_assets.raw_crawl import media_type
from data4llm_assets.raw_crawl.ranges import areas
from data4llm_assets.raw_crawl.ranges.areas import Area


class Wanted(Parameters):
    """A capture is wanted if it lies in one of the places (`hosts`, `domains`, `tlds`, `prefixes`, `listed`; no such key: anywhere)
    and agrees with every other key."""

    hosts: tuple[str, ...] = Field((), description="hosts such as docs.example.org, without those beneath them")
    domains: tuple[str, ...] = Field((), description="domains such as example.org, with every host beneath them")
    tlds: tuple[str, ...] = Field((), description="top-level domains such as org")
    prefixes: tuple[str, ...] = Field(
        (), description="beginnings of URLs (https://example.org/guide/; http is the same) or of SURTs (org,example)/guide/)"
    )
    listed: str | None = Field(
        None,
        description="file with one line a record: a URL, or a JSON object of `url`, or of `filename`, `offset` and `length` (with "
        "which no index is asked); what is not found is quarantined",
    )
    pattern: str | None = Field(None, description="regular expression (of Rust) that the URL holds")
    statuses: tuple[int, ...] = Field((200,), description="HTTP statuses; empty: any")
    media_types: tuple[str, ...] = Field(
        (media_type.HTML, media_type.XHTML, media_type.PLAIN), description="as the index detected them, else as sent; empty: any"
    )
    languages: tuple[str, ...] = Field((), description="codes of ISO 639-3, such as eng, of which a page has one; empty: any")
    subsets: tuple[Literal["warc", "crawldiagnostics", "robotstxt"], ...] = Field(
        ("warc",), description="of Common Crawl's files: pages, answers without success, robots.txt; other files are of none"
    )
    captures: Literal["newest", "all"] = Field("newest", description="of several captures of one URL the newest, or all")
    max_records: int | None = Field(None, ge=1, description="at most so many URLs: a sample by a hash of the URL, not the first")

    @field_validator("hosts", "domains", "tlds")
    @classmethod
    def _names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            areas.of_host(name)
        return names

    @field_validator("prefixes")
    @classmethod
    def _prefixes(cls, prefixes: tuple[str, ...]) -> tuple[str, ...]:
        for prefix in prefixes:
            areas.of_prefix(prefix)
        return prefixes

    @field_validator("pattern")
    @classmethod
    def _pattern(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                pl.Series([""]).str.contains(pattern)
            except pl.exceptions.ComputeError as error:
                reason = next((line.strip() for line in reversed(str(error).splitlines()) if line.startswith("error:")), "")
                msg = f"{pattern!r} is no regular expression: {reason.removeprefix('error: ')}"
                raise ValueError(msg) from None
        return pattern

    @field_validator("languages")
    @classmethod
    def _languages(cls, languages: tuple[str, ...]) -> tuple[str, ...]:
        for code in languages:
            if not re.fullmatch(r"[a-z]{3}", code):
                msg = f"{code!r} is no code of ISO 639-3, as indexes have them: three letters, such as eng, deu, zho"
                raise ValueError(msg)
        return languages

    def areas(self) -> list[Area]:
        """The parts of the web that are wanted; none: all of it, unless `listed` says what."""
        return [
            *(areas.of_host(name) for name in self.hosts),
            *(areas.of_host(name, beneath=True) for name in (*self.domains, *self.tlds)),
            *(areas.of_prefix(prefix) for prefix in self.prefixes),
        ]

    def kinds(self) -> pl.Expr:
        """Over columns of captures other than the URL: whether they agree. What the index does not say, agrees with nothing."""
        told = [pl.lit(True)]
        if self.statuses:
            told.append(pl.col("status").is_in(list(self.statuses)))
        if self.media_types:
            told.append(pl.col("media_type").is_in(list(self.media_types)))
        if self.languages:
            told.append(pl.col("languages").str.contains(rf"(?:^|,)(?:{'|'.join(self.languages)})(?:,|$)"))
        return reduce(and_, told).fill_null(False)
