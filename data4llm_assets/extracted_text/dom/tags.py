"""The element names that extraction tells apart, as small numbers, and what each kind of element does to the text around it."""

from __future__ import annotations

import numpy as np

from data4llm_assets.extracted_text.dom.hashing import Table, table

INLINE_NAMES = (
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins", "kbd",
    "label", "mark", "math", "nobr", "q", "rp", "rt", "ruby", "s", "samp", "small", "span", "strike", "strong", "sub", "sup",
    "time", "tt", "u", "var", "wbr", "br", "img", "picture", "source", "input", "button", "keygen",
)  # fmt: skip
BLOCK_NAMES = (
    "html", "body", "address", "article", "aside", "blockquote", "caption", "center", "dd", "details", "dialog", "dir", "div", "dl",
    "dt", "fieldset", "figcaption", "figure", "footer", "form", "frameset", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hgroup",
    "hr", "legend", "li", "listing", "main", "menu", "nav", "ol", "p", "pre", "search", "section", "summary", "table", "tbody",
    "td", "tfoot", "th", "thead", "tr", "ul", "video", "audio", "map", "noindex", "x-noscript",
)  # fmt: skip
UNSEEN_NAMES = (
    "head", "title", "meta", "link", "base", "script", "style", "template", "iframe", "object", "embed", "param", "svg",
    "canvas", "applet", "noframes", "noembed", "frame", "textarea", "select", "option", "optgroup", "datalist", "area", "track",
    "col", "colgroup", "plaintext", "xmp", "basefont", "bgsound",
)  # fmt: skip
"""Nothing inside these is text that a reader sees on the page."""

NAMES = ("", "other", *INLINE_NAMES, *BLOCK_NAMES, *UNSEEN_NAMES)
ID: dict[str, int] = {name: number for number, name in enumerate(NAMES)}
OTHER = ID["other"]
"""An element that is not listed, and flows with the text. Custom elements (`x-card`) are blocks: most lay out cards or sections."""

TAGS: Table = table({name: ID[name] for name in NAMES[2:]})

_RAW = ("script", "style", "xmp", "iframe", "noembed", "noframes", "plaintext")
"""Their content is no markup, and canonical HTML does not escape it."""
_VOID = (
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr", "frame",
    "basefont", "bgsound", "keygen",
)  # fmt: skip
FLOWS, BLOCK, UNSEEN = 0, 1, 2


def _marks(names: tuple[str, ...]) -> np.ndarray:
    marks = np.zeros(len(NAMES), np.bool_)
    marks[[ID[name] for name in names]] = True
    return marks


IS_RAW, IS_VOID = _marks(_RAW), _marks(_VOID)
KIND = np.full(len(NAMES), FLOWS, np.uint8)
KIND[[ID[name] for name in BLOCK_NAMES]] = BLOCK
KIND[[ID[name] for name in UNSEEN_NAMES]] = UNSEEN

AROUND_NAMES = (
    "a", "nav", "footer", "header", "main", "article", "aside", "form", "table", "ul", "ol", "li", "figure", "figcaption",
    "blockquote", "pre", "code", "dialog", "button", "section", "details", "summary", "h1", "h2", "h3", "h4", "h5", "h6", "label",
    "td", "th", "dl", "dd", "dt", "address", "p", "caption", "b", "strong", "em", "i", "span", "time", "menu", "thead", "hgroup",
    "center", "fieldset", "kbd", "samp", "tt", "cite", "x-noscript", "tfoot",
)  # fmt: skip
"""Elements of which each row knows whether it lies within one: a bit of 64 each."""
AROUND: dict[str, np.uint64] = {name: np.uint64(1) << np.uint64(bit) for bit, name in enumerate(AROUND_NAMES)}
AROUND_OF = np.zeros(len(NAMES), np.uint64)
for _name, _bit in AROUND.items():
    AROUND_OF[ID[_name]] = _bit


def around(*names: str) -> np.uint64:
    """The bits of some elements together."""
    return np.uint64(sum(int(AROUND[name]) for name in names))
