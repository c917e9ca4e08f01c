"""From a page's characters to its columns: an HTML5 parser makes canonical HTML of any input, and `scan` makes arrays of that."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data4llm_assets.extracted_text.dom import MAX_DEPTH, MAX_ELEMENTS, tags
from data4llm_assets.extracted_text.dom.lexicon import CLASS_WORDS
from data4llm_assets.extracted_text.dom.scan import TOO_DEEP, TOO_MANY, scan
from data4llm_assets.extracted_text.dom.slimming import slim
from data4llm_assets.extracted_text.extraction import Refused

Array = NDArray[Any]
_WORDS = tuple(
    np.frombuffer(word, np.uint8) for word in (b"class", b"id", b"role", b"itemprop", b"hidden", b"aria-hidden", b"style", b"true")
)
_MARKS = tuple(tags.ID[name] for name in ("br", "img", "video", "audio", "picture"))
# No further than to the next bracket: else a page of nothing but beginnings of tags would be read again from each.
_NOSCRIPT, _TAG = re.compile("<(/?)[nN][oO][sS][cC][rR][iI][pP][tT](?=[\\s>/])[^<>]*>"), re.compile("<[^<>]*>")
_LEAST_SHOWN = 200
"""Characters in a `noscript`: shorter ones ask for JavaScript, or count visitors."""
_CLONES = 10
"""Times `max_elements`: more than the parser could be made to create is not parsed at all."""
_STEPS = 4
"""Times `max_elements * max_depth`: twice what a page within both limits takes, for the count knows end tags by name alone."""


class Elements(NamedTuple):
    """One row an element, in order of the document; see `scan.scan`."""

    tag: Array
    kind: Array
    parent: Array
    around: Array
    own: Array
    groups: Array
    flags: Array
    depth: Array
    signature: Array
    begin: Array


class Runs(NamedTuple):
    """One row a run of text between two tags, or a line break (an empty run). begin, end: bytes of `Tree.data`."""

    element: Array
    begin: Array
    end: Array


class Blocks(NamedTuple):
    """One row a block: text that no element of layout parts. first, end: its runs. element: the nearest block element around it."""

    first: Array
    end: Array
    element: Array


class Tree(NamedTuple):
    """A page. data: canonical HTML, UTF-8, uint8."""

    data: Array
    elements: Elements
    runs: Runs
    blocks: Blocks


def parse(html: str, *, max_elements: int = MAX_ELEMENTS, max_depth: int = MAX_DEPTH) -> Tree | Refused:
    """The columns of a page or of a fragment of one. Takes any input; refuses what is beyond a limit.

    Time is in proportion to the page. What would cost the parser much more does not reach it: see `slimming`.
    """
    slimmed = slim(html)
    if slimmed.elements * slimmed.formatting > _CLONES * max_elements:
        # Each block opens anew every formatting element that was not closed.
        return Refused("extracted_text.max_elements", "too many formatting elements are never closed", None, max_elements)
    if slimmed.steps > _STEPS * max_elements * max_depth:
        # Each end tag may be looked for among all elements that are open.
        return Refused("extracted_text.max_depth", "too many elements are never closed", None, max_depth)
    from resiliparse.parse.html import HTMLTree

    page = HTMLTree.parse(_without_scripts(slimmed.html.decode("utf-8", "replace")))
    data = np.frombuffer(str(page).encode("utf-8", "replace"), np.uint8)
    counts, elements, runs, blocks = scan(
        data,
        *tags.TAGS,
        tags.KIND,
        tags.IS_VOID,
        tags.IS_RAW,
        tags.AROUND_OF,
        *CLASS_WORDS,
        _WORDS,
        _MARKS,
        max_elements,
        max_depth,
    )
    if counts[0] == TOO_MANY:
        return Refused("extracted_text.max_elements", "the page has too many elements", None, max_elements)
    if counts[0] == TOO_DEEP:
        return Refused("extracted_text.max_depth", "the page's elements are nested too deeply", None, max_depth)
    return Tree(data, Elements(*elements), Runs(*runs), Blocks(*blocks))


def _without_scripts(html: str) -> str:
    """The page as one sees it who has scripts off: a `noscript` with a text is an element like others, any other is left out.

    The parser would show them all, and close the page's head for those that stand there. Some forums keep their whole text in one.
    """
    parts: list[str] = []
    done, opened = 0, None
    for tag in _NOSCRIPT.finditer(html):
        if not tag[1]:
            opened = opened or tag
        elif opened is not None:
            inside = html[opened.end() : tag.start()]
            parts.append(html[done : opened.start()])
            if len(inside) >= _LEAST_SHOWN and len(_TAG.sub("", inside).strip()) >= _LEAST_SHOWN:
                parts.append(f"<x-noscript>{inside}</x-noscript>")
            done, opened = tag.end(), None
    return "".join([*parts, html[done:]]) if parts else html
