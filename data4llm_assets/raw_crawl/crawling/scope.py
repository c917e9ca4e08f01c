"""Which URLs belong to a crawl. Pure: a URL, its depth, and a reason why not."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from data4llm_assets.method import Parameters
from data4llm_assets.raw_crawl.address import request_url

LONGEST_URL = 2000
"""Characters. What is longer is made by a program that does not stop."""
MOST_REPEATS = 4
"""Times a path may hold the same segment: /a/b/a/b/a/b/… is a site that links relative to where it is not."""


class Scope(Parameters):
    """Which of the URLs that are found are fetched. A redirect is held against it at every hop."""

    hosts: tuple[str, ...] = Field(
        (), description="hosts (`example.org`, `example.org:8080`) or all of a domain (`*.example.org`); empty: those of the seeds"
    )
    prefixes: tuple[str, ...] = Field((), description="a URL's path begins with one of these, such as /docs/; empty: any path")
    include: tuple[str, ...] = Field(
        (), description="regular expressions, searched in the whole URL; one of them matches; empty: any URL"
    )
    exclude: tuple[str, ...] = Field((), description="regular expressions, searched in the whole URL; none of them matches")
    depth: int | None = Field(None, ge=0, description="links from a seed or from a sitemap's entry; null: however many")
    query_strings: Literal["keep", "strip", "refuse"] = Field(
        "keep", description="keep: a URL with a query is a page of its own; strip: ask without it; refuse: not fetched"
    )

    @field_validator("include", "exclude")
    @classmethod
    def _compiles(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                msg = f"{pattern!r} is no regular expression: {error}"
                raise ValueError(msg) from error
        return patterns

    @field_validator("hosts")
    @classmethod
    def _are_hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        for host in hosts:
            if request_url(f"http://{host.removeprefix('*.')}/") is None or "/" in host or "@" in host:
                msg = "a host is written as in `example.org`, `example.org:8080` or `*.example.org`, without a scheme or a path"
                raise ValueError(msg)
        return hosts


class Boundary:
    """A scope, ready to be asked."""

    def __init__(self, scope: Scope, seeds: Iterable[str]) -> None:
        """`seeds` are request URLs: their hosts are the scope's where it names none."""
        hosts = [host.lower() for host in scope.hosts] or [authority(seed) for seed in seeds]
        self._scope = scope
        self._hosts = {_plain(host) for host in hosts if not host.startswith("*.")}
        self._domains = tuple(f".{_plain(host.removeprefix('*.'))}" for host in hosts if host.startswith("*."))
        self._include = [re.compile(pattern) for pattern in scope.include]
        self._exclude = [re.compile(pattern) for pattern in scope.exclude]

    def normal(self, url: str) -> str | None:
        """The URL to ask for, and to be known by; None if nobody could ask for it."""
        found = request_url(url)
        return found.partition("?")[0] if found is not None and self._scope.query_strings == "strip" else found

    def holds(self, host: str) -> bool:
        """Whether a host (with its port, unless it is the usual one) belongs to the crawl."""
        return host in self._hosts or f".{host}".endswith(self._domains) if self._domains else host in self._hosts

    def objection(self, url: str, depth: int = 0) -> str | None:
        """Why a URL of `normal` is not fetched; None if it is."""
        scope, path = self._scope, urlsplit(url).path
        if not self.holds(authority(url)):
            return "another host"
        if scope.depth is not None and depth > scope.depth:
            return "too many links away"
        if scope.prefixes and not path.startswith(scope.prefixes):
            return "another path"
        if scope.query_strings == "refuse" and "?" in url:
            return "a query string"
        if len(url) > LONGEST_URL:
            return "a URL beyond measure"
        segments = [segment for segment in path.split("/") if segment]
        if len(segments) > MOST_REPEATS and max(map(segments.count, segments[:100])) > MOST_REPEATS:
            return "a path that repeats itself"
        if self._include and not any(pattern.search(url) for pattern in self._include):
            return "not included"
        return "excluded" if any(pattern.search(url) for pattern in self._exclude) else None


def authority(url: str) -> str:
    """Host and, unless it is the scheme's own, port of a request URL."""
    return urlsplit(url).netloc


def _plain(host: str) -> str:
    return authority(request_url(f"http://{host}/") or "")
