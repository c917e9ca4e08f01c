"""Asking a site: whom to trust with secrets, when to ask again, and how long to wait before that."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from data4llm_assets.raw_crawl.crawling.connection import Exchange, Header, Wanted
from data4llm_assets.raw_crawl.crawling.credentials import Secrets
from data4llm_assets.raw_crawl.crawling.fetching import Client, FetchFailed
from data4llm_assets.raw_crawl.crawling.harvest import site_of
from data4llm_assets.raw_crawl.crawling.limits import Retries
from data4llm_assets.raw_crawl.crawling.politeness import Clock, Turns
from data4llm_assets.raw_crawl.crawling.scope import Boundary, authority
from data4llm_assets.retry_after import retry_after

TRY_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})


class Asking:
    """Requests of one crawl."""

    def __init__(
        self,
        client: Client,
        boundary: Boundary,
        seeds: Iterable[str],
        secrets: Secrets,
        retries: Retries,
        turns: Turns,
        clock: Clock,
        keep: Callable[[Exchange], None],
    ) -> None:
        """keep: takes the responses to what is asked for `persistently`."""
        self._client, self._boundary, self._secrets, self._retries = client, boundary, secrets, retries
        self._turns, self._clock, self._keep = turns, clock, keep
        self._trusted = {site_of(seed) for seed in seeds}

    async def persistently(self, url: str, limit: int) -> Exchange:
        """A response for the crawler's own use, asked for again as any other. It waits for its turn, and is kept."""
        attempt = 0
        while True:
            attempt += 1
            problem: FetchFailed | None = None
            if (wait := self._turns.claim(authority(url), self._clock.now())) > 0:
                await self._clock.sleep(wait)
            try:
                exchange = await self.once(url, limit)
                self._keep(exchange)
            except FetchFailed as error:
                problem = error
            if attempt > self._retries.times or (problem is not None and problem.lasting):
                if problem is not None:
                    raise problem
                return exchange
            if problem is None and exchange.status not in TRY_LATER:
                return exchange
            await self._clock.sleep(self.wait(url, attempt, exchange if problem is None else None))

    async def once(self, url: str, limit: int, asked: tuple[Header, ...] = (), wanted: Wanted | None = None) -> Exchange:
        """The response to one request, whose turn it is. Raises FetchFailed, AddressRefused."""
        host = authority(url)
        # A secret for a site that is named with https is not for whoever listens on http.
        trusted = self._boundary.holds(host) and (url.startswith("https:") or site_of(url) in self._trusted)
        exchange = await self._client.fetch(url, limit=limit, conditions=asked, wanted=wanted, trusted=trusted)
        if self._secrets.repeated(exchange, limit):
            msg = "the response repeats a header that is kept secret"
            raise FetchFailed(msg, lasting=True)
        return exchange

    def wait(self, url: str, attempt: int, exchange: Exchange | None) -> float:
        """Seconds before a repetition. A server that names them means all of its pages."""
        wait = self._retries.wait(url, attempt)
        if exchange is not None and (asked := retry_after(exchange.header("retry-after"))) is not None:
            wait = min(max(wait, asked), self._retries.ceiling)
            self._turns.hold(authority(url), self._clock.now() + wait)
        return wait
