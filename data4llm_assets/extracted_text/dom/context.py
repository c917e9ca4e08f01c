"""What a first judgement of all blocks says about each: how its neighbours, its containers and its likes were judged."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from data4llm_assets.extracted_text.dom import measures as m
from data4llm_assets.extracted_text.dom.features import LEVELS, Features
from data4llm_assets.extracted_text.dom.tree import Tree

Array = NDArray[Any]
_OFFSETS = (-4, -3, -2, -1, 1, 2, 3, 4)
_REACHES = (3, 10, 30)
NAMES: tuple[str, ...] = (
    "judged",
    *(f"judged_{offset:+d}" for offset in _OFFSETS),
    *(f"judged_within_{reach}" for reach in _REACHES),
    "judged_before",
    "judged_page",
    "judged_most",
    *(f"{column}_{level}" for level in range(LEVELS) for column in ("judged_holder", "judged_holder_share")),
    "judged_alike",
    "judged_heading",
    "judged_section",
)


def context(tree: Tree, found: Features, judged: Array) -> Array:
    """Columns NAMES, float32, one row a block. `judged` : float32, how probable each block is main text."""
    weighted = np.stack([found.words * judged, found.words], axis=1).astype(np.float32)
    over = m.sums(tree.elements.parent, found.elements, weighted)
    alike, _ = m.repeated(found.alike, found.words)
    _, judged_alike = m.repeated(found.alike, judged)
    return np.asarray(
        _context(
            judged,
            found.words,
            found.holders,
            over,
            judged_alike / alike,
            found.headings,
            np.array(_OFFSETS),
            np.array(_REACHES),
            len(NAMES),
        )
    )


@njit(cache=True, nogil=True)
def _context(
    judged: Any, words: Any, holders: Any, over: Any, alike: Any, headings: Any, offsets: Any, reaches: Any, width: int
) -> Any:
    count = judged.size
    rows = np.zeros((count, width), np.float32)
    until, weight = np.zeros(count + 1, np.float64), np.zeros(count + 1, np.float64)
    most = np.float32(0)
    for block in range(count):
        until[block + 1] = until[block] + words[block] * judged[block]
        weight[block + 1] = weight[block] + words[block]
        most = max(most, judged[block])
    everything = max(until[count], 1e-9)
    # Sections lie between headings.
    section = np.zeros(count, np.int64)
    heading: Any = np.int64(-1)
    begins = np.zeros(count + 2, np.int64)  # where each begins, and the end of the last: also of a page without blocks
    sections = 0
    for block in range(count):
        if headings[block] > 0 and (block == 0 or headings[block - 1] == 0):
            heading = block
            if block:
                sections += 1
                begins[sections] = block
        section[block] = sections
        rows[block, width - 2] = judged[heading] if heading >= 0 else -1
    begins[sections + 1] = count
    for block in range(count):
        row = rows[block]
        row[0] = judged[block]
        column = 1
        for offset in offsets:
            other = block + offset
            row[column] = judged[other] if 0 <= other < count else -0.1
            column += 1
        for reach in reaches:
            low, high = max(0, block - reach), min(count, block + reach + 1)
            row[column] = (until[high] - until[low]) / (weight[high] - weight[low])
            column += 1
        row[column] = until[block] / everything
        row[column + 1] = until[count] / weight[count]
        row[column + 2] = most
        column += 3
        for level in range(holders.shape[1]):
            inside = over[holders[block, level]]
            row[column] = inside[0] / max(inside[1], np.float32(1))
            row[column + 1] = inside[0] / everything
            column += 2
        row[column] = alike[block]
        low, high = begins[section[block]], begins[section[block] + 1]
        row[width - 1] = (until[high] - until[low]) / (weight[high] - weight[low])
    return rows
