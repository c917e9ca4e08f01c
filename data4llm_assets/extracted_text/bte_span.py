"""A page as a sequence of tags and words, and the stretch of it that is the main text: the compiled side of `bte`."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from data4llm_assets.extracted_text.dom import tags
from data4llm_assets.extracted_text.dom.tree import Tree

Array: TypeAlias = NDArray[Any]
Number: TypeAlias = Any
TAG, WORD = np.int8(-1), np.int8(1)


def main_blocks(tree: Tree, tag_weight: float = 1.0) -> Array:
    """Which blocks are the main text: bool, one a block of the tree."""
    tokens, first, last = sequence(tree)
    begin, end = span(tokens if tag_weight == 1 else np.where(tokens == WORD, 1.0, -tag_weight))
    words = np.concatenate([np.zeros(1, np.int64), np.cumsum(tokens == WORD)])
    inside = words[np.clip(last, begin, end)] - words[np.clip(first, begin, end)]
    # A block without a word, such as a line of stars, goes with what is around it.
    wordless = (words[last] == words[first]) & (first >= begin) & (last <= end)
    return (2 * inside > words[last] - words[first]) | wordless & (end > begin)


def sequence(tree: Tree) -> tuple[Array, Array, Array]:
    """A page as tags and words, in order.

    Returns
    -------
    (int8: TAG for each begin tag and each end tag, WORD for each word that a reader sees), (int64: where in it each block begins),
    (int64: where it ends). A word has a letter or a digit, and white space or a tag around it; of Chinese and Japanese, which are
    written without spaces, each character is one. Scripts and whatever else nobody sees are neither. Tags are those of the page as
    an HTML5 parser repairs it: one that the author left out is there.
    """
    elements, runs, blocks = tree.elements, tree.runs, tree.blocks
    return _sequence(
        tree.data, elements.parent, elements.begin, elements.kind == tags.UNSEEN, tags.IS_VOID[elements.tag],
        tuple(runs), blocks.first, blocks.end,
    )  # fmt: skip


@njit(cache=True, nogil=True)
def span(tokens: Array) -> tuple[Number, Number]:
    """The stretch [begin, end) with the greatest sum: of those, the one that begins first, then the one that ends first.

    Words inside plus tags outside are this sum plus all tags, so the maximum-sum subarray is what Finn et al. look for, in one pass
    (Kadane). (0, 0) if no token is positive. `tokens` : int8, or float64 where a tag does not weigh as much as a word.
    """
    best_begin, best_end, best = 0, 0, 0
    begin, total = 0, 0
    for at in range(tokens.size):
        total += tokens[at]
        if total > best:
            best_begin, best_end, best = begin, at + 1, total
        elif total < 0:
            begin, total = at + 1, 0
    return best_begin, best_end


@njit(cache=True, nogil=True)
def _symbol(byte: Number) -> bool:
    """First bytes of dashes, arrows and symbols (E2), of punctuation of Chinese and Japanese (E3 80, EF BC), of pictures (F0)."""
    return byte == 0xE2 or byte == 0xE3 or byte == 0xEF or byte == 0xF0


@njit(cache=True, nogil=True)
def _words(data: Array, begin: Number, end: Number, tokens: Array, filled: Number) -> Number:
    """Writes a WORD for each word of a run of text behind the `filled` tokens; how many there are then."""
    in_word = False
    at = begin
    while at < end:
        byte = data[at]
        if byte == 38 and at + 1 < end:
            # An entity: &nbsp; is white space; &amp; &lt; &gt; are no letters. There are no others.
            in_word = in_word and data[at + 1] != 110
            while at < end and data[at] != 59:
                at += 1
        elif byte <= 32:
            in_word = False
        elif at + 2 < end and (0xE4 <= byte <= 0xE9 or (byte == 0xE3 and data[at + 1] >= 0x81)):
            tokens[filled] = WORD
            filled += 1
            in_word = False
            at += 2
        elif not in_word and (97 <= byte <= 122 or 65 <= byte <= 90 or 48 <= byte <= 57 or (byte >= 0xC3 and not _symbol(byte))):
            tokens[filled] = WORD
            filled += 1
            in_word = True
        at += 1
    return filled


@njit(cache=True, nogil=True)
def _sequence(
    data: Array, parents: Array, begins: Array, hidden: Array, void: Array, runs: Any, first_run: Array, end_run: Array
) -> tuple[Array, Array, Array]:
    r_element, r_begin, r_end = runs
    bound = 2 * parents.size
    for run in range(r_begin.size):
        bound += r_end[run] - r_begin[run]
    tokens, filled = np.empty(bound, np.int8), 0
    first, last = np.zeros(first_run.size, np.int64), np.zeros(first_run.size, np.int64)
    unseen = np.zeros(parents.size, np.bool_)
    top, element, block = -1, 0, 0
    for run in range(r_begin.size + 1):
        stop = r_begin[run] if run < r_begin.size else data.size
        while element < parents.size and begins[element] <= stop:
            while top >= 0 and top != parents[element]:
                filled = _closed(tokens, filled, unseen[top])
                top = parents[top]
            unseen[element] = hidden[element] or (top >= 0 and unseen[top])
            filled = _closed(tokens, filled, unseen[element])
            if not void[element]:
                top = element
            element += 1
        while top >= 0 and (run == r_begin.size or top != r_element[run]):
            filled = _closed(tokens, filled, unseen[top])
            top = parents[top]
        if run == r_begin.size:
            break
        while block < first_run.size and run >= end_run[block]:
            block += 1
        if block == first_run.size or run < first_run[block]:
            # A line break between paragraphs, or behind the last, is in no block.
            continue
        if run == first_run[block]:
            first[block] = filled
        filled = _words(data, r_begin[run], r_end[run], tokens, filled)
        last[block] = filled
    return tokens[:filled], first, last


@njit(cache=True, nogil=True)
def _closed(tokens: Array, filled: Number, unseen: Number) -> Number:
    """Writes a TAG, unless it is one of what nobody sees."""
    if unseen:
        return filled
    tokens[filled] = TAG
    return filled + 1
