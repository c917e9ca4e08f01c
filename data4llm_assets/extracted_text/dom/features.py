"""The features of a page's blocks, for models that judge them: what each says, what is around it, what the whole page is like."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data4llm_assets.extracted_text.dom import measures as m
from data4llm_assets.extracted_text.dom import tags
from data4llm_assets.extracted_text.dom.announcements import announcements
from data4llm_assets.extracted_text.dom.lexicon import CLASS_NAMES, TEXT_NAMES, TEXT_WORDS
from data4llm_assets.extracted_text.dom.scan import HIDDEN, IMAGE, MEDIA
from data4llm_assets.extracted_text.dom.tree import Tree

Array = NDArray[Any]

AROUND = (
    "nav", "footer", "header", "main", "article", "aside", "form", "table", "ul", "ol", "li", "figure", "blockquote", "pre", "code",
    "dialog", "button", "section", "details", "label", "a", "address", "p", "td", "th", "dl", "figcaption", "time", "strong", "b",
    "x-noscript",
)  # fmt: skip
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_OF_TAG = (
    "p", "li", "td", "th", "div", "pre", "dt", "dd", "figcaption", "blockquote", "section", "body", "summary", "label", "article",
)  # fmt: skip
_OF_TAG_IDS = np.array([tags.ID[name] for name in _OF_TAG], np.uint8)
_AROUND_BITS = np.array([tags.AROUND[name] for name in AROUND], np.uint64)
_CLASS_BITS = np.uint64(1) << np.arange(len(CLASS_NAMES), dtype=np.uint64)
LEVELS = 5
_NEIGHBOURS = (-3, -2, -1, 1, 2, 3)

_TEXT_COLUMNS = (
    "words", "characters", "link_density", "word_length", "sentences", "commas", "digits", "capitals", "separators", "currencies",
    "bold", "links", "breaks", "ends_sentence", "starts_upper", "longest_word", "code", "titled", "repeated", "repeated_words",
    "in_title", "in_description", "in_data",
)  # fmt: skip
_PLACE_COLUMNS = (
    "depth", "rank", "words_before", "share_before", "after_h1", "since_h1", "since_heading", "heading_above", "heading", "hidden",
    "alike", "alike_words", "alike_mean", "article_share", "main_share", "first_of_parent",
)  # fmt: skip
_HOLDER_COLUMNS = ("share", "link_density", "blocks", "words_per_block", "sentences", "long_share", "images")
_NEIGHBOUR_COLUMNS = ("words", "link_density", "sentences", "same_holder", "heading")
_PAGE_COLUMNS = (
    "words", "blocks", "link_density", "long_share", "sentences", "h1", "articles", "has_main", "images", "media", "paragraphs",
    "forms", "items", "cells", "code", "headings", "depth", "currencies", "digits", "function", "alike_most", "main_words",
    "article_words", "largest_article", "elements",
)  # fmt: skip
NAMES: tuple[str, ...] = (
    *_TEXT_COLUMNS,
    *(f"says_{name}" for name in TEXT_NAMES),
    *(f"is_{name}" for name in _OF_TAG),
    *(f"in_{name}" for name in AROUND),
    *(f"near_{name}" for name in CLASS_NAMES),
    *(f"all_{name}" for name in CLASS_NAMES),
    *_PLACE_COLUMNS,
    *(f"{column}_{level}" for level in range(LEVELS) for column in _HOLDER_COLUMNS),
    *(f"{column}_{offset:+d}" for offset in _NEIGHBOURS for column in _NEIGHBOUR_COLUMNS),
    *(f"page_{name}" for name in _PAGE_COLUMNS),
)
"""Columns of `Features.blocks`, in order."""
PAGE_COLUMNS = slice(len(NAMES) - len(_PAGE_COLUMNS), len(NAMES))


class Features(NamedTuple):
    """blocks: float32, one row a block of the tree with a word, columns NAMES. rows: which blocks those are.

    words : of each. elements : the block element of each. holders : that and those around it, nearest first. headings : the level
    of each, 0 for no heading. alike : a hash of names and classes around each. stream, ends : hashes of the words, and where those
    of each block end.
    """

    blocks: Array
    rows: Array
    words: Array
    elements: Array
    holders: Array
    headings: Array
    alike: Array
    stream: Array
    ends: Array


def features(tree: Tree) -> Features:
    """The features of every block that has a word.

    Sums of counts and ratios of two, nothing else: the same bits on every machine. Trees do not need logarithms.
    """
    elements, runs, blocks = tree.elements, tree.runs, tree.blocks
    found, hashes, stream, ends = m.counts(
        tree.data,
        tuple(runs),
        tuple(blocks),
        elements.around,
        *TEXT_WORDS,
        len(TEXT_NAMES),
        (tags.AROUND["a"], tags.around("b", "strong"), tags.around("pre", "code", "kbd", "samp", "tt")),
    )
    rows = np.flatnonzero(found[:, m.WORDS] > 0)
    found, hashes, ends = found[rows], hashes[rows], ends[rows]
    element = blocks.element[rows]
    words, count = found[:, m.WORDS], len(rows)
    levels = m.holders(elements.parent, elements.kind, element, LEVELS)
    if not count:
        none = np.zeros((0, len(NAMES)), np.float32)
        return Features(none, rows, words, element, levels, words, elements.signature[element], stream, ends)
    columns: list[Array] = []
    per_word = 1 / words
    times, repeated_words = m.repeated(hashes, words)
    link_density = found[:, m.LINK_WORDS] * per_word
    sentences = found[:, m.SENTENCES] * per_word
    characters = found[:, m.CHARACTERS]
    total = float(words.sum())
    columns += [
        words, characters, link_density, characters * per_word, sentences, found[:, m.COMMAS] * per_word,
        found[:, m.DIGITS] / np.maximum(characters, 1), found[:, m.CAPITALS] / np.maximum(characters, 1),
        found[:, m.SEPARATORS] * per_word, found[:, m.CURRENCIES], found[:, m.BOLD_WORDS] * per_word, found[:, m.LINKS],
        found[:, m.BREAKS], found[:, m.FINAL], found[:, m.UPPER_START], found[:, m.LONGEST], found[:, m.CODE_WORDS] * per_word,
        found[:, m.TITLED] * per_word, times, repeated_words / total, *_announced(tree, stream, ends),
    ]  # fmt: skip
    columns.append(found[:, m.GROUPS :] * per_word[:, None])
    tag = elements.tag[element]
    columns.append(tag[:, None] == _OF_TAG_IDS)
    innermost = runs.element[blocks.first[rows]]
    around = elements.around[innermost]
    columns.append((around[:, None] & _AROUND_BITS) != 0)
    near, every = m.near_groups(elements.parent, elements.own, innermost, element), elements.groups[innermost]
    columns += [(near[:, None] & _CLASS_BITS) != 0, (every[:, None] & _CLASS_BITS) != 0]

    # Places
    heading = np.zeros(count, np.float32)
    for level, name in enumerate(HEADINGS, 1):
        heading[(around & tags.AROUND[name]) != 0] = level
    ranks = np.arange(count, dtype=np.float32)
    before = np.cumsum(words) - words
    firsts = np.flatnonzero(heading == 1)
    h1 = int(firsts[0]) if len(firsts) else -1
    last_heading = np.maximum.accumulate(np.where(heading > 0, np.arange(count), -1))
    heading_above = np.where(last_heading >= 0, heading[np.maximum(last_heading, 0)], 0)
    alike, alike_words = m.repeated(elements.signature[element], words)
    article = m.nearest(elements.parent, elements.tag, element, tags.ID["article"])
    main = m.nearest(elements.parent, elements.tag, element, tags.ID["main"])
    is_long = words >= m.LONG_BLOCK
    summed = np.stack(
        [words, found[:, m.LINK_WORDS], np.ones(count, np.float32), found[:, m.SENTENCES], np.where(is_long, words, 0)], axis=1
    ).astype(np.float32)
    over = m.sums(elements.parent, element, summed)
    flags = elements.flags
    pictures = m.sums(
        elements.parent, np.arange(len(elements.parent), dtype=np.int32), ((flags & IMAGE) != 0).astype(np.float32)[:, None]
    )[:, 0]
    article_share = np.where(article >= 0, over[np.maximum(article, 0), 0], 0) / total
    main_share = np.where(main >= 0, over[np.maximum(main, 0), 0], 0) / total
    columns += [
        elements.depth[element], ranks / count, before, before / total, ranks > h1 if h1 >= 0 else np.zeros(count),
        ranks - h1 if h1 >= 0 else np.full(count, -10_000),
        (ranks - last_heading), heading_above, heading, (flags[innermost] & HIDDEN) != 0,
        alike, alike_words / total, (alike_words / alike), article_share, main_share,
        np.concatenate([[True], element[1:] != element[:-1]]),
    ]  # fmt: skip
    for level in range(LEVELS):
        sums = over[levels[:, level]]
        inside = np.maximum(sums[:, 0], 1)
        columns += [
            sums[:, 0] / total, sums[:, 1] / inside, sums[:, 2], (sums[:, 0] / np.maximum(sums[:, 2], 1)),
            sums[:, 3] / inside, sums[:, 4] / inside, pictures[levels[:, level]],
        ]  # fmt: skip
    beside = (words, link_density, sentences, levels[:, 1], heading)
    for offset in _NEIGHBOURS:
        columns += [_shifted(values, offset) if name != "same_holder" else _shifted(values, offset) == values
                    for name, values in zip(_NEIGHBOUR_COLUMNS, beside, strict=True)]  # fmt: skip
    tag_count = np.bincount(elements.tag, minlength=len(tags.NAMES))

    def share(*names: str) -> float:
        return float(words[(around & tags.around(*names)) != 0].sum()) / total

    page = (
        total, count, float(found[:, m.LINK_WORDS].sum()) / total, float(words[is_long].sum()) / total,
        float(found[:, m.SENTENCES].sum()) / total, tag_count[tags.ID["h1"]], (tag_count[tags.ID["article"]]),
        tag_count[tags.ID["main"]] > 0, np.count_nonzero(flags & IMAGE), np.count_nonzero(flags & MEDIA),
        share("p"), share("form"), share("li"), share("td", "th"), share("pre", "code"), float(np.count_nonzero(heading)) / count,
        float(np.mean(elements.depth[element])), float(found[:, m.CURRENCIES].sum()) / count,
        float(found[:, m.DIGITS].sum() / max(characters.sum(), 1)), float(found[:, m.GROUPS].sum()) / total,
        float((alike_words / total).max()), float(words[main >= 0].sum()) / total, float(words[article >= 0].sum()) / total,
        float(article_share.max()), len(elements.tag),
    )  # fmt: skip
    matrix = np.empty((count, len(NAMES)), np.float32)
    number = 0
    for column in columns:
        if column.ndim == 1:
            matrix[:, number] = column
            number += 1
        else:
            matrix[:, number : number + column.shape[1]] = column
            number += column.shape[1]
    matrix[:, PAGE_COLUMNS] = page
    return Features(matrix, rows, words, element, levels, heading, elements.signature[element], stream, ends)


def _announced(tree: Tree, stream: Array, ends: Array) -> Iterator[Array]:
    """How much of each block stands in what the page says of its text: in its title, its description, its linked data."""
    for text, width in zip(announcements(tree.data.tobytes()), (1, 3, 3), strict=True):
        yield m.covered(stream, ends, word_hashes(text), width) if text else np.zeros(len(ends), np.float32)


def word_hashes(text: bytes) -> Array:
    """Hashes of the words of a text (UTF-8), as `measures.counts` makes them of a block."""
    # A text is a page of one run.
    run = (np.zeros(1, np.int32), np.zeros(1, np.int32), np.full(1, len(text), np.int32))
    block = (np.zeros(1, np.int32), np.ones(1, np.int32), np.zeros(1, np.int32))
    none = np.uint64(0)
    return m.counts(
        np.frombuffer(text, np.uint8), run, block, np.zeros(1, np.uint64), *TEXT_WORDS, len(TEXT_NAMES), (none, none, none)
    )[2]


def _shifted(values: Array, offset: int) -> Array:
    """Values of the block so far away; -1 beyond the ends of the page."""
    moved = np.full(len(values), -1, values.dtype)
    if abs(offset) < len(values):
        if offset < 0:
            moved[-offset:] = values[:offset]
        else:
            moved[:-offset] = values[offset:]
    return moved
