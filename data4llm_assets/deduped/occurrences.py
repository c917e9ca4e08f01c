"""Where windows occur first, and which units go for those that occur again: compiled loops over whole batches of units.

Positions count the units of all documents in total order. A chunk is the units of some consecutive documents; its windows are
looked for among all units, batch by batch, in any order. Two windows are one if all 128 bits of their digests agree.
"""

from __future__ import annotations

import numpy as np
from numba import njit

NEVER = np.int64((1 << 63) - 1)
NOBODY = np.uint32(0xFFFFFFFF)
UNIT_BYTES = 64
"""Memory for each unit of a chunk, while its windows are looked for."""
SAMPLED = np.uint64(64)
"""One window in so many is counted twice, for the checks."""
_ZERO, _ONE, _S32, _LOW32 = np.uint64(0), np.uint64(1), np.uint64(32), np.uint64(0xFFFFFFFF)


@njit(cache=True, nogil=True)
def gather(
    numbers: np.ndarray, bounds: np.ndarray, low: np.ndarray, high: np.ndarray, places: np.ndarray,
    starts: np.ndarray, begin: int, end: int, chunk_low: np.ndarray, chunk_high: np.ndarray, chunk_places: np.ndarray,
) -> None:  # fmt: skip
    """Copy the units of the documents `begin` to `end` out of a batch to where they stand in the chunk."""
    for row in range(len(numbers)):
        if begin <= numbers[row] < end:
            to = starts[numbers[row]] - starts[begin]
            for k in range(bounds[row], bounds[row + 1]):
                chunk_low[to], chunk_high[to], chunk_places[to] = low[k], high[k], places[k]
                to += 1


@njit(cache=True, nogil=True)
def index(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A hash table (uint32: 1 + the place of a window, 0 where free), and the first equal window of each in the chunk (uint32)."""
    capacity = 16
    while capacity < 2 * len(low):
        capacity *= 2
    mask = np.uint64(capacity - 1)
    slots, model = np.zeros(capacity, np.uint32), np.empty(len(low), np.uint32)
    for i in range(len(low)):
        model[i] = i
        if low[i] == _ZERO and high[i] == _ZERO:
            continue
        slot = (low[i] ^ high[i]) & mask
        while slots[slot]:
            other = slots[slot] - 1
            if low[other] == low[i] and high[other] == high[i]:
                model[i] = other
                break
            slot = (slot + _ONE) & mask
        if model[i] == i:
            slots[slot] = i + 1
    return slots, model


@njit(cache=True, nogil=True)
def sight(
    numbers: np.ndarray, bounds: np.ndarray, low: np.ndarray, high: np.ndarray, starts: np.ndarray,
    slots: np.ndarray, chunk_low: np.ndarray, chunk_high: np.ndarray, earliest: np.ndarray, again: np.ndarray,
) -> int:  # fmt: skip
    """Look for the windows of a chunk in a batch: lower `earliest` (int64), tell in `again` (bool) what is seen a second time.

    Returns
    -------
    How many slots of the table were looked at.
    """
    mask, steps = np.uint64(len(slots) - 1), 0
    for row in range(len(numbers)):
        if numbers[row] < 0:
            continue
        position = starts[numbers[row]]
        for k in range(bounds[row], bounds[row + 1]):
            if low[k] != _ZERO or high[k] != _ZERO:
                slot = (low[k] ^ high[k]) & mask
                steps += 1
                while slots[slot]:
                    place = slots[slot] - 1
                    if chunk_low[place] == low[k] and chunk_high[place] == high[k]:
                        again[place] |= earliest[place] != NEVER
                        earliest[place] = min(earliest[place], position)
                        break
                    slot = (slot + _ONE) & mask
                    steps += 1
            position += 1
    return steps


@njit(cache=True, nogil=True)
def partners(
    starts: np.ndarray, begin: int, end: int, low: np.ndarray, high: np.ndarray, model: np.ndarray,
    earliest: np.ndarray, again: np.ndarray, span: int, keep_first: bool, partner: np.ndarray,
) -> tuple[int, int, int]:  # fmt: skip
    """Fill `partner` (uint32) of every unit of the chunk: the document that has the window first for which it goes, or NOBODY.

    A unit that several repeated windows cover goes for the one that begins first.

    Returns
    -------
    How many windows there are, how many are repeated, and how many of the sample stay.
    """
    windows, repeated, sampled = 0, 0, 0
    base, whose = starts[begin], np.int64(0)
    partner[:] = NOBODY
    for document in range(begin, end):
        reach = starts[document]
        for position in range(starts[document], starts[document + 1]):
            k = position - base
            if low[k] == _ZERO and high[k] == _ZERO:
                continue
            windows += 1
            first = earliest[model[k]]
            if (first < position) if keep_first else again[model[k]]:
                repeated += 1
                if not starts[whose] <= first < starts[whose + 1]:
                    whose = np.searchsorted(starts, first, side="right") - 1
                for covered in range(max(position, reach), position + span):
                    partner[covered - base] = whose
                reach = position + span
            elif high[k] % SAMPLED == _ZERO:
                sampled += 1
    return windows, repeated, sampled


@njit(cache=True, nogil=True)
def spans(
    starts: np.ndarray, begin: int, end: int, places: np.ndarray, partner: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """What is taken out: document, start and end in bytes of its text, and partner (uint32 each), disjoint and in order.

    A span reaches to the next unit; but where it begins within a line and ends one, the line break stays.
    """
    base, total = starts[begin], 0
    for document in range(begin, end):
        for k in range(starts[document] - base, starts[document + 1] - base):
            follows = k > starts[document] - base and partner[k - 1] == partner[k]
            total += partner[k] != NOBODY and not follows
    documents, froms, tos, whom = (
        np.empty(total, np.uint32), np.empty(total, np.uint32), np.empty(total, np.uint32), np.empty(total, np.uint32),
    )  # fmt: skip
    found = 0
    for document in range(begin, end):
        first, last = starts[document] - base, starts[document + 1] - base
        k, within = first, False
        while k < last:
            if partner[k] == NOBODY:
                k += 1
                continue
            start = places[k] >> _S32
            if k == first or partner[k - 1] == NOBODY:
                within = k > first and places[k - 1] & _LOW32 == start
            documents[found], froms[found], whom[found] = document, start, partner[k]
            while k < last and partner[k] == whom[found]:
                k += 1
            if k == last or (within and partner[k] == NOBODY):
                tos[found] = places[k - 1] & _LOW32
            else:
                tos[found] = places[k] >> _S32
            found += 1
    return documents, froms, tos, whom
