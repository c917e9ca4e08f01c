"""Words of bytes to numbers: FNV-1a and tables of open addresses, for compiled loops to look into.

How a loop looks into a table (`_number`) stands in every file of kernels again: numba's cache of compiled code looks at the file
of the outermost function alone, so that a change here would go unnoticed there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

OFFSET, PRIME = 0xCBF29CE484222325, 0x100000001B3
"""Of 64-bit FNV-1a (Fowler, Noll, Vo)."""


class Table(NamedTuple):
    """Hashes of words (UInt64; 0 is an empty place) and the number of each (UInt8). The length is a power of two."""

    keys: np.ndarray
    values: np.ndarray


def fnv(word: bytes) -> int:
    state = OFFSET
    for byte in word:
        state = ((state ^ byte) * PRIME) & 0xFFFFFFFFFFFFFFFF
    return state


def table(words: Mapping[str, int]) -> Table:
    """A table of words, all lower-case, and numbers from 1 to 255; 0 means that a word is not there."""
    size = 64
    while size < 4 * len(words):
        size *= 2
    keys, values = np.zeros(size, np.uint64), np.zeros(size, np.uint8)
    for word, number in words.items():
        key = fnv(word.encode())
        place = key & (size - 1)
        while keys[place]:
            place = (place + 1) & (size - 1)
        keys[place], values[place] = key, number
    return Table(keys, values)
