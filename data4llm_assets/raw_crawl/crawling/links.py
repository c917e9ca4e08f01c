"""What a page links to, and what its head says of its use. By lxml's parser as a stream of tags: no tree is kept.

Its cost grows with the bytes of a page and with nothing else; an HTML5 tree can be made to cost the square of them.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import urljoin

from lxml import etree

from data4llm_assets.raw_crawl.crawling.rights import Rights, directives, reservation

MOST_LINKS = 20_000
"""Links of a page: more are not a page's."""
_ROBOTS = "robots"
_LOCATION = re.compile(rb"<(?:[A-Za-z]+:)?loc\s*>\s*(?:<!\[CDATA\[)?\s*([^<\]\s][^<\]]{0,4000}?)\s*(?:\]\]>)?\s*</", re.I)
_INDEX = re.compile(rb"<(?:[A-Za-z]+:)?sitemapindex\b", re.I)


class Page(NamedTuple):
    """links: absolute, in order, each once, without those marked `nofollow`."""

    links: tuple[str, ...] = ()
    rights: Rights = Rights()


def page(payload: bytes, url: str, charset: str | None, robot: str) -> Page:
    """Read a page of HTML. Whatever is broken in it costs what it breaks, and no more."""
    target = _Tags(robot)
    try:
        parser = etree.HTMLParser(target=target, encoding=_codec(charset), huge_tree=False)
        parser.feed(payload)
        parser.close()
    except (etree.LxmlError, ValueError):
        # What came before it still counts.
        pass
    base = _joined(url, target.base) or url
    links = (joined for link in target.links if (joined := _joined(base, link)))
    license = _joined(base, target.license) or ""
    rights = Rights(tuple(sorted(target.robots)), target.tdm, _joined(base, target.policy) or "", license)
    return Page(tuple(dict.fromkeys(links)), rights)


class Sitemap(NamedTuple):
    """Where a sitemap leads: to pages, or (`nested`) to other sitemaps."""

    locations: tuple[str, ...]
    nested: bool


def sitemap(payload: bytes, most: int) -> Sitemap:
    """Read a sitemap, XML or a line of text for each URL, up to `most` locations.

    By pattern, not by an XML parser: sitemaps are often no XML, and what is not expanded cannot explode.
    """
    if b"<" not in payload[:1000]:
        lines = payload[: most * 4000].decode("utf-8-sig", "replace").split()
        return Sitemap(tuple(line for line in lines if line.lower().startswith("http"))[:most], False)
    found = []
    for match in _LOCATION.finditer(payload):
        found.append(_unescaped(match[1].decode("utf-8", "replace")))
        if len(found) >= most:
            break
    return Sitemap(tuple(found), _INDEX.search(payload[:10_000]) is not None)


class _Tags:
    """Collects as the parser goes."""

    def __init__(self, robot: str) -> None:
        self._robot = robot
        self.base = self.policy = self.license = ""
        self.links: list[str] = []
        self.robots: set[str] = set()
        self.tdm: bool | None = None

    def start(self, tag: str, attributes: Any) -> None:
        match tag:
            case "a" | "area" | "link":
                self._link(tag, attributes)
            case "base":
                self.base = self.base or attributes.get("href", "")
            case "meta":
                self._meta(attributes.get("name", "").strip().lower(), attributes.get("content", ""))

    def _link(self, tag: str, attributes: Any) -> None:
        relations = attributes.get("rel", "").lower().split()
        target = attributes.get("href", "").strip()
        if "license" in relations and target:
            self.license = self.license or target
        followed = tag != "link" or "next" in relations or "prev" in relations
        if target and followed and "nofollow" not in relations and len(self.links) < MOST_LINKS:
            self.links.append(target)

    def _meta(self, name: str, content: str) -> None:
        if name in (_ROBOTS, self._robot.lower()):
            self.robots.update(directives(content, self._robot))
        elif name == "tdm-reservation":
            self.tdm = reservation(content)
        elif name == "tdm-policy":
            self.policy = content

    def end(self, tag: str) -> None:
        """Nothing ends that was kept."""

    def data(self, text: str) -> None:
        """Text is of no interest here."""

    def close(self) -> None:
        """All is collected."""


def _codec(charset: str | None) -> str | None:
    """A charset that both Python and the parser know; else the parser looks for what the page says."""
    if charset is None:
        return None
    try:
        name = codecs.lookup(charset).name
        etree.HTMLParser(encoding=name)
    except LookupError:
        return None
    return name


def _joined(base: str, link: str) -> str | None:
    if not link:
        return None
    try:
        return urljoin(base, link)
    except ValueError:
        return None


def _unescaped(text: str) -> str:
    import html

    return html.unescape(text).strip()


def charset_of(headers: Iterable[tuple[str, str]]) -> str | None:
    """The charset that `Content-Type` names."""
    for name, value in headers:
        if name.lower() == "content-type" and (found := re.search(r"charset\s*=\s*[\"']?([^\s\"';,]+)", value, re.I)):
            return found[1].lower()
    return None
