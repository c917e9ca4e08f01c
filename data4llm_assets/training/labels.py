"""Which blocks of a page are its main text, as people marked it: what models that judge blocks learn from."""

from __future__ import annotations

from html import unescape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data4llm_assets.evaluation.extraction import words
from data4llm_assets.extracted_text.dom.tree import Tree
from data4llm_assets.training.alignment import MOST_CELLS, aligned

Array = NDArray[Any]


def block_labels(tree: Tree, rows: Array, truth: str) -> Array:
    """Share of each block's words that are main text: float32, 0 for a block without words.

    Parameters
    ----------
    rows : numbers of blocks, ascending; the words of others are passed over. truth : the page's main text, in order of the page.

    A passage that stands on the page more often than in the truth is main text where what stands around it is.
    """
    by_block = block_words(tree, rows)
    page = [word for block in by_block for word in block]
    counts = np.array([len(block) for block in by_block], np.int64)
    ends = np.cumsum(counts)
    true = words(truth)
    if not page or not true:
        return np.zeros(len(rows), np.float32)
    starts = np.zeros(len(page), np.bool_)
    starts[(ends - counts)[counts > 0]] = True
    numbers: dict[str, int] = {}
    ids = [np.array([numbers.setdefault(word, len(numbers)) for word in each], np.int32) for each in (page, true)]
    matched = aligned(ids[0], starts, ids[1][: max(1, MOST_CELLS // len(page))])
    total = np.concatenate([np.zeros(1, np.int64), np.cumsum(matched)])
    return ((total[ends] - total[ends - counts]) / np.maximum(counts, 1)).astype(np.float32)


def block_words(tree: Tree, rows: Array) -> list[list[str]]:
    """The words of each of these blocks, lower-cased, as texts are compared by (`evaluation.extraction`)."""
    data, begin, end = tree.data.tobytes(), tree.runs.begin.tolist(), tree.runs.end.tolist()
    found = []
    for block in rows:
        # An empty run is a line break.
        runs = (data[begin[run] : end[run]] or b"\n" for run in range(tree.blocks.first[block], tree.blocks.end[block]))
        found.append(words(unescape(b"".join(runs).decode("utf-8", "replace"))))
    return found
