"""From marked windows to the spans of text that they cover, compiled: disjoint, of one partner each, of whole characters."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def spans(
    offsets: np.ndarray, marks: np.ndarray, length: int, row: int, end_row: int,
    rows: np.ndarray, starts: np.ndarray, ends: np.ndarray, partners: np.ndarray,
) -> int:  # fmt: skip
    """The symbols that marked windows of some documents cover, as disjoint spans of one partner each: of the first window there.

    Fills document, start and end (symbols of the whole), and the partner's document, as far as there is room. Returns how many.
    """
    count = 0
    for document in range(row, end_row):
        covered, partner = -1, np.uint32(0)
        for start in range(offsets[document], offsets[document + 1] - length + 1):
            if marks[start] == 0:
                continue
            if start > covered or marks[start] != partner:
                if count < len(rows):
                    rows[count], starts[count], partners[count] = document, max(start, covered), np.int64(marks[start]) - 1
                count += 1
                partner = marks[start]
            covered = start + length
            if count <= len(rows):
                ends[count - 1] = covered
    return count


@njit(cache=True, nogil=True)
def whole(data: np.ndarray, bounds: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> None:
    """Shrink spans of UTF-8 texts to whole characters, in place; one without any is left with its start at its end.

    data : the bytes of the texts; `bounds` (int64[n, 2]) are those of each span's text. The spans are in order and disjoint. A
    character that two spans have in common belongs to the first.
    """
    limit, text, begun = np.int64(-1), np.int64(-1), np.int64(-1)
    for span in range(len(starts) - 1, -1, -1):
        start, end = starts[span], ends[span]
        if bounds[span, 0] != text or end != begun:  # what is covered ends here
            limit = end
            while limit < bounds[span, 1] and data[limit] & 0xC0 == 0x80:
                limit -= 1
        text, begun = bounds[span, 0], start
        while end < limit and data[end] & 0xC0 == 0x80:
            end += 1
        while start < limit and data[start] & 0xC0 == 0x80:
            start += 1
        starts[span], ends[span] = min(start, limit), min(end, limit)
