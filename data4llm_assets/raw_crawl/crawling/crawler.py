"""A crawl: which URL is asked for when, and when what came of it counts. One loop, many requests under way.

The loop does no waiting but on its clock, so that its pace can be measured without waiting. What it learns goes into the journal;
what it holds in memory can be lost at any moment.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from data4llm_assets.raw_crawl.address import request_url
from data4llm_assets.raw_crawl.crawling.addresses import Addresses, AddressRefused, Place, Resolve
from data4llm_assets.raw_crawl.crawling.asking import TRY_LATER, Asking
from data4llm_assets.raw_crawl.crawling.connection import Exchange
from data4llm_assets.raw_crawl.crawling.credentials import Secrets
from data4llm_assets.raw_crawl.crawling.fetching import Client, FetchFailed
from data4llm_assets.raw_crawl.crawling.frontier import Frontier
from data4llm_assets.raw_crawl.crawling.harvest import Changed, Harvest
from data4llm_assets.raw_crawl.crawling.journal import Earlier, Item, Journal, Known
from data4llm_assets.raw_crawl.crawling.politeness import Clock, Turns
from data4llm_assets.raw_crawl.crawling.requests import conditions, every_request, warcinfo
from data4llm_assets.raw_crawl.crawling.scope import Boundary
from data4llm_assets.raw_crawl.crawling.site import Closed, Site, fetched, understood
from data4llm_assets.raw_crawl.crawling.warc_writer import WarcFiles, warc_date

if TYPE_CHECKING:
    from data4llm_assets.raw_crawl.crawl import Crawl

LOG = logging.getLogger("data4llm.crawl")
_ALOUD = 5.0
"""Seconds between two lines of progress."""
_BATCH, _BATCH_SECONDS = 64, 0.5
"""Outcomes, and seconds, between two commits: what a kill costs at most."""
_DEAD = 10
"""Requests in a row that a site did not answer, after which it is given up."""
_RULES_LAST = timedelta(hours=24)


class Arrival(NamedTuple):
    """What a request brought: a response, and what the page was before; or why there is none."""

    exchange: Exchange | None
    known: Known | None
    problem: FetchFailed | AddressRefused | None


class Crawler:
    """One crawl into one folder. Does everything in `run`."""

    def __init__(
        self,
        section: Crawl,
        folder: Path,
        journal: Journal,
        earlier: Earlier,
        places: Mapping[str, Place],
        secrets: Secrets,
        clock: Clock,
        resolve: Resolve | None = None,
    ) -> None:
        self._section, self._journal, self._earlier, self._clock = section, journal, earlier, clock
        seeds = [url for seed in section.seeds if (url := request_url(seed)) is not None]
        boundary = Boundary(section.scope, seeds)
        self._files = WarcFiles(folder, journal.lengths(), warcinfo(section))
        self._frontier = Frontier(journal)
        self._harvest = Harvest(section, folder, journal, self._files, boundary, self._frontier.awaken)
        addresses = Addresses(section.private_addresses == "allow", places, resolve)
        self._client = Client(addresses, section.timeouts, every_request(section), secrets.headers)
        self._turns = Turns(section.pace)
        keep = self._harvest.diagnostic
        self._asking = Asking(self._client, boundary, seeds, secrets, section.retries, self._turns, clock, keep)
        for host in places:
            self._turns.slow_down(host, 0.0)
        self._served = set(places)
        self._tasks: dict[asyncio.Task[Arrival | Closed | None], tuple[Site, Item | None]] = {}
        self._whole: set[int] = set()
        counts = journal.counts()
        self._landed = counts.get("page", 0) + counts.get("revisit", 0)
        self._uncommitted, self._committed_at = 0, clock.now()
        self._began, self._spoke_at, self._before = clock.now(), clock.now(), self._landed

    async def run(self) -> None:
        """Crawl until nothing is left, or as many pages as may be have landed. However it ends, what is whole is kept."""
        try:
            for name in self._journal.sites():
                self._frontier.awaken(name)
            while True:
                self._start()
                until = self._next_event()
                if not self._tasks and math.isinf(until):
                    break
                await self._clock.wait(self._tasks, until)
                for task in [task for task in self._tasks if task.done()]:
                    site, item = self._tasks.pop(task)
                    self._finished(site, item, task.result())
                self._commit(due=False)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._client.close()
            try:
                self._commit(due=True)
            finally:
                self._files.close()

    def _start(self) -> None:
        """Begin every request whose time has come."""
        now = self._clock.now()
        self._frontier.due(now)
        for site in self._frontier:
            while self._may_begin(site, now):
                if site.rules is None:
                    site.asking = True
                    self._tasks[asyncio.ensure_future(self._rules(site))] = (site, None)
                elif (item := self._frontier.next(site)) is not None:
                    self._turns.claim(site.host, now)
                    self._turns.enter(site.host)
                    self._tasks[asyncio.ensure_future(self._fetch(site, item))] = (site, item)

    def _may_begin(self, site: Site, now: float) -> bool:
        free = len(self._tasks) < self._section.pace.concurrency and not site.asking
        return free and self._turns.opens(site.host) <= now and self._has_room() and self._frontier.waits(site)

    def _has_room(self) -> bool:
        """Whether another page may land if all that are under way do."""
        return self._landed + sum(item is not None for _, item in self._tasks.values()) < self._section.max_pages

    def _next_event(self) -> float:
        """When `_start` may find something to begin that it does not find now; infinity if only a request's end can change that."""
        if len(self._tasks) >= self._section.pace.concurrency or not self._has_room():
            return math.inf
        waiting = (self._turns.opens(site.host) for site in self._frontier if not site.asking and self._frontier.waits(site))
        return min([*waiting, self._frontier.soonest])

    async def _rules(self, site: Site) -> Closed | None:
        """Learn what a site asks for."""
        now = datetime.now(UTC)
        told = self._journal.site(site.name, warc_date(now - _RULES_LAST))
        if told is None:
            try:
                told = await fetched(site.name, self._asking.persistently)
            except Closed as closed:
                return closed
            self._journal.keep_site(site.name, *told, warc_date(now))
        rules = understood(*told, self._section.robot)
        delay = rules.robots.delay
        if delay is not None and delay > self._section.pace.longest_delay:
            reason = (
                f"robots.txt asks for {delay:g} s between requests; `pace.longest_delay` is {self._section.pace.longest_delay:g}"
            )
            return Closed("robots", reason)
        if delay is not None and site.host not in self._served:
            self._turns.slow_down(site.host, max(delay, self._section.pace.delay))
        site.rules = rules
        return None

    async def _fetch(self, site: Site, item: Item) -> Arrival:
        known = self._earlier.known(item.url) if item.kind == "page" and item.id not in self._whole else None
        asked = () if known is None else conditions(known)
        limit = self._harvest.largest(item.kind)
        wanted = self._harvest.wanted if item.kind == "page" else None
        try:
            return Arrival(await self._asking.once(item.url, limit, asked, wanted), known, None)
        except (FetchFailed, AddressRefused) as problem:
            return Arrival(None, known, problem)
        finally:
            self._turns.leave(site.host)

    def _finished(self, site: Site, item: Item | None, result: Arrival | Closed | None) -> None:
        if item is None:
            site.asking = False
            if isinstance(result, Closed):
                self._close(site, result)
            elif site.rules is not None and self._section.sitemaps.from_robots:
                for url in site.rules.robots.sitemaps:
                    self._harvest.discover(url, "sitemap", 0, 0, "robots.txt")
            return
        assert isinstance(result, Arrival)
        attempts = self._frontier.tried(item)
        if isinstance(result.problem, AddressRefused):
            self._journal.done(item, "address", reason=str(result.problem), attempts=attempts)
        elif isinstance(result.problem, FetchFailed):
            site.failures = site.failures + 1 if result.problem.silent else 0
            if site.failures >= _DEAD:
                self._close(site, Closed("failed", "the site stopped answering"))
            elif self._again(item, attempts, None, lasting=result.problem.lasting):
                return
            self._journal.done(item, "failed", reason=result.problem.reason, attempts=attempts)
        elif (exchange := result.exchange) is not None:
            site.failures = 0
            if exchange.status in TRY_LATER:
                if self._again(item, attempts, exchange):
                    return
                self._harvest.diagnostic(exchange)
                self._journal.done(item, "failed", reason=f"status {exchange.status}", status=exchange.status, attempts=attempts)
            elif self._take(site, item, exchange, result.known, attempts):
                return
        self._frontier.done(site, item)
        self._uncommitted += 1

    def _take(self, site: Site, item: Item, exchange: Exchange, known: Known | None, attempts: int) -> bool:
        """Whether a page has to be asked for again."""
        assert site.rules is not None
        try:
            outcome = self._harvest.take(item, exchange, known, site.rules.reservations, attempts)
        except Changed:
            self._whole.add(item.id)
            self._frontier.put_off(item, self._clock.now())
            return True
        self._landed += outcome in ("page", "revisit")
        return False

    def _again(self, item: Item, attempts: int, exchange: Exchange | None, *, lasting: bool = False) -> bool:
        """Put a URL off, if it is to be tried again."""
        if lasting or attempts > self._section.retries.times:
            return False
        self._frontier.put_off(item, self._clock.now() + self._asking.wait(item.url, attempts, exchange))
        return True

    def _close(self, site: Site, closed: Closed) -> None:
        """Nothing more of a site. It comes back if the crawl is begun again and the reason was a passing one."""
        self._frontier.close(site, closed)
        LOG.info("%s: %s", site.name, closed.reason)

    def _commit(self, *, due: bool) -> None:
        now = self._clock.now()
        if due or self._uncommitted >= _BATCH or (self._uncommitted and now - self._committed_at >= _BATCH_SECONDS):
            # First the pages, then the word that they are there: a kill between the two costs both, and pages are fetched again.
            self._journal.commit(self._files.sync())
            self._uncommitted, self._committed_at = 0, now
        if now - self._spoke_at >= _ALOUD:
            self._spoke_at = now
            counts = self._journal.counts()
            rate = (self._landed - self._before) / (now - self._began)
            LOG.info(
                "%s pages, %.1f pages/s, %s sites, %s failed, %s waiting",
                self._landed, rate, len(self._frontier), counts.get("failed", 0), counts.get("waiting", 0),
            )  # fmt: skip
