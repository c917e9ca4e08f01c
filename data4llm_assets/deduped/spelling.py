"""Token ids and the bytes of the text that each stands for, compiled: tokens are walked through the text they were made from."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit


class Spelling(NamedTuple):
    """The bytes of every id, end to end (uint8), and where they begin (int64)."""

    data: np.ndarray
    offsets: np.ndarray

    def passed_over(self) -> np.ndarray:
        """Bytes (bool[256]) that no token holds: a tokenizer leaves them out of texts."""
        return np.bincount(self.data, minlength=256) == 0


@njit(cache=True, nogil=True)
def _after(
    data: np.ndarray, position: Any, end: Any, token: Any, spelled: np.ndarray, bounds: np.ndarray, passed_over: np.ndarray
) -> tuple[Any, Any]:
    """Where a token begins and ends that is looked for from `position` on; -1 if the text does not go on with it."""
    begun: Any = np.int64(-1)
    if token + 1 >= len(bounds):
        return begun, position
    for i in range(bounds[token], bounds[token + 1]):
        while position < end and passed_over[data[position]]:
            position += 1
        if position == end or data[position] != spelled[i]:
            return np.int64(-1), position
        if begun < 0:
            begun = position
        position += 1
    return begun, position


@njit(cache=True, nogil=True)
def misspelled(
    data: np.ndarray, offsets: np.ndarray, ids: np.ndarray, counts: np.ndarray, spelled: np.ndarray, bounds: np.ndarray,
    passed_over: np.ndarray,
) -> int:  # fmt: skip
    """The number of the first text that is not what its tokens spell, or -1."""
    token = 0
    for row in range(len(offsets) - 1):
        position, end = offsets[row], offsets[row + 1]
        for _ in range(counts[row]):
            begun, position = _after(data, position, end, np.int64(ids[token]), spelled, bounds, passed_over)
            token += 1
            if begun < 0:
                return row
        while position < end:
            if not passed_over[data[position]]:
                return row
            position += 1
    return -1


@njit(cache=True, nogil=True)
def in_bytes(
    data: np.ndarray, offsets: np.ndarray, ids: np.ndarray, firsts: np.ndarray, lasts: np.ndarray, spelled: np.ndarray,
    bounds: np.ndarray, passed_over: np.ndarray, rows: np.ndarray, starts: np.ndarray, ends: np.ndarray,
) -> None:  # fmt: skip
    """Turn spans of tokens into spans of bytes of `data`, in place. What is passed over belongs to the token before it.

    firsts, lasts : where each text's ids begin and end. rows, starts, ends : the text, and the numbers of the tokens among its
    own, of each span; in order, disjoint.
    """
    span = 0
    for row in range(len(offsets) - 1):
        position, end, count = offsets[row], offsets[row + 1], lasts[row] - firsts[row]
        open_end = False
        for number in range(count + 1):
            if span == len(rows) or rows[span] != row:
                break
            begun = end
            if number < count:
                token = np.int64(ids[firsts[row] + number])
                begun, position = _after(data, position, end, token, spelled, bounds, passed_over)
            if number == 0:
                begun = offsets[row]
            if open_end and ends[span] == number:
                ends[span] = begun
                open_end = False
                span += 1
            if span < len(rows) and rows[span] == row and not open_end and starts[span] == number:
                starts[span] = begun
                open_end = True
