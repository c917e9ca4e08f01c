"""What a page says of its use: robots' directives, a reservation of text and data mining, a licence. Evidence, kept beside it.

It is written into the header of the page's WARC record, and read from there: a corpus can be asked years later what a page said
when it was fetched, and a recipe that honours more, or less, fetches nothing again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    # Protego is imported where robots.txt is read: a recipe is loaded without it.
    from data4llm_assets.raw_crawl.crawling.robots import Reservation

_LONGEST = 500
_DIRECTIVE = re.compile(r"[a-z][a-z0-9-]*")
_LINK = re.compile(r"<([^<>]*)>([^<]*)")
_REL_LICENSE = re.compile(r"""\brel\s*=\s*(?:"[^"]*\blicense\b[^"]*"|license\b)""", re.I)
_CREATIVE_COMMONS = re.compile(r"(?i)https?://(?:www\.)?creativecommons\.org/(licenses|publicdomain)/([a-z-]+)(?:/(\d\.\d))?")
_KNOWN = {
    "apache.org/licenses/license-2.0": "Apache-2.0",
    "opensource.org/license/mit": "MIT",
    "opensource.org/licenses/mit": "MIT",
    "gnu.org/licenses/fdl-1.3": "GFDL-1.3-only",
    "docs.python.org/3/license": "PSF-2.0",
    "opendatacommons.org/licenses/by/1-0": "ODC-By-1.0",
}
_FIELDS = {
    "Rights-Robots": "robots",
    "Rights-TDM-Reservation": "tdm_reservation",
    "Rights-TDM-Policy": "tdm_policy",
    "Rights-License": "license_url",
}
"""Fields of a WARC record's header, which may have any, and the keys of a document's `meta` that they become."""


class Rights(NamedTuple):
    """robots: directives that hold for this robot, sorted. tdm: whether mining is reserved, None if nobody says. The rest: URLs."""

    robots: tuple[str, ...] = ()
    tdm: bool | None = None
    policy: str = ""
    license: str = ""

    def then(self, nearer: Rights) -> Rights:
        """What holds if `nearer` to the page says something, too: directives add up, of the rest the nearer word counts."""
        return Rights(
            tuple(sorted({*self.robots, *nearer.robots})),
            self.tdm if nearer.tdm is None else nearer.tdm,
            nearer.policy or self.policy,
            nearer.license or self.license,
        )

    def fields(self) -> list[tuple[str, str]]:
        """As fields of a WARC record's header."""
        told = (", ".join(self.robots), "" if self.tdm is None else str(int(self.tdm)), self.policy, self.license)
        return [(name, value) for name, value in zip(_FIELDS, map(_line, told), strict=True) if value]


def meta_of(headers: Mapping[str, str]) -> dict[str, str]:
    """What the fields of a WARC record's header say, as keys of `meta`."""
    return {key: value for name, key in _FIELDS.items() if (value := headers.get(name))}


def reserved(meta: Mapping[str, str], honour: Iterable[str]) -> str | None:
    """Which of the wishes that are honoured keeps a page out of the corpus: `noai`, `noindex` or `tdm`."""
    directives = set(meta.get("robots", "").split(", "))
    stated = {"noai": "noai" in directives, "noindex": bool(directives & {"noindex", "none"})}
    stated["tdm"] = meta.get("tdm_reservation") == "1"
    return next((wish for wish in honour if stated.get(wish)), None)


def of_headers(headers: Iterable[tuple[str, str]], robot: str) -> Rights:
    """What HTTP headers say: `X-Robots-Tag`, `tdm-reservation`, `tdm-policy`, and `Link` with `rel=license`."""
    found = Rights()
    for name, value in headers:
        match name.lower():
            case "x-robots-tag":
                found = found.then(Rights(robots=directives(value, robot)))
            case "tdm-reservation":
                found = found.then(Rights(tdm=reservation(value)))
            case "tdm-policy":
                found = found.then(Rights(policy=value))
            case "link":
                licences = (link[1] for link in _LINK.finditer(value) if _REL_LICENSE.search(link[2]))
                found = found.then(Rights(license=next(licences, "")))
    return found


def of_site(rule: Reservation | None) -> Rights:
    """What `tdmrep.json` says."""
    return Rights(tdm=rule.reserved, policy=rule.policy) if rule is not None else Rights()


def directives(value: str, robot: str) -> tuple[str, ...]:
    """The directives of an `X-Robots-Tag` that concern this robot: those for all, and those behind its name.

    `noai, otherbot: noindex, nofollow` is `noai` for everybody, and the rest for another.
    """
    found, concerned = set(), True
    for part in value.lower().split(","):
        name, colon, directive = part.partition(":")
        if colon and name.strip() not in ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"):
            concerned, part = name.strip() in ("*", robot.lower()), directive
        if concerned and _DIRECTIVE.fullmatch(part.strip()):
            found.add(part.strip())
    return tuple(sorted(found))


def reservation(value: str) -> bool | None:
    return {"1": True, "0": False}.get(value.strip())


def spdx(url: str) -> str:
    """The SPDX identifier behind a licence's URL; the URL itself where none is known."""
    if match := _CREATIVE_COMMONS.match(url):
        kind, name, version = match[1].lower(), match[2].lower(), match[3]
        if kind == "publicdomain":
            return {"zero": "CC0-1.0", "mark": "CC-PDDC"}.get(name, url)
        return f"CC-{name.upper()}-{version}" if version else url
    plain = re.sub(r"^https?://(?:www\.)?", "", url.lower()).rstrip("/").removesuffix(".html").removesuffix(".txt")
    return _KNOWN.get(plain, url)


def _line(value: str) -> str:
    """A value as one line of a header. What a page says may hold anything."""
    return re.sub(r"[^\x21-\x7e]+", " ", value).strip()[:_LONGEST]
