"""What a recipe says of pace, patience and persistence. Pure: numbers, and functions of them."""

from __future__ import annotations

from pydantic import Field

from data4llm_assets.document import digest
from data4llm_assets.method import Parameters


class Pace(Parameters):
    """How fast hosts are asked. Hosts that are served for the crawl alone know no delay."""

    delay: float = Field(1.0, ge=0, description="seconds from one request to a host to the next; a longer `Crawl-delay` is kept")
    longest_delay: float = Field(
        60, ge=0, description="seconds; a host whose robots.txt asks for a longer delay is left out rather than asked more often"
    )
    per_host: int = Field(1, ge=1, le=64, description="requests to one host at a time")
    concurrency: int = Field(8, ge=1, le=256, description="requests at a time")


class Retries(Parameters):
    """What happens when a server does not answer, or says that it cannot now (408, 425, 429, 500, 502, 503, 504)."""

    times: int = Field(3, ge=0, description="times that a request is made again")
    backoff: float = Field(
        2.0,
        ge=0,
        description="seconds before the first repetition, doubled for each; a jitter seeded by the URL takes up to half off",
    )
    ceiling: float = Field(300, ge=0, description="seconds waited at most, whatever `Retry-After` says")

    def wait(self, url: str, attempt: int) -> float:
        """Seconds before repetition `attempt` (1 is the first): a function of the URL, so that not all come back in step."""
        jitter = int(digest("retry", url, str(attempt))[:8], 16) / 2**32
        return min(self.ceiling, self.backoff * 2.0 ** min(attempt - 1, 60)) * (1 - jitter / 2)


class Timeouts(Parameters):
    """Seconds after which a server is given up for this time."""

    connect: float = Field(10, gt=0, description="seconds to connect, TLS included")
    read: float = Field(30, gt=0, description="seconds without a byte")
    total: float = Field(120, gt=0, description="seconds for the whole response")


class Sitemaps(Parameters):
    """Lists of pages that sites offer: XML, text, gzipped, or indexes of others."""

    urls: tuple[str, ...] = Field((), description="sitemaps to read, wherever they lie; their pages must be in scope")
    from_robots: bool = Field(True, description="those that robots.txt names, too, if they lie on hosts of the scope")
    most: int = Field(200, ge=0, description="sitemaps that are read")
    most_urls: int = Field(50_000, ge=1, description="locations that are taken of one sitemap")
