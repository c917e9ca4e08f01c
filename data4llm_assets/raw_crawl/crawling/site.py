"""What a site asks for before any of its pages is asked for: robots.txt and tdmrep.json, fetched as RFC 9309 wants."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urljoin

from data4llm_assets.raw_crawl import http_payload
from data4llm_assets.raw_crawl.address import request_url
from data4llm_assets.raw_crawl.crawling.addresses import AddressRefused
from data4llm_assets.raw_crawl.crawling.connection import Exchange
from data4llm_assets.raw_crawl.crawling.fetching import FetchFailed
from data4llm_assets.raw_crawl.crawling.harvest import REDIRECTS
from data4llm_assets.raw_crawl.crawling.journal import Item, Outcome
from data4llm_assets.raw_crawl.crawling.robots import LARGEST, Reservation, Robots, reservations

_MOST_REDIRECTS = 5
_TRY_LATER = 429
Ask = Callable[[str, int], Awaitable[Exchange]]
"""From a URL and a limit in bytes to the response, after all repetitions. Raises FetchFailed, AddressRefused."""


class Closed(Exception):
    """Nothing of a site may be fetched: the outcome of all its URLs, and why."""

    def __init__(self, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome, self.reason = outcome, reason


class Rules(NamedTuple):
    """What a site asks for."""

    robots: Robots
    reservations: tuple[Reservation, ...]


@dataclass
class Site:
    """A site while it is crawled. queue: its next URLs. taken: ids of those in the queue, under way or put off."""

    name: str
    host: str
    rules: Rules | None = None
    asking: bool = False
    closed: Closed | None = None
    drained: bool = False
    failures: int = 0
    queue: deque[Item] = field(default_factory=deque)
    taken: set[int] = field(default_factory=set)


def understood(robots: bytes, tdmrep: bytes, robot: str) -> Rules:
    return Rules(Robots(robots, robot), reservations(tdmrep))


async def fetched(site: str, ask: Ask) -> tuple[bytes, bytes]:
    """The site's robots.txt and tdmrep.json, empty where it has none.

    Raises
    ------
    Closed
        If robots.txt cannot be had for a reason that may pass: then everything is disallowed (RFC 9309, section 2.3.1.4).
    """
    try:
        robots = await _document(f"{site}/robots.txt", ask)
    except AddressRefused as error:
        raise Closed("address", str(error)) from None
    except FetchFailed as error:
        raise Closed("failed", f"robots.txt cannot be had, so nothing may be: {error.reason}") from None
    try:
        tdmrep = await _document(f"{site}/.well-known/tdmrep.json", ask)
    except (AddressRefused, FetchFailed):
        tdmrep = b""
    return robots, tdmrep


async def _document(url: str, ask: Ask) -> bytes:
    """What lies at a URL, at the end of at most five redirects; empty if nothing does."""
    for _ in range(_MOST_REDIRECTS + 1):
        exchange = await ask(url, LARGEST + 1)
        if exchange.status in REDIRECTS and exchange.header("location"):
            try:
                target = request_url(urljoin(url, exchange.header("location")))
            except ValueError:
                target = None
            if target is None:
                return b""
            url = target
        elif exchange.status == 200:
            try:
                return http_payload.decoded(exchange.body, exchange.header("content-encoding"), LARGEST * 8)[: LARGEST + 1]
            except http_payload.TooLarge:
                msg = "it is too large once it is decoded"
                raise FetchFailed(msg, lasting=True) from None
        elif exchange.status == _TRY_LATER or exchange.status >= 500:
            msg = f"status {exchange.status}"
            raise FetchFailed(msg)
        else:
            return b""
    return b""
