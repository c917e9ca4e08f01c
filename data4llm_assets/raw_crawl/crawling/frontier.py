"""What is to be asked for next: the queue of every site, and what was put off. In memory is what is near."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator

from data4llm_assets.raw_crawl.crawling.journal import Item, Journal
from data4llm_assets.raw_crawl.crawling.scope import authority
from data4llm_assets.raw_crawl.crawling.site import Closed, Site

_AHEAD = 256


class Frontier:
    """The sites of a crawl and their URLs, in the order in which they are to be asked for."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._sites: dict[str, Site] = {}
        self._later: list[tuple[float, int, Item]] = []
        self._attempts: dict[int, int] = {}

    def __iter__(self) -> Iterator[Site]:
        """The sites; those that were not served for longest come first."""
        return iter(list(self._sites.values()))

    def __len__(self) -> int:
        return len(self._sites)

    def awaken(self, name: str) -> None:
        """A site has URLs that wait."""
        site = self._sites.setdefault(name, Site(name, authority(f"{name}/")))
        site.drained = False
        if site.closed is not None:
            self._journal.give_up(name, site.closed.outcome, site.closed.reason)

    def waits(self, site: Site) -> bool:
        """Whether a site has a URL to be asked for."""
        if not site.queue and not site.drained:
            site.queue.extend(self._journal.waiting(site.name, site.taken, _AHEAD))
            site.taken.update(item.id for item in site.queue)
            site.drained = not site.queue
        return bool(site.queue)

    def next(self, site: Site) -> Item | None:
        """Take the next URL of a site that its robots.txt allows; those that it forbids are done."""
        assert site.rules is not None
        while self.waits(site):
            item = site.queue.popleft()
            if site.rules.robots.allows(item.url):
                # Who was served goes to the end of the line.
                self._sites[site.name] = self._sites.pop(site.name)
                return item
            self._journal.done(item, "robots", reason="robots.txt forbids it")
            self.done(site, item)
        return None

    def tried(self, item: Item) -> int:
        """Count an attempt; how many there were."""
        self._attempts[item.id] = self._attempts.get(item.id, 0) + 1
        return self._attempts[item.id]

    def put_off(self, item: Item, until: float) -> None:
        heapq.heappush(self._later, (until, item.id, item))

    def due(self, now: float) -> None:
        """What was put off until now is next."""
        while self._later and self._later[0][0] <= now:
            item = heapq.heappop(self._later)[2]
            self._sites[item.site].queue.appendleft(item)

    @property
    def soonest(self) -> float:
        """When something that was put off is due; infinity if nothing was."""
        return self._later[0][0] if self._later else math.inf

    def close(self, site: Site, closed: Closed) -> None:
        """Nothing more of a site in this crawl. What waits has an outcome, and so has what will be found."""
        site.closed = closed
        site.queue.clear()
        self._later = [entry for entry in self._later if entry[2].site != site.name]
        heapq.heapify(self._later)
        self.awaken(site.name)

    def done(self, site: Site, item: Item) -> None:
        site.taken.discard(item.id)
        self._attempts.pop(item.id, None)
