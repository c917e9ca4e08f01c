"""Byte-pair encoding of single words: Sennrich et al., ACL 2016, arXiv 1508.07909, with its merges in a table of pairs.

Here: the kernels only, in numba over flat arrays, by themselves for numba's cache of compiled code; `byte_level` calls them.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from data4llm_assets.models.pretokens import Bytes, Entries, Hashes, Ids, Integers, Number

NOTHING = np.int64(0x7FFF_FFFF_FFFF_FFFF)
FREE = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
MIX, S32 = np.uint64(0x9E3779B97F4A7C15), np.uint64(32)


@njit(cache=True, nogil=True)
def pairs_table(pairs: Hashes, merged: Integers) -> tuple[Hashes, Integers]:
    """Open-addressing table of `merged` by pair, for `_pair`. Of equal pairs the last one counts."""
    size = 16
    while size < 2 * pairs.size:
        size *= 2
    names, values = np.full(size, FREE, np.uint64), np.full(size, NOTHING, np.int64)
    for index in range(pairs.size):
        slot = _pair_slot(names, pairs[index])
        names[slot], values[slot] = pairs[index], merged[index]
    return names, values


@njit(cache=True, nogil=True)
def _pair_slot(names: Hashes, pair: Number) -> Number:
    mask = np.int64(names.size - 1)
    slot = np.int64(((pair * MIX) >> S32) & np.uint64(mask))
    while names[slot] != pair and names[slot] != FREE:
        slot = (slot + 1) & mask
    return slot


@njit(cache=True, nogil=True)
def _pair(names: Hashes, values: Integers, left: Number, right: Number) -> Number:
    return values[_pair_slot(names, (np.uint64(left) << S32) | np.uint64(right))]


@njit(cache=True, nogil=True)
def merge(
    entries: Entries, first: Number, used: Integers, keys: Bytes, ids: Ids, alphabet: Integers, longest: Number,
    names: Hashes, values: Integers, left: Entries,
) -> Number:  # fmt: skip
    """Byte-pair encoding of the entries from `first` on: the leftmost of the pairs of lowest rank is merged, until none is left.

    Parameters
    ----------
    alphabet : id of each byte; -1: it has none and is left out, -2: it has none and the entry is left to the caller.
    longest : bytes; longer entries are left to the caller, for time grows with the square of the length.
    names, values : `pairs_table` of rank << 32 | id.
    left : gets the entries that are left to the caller. Returns how many.
    """
    symbols, ranks = np.empty(longest + 1, np.int64), np.empty(longest + 1, np.int64)
    count = 0
    for entry in range(first, used[0]):
        size = 0
        begin, length = entries[entry, 0], entries[entry, 1]
        known = length <= longest
        for at in range(begin, begin + length if known else begin):
            symbol = alphabet[keys[at]]
            if symbol >= 0:
                symbols[size] = symbol
                size += 1
            elif symbol == -2:
                known = False
        if not known:
            left[count] = entry
            count += 1
            continue
        for at in range(size - 1):
            ranks[at] = _pair(names, values, symbols[at], symbols[at + 1])
        while size > 1:
            where = np.argmin(ranks[: size - 1])
            if ranks[where] == NOTHING:
                break
            symbols[where] = ranks[where] & 0xFFFFFFFF
            size -= 1
            for at in range(where + 1, size):
                symbols[at] = symbols[at + 1]
                ranks[at - 1] = ranks[at]
            if where + 1 < size:
                ranks[where] = _pair(names, values, symbols[where], symbols[where + 1])
            if where > 0:
                ranks[where - 1] = _pair(names, values, symbols[where - 1], symbols[where])
        entries[entry, 2], entries[entry, 3] = used[2], size
        for at in range(size):
            ids[used[2] + at] = symbols[at]
        used[2] += size
    return count
