"""The characters of a page, read for what it says of itself: tags, their attributes, the text of an element. No tree is built.

One pass goes over the head. What the body may say is looked for by words that only such places have, and only when it is asked
for. Every search goes forward, and how many places are looked at, and how much of each, has a limit: no page takes more time than
in proportion to its length. All values are as they stand in the page, entities and all.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterator
from itertools import islice

_LONGEST_TAG = 1 << 13
"""Characters: a longer tag is none of those that are looked for."""
_LONGEST_VALUE = 2000
"""Characters of an attribute, and of the markup within an element, that are read."""
_LONGEST_DATA, _SCRIPTS = 1 << 18, 20
"""Characters of one script of linked data, and how many such scripts, that are read."""
_TAGS, _PLACES, _HIDDEN = 2000, 200, 100_000
"""How many tags of the head, places of one word, and comments and scripts of the body are looked at."""
_IN_HEAD = re.compile(
    r"<(?=[!mlthbsMLTHBS])(?i:(!--)|(script|style|title|textarea)(?=[\s/>])|(meta|link|base|html)(?=[\s/])|(body)(?=[\s/>]))"
)
_OPAQUE = re.compile(r"<(?=[!sStT])(?i:!--|(script|style|template|textarea)(?=[\s/>]))")
_END = {name: re.compile(rf"</{name}(?=[\s/>])", re.I) for name in ("script", "style", "template", "textarea", "title")}
_NAME = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]{0,20})(?=[\s/>])")
_PAIR = re.compile(r'\s([a-z-]{4,10})="([^"]*)"\s([a-z-]{4,10})="([^"]*)"\s?/?>')
"""What most `meta` elements look like: quicker than all that attributes may look like."""
_ATTRIBUTE = re.compile(r"""([^\s"'<>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""")
_TO_END = re.compile(r"""(?:[^"'>]++|"[^"]*"|'[^']*')*+(?=>)""")
_NO_TEXT = re.compile(r"<!--.*?(?:-->|$)|<(script|style|svg|button|time)(?=[\s>]).*?(?:</\1[^>]*>?|$)", re.I | re.S)
_TAG = re.compile(r"<[a-zA-Z/!?][^>]*(?:>|$)")
_NAMING = ("property", "name", "itemprop", "http-equiv")
_LINKED_DATA = "application/ld+json"

Attributes = dict[str, str]


class PageScan:
    """What the head of a page holds, and ways to look into its body.

    languages: what `html` elements declare. base: of the first `base`. meta: contents of the wanted `meta` elements by lower-case
    property, name, itemprop or http-equiv. links: `rel` and `href` of `link` elements that name a canonical address or a licence.
    titles: what is in `title` elements.
    """

    def __init__(self, html: str, wanted: Collection[str]) -> None:
        self.html = html
        self.languages: list[str] = []
        self.base = ""
        self.meta: dict[str, list[str]] = {}
        self.links: list[tuple[str, str]] = []
        self.titles: list[str] = []
        self._wanted = wanted
        self._data: list[str] = []
        self._body = self._searched = self._read_head()
        self._starts: list[int] = []
        self._ends: list[int] = []

    def _read_head(self) -> int:
        """Read up to where the body begins, and on while nothing is found: some pages are assembled by their scripts."""
        html, place, begin = self.html, 0, 0
        for _ in range(_TAGS):
            found = _IN_HEAD.search(html, place)
            if found is None:
                return begin
            comment, opaque, tag, body = found.groups()
            place = found.end()
            if tag:
                self._keep(tag.lower(), place)
            elif body:
                begin = begin or found.start()
                if self.meta or any(self.titles):
                    return begin
            elif comment:
                place = self._past("", place)
            elif opaque.lower() == "title":
                place = self._read_title(place)
            else:
                start, place = place, self._past(opaque, place)
                if html.find(_LINKED_DATA, start, start + 500) >= 0 and _LINKED_DATA in attributes(html, start).get("type", ""):
                    self._data.append(self._within(start, place))
        return begin or place

    def _keep(self, tag: str, place: int) -> None:
        if tag == "meta":
            self._keep_meta(place)
            return
        if tag == "link":
            # Most link to styles, scripts, icons: not read any further.
            end = self.html.find(">", place, place + _LONGEST_TAG)
            inside = self.html[place:end].lower() if end >= 0 else ""
            if "canonical" not in inside and "license" not in inside:
                return
        found = attributes(self.html, place)
        if tag == "link":
            self.links.append((found.get("rel", "").lower(), found.get("href", "")))
        elif tag == "base":
            self.base = self.base or found.get("href", "")
        else:
            self.languages.extend(found[key] for key in ("lang", "xml:lang") if key in found)

    def _keep_meta(self, place: int) -> None:
        pair = _PAIR.match(self.html, place, place + _LONGEST_TAG)
        if pair is not None and pair[1] in _NAMING and pair[3] == "content":
            names, content = pair[2], pair[4]
        elif pair is not None and pair[3] in _NAMING and pair[1] == "content":
            names, content = pair[4], pair[2]
        else:
            found = attributes(self.html, place)
            names, content = " ".join([found[key] for key in _NAMING if key in found]), found.get("content", "")
        for name in names.lower().split():
            if name in self._wanted:
                self.meta.setdefault(name, []).append(content[:_LONGEST_VALUE])

    def _read_title(self, place: int) -> int:
        start = self.html.find(">", place, place + _LONGEST_TAG) + 1 or place
        text = self.html[start : start + _LONGEST_VALUE]
        end = _END["title"].search(text)
        # A title that is never closed must not be the whole page.
        text = text[: end.start()] if end is not None else text.partition("<")[0]
        self.titles.append(text)
        return start + len(text)

    def _past(self, opaque: str, place: int) -> int:
        """Where a comment, or an element in which tags are none, ends: with the page if it is never closed, as in browsers."""
        if not opaque:
            end = self.html.find("-->", place - 2)
            return end + 3 if end >= 0 else len(self.html)
        found = _END[opaque.lower()].search(self.html, place)
        return found.start() if found is not None else len(self.html)

    def _within(self, start: int, end: int) -> str:
        start = self.html.find(">", start, end) + 1
        return self.html[start : min(end, start + _LONGEST_DATA)] if len(self._data) < _SCRIPTS else ""

    def linked_data(self) -> Iterator[str]:
        """Scripts of linked data (JSON-LD), those of the head first."""
        yield from self._data[:_SCRIPTS]
        for name, found, place in islice(self.tags(_LINKED_DATA), _SCRIPTS):
            if name == "script" and _LINKED_DATA in found.get("type", ""):
                yield self._within(place, self._past(name, place))

    def _hidden(self, place: int) -> bool:
        """Whether a place of the body is within a comment or a script, where tags are none."""
        while self._searched < place:
            found = _OPAQUE.search(self.html, self._searched)
            if found is None or len(self._starts) == _HIDDEN:
                self._searched = len(self.html)
            else:
                self._searched = self._past(found[1] or "", found.end())
                self._starts.append(found.start())
                self._ends.append(self._searched)
        before = bisect_left(self._starts, place) - 1
        return before >= 0 and place < self._ends[before]

    def tags(self, word: str) -> Iterator[tuple[str, Attributes, int]]:
        """Tags of the body with a word in them: lower-case name, attributes, place."""
        html, last, place = self.html, -1, self._body
        for _ in range(_PLACES):
            place = html.find(word, place)
            if place < 0:
                return
            opened = html.rfind("<", max(self._body, place - _LONGEST_TAG), place + 1)
            if opened not in (-1, last) and html.find(">", opened, place) < 0:
                name = _NAME.match(html, opened)
                if name is not None and not name[1] and not self._hidden(opened):
                    last = opened
                    yield name[2].lower(), attributes(html, name.end()), opened
            place += len(word)

    def pieces(self, place: int) -> list[str]:
        """What stands between the tags within the element that begins at a place, as far as it is read."""
        name = _NAME.match(self.html, place)
        start = self.html.find(">", place, place + _LONGEST_TAG) + 1
        if name is None or not start:
            return []
        inside, depth = self.html[start : start + _LONGEST_VALUE], 1
        for tag in _NAME.finditer(inside):
            if tag[2].lower() == name[2].lower():
                depth += -1 if tag[1] else 1
                if not depth:
                    inside = inside[: tag.start()]
                    break
        return _TAG.split(_NO_TEXT.sub("<!>", inside))


def attributes(html: str, place: int) -> Attributes:
    """Attributes of the tag whose name ends at a place, by lower-case name; the first of those of one name."""
    end = html.find(">", place, place + _LONGEST_TAG)
    if end < 0:
        return {}
    inside = html[place:end]
    if inside.count('"') % 2 or inside.count("'") % 2:
        # The tag ends within a value, or an apostrophe is in one.
        whole = _TO_END.match(html, place, place + _LONGEST_TAG)
        inside = whole[0] if whole is not None else inside
    found: Attributes = {}
    for name, double, single, bare in _ATTRIBUTE.findall(inside):
        found.setdefault(name.lower(), (double or single or bare)[:_LONGEST_VALUE])
    return found
