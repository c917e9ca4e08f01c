"""JSON-LD (W3C) in the vocabulary of schema.org: what the scripts of a page say of the work that the page is, or holds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_NODES = 2000
_LONGEST = 500
"""Characters of a value: none that is looked for is longer."""
_DECODER = json.JSONDecoder(strict=False)
_START = re.compile(r"[{[](?!CDATA\b)")
_WRITING = re.compile(
    r"Article|Posting|Report|Recipe|Question|HowTo|Book|Thesis|Chapter|Review|Course|Dataset|CreativeWork|Blog|Podcast"
)
_PAGE = re.compile(r"Page$|^VideoObject$")
_TOLD = ('"author"', '"creator"', '"datePublished"', '"dateCreated"', '"license"')
"""What has none of these keys, a menu or a shop's goods, is not read."""
_TO_WORKS = ("@graph", "mainEntity", "mainEntityOfPage")


class LinkedData:
    """The works that linked data describe, in order: texts first, then pages and videos. Images, products, sites are none."""

    def __init__(self, scripts: Iterable[str]) -> None:
        self._named: dict[str, Mapping[str, Any]] = {}
        writings: list[Mapping[str, Any]] = []
        pages: list[Mapping[str, Any]] = []
        for node in self._nodes(scripts):
            types = [kind for kind in _listed(node.get("@type")) if isinstance(kind, str)]
            if any(map(_WRITING.search, types)):
                writings.append(node)
            elif any(map(_PAGE.search, types)):
                pages.append(node)
        self._works = writings + pages

    def _nodes(self, scripts: Iterable[str]) -> Iterator[Mapping[str, Any]]:
        for script in scripts:
            start = _START.search(script)
            if start is None or not any(word in script for word in _TOLD):
                continue
            try:
                found, _ = _DECODER.raw_decode(script, start.start())
            except (ValueError, RecursionError):
                continue
            waiting = [found]
            for node in waiting:
                if isinstance(node, list):
                    waiting.extend(node[:_NODES])
                elif isinstance(node, dict):
                    if isinstance(name := node.get("@id"), str) and "name" in node:
                        self._named.setdefault(name, node)
                    waiting.extend(node[key] for key in (*_TO_WORKS, "author") if key in node)
                    yield node
                if len(waiting) > _NODES:
                    break

    def authors(self) -> Iterator[list[str]]:
        """For each work the names of its authors."""
        for work in self._works:
            yield list(self._names(work.get("author") or work.get("creator")))

    def _names(self, value: Any, depth: int = 3) -> Iterator[str]:
        for each in _listed(value):
            if isinstance(each, str):
                yield each[:_LONGEST]
            elif isinstance(each, dict) and depth:
                name = each.get("@id")
                known = self._named.get(name, each) if isinstance(name, str) and "name" not in each else each
                yield from self._names(known.get("name"), depth - 1)

    def dates(self) -> Iterator[str]:
        """When the works were published; when they were made, where none says more."""
        yield from self._strings("datePublished")
        yield from self._strings("dateCreated")

    def licenses(self) -> Iterator[str]:
        yield from self._strings("license")

    def _strings(self, key: str) -> Iterator[str]:
        for work in self._works:
            for value in _listed(work.get(key)):
                text = (value.get("url") or value.get("@id")) if isinstance(value, dict) else value
                if isinstance(text, str):
                    yield text[:_LONGEST]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
