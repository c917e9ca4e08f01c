"""What Dragnet sees of a page: its coarse blocks, and 45 features of each (Peters, Lecocq, WWW 2013 Companion).

The blocks of the tree are finer: here neighbours are one block unless an element of `CUTS` begins or ends between them.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from data4llm_assets.extracted_text.dom import measures as m
from data4llm_assets.extracted_text.dom import tags
from data4llm_assets.extracted_text.dom.lexicon import CLASS_NAMES, TEXT_NAMES, TEXT_WORDS
from data4llm_assets.extracted_text.dom.tree import Tree

Array: TypeAlias = NDArray[Any]

CUTS = ("h1", "h2", "h3", "h4", "h5", "h6", "p", "div", "table", "map")
TOKENS = (
    "content", "article", "post", "text", "main", "nav", "breadcrumb", "header", "footer", "side", "comments", "share", "related",
    "advert", "consent", "account", "byline", "tags", "figure", "overlay", "hidden", "search", "form", "product", "price", "review",
    "forum", "profile", "grid", "document", "pager", "legal", "title", "lead", "tools", "table",
)  # fmt: skip
"""Groups of words in ids and classes (`lexicon.CLASS_GROUPS`), looked for at a block's own elements and at the two around them."""
NAMES: tuple[str, ...] = (
    "text_density_before", "text_density", "text_density_after", "link_density_before", "link_density", "link_density_after",
    "content_tag_ratio", "content_tag_change", "readability", *(f"has_{name}" for name in TOKENS),
)  # fmt: skip
"""Columns of `DragnetFeatures.blocks`, in order."""

LINE = 80
"""Characters: text density is words a line, and a shorter block is one line (Kohlschütter, Fankhauser, Nejdl, WSDM 2010)."""
AHEAD = 3
"""Blocks whose mean content-tag ratio is held against a block's own (Weninger, Hsu, Han, WWW 2010)."""
_GAUSSIAN = np.exp(-(np.arange(-4.0, 5.0) ** 2) / 2)
_SHORTEST, _CHARACTERS, _MOST_POINTS = 25, 100, 3.0
"""Of Arc90's Readability: shorter paragraphs give no points; a point for so many characters, but no more than three."""
_CLASS_POINTS = 25.0
_LIKELY, _UNLIKELY = (
    np.uint64(sum(1 << CLASS_NAMES.index(name) for name in names))
    for names in (
        ("content", "article", "post", "text", "main"),
        ("nav", "side", "footer", "comments", "share", "related", "advert", "overlay", "hidden"),
    )
)
_IS_CUT = np.isin(np.array(tags.NAMES), CUTS)
_BITS = np.array([1 << CLASS_NAMES.index(name) for name in TOKENS], np.uint64)


class DragnetFeatures(NamedTuple):
    """blocks : float32, one row a coarse block with a word, columns NAMES. words : int64, of each.
    row : int64, one a block of the tree: its coarse block's row; -1 where that has no word."""

    blocks: Array
    words: Array
    row: Array


def dragnet_features(tree: Tree) -> DragnetFeatures:
    """The features of a page. Pure arithmetic on counts: the same bits on every machine of one kind."""
    elements, runs, blocks = tree.elements, tree.runs, tree.blocks
    first, number = _coarse(tree)
    found = m.counts(
        tree.data, tuple(runs), tuple(blocks), elements.around, *TEXT_WORDS, len(TEXT_NAMES),
        (tags.AROUND["a"], np.uint64(0), np.uint64(0)),
    )[0]  # fmt: skip
    sums = np.add.reduceat(found.astype(np.float64), first) if len(first) else np.zeros((0, found.shape[1]))
    worded = np.flatnonzero(sums[:, m.WORDS] > 0)
    row = np.full(len(first), -1, np.int64)
    row[worded] = np.arange(len(worded))
    words = sums[worded, m.WORDS]
    if not len(worded):
        return DragnetFeatures(np.zeros((0, len(NAMES)), np.float32), words.astype(np.int64), row[number])
    links, commas = sums[worded, m.LINK_WORDS], sums[worded, m.COMMAS]
    # As a reader sees them, with one space between two words; punctuation is left out.
    characters = sums[worded, m.CHARACTERS] + words - 1
    element, innermost = blocks.element[first[worded]], runs.element[blocks.first[first[worded]]]
    text_density = np.log1p(words * LINE / np.maximum(characters, LINE))
    link_density = links / words
    ratio, change = _content_tag_ratio(characters / np.maximum(_tags(tree, first, worded), 1))
    near = m.near_groups(elements.parent, elements.own, innermost, element)
    matrix = np.empty((len(worded), len(NAMES)), np.float32)
    for column, values in enumerate(
        (*_before_and_after(text_density), *_before_and_after(link_density), ratio, change,
         _readability(tree, element, words, links, commas, characters))
    ):  # fmt: skip
        matrix[:, column] = values
    matrix[:, -len(TOKENS) :] = (near[:, None] & _BITS) != 0
    return DragnetFeatures(matrix, words.astype(np.int64), row[number])


def _coarse(tree: Tree) -> tuple[Array, Array]:
    """(the first block of the tree of each coarse block, the number of the coarse block of each block of the tree)."""
    elements, runs, blocks = tree.elements, tree.runs, tree.blocks
    count = len(blocks.first)
    if not count:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    cut = _IS_CUT[elements.tag]
    within = _nearest(elements.parent, cut)
    begun = elements.begin[cut]
    opens, closes = runs.begin[blocks.first], runs.end[blocks.end - 1]
    parted = np.ones(count, np.bool_)
    parted[1:] = within[runs.element[blocks.end[:-1] - 1]] != within[runs.element[blocks.first[1:]]]
    # Or one lies between them that has no text.
    parted[1:] |= np.searchsorted(begun, opens[1:]) > np.searchsorted(begun, closes[:-1])
    return np.flatnonzero(parted), np.cumsum(parted) - 1


def _tags(tree: Tree, first: Array, worded: Array) -> Array:
    """How many elements begin in each coarse block or between it and the one before; of those that nobody sees, none."""
    elements, runs, blocks = tree.elements, tree.runs, tree.blocks
    seen = elements.begin[elements.kind != tags.UNSEEN]
    last = np.append(first[1:], len(blocks.first))[worded] - 1
    return np.diff(np.searchsorted(seen, runs.end[blocks.end[last] - 1]), prepend=0)


def _content_tag_ratio(ratios: Array) -> tuple[Array, Array]:
    """(characters a tag, smoothed over the neighbours; how much the next blocks differ). Logarithms: one long text is not all."""
    smooth = _smoothed(np.log1p(ratios))
    ahead = np.concatenate([smooth, np.repeat(smooth[-1], AHEAD)])
    mean = sum(ahead[offset : len(smooth) + offset] for offset in range(1, AHEAD + 1)) / AHEAD
    return smooth, np.abs(_smoothed(mean - smooth))


def _smoothed(values: Array) -> Array:
    """By a Gaussian of one block; beyond the ends of the page stands what stands there."""
    reach = len(_GAUSSIAN) // 2
    return np.convolve(np.pad(values, reach, mode="edge"), _GAUSSIAN / _GAUSSIAN.sum(), "valid")


def _readability(tree: Tree, element: Array, words: Array, links: Array, commas: Array, characters: Array) -> Array:
    """The best score of the elements around each block, as a share of the page's best, as Arc90's Readability (2009) gives scores.

    A paragraph gives its points to the element around it, and half of them to the one around that; ids and classes add to it, and
    links take away from it.
    """
    parents, size = tree.elements.parent, len(tree.elements.parent)
    points = np.where(characters >= _SHORTEST, 1 + commas + np.minimum(characters / _CHARACTERS, _MOST_POINTS), 0)
    _, inner, outer = m.holders(parents, tree.elements.kind, element, 3).T
    scores = np.bincount(inner, points, size) + np.bincount(outer, points / 2, size)
    own = tree.elements.own
    classes = _CLASS_POINTS * ((own & _LIKELY) != 0) - _CLASS_POINTS * ((own & _UNLIKELY) != 0)
    within = m.sums(parents, element, np.stack([words, links], axis=1).astype(np.float32))
    shares = 1 - within[:, 1] / np.maximum(within[:, 0], 1)
    best = np.maximum(_highest(parents, np.where(scores > 0, (scores + classes) * shares, 0.0))[element], 0)
    return best / (best.max() or 1.0)


def _before_and_after(values: Array) -> tuple[Array, Array, Array]:
    """Of the block before, of each, of the block after; 0 beyond the ends of the page."""
    around = np.pad(values, 1)
    return around[:-2], values, around[2:]


@njit(cache=True, nogil=True)
def _nearest(parents: Array, marked: Array) -> Array:
    """The nearest marked element at or above each: int32, -1 where there is none."""
    found = np.full(parents.size, -1, np.int32)
    for element in range(parents.size):
        if marked[element]:
            found[element] = element
        elif parents[element] >= 0:
            found[element] = found[parents[element]]
    return found


@njit(cache=True, nogil=True)
def _highest(parents: Array, scores: Array) -> Array:
    """The highest score at or above each element: float64."""
    found = scores.copy()
    for element in range(parents.size):
        if parents[element] >= 0 and found[parents[element]] > found[element]:
            found[element] = found[parents[element]]
    return found
