"""What costs a parser more than time in proportion to the page: known from the characters alone, before it has begun."""

from __future__ import annotations

import re
from collections import Counter

from data4llm_assets.extracted_text.extraction import Refused

_LONG_TAG = 1 << 13
"""Characters: a shorter tag has no room for more attributes than are soon read."""
_SCRIPT = re.compile(r"<script\b.*?</script\b", re.I | re.S)
_SCRIPT_END = re.compile(r"</script\b", re.I)
_TAG_NAME = re.compile(r"<[A-Za-z][^\s/>]*")
_ATTRIBUTE = re.compile(r"=\s*(?:\"[^\"]*\"|'[^']*'|\S+)|[^\s/=]+")
_ANY_TAG = re.compile(r"</?[A-Za-z][^>]*")
_ROOT = re.compile(r"<(?=[hbHB])(?i:html|body)(?=[\s/])([^>]*)")
_SELECT, _OPTION = re.compile(r"<select(?=[\s/>])", re.I), re.compile(r"<option(?=[\s/>])", re.I)
_FORMATTING = "b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u"
_ATTRIBUTED = re.compile(rf"<(?=[bcefinstuBCEFINSTU])(?i:{_FORMATTING})\s[^>]*")
_REOPENED = re.compile(rf"<(/?)({_FORMATTING})(?=[\s/>])([^>]*)", re.I)
_ALIKE = 3
"""Elements of one tag and the same attributes that HTML opens again at most (HTML Standard, 13.2.4.3)."""
_CLONES = 10
"""Times `max_elements`: more than the parser could be made to create is not parsed at all."""
_MOST_OPTIONS = 10**9
"""Of pairs of options in one `select`, in all: the parser goes through them again with each."""
_MOST_NAMES = 20_000
"""Of elements and attributes: the parser keeps a list of those that HTML does not have, and looks each up in it."""
_MOST_STEPS = 10**9
"""Elements that are open at each tag, all tags together, as `slimming` counts them: the parser may go through those."""
_MANY_TAGS, _LARGE = 20_000, 1 << 20
"""Tags, and characters: a page with less has no room for so many names and options that they take long."""


def unparsable(html: str, max_attributes: int, max_elements: int, max_depth: int) -> Refused | None:
    """Why the page would keep an HTML5 parser for hours or cost it all memory: nothing could stop it once it has begun."""
    if refused := too_many_attributes(html, max_attributes):
        return refused
    # A page has one `html` and one `body`: those that follow give their attributes to the first.
    if (count := sum(map(_attributes_of, _ROOT.findall(html)))) > max_attributes:
        return Refused("extracted_text.max_attributes", "an element has too many attributes", count, max_attributes)
    tags = html.count("<")
    if tags > _MANY_TAGS or len(html) > _LARGE:
        if sum(len(_OPTION.findall(options)) ** 2 for options in _SELECT.split(html)) > 2 * _MOST_OPTIONS:
            return Refused("extracted_text.max_elements", "a list has too many options", None, max_elements)
        if len(_names(html)) > _MOST_NAMES:
            return Refused("extracted_text.max_attributes", "elements and attributes have too many names", None, _MOST_NAMES)
        from data4llm_assets.extracted_text.dom.slimming import slim  # which imports numba, and most engines do without

        if slim(html).steps > _MOST_STEPS:
            return Refused("extracted_text.max_depth", "too many elements are never closed", None, max_depth)
    # Each tag may open again every formatting element that is open. Of those without attributes only a few can be.
    affordable = _CLONES * max_elements
    if tags * tags > 4 * affordable:
        kinds = 1 + _FORMATTING.count("|") + len(set(_ATTRIBUTED.findall(html)))
        if tags * kinds * _ALIKE > affordable and tags * _reopened(html) > affordable:
            return Refused("extracted_text.max_elements", "too many formatting elements are never closed", None, max_elements)
    return None


def too_many_attributes(html: str, limit: int) -> Refused | None:
    """Parsers look for each attribute among those that the element has already."""
    if any(html.find(">", place, place + _LONG_TAG) < 0 for place in range(0, len(html) - _LONG_TAG, _LONG_TAG)):
        count = max(map(_attributes, _without_scripts(html).split(">")))
        if count > limit:
            return Refused("extracted_text.max_attributes", "an element has too many attributes", count, limit)
    return None


def _without_scripts(html: str) -> str:
    # Behind the last end there is none to be found: each script there would be read to the end of the page for it.
    last = max((found.end() for found in _SCRIPT_END.finditer(html)), default=0)
    return _SCRIPT.sub("", html[:last]) + html[last:]


def _attributes(piece: str) -> int:
    """How many attributes the tag that ends a piece of markup has, or a few more."""
    if len(piece) <= _LONG_TAG or (tag := _TAG_NAME.search(piece)) is None:
        return 0
    return _attributes_of(piece, tag.end())


def _attributes_of(tag: str, begin: int = 0) -> int:
    return sum(1 for found in _ATTRIBUTE.finditer(tag, begin) if not found[0].startswith("="))


def _names(html: str) -> set[str]:
    """The names of all elements and attributes, as far as the beginnings of tags are tags."""
    return {name for tag in _ANY_TAG.findall(html) for name in _ATTRIBUTE.findall(tag) if name[0] != "="}


def _reopened(html: str) -> int:
    """The most formatting elements that are open at once and that the parser would open again after a block."""
    opened: dict[str, list[str]] = {}
    alike: Counter[tuple[str, str]] = Counter()
    now = most = 0
    for closing, written, attributes in _REOPENED.findall(html):
        name = written.lower()
        same = opened.setdefault(name, [])
        if closing:
            if same:
                alike[name, same.pop()] -= 1
                now -= 1
        elif alike[name, attributes] < _ALIKE:
            alike[name, attributes] += 1
            same.append(attributes)
            now += 1
            most = max(most, now)
    return most
