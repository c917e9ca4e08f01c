"""How often a host is asked: a delay between requests, so many at a time, and a clock that can be another one than the wall's."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Collection
from typing import Any, Protocol

from data4llm_assets.raw_crawl.crawling.limits import Pace


class Clock(Protocol):
    """Seconds that only go forward, and ways to let them pass."""

    def now(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...

    async def wait(self, tasks: Collection[asyncio.Task[Any]], until: float) -> None:
        """Until one of the tasks is done, or `until`."""


class WallClock:
    """The clock of this machine."""

    def now(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def wait(self, tasks: Collection[asyncio.Task[Any]], until: float) -> None:
        left = max(0.0, until - self.now())
        if tasks:
            await asyncio.wait(tasks, timeout=None if math.isinf(left) else left, return_when=asyncio.FIRST_COMPLETED)
        elif not math.isinf(left):
            await asyncio.sleep(left)


class Turns:
    """Whose turn it is: when each host may be asked next."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._next: dict[str, float] = {}
        self._delays: dict[str, float] = {}
        self._active: dict[str, int] = {}

    def slow_down(self, host: str, delay: float) -> None:
        """Keep a host's own delay, in seconds."""
        self._delays[host] = delay

    def hold(self, host: str, until: float) -> None:
        """Leave a host alone until then, as it asked with `Retry-After`."""
        self._next[host] = max(self._next.get(host, 0.0), until)

    def opens(self, host: str) -> float:
        """When the next request to a host may begin; infinity while as many as may be are under way."""
        return math.inf if self._active.get(host, 0) >= self._pace.per_host else self._next.get(host, 0.0)

    def claim(self, host: str, now: float) -> float:
        """Take the next turn of a host; how many seconds to wait for it."""
        begins = max(now, self._next.get(host, 0.0))
        self._next[host] = begins + self._delays.get(host, self._pace.delay)
        return begins - now

    def enter(self, host: str) -> None:
        self._active[host] = self._active.get(host, 0) + 1

    def leave(self, host: str) -> None:
        self._active[host] -= 1
