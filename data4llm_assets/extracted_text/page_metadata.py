"""What a page says of itself: title, author, date, language, address, licence. By its characters, whatever reads its text.

Open Graph, Dublin Core, schema.org (JSON-LD and microdata), the `meta` elements of scholars and newspapers, HTML's own elements,
and classes that mark bylines: in the order that was right most often on pages whose metadata are known. `twitter:creator` is no
source: it is an account, and hardly ever a name. A date is read only where a page marks it for machines, never out of its text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from html import unescape
from itertools import islice
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from data4llm_assets.extracted_text.extraction import plain_form
from data4llm_assets.extracted_text.linked_data import LinkedData
from data4llm_assets.extracted_text.page_dates import published
from data4llm_assets.extracted_text.page_scan import Attributes, PageScan
from data4llm_assets.raw_crawl.address import request_url

_AUTHORS = (
    "dc.creator", "dcterms.creator", "dc:creator", "dcterms:creator", "author", "article:author", "og:article:author",
    "book:author", "parsely-author", "sailthru.author", "citation_author", "byl", "creator",
)  # fmt: skip
_DATES = (
    "article:published_time", "og:article:published_time", "article:published", "og:published_time", "og:publish_date",
    "published_time", "datepublished", "parsely-pub-date", "sailthru.date", "bt:pubdate", "citation_publication_date",
    "citation_online_date", "citation_date", "dc.date.issued", "dcterms.issued", "dc.date.created", "dcterms.created", "dc.date",
    "dcterms.date", "dc:date", "publish_date", "publish-date", "publishdate", "publication_date", "pubdate", "pdate", "published",
    "displaydate", "date",
)  # fmt: skip
_LICENSES = ("dcterms.license", "dc.license", "license", "dcterms.rights", "dc.rights", "rights")
_SITES = ("og:site_name", "application-name")
_WANTED = frozenset((*_AUTHORS, *_DATES, *_LICENSES, *_SITES, "og:title", "og:url", "content-language"))
_AUTHORS_AT_MOST, _LONGEST_NAME = 20, 100
_SPACE = re.compile(r"\s+")
_BETWEEN_NAMES = re.compile(r"\s+(?:[|·•–—~»›/-]|::|<<?|>>?)\s+|\s*[|»]\s*|\s*:\s+")
"""What stands between the title of a page and the name of its site."""
_MOST_SIGNS, _HEADINGS, _SHORTEST_NAME = 20, 5, 3
_LANGUAGE = re.compile(r"\s*([A-Za-z]{2,3})(?:[-_][A-Za-z0-9-]+)?\s*")
_TAG = re.compile(r"<[^<>]*>")
_PUBLISHED = re.compile(r"publish|dateCreated|entry-date|post-date", re.I)
_BYLINE = re.compile(r"(?:^|[\s_-])(?:bylines?|authors?)(?:[\s_-]*(?:names?|link|text))?(?:$|\s)")
_NO_BYLINES = frozenset({"article", "body", "form", "html", "img", "input", "label", "main", "script", "textarea", "ul"})
_BY = re.compile(r"(?:(?:\w+ )?by\b|authors?\b)[\s:]*", re.I)
_BETWEEN = frozenset({"", "&", "and", "by", "di", "door", "e", "en", "et", "och", "par", "por", "und", "von", "y"})
_NOBODY = frozenset({"admin", "administrator", "anonymous", "n/a", "none", "null", "the author", "undefined", "unknown"})
_EDGES = " ,;|·•:–—-"
_CREATIVE_COMMONS = re.compile(
    r"(?:https?:)?//(?:www\.)?creativecommons\.org/((?:licenses|publicdomain)/[a-z+-]+/\d\.\d(?:/[a-z]{2,3}(?![a-z]))?)", re.I
)


class PageMetadata(NamedTuple):
    """None is what the page does not say. date: when it was published, a day or a day and a time, ISO 8601."""

    title: str | None = None
    author: str | None = None
    date: str | None = None
    language: str | None = None
    canonical_url: str | None = None
    license_url: str | None = None

    def meta(self) -> dict[str, str]:
        """What has no column of its own, as keys of a document's `meta`."""
        told = {
            "author": self.author,
            "published": self.date,
            "canonical_url": self.canonical_url,
            "license_url": self.license_url,
        }
        return {key: value for key, value in told.items() if value is not None}


def of_page(html: str, url: str | None) -> PageMetadata:
    """What a page says of itself: a pure function of its characters and of its address, against which its links are resolved.

    Never raises. Several authors are separated by semicolons.
    """
    page = _Page(html, url)
    return PageMetadata(page.title(), page.author(), page.date(), page.language(), page.canonical_url(), page.license_url())


def first_title(candidates: Iterable[str]) -> str | None:
    """The first that is not blank, on one line."""
    for candidate in candidates:
        title = _SPACE.sub(" ", plain_form(candidate)).strip()
        if title:
            return title
    return None


def primary_language(declared: str) -> str | None:
    """The primary subtag of a declared language (BCP 47), lower-case; None if it is no language tag."""
    match = _LANGUAGE.fullmatch(declared)
    return match[1].lower() if match else None


class _Page:
    """The sources of each field in their order. What is in the body is searched only if the head does not say it."""

    def __init__(self, html: str, url: str | None) -> None:
        self._scan = PageScan(html, _WANTED)
        self._address = url or ""
        self._address = self._absolute(self._scan.base) or self._address

    @cached_property
    def _linked(self) -> LinkedData:
        return LinkedData(self._scan.linked_data())

    def _contents(self, names: Iterable[str]) -> Iterator[str]:
        for name in names:
            yield from self._scan.meta.get(name, ())

    def title(self) -> str | None:
        title = first_title(unescape(found) for found in (*self._contents(("og:title",)), *self._scan.titles))
        return first_title(self._headings()) if title is None else self._without_site(title)

    def _headings(self) -> Iterator[str]:
        for word in ("<h1", "<H1"):
            for name, _, place in self._scan.tags(word):
                if name == "h1":
                    yield unescape("".join(self._scan.pieces(place)))

    def _without_site(self, title: str) -> str:
        """A title without the name of its site before or behind it: what the page or its address says it is, and what is
        beside that which a heading says."""
        # Each is a place to cut, and both sides are read: a title of nothing else would take time with its square.
        if not 0 < len(_BETWEEN_NAMES.findall(title)) <= _MOST_SIGNS:
            return title
        sites = {_letters(unescape(found)) for found in self._contents(_SITES)} | _names_in(self._address)
        title = next((left for left, right in _halves(title) if _letters(right) in sites), title)
        title = next((right for left, right in reversed(_halves(title)) if _letters(left) in sites), title)
        headings = {_letters(found) for found in islice(self._headings(), _HEADINGS)} - sites
        halves = _halves(title)
        # What is shorter than all before it is rather a site whose name is a heading.
        parts = [left for left, _ in halves] + [right for _, right in halves if 2 * len(right) > len(title)]
        return max((part for part in parts if _letters(part) in headings), key=len, default=title)

    def language(self) -> str | None:
        declared = (*self._scan.languages, *self._contents(("content-language",)))
        return next((found for each in declared if (found := primary_language(each))), None)

    def author(self) -> str | None:
        for names in self._authors():
            if found := _joined(names):
                return found
        return None

    def _authors(self) -> Iterator[Iterable[str]]:
        yield from self._linked.authors()
        for name in _AUTHORS:
            yield self._scan.meta.get(name, ())
        yield from self._bylines()

    def _bylines(self) -> Iterator[Iterable[str]]:
        """Microdata first, wherever they are, then links to authors, then classes that mark bylines."""
        for word in ("author", "byline"):
            links: list[int] = []
            marked: list[int] = []
            for name, given, place in self._scan.tags(word):
                if "author" in given.get("itemprop", "").lower().split():
                    yield (given.get("content", ""),) if name == "meta" else _names(self._scan.pieces(place))
                elif name == "a" and "author" in given.get("rel", "").lower().split():
                    links.append(place)
                elif name not in _NO_BYLINES and _marks_byline(given):
                    marked.append(place)
            yield from (_names(self._scan.pieces(place)) for place in links)
            for place in marked:
                # A byline that only its looks mark may hold anything: a date, an account, the next article.
                yield [name for name in _names(self._scan.pieces(place)) if not re.search(r"\d{4}|@", name)]

    def date(self) -> str | None:
        return next((found for each in self._dates() if (found := published(each))), None)

    def _dates(self) -> Iterator[str]:
        yield from self._linked.dates()
        yield from self._contents(_DATES)
        others: dict[str, str] = {}
        for name, given, place in self._scan.tags("<time"):
            stated = given.get("datetime") or " ".join(self._scan.pieces(place))
            if name != "time" or (found := published(stated)) is None:
                continue
            if "pubdate" in given or _PUBLISHED.search(f"{given.get('itemprop', '')} {given.get('class', '')}"):
                yield found
            others.setdefault(found[:10], found)
        for _, given, place in self._scan.tags("datePublished"):
            if "datePublished" in given.get("itemprop", "").split():
                yield given.get("content") or given.get("datetime") or " ".join(self._scan.pieces(place))
        # Which of several days is that of the page nobody can know.
        if len(others) == 1:
            yield from others.values()

    def canonical_url(self) -> str | None:
        linked = (href for rel, href in self._scan.links if "canonical" in rel.split())
        return self._first_address((*linked, *self._contents(("og:url",))))

    def license_url(self) -> str | None:
        return self._first_address(self._licenses())

    def _licenses(self) -> Iterator[str]:
        yield from (href for rel, href in self._scan.links if "license" in rel.split())
        for _, given, _ in self._scan.tags("license"):
            if "license" in given.get("rel", "").lower().split():
                yield given.get("href", "")
        stated = (*self._contents(_LICENSES), *self._linked.licenses())
        yield from (each for each in stated if re.fullmatch(r"\s*https?://\S+\s*", each))
        links = (_CREATIVE_COMMONS.match(given.get("href", "").strip()) for _, given, _ in self._scan.tags("creativecommons.org/"))
        deeds = {link[1].lower() for link in links if link is not None}
        if len(deeds) == 1:
            yield f"https://creativecommons.org/{deeds.pop()}/"

    def _first_address(self, candidates: Iterable[str]) -> str | None:
        return next((found for each in candidates if (found := self._absolute(each))), None)

    def _absolute(self, link: str) -> str | None:
        """An http or https address without credentials and fragment, as a server is asked for it; None if a link names none."""
        link = unescape(link).strip()
        # A place on the same page is no other address.
        if not link or link.startswith("#"):
            return None
        try:
            return request_url(urljoin(self._address, link))
        except ValueError:
            return None


def _letters(text: str) -> str:
    """Letters and digits alone, by which names are compared."""
    return "".join(filter(str.isalnum, text.casefold()))


def _halves(title: str) -> list[tuple[str, str]]:
    """What is before and behind each sign between names, where there is a letter on either side."""
    halves = [(title[: cut.start()].strip(), title[cut.end() :].strip()) for cut in _BETWEEN_NAMES.finditer(title)]
    return [(left, right) for left, right in halves if _letters(left) and _letters(right)]


def _names_in(address: str) -> set[str]:
    """What the host of an address may be called: `move.org` and `move`."""
    try:
        host = (urlsplit(address).hostname or "").removeprefix("www.")
    except ValueError:
        return set()
    return {_letters(name) for name in (host, *host.split(".")[:-1]) if len(name) >= _SHORTEST_NAME}


def _marks_byline(given: Attributes) -> bool:
    marks = f"{given.get('class', '')} {given.get('id', '')}".lower()
    return _BYLINE.search(marks) is not None and "comment" not in marks


def _names(pieces: Iterable[str]) -> list[str]:
    """The names that a byline begins with: `By`, `Ann Lee`, `and`, `Bo Ek`, `Editor` are two, and what follows them."""
    found: list[str] = []
    more = True
    for piece in pieces:
        name = _SPACE.sub(" ", unescape(piece)).strip(_EDGES)
        if name.lower() in _BETWEEN or _BY.fullmatch(name):
            more = more or (name.lower() in _BETWEEN and bool(name))
        elif more:
            found.append(re.split(r"\s[|·•]\s", name)[0])
            more = piece.rstrip().endswith((",", " and", " &"))
        else:
            break
    return found


def _joined(names: Iterable[str]) -> str | None:
    people = [person for name in islice(names, _AUTHORS_AT_MOST) if (person := _person(name))]
    return "; ".join({person.casefold(): person for person in people}.values()) or None


def _person(stated: str) -> str | None:
    """A name on one line; None for an address, an account, a placeholder, or what is too long to be one."""
    name = _SPACE.sub(" ", plain_form(_TAG.sub(" ", unescape(stated)))).strip(_EDGES)
    if by := _BY.match(name):
        name = name[by.end() :]
    if not 1 < len(name) <= _LONGEST_NAME or name.lower() in _NOBODY or re.match(r"(?i)https?:|//|www\.|@", name):
        return None
    return name if any(map(str.isalpha, name)) else None
