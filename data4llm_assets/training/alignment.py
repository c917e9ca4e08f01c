"""Which words of a page are its main text: the page's words in order, aligned with the words of the text that people marked."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[Any]
START, START_OF_BLOCK = np.float32(1.6), np.float32(0.7)
"""What it costs to begin a run of matching words: a word that stands in both by chance is no match, unless it opens a block."""
MOST_CELLS = 1_000_000_000
"""Of the table of alignments: a byte each. Beyond it only the beginning of the marked text is aligned."""


@njit(cache=True, nogil=True)
def aligned(page: Array, starts: Array, truth: Array) -> Array:
    """Whether each word of the page is matched: bool.

    Parameters
    ----------
    page, truth : int32, words as numbers. starts : bool, the word opens a block.

    The best order-preserving alignment: a point for each matched pair, START (or START_OF_BLOCK) off for each run of neighbours.
    """
    rows, columns = page.size, truth.size
    # Bit 1: the best of this cell comes from a match; 2: that goes on with the match before; 4: the best is that of the cell above.
    table = np.zeros((rows + 1, columns + 1), np.uint8)
    best, match = np.zeros(columns + 1, np.float32), np.full(columns + 1, np.float32(-1e9), np.float32)
    for row in range(1, rows + 1):
        word, start = page[row - 1], START_OF_BLOCK if starts[row - 1] else START
        diagonal_best, diagonal_match = best[0], match[0]
        for column in range(1, columns + 1):
            above_best, above_match = best[column], match[column]
            now = np.float32(-1e9)
            flag = np.uint8(0)
            if word == truth[column - 1]:
                begun, gone_on = diagonal_best - start + np.float32(1), diagonal_match + np.float32(1)
                if gone_on >= begun:
                    now, flag = gone_on, np.uint8(2)
                else:
                    now = begun
            if above_best >= best[column - 1]:
                here = above_best
                flag |= np.uint8(4)
            else:
                here = best[column - 1]
            if now > here:
                here = now
                flag |= np.uint8(1)
            table[row, column] = flag
            best[column], match[column] = here, now
            diagonal_best, diagonal_match = above_best, above_match
    found = np.zeros(rows, np.bool_)
    row, column = rows, columns
    in_run = False
    while row > 0 and column > 0:
        flag = table[row, column]
        if in_run or flag & 1:
            found[row - 1] = True
            in_run = (flag & 2) != 0
            row -= 1
            column -= 1
        elif flag & 4:
            row -= 1
        else:
            column -= 1
    return found
