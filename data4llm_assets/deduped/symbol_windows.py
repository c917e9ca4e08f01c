"""Windows of so many consecutive symbols that occur twice: compiled, verified symbol by symbol, in bounded memory.

Windows whose anchor occurs twice (`anchors.py`) are looked up in a table, in order, so that what is found there came first. A
table that is full makes its pass take a smaller range of hashes, and further passes the rest. All copies of a window leave one
entry, however many they are: a document of one letter costs what any other does.

Symbols are bytes or token ids, documents lie end to end in one array, and no window reaches across their bounds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from data4llm_assets.deduped import anchors
from data4llm_assets.deduped.anchors import PARTS, RADIX, home, power, state, within
from data4llm_assets.deduped.shingles import mix

_ZERO, _ONE = np.uint64(0), np.uint64(1)
_FREE = np.uint64(0xFFFFFFFFFFFFFFFF)
_S40 = np.uint64(40)
_POSITION = np.uint64((1 << 40) - 1)
LEAST_SLOTS = 1 << 10
"""Slots of a table that is small for want of memory."""


def mark(
    symbols: np.ndarray,
    offsets: np.ndarray,
    length: int,
    marks: np.ndarray,
    *,
    every: bool,
    memory: int,
    bits: int = 2**64 - 1,
    rest: Callable[[], None] = lambda: None,
) -> int:
    """Mark the windows that occur twice.

    Parameters
    ----------
    symbols : uint8 or uint32, fewer than 2^40: the documents end to end, in their order.
    offsets : int64, where each begins, and the end of the last.
    length : symbols of a window.
    marks : uint32, one for each symbol, zero. Where a marked window begins: 1 + the number of the document of its first copy.
    every : whether to mark all copies, or all but the first.
    memory : bytes for tables, and a measure for stretches. The result does not depend on it.
    bits : which bits of the hashes to use: fewer make collisions.
    rest : called after each stretch of documents.

    Returns
    -------
    How many passes it took, two at least.
    """
    piece = (length + 1) // 2
    stride = length - piece + 1
    repeated = np.zeros(anchors.count(offsets, length, stride), np.bool_)
    rows = stretches(offsets, memory)

    def find(slots: np.ndarray, first: np.uint64, last: np.uint64) -> bool:
        hashes = np.uint64(bits), first, last
        sieve = np.zeros(len(slots) // 4, np.uint32)  # 16 bits for each entry: most pieces pass by without a look at the table
        left, anchor = len(slots) // 2, 0
        for row, end in rows:
            left = anchors.enter(symbols, offsets, row, end, length, piece, stride, *hashes, slots, sieve, left)
            rest()
            if left < 0:
                return False
        for row, end in rows:
            anchors.meet(symbols, offsets, row, end, length, piece, *hashes, slots, sieve)
            rest()
        for row, end in rows:
            anchor = anchors.tell(symbols, offsets, row, end, length, piece, stride, *hashes, slots, repeated, anchor)
            rest()
        return True

    def look_up(slots: np.ndarray, first: np.uint64, last: np.uint64) -> bool:
        hashes = np.uint64(bits), first, last
        left, anchor = len(slots) // 4 * 3, 0
        for row, end in rows:
            left, anchor = _look_up(
                symbols, offsets, row, end, length, stride, *hashes, slots, repeated, every, marks, left, anchor
            )
            rest()
            if left < 0:
                return False
        return True

    passes = _in_passes(find, np.zeros(_slots(2 * len(repeated), memory // 5), np.uint32))
    windows = stride * int(np.count_nonzero(repeated))
    return passes + _in_passes(look_up, np.full(_slots(windows, memory // 8), _FREE))


def stretches(offsets: np.ndarray, memory: int) -> list[tuple[int, int]]:
    """Documents as (first, end), so many that their symbols and marks take no more than the memory, or a single one."""
    bounds, row = [], 0
    while row < len(offsets) - 1:
        end = max(int(np.searchsorted(offsets, offsets[row] + memory // 8, side="right")) - 1, row + 1)
        bounds.append((row, end))
        row = end
    return bounds


def _slots(wanted: int, most: int) -> int:
    slots = LEAST_SLOTS
    while slots < wanted and 2 * slots <= most:
        slots *= 2
    return slots


def _in_passes(run: Callable[[np.ndarray, np.uint64, np.uint64], bool], slots: np.ndarray) -> int:
    """Run over all hashes, as large a range at once as does not fill the table; one that cannot be halved gets a larger table."""
    free, first, width, passes = slots[0], 0, PARTS, 0
    while first < PARTS:
        passes += 1
        if run(slots, np.uint64(first), np.uint64(first + width)):
            first += width
        elif width > 1:
            width //= 2
        else:
            slots = np.empty(2 * len(slots), slots.dtype)
        slots.fill(free)
    return passes


@njit(cache=True, nogil=True)
def _equal(symbols: np.ndarray, left: int, right: Any, count: int) -> bool:
    different = symbols[left] ^ symbols[left]
    for i in range(count):
        different |= symbols[left + i] ^ symbols[right + i]
    return different == 0


@njit(cache=True, nogil=True)
def _look_up(
    symbols: np.ndarray, offsets: np.ndarray, row: int, end_row: int, length: int, stride: int,
    bits: np.uint64, first: np.uint64, last: np.uint64, slots: np.ndarray, repeated: np.ndarray, every: bool, marks: np.ndarray,
    left: int, anchor: int,
) -> tuple[int, int]:  # fmt: skip
    """Mark windows of some documents whose hashes are in the range; how many more there is room for, or -1, and the next anchor.

    A slot holds 24 bits of the hash and a position.

    Text repeats in stretches: a window that follows one found equal to another is compared with that one's follower where they
    differ from those. Where a period turns, the two followers are the same two as at the turn before.
    """
    mask, leading = len(slots) - 1, power(length)
    hashes, touched = np.empty(stride, np.uint64), _ZERO
    whose: Any = 0
    window, copy = -length, np.int64(-length)  # found equal last
    turned, turn = np.int64(-1), np.int64(-1)  # found equal when they were last compared as a whole
    for document in range(row, end_row):
        begin, final = offsets[document], offsets[document + 1] - length
        if final < begin:
            continue
        rolled, at = _ZERO, -2
        for number in range((final - begin + stride - 1) // stride + 1):
            anchor += 1
            if not repeated[anchor - 1]:
                continue
            own, end = max(begin, begin + (number - 1) * stride + 1), min(final, begin + number * stride) + 1
            for start in range(own, end):
                if start == own and at != own - 1:
                    rolled = state(symbols, start, length)
                else:
                    entering, leaving = np.uint64(symbols[at + length]) + _ONE, np.uint64(symbols[at]) + _ONE
                    rolled = rolled * RADIX + (entering - leaving * leading)
                at = start
                found = mix(rolled) & bits
                hashes[start - own] = found
                if within(found, first, last):  # fetched together, the slots wait in the cache
                    touched ^= slots[home(found, len(slots))]
            for start in range(own, end):
                found = hashes[start - own]
                if not within(found, first, last):
                    continue
                slot, tag = home(found, len(slots)), found >> _S40
                while slots[slot] != _FREE:
                    if slots[slot] >> _S40 == tag:
                        earlier, step = np.int64(slots[slot] & _POSITION), start - window
                        if step < length and earlier == copy + step:
                            same = _equal(symbols, start + length - step, earlier + length - step, step)
                        else:
                            expected = copy + step
                            follows = (
                                step < length
                                and expected + length <= len(symbols)
                                and _equal(symbols, start + length - step, expected + length - step, step)
                            )
                            same = (follows and expected == turned and earlier == turn) or _equal(symbols, start, earlier, length)
                            if same and follows:
                                turned, turn = expected, earlier
                        if same:
                            window, copy = start, earlier
                            break
                    slot = (slot + 1) & mask
                if slots[slot] == _FREE:
                    if left == 0:
                        return -1, anchor
                    left -= 1
                    slots[slot] = tag << _S40 | np.uint64(start)
                    continue
                if not offsets[whose] <= copy < offsets[whose + 1]:
                    whose = np.searchsorted(offsets, copy, side="right") - 1
                marks[start] = whose + 1
                if every:
                    marks[copy] = whose + 1
    hashes[0] = touched
    return left, anchor
