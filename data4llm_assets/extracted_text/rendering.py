"""Text of a page or of a part of one: paragraphs, lists, tables and code, in plain form or in Markdown."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data4llm_assets.extracted_text.dom import outline as o
from data4llm_assets.extracted_text.dom import tags
from data4llm_assets.extracted_text.dom import writing as w
from data4llm_assets.extracted_text.dom.tree import Elements, Tree, parse
from data4llm_assets.extracted_text.extraction import Refused

_ROLE_NAMES = {
    o.PRE: ("pre", "listing"),
    o.ITEM: ("li",),
    o.DESCRIPTION: ("dd",),
    o.TERM: ("dt",),
    o.QUOTE: ("blockquote",),
    o.TABLE: ("table",),
    o.ROW: ("tr",),
    o.CELL: ("td", "th"),
    o.ORDERED: ("ol",),
    o.STRONG: ("b", "strong"),
    o.EMPHASIS: ("em", "i"),
    o.CODE: ("code", "kbd", "samp", "tt"),
    **{o.HEADING + level: (f"h{level}",) for level in range(1, 7)},
}
_ROLES = np.zeros(len(tags.NAMES), np.uint8)
for _role, _names in _ROLE_NAMES.items():
    _ROLES[[tags.ID[name] for name in _names]] = _role
_ATTRIBUTES = tuple(np.frombuffer(word, np.uint8) for word in (b' start="', b' value="'))

_PLAIN = np.zeros(256, np.uint8)
_PLAIN[[*range(33), ord("&"), 0xC2]] = w.BLANKS
_PLAIN[[byte for byte in range(128) if chr(byte).isalnum()]] = w.LETTER
_MARKDOWN = _PLAIN.copy()
_MARKDOWN[[ord(letter) for letter in w.RULED]] = list(w.RULED.values())

# As Pygments, Prism, GitHub, SyntaxHighlighter and Sphinx write it. `highlight-` is the beginning of many other classes.
_LANGUAGE = re.compile(
    rb' class="(?:highlight-(?!source-)|(?:[^"]* )?(?:lang(?:uage)?-|highlight-source-|brush: ?))'
    rb'(?!none\b|auto\b|default\b)([A-Za-z0-9+#]{1,20})(?=["; ])'
)
_LONGEST_TAG = 1_000


def rendered(html: str, *, markdown: bool) -> str:
    """The text of all that a reader sees of some HTML: "" where there is none.

    Raises
    ------
    ValueError : the HTML is beyond a limit of `tree.parse`. What a parser made of a page within these limits is not.
    """
    tree = parse(html)
    if isinstance(tree, Refused):
        raise ValueError(tree.reason)
    return write_text(tree, np.ones(len(tree.blocks.first), np.bool_), markdown=markdown)


def write_text(tree: Tree, kept: NDArray[np.bool_], *, markdown: bool) -> str:
    """The text of some blocks, in order. kept: one a block of the tree.

    Both forms part paragraphs by an empty line, mark the items of lists and part the cells of a row by bars; a table that lays out
    a page is paragraphs. Markdown is CommonMark with the tables of GitHub, and has nothing that a reader does not see: no addresses
    of links, no images.
    """
    data, elements, runs, blocks = tree.data, tree.elements, tuple(tree.runs), tuple(tree.blocks)
    around, own = np.zeros(len(elements.tag), o.AROUND), np.zeros(len(elements.tag), o.OWN)
    needs = o.outline(
        data, (elements.tag, elements.parent, elements.begin), runs, blocks, kept, _ROLES, _ATTRIBUTES, markdown, around, own
    )
    if markdown:
        _name_languages(data, elements, own)
    special, classes = (_MARKDOWN, _classes()) if markdown else (_PLAIN, _PLAIN)
    text = w.write(data, (elements.parent, elements.begin), runs, blocks, around, own, needs, special, classes, markdown)
    return text.tobytes().decode("utf-8", "replace")


def _name_languages(data: NDArray[Any], elements: Elements, own: NDArray[Any]) -> None:
    """Fill in where each `pre`, an element in it or one around it says which language its code is in."""
    parents, begins = elements.parent, elements.begin
    for pre in np.flatnonzero(_ROLES[elements.tag] == o.PRE).tolist():
        child, above = min(pre + 1, len(parents) - 1), int(parents[pre])
        for element in (pre, child if parents[child] == pre else pre, above, int(parents[above])):
            begin = int(begins[element])
            found = _LANGUAGE.search(data[begin : begin + _LONGEST_TAG].tobytes().partition(b">")[0])
            if element >= 0 and found:
                own["code_begin"][pre], own["code_end"][pre] = begin + found.start(1), begin + found.end(1)
                break


@cache
def _classes() -> NDArray[np.uint8]:
    """By code point up to U+FFFF: what CommonMark tells apart beside a mark of emphasis."""
    of_category = {"Z": w.BLANK, "P": w.PUNCTUATION, "S": w.PUNCTUATION}
    classes = [of_category.get(unicodedata.category(chr(point))[0], w.OF_WORDS) for point in range(0x10000)]
    found = np.array(classes, np.uint8)
    found[:33] = w.BLANK
    return found
