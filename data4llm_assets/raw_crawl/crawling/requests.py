"""What requests and responses say in their headers besides the page: who asks, on which condition, when to come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data4llm_assets.method import library_version
from data4llm_assets.raw_crawl.crawling.connection import Header
from data4llm_assets.raw_crawl.crawling.journal import Known

if TYPE_CHECKING:
    from data4llm_assets.raw_crawl.crawl import Crawl

_WARC = "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/"


def every_request(section: Crawl) -> dict[str, str]:
    """Headers of every request of a crawl."""
    agent = section.user_agent if section.contact is None else f"{section.user_agent} (+{section.contact})"
    types = [*section.media_types, "*/*;q=0.1"]
    return {"User-Agent": agent, "Accept": ", ".join(types), "Accept-Encoding": "gzip, br, zstd"}


def warcinfo(section: Crawl) -> str:
    """The lines of `warcinfo`: nothing that says where, or by whom, a crawl is run but what sites are told anyway."""
    software = f"data4llm/{library_version('data4llm')}"
    told = [("software", software), ("format", "WARC File Format 1.1"), ("conformsTo", _WARC), ("robots", "obey")]
    told += [(f"http-header-{name.lower()}", value) for name, value in every_request(section).items() if name == "User-Agent"]
    return "".join(f"{name}: {value}\r\n" for name, value in told)


def conditions(known: Known) -> tuple[Header, ...]:
    """Ask for a page only if it is another one than that which is known."""
    told = (("If-None-Match", known.etag), ("If-Modified-Since", known.modified))
    return tuple((name, value) for name, value in told if value is not None)
