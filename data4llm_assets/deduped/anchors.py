"""Anchors: pieces of half a window's length, so many symbols apart that every window holds one; which of them stand twice.

A window can only occur twice if its anchor's piece does, and anchors are few: they go into a table, all pieces of all texts pass
by it, and most text is done with. Hashes that meet by accident make an anchor look repeated, never the other way round.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from data4llm_assets.deduped.shingles import mix

RADIX = np.uint64(0xD1342543DE82EF95)
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_ZERO, _ONE, _TWO, _THREE = (np.uint64(value) for value in range(4))
_S24, _S34 = np.uint64(24), np.uint64(34)
PARTS = 1 << 16
_PART = np.uint64(PARTS - 1)


@njit(cache=True, nogil=True)
def state(symbols: np.ndarray, start: int, length: int) -> np.uint64:
    """A polynomial modulo 2^64, which rolls on: `state * RADIX + entering - leaving * power(length)`."""
    value = _ZERO
    for i in range(start, start + length):
        value = value * RADIX + (np.uint64(symbols[i]) + _ONE)
    return value


@njit(cache=True, nogil=True)
def power(length: int) -> np.uint64:
    value = _ONE
    for _ in range(length):
        value *= RADIX
    return value


@njit(cache=True, nogil=True)
def home(found: np.uint64, slots: int) -> Any:
    """Where a hash belongs in a table of so many slots, a power of two."""
    return np.int64(found * _SPREAD >> _S24) & (slots - 1)


@njit(cache=True, nogil=True)
def within(found: np.uint64, first: np.uint64, last: np.uint64) -> Any:
    """Whether a hash lies in a range of the `PARTS` that passes divide."""
    return first <= (found & _PART) < last


@njit(cache=True, nogil=True)
def count(offsets: np.ndarray, length: int, stride: int) -> Any:
    """How many there are: of each document, up to the first at or after the beginning of its last window."""
    found = 0
    for row in range(len(offsets) - 1):
        windows = offsets[row + 1] - offsets[row] - length + 1
        if windows > 0:
            found += (windows + stride - 2) // stride + 1
    return found


@njit(cache=True, nogil=True)
def _seek(slots: np.ndarray, found: np.uint64) -> Any:
    """The slot of a piece's hash, or a free one: it holds 30 bits of the hash and, below them, how often it was seen."""
    mask, tag = len(slots) - 1, found >> _S34
    slot = home(found, len(slots))
    while slots[slot] != 0 and np.uint64(slots[slot]) >> _TWO != tag:
        slot = (slot + 1) & mask
    return slot


@njit(cache=True, nogil=True)
def enter(
    symbols: np.ndarray, offsets: np.ndarray, row: int, end_row: int, length: int, piece: int, stride: int,
    bits: np.uint64, first: np.uint64, last: np.uint64, slots: np.ndarray, sieve: np.ndarray, left: int,
) -> int:  # fmt: skip
    """Enter the anchors of some documents whose hashes are in the range; how many more there is room for, or -1."""
    for document in range(row, end_row):
        begin, final = offsets[document], offsets[document + 1] - length
        for start in range(begin, final + stride if final >= begin else begin, stride):
            found = mix(state(symbols, start, piece)) & bits
            if within(found, first, last):
                slot = _seek(slots, found)
                if slots[slot] == 0:
                    if left == 0:
                        return -1
                    left -= 1
                    slots[slot] = np.uint32((found >> _S34) << _TWO | _ONE)
                    bit = home(found, 32 * len(sieve))
                    sieve[bit >> 5] |= np.uint32(1) << np.uint32(bit & 31)
    return left


@njit(cache=True, nogil=True)
def meet(
    symbols: np.ndarray, offsets: np.ndarray, row: int, end_row: int, length: int, piece: int,
    bits: np.uint64, first: np.uint64, last: np.uint64, slots: np.ndarray, sieve: np.ndarray,
) -> None:  # fmt: skip
    """Count in the table, up to two, how often its pieces stand in some documents: an anchor meets itself, at least."""
    leading = power(piece)
    for document in range(row, end_row):
        begin, end = offsets[document], offsets[document + 1]
        if end - begin < length:
            continue
        rolled = state(symbols, begin, piece)
        for start in range(begin, end - piece + 1):
            found = mix(rolled) & bits
            bit = home(found, 32 * len(sieve))
            if sieve[bit >> 5] >> np.uint32(bit & 31) & np.uint32(1) and within(found, first, last):
                slot = _seek(slots, found)
                if slots[slot] != 0 and np.uint64(slots[slot]) & _THREE != _THREE:
                    slots[slot] += np.uint32(1)
            if start + piece < end:
                entering, leaving = np.uint64(symbols[start + piece]) + _ONE, np.uint64(symbols[start]) + _ONE
                rolled = rolled * RADIX + (entering - leaving * leading)


@njit(cache=True, nogil=True)
def tell(
    symbols: np.ndarray, offsets: np.ndarray, row: int, end_row: int, length: int, piece: int, stride: int,
    bits: np.uint64, first: np.uint64, last: np.uint64, slots: np.ndarray, repeated: np.ndarray, anchor: int,
) -> int:  # fmt: skip
    """Say which anchors were met twice, from the one numbered `anchor` on; the number of the next."""
    for document in range(row, end_row):
        begin, final = offsets[document], offsets[document + 1] - length
        for start in range(begin, final + stride if final >= begin else begin, stride):
            found = mix(state(symbols, start, piece)) & bits
            if within(found, first, last):
                repeated[anchor] = np.uint64(slots[_seek(slots, found)]) & _THREE == _THREE
            anchor += 1
    return anchor
