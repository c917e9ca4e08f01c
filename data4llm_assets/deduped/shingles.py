"""Shingles of whole batches of text, compiled: words, their n-grams as 64-bit hashes, minima, bands, Jaccard.

Texts come as flat UTF-8 bytes with offsets. All arithmetic is on unsigned integers modulo 2^32 or 2^64, so every platform gives
the same numbers. Here is no policy: thresholds and parameters live in the methods, which import this module when they run.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from data4llm_assets.deduped.scripts import ALONE, LETTER, PASSED

_START = np.uint64(0xCBF29CE484222325)
_PRIME = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_S27, _S29, _S30, _S31, _S32 = np.uint64(27), np.uint64(29), np.uint64(30), np.uint64(31), np.uint64(32)
_ZERO, _ONE = np.uint64(0), np.uint64(1)
_FULL = np.uint32(0xFFFFFFFF)


@njit(cache=True, nogil=True)
def mix(value: np.uint64) -> np.uint64:
    """The finaliser of SplitMix64 (Steele et al. 2014): a bijection that spreads every bit over all."""
    value = (value ^ (value >> _S30)) * _FIRST
    value = (value ^ (value >> _S27)) * _SECOND
    return value ^ (value >> _S31)


@njit(cache=True, nogil=True)
def cut(data: np.ndarray, start: int, end: int, kinds: np.ndarray, words: np.ndarray) -> int:
    """Hashes of the words of data[start:end], written to `words`; how many there are."""
    count, i, inside, state = 0, start, False, _START
    while i < end:
        code = np.uint32(data[i])
        if code < 0x80:
            i += 1
            kind = kinds[code]
            if 65 <= code <= 90:
                code += np.uint32(32)
        else:
            width = 2 if code < 0xE0 else (3 if code < 0xF0 else 4)
            code &= np.uint32(0xFF >> (width + 1))
            for k in range(1, width):
                code = (code << np.uint32(6)) | np.uint32(data[i + k] & 0x3F)
            i += width
            kind = kinds[code]
        if kind == LETTER:
            state = (state ^ np.uint64(code)) * _PRIME
            state ^= state >> _S29
            inside = True
        elif kind != PASSED:
            if inside:
                words[count] = state
                count, inside, state = count + 1, False, _START
            if kind == ALONE:
                words[count] = (_START ^ np.uint64(code)) * _PRIME
                count += 1
    if inside:
        words[count] = state
        count += 1
    return count


@njit(cache=True, nogil=True)
def ngram_hash(words: np.ndarray, first: int, size: int) -> np.uint64:
    """A hash of `size` words from the first on, in their order."""
    state = np.uint64(size)
    for k in range(first, first + size):
        state = (state ^ words[k]) * _PRIME
        state ^= state >> _S32
    return mix(state)


@njit(cache=True, nogil=True)
def _distinct(words: np.ndarray, count: int, ngram: int, table: np.ndarray, shingles: np.ndarray) -> int:
    """Distinct shingle hashes in order of first appearance; a text of fewer than `ngram` words makes one shingle."""
    size = min(ngram, count)
    total = count - size + 1 if size else 1
    capacity = 16
    while capacity < 2 * total:
        capacity *= 2
    mask = np.uint64(capacity - 1)
    table[:capacity] = _ZERO
    found = 0
    for i in range(total):
        state = ngram_hash(words, i, size)
        if state == _ZERO:  # zero marks a free slot
            state = _ONE
        slot = state & mask
        while table[slot] != _ZERO and table[slot] != state:
            slot = (slot + _ONE) & mask
        if table[slot] == _ZERO:
            table[slot] = state
            shingles[found] = state
            found += 1
    return found


@njit(cache=True, nogil=True)
def _room(offsets: np.ndarray) -> int:
    """More words than any text of the batch has: at most every second byte starts one."""
    longest = 0
    for row in range(len(offsets) - 1):
        longest = max(longest, offsets[row + 1] - offsets[row])
    return longest // 2 + 2


@njit(cache=True, nogil=True)
def sets(data: np.ndarray, offsets: np.ndarray, kinds: np.ndarray, ngram: int) -> tuple[np.ndarray, np.ndarray]:
    """Sorted distinct shingle hashes (uint64) of every text, end to end, and their offsets (int64)."""
    room = _room(offsets)
    words, shingles, table = np.empty(room, np.uint64), np.empty(room, np.uint64), np.empty(4 * room + 16, np.uint64)
    values, bounds = np.empty(len(data) // 2 + 2 * len(offsets), np.uint64), np.zeros(len(offsets), np.int64)
    for row in range(len(offsets) - 1):
        count = _distinct(words, cut(data, offsets[row], offsets[row + 1], kinds, words), ngram, table, shingles)
        begin = bounds[row]
        values[begin : begin + count] = np.sort(shingles[:count])
        bounds[row + 1] = begin + count
    return values[: bounds[-1]].copy(), bounds


@njit(cache=True, nogil=True)
def sign(
    data: np.ndarray, offsets: np.ndarray, kinds: np.ndarray, ngram: int, multipliers: np.ndarray, addends: np.ndarray,
    minima: np.ndarray, keys: np.ndarray, sizes: np.ndarray,
) -> None:  # fmt: skip
    """Fill, for every text, `minima` (uint32[n, permutations]), the digest of its shingle set and the size of that set."""
    room = _room(offsets)
    words, shingles, table = np.empty(room, np.uint64), np.empty(room, np.uint64), np.empty(4 * room + 16, np.uint64)
    for row in range(len(offsets) - 1):
        count = _distinct(words, cut(data, offsets[row], offsets[row + 1], kinds, words), ngram, table, shingles)
        total = np.uint64(count)
        for i in range(count):
            total += mix(shingles[i] ^ _PRIME)  # a sum: the digest of a set knows no order
        keys[row], sizes[row] = mix(total), count
        for p in range(len(multipliers)):
            a, b, least = multipliers[p], addends[p], _FULL
            for i in range(count):
                least = min(least, np.uint32((a * shingles[i] + b) >> _S32))
            minima[row, p] = least


@njit(cache=True, nogil=True)
def bands(minima: np.ndarray, rows: int, keys: np.ndarray) -> None:
    """Fill `keys` (uint64[n, bands]) with a hash of each band's number and its `rows` minima."""
    for row in range(len(minima)):
        for band in range(keys.shape[1]):
            state = mix(np.uint64(band) + _PRIME)
            for k in range(band * rows, (band + 1) * rows):
                state = mix(state ^ np.uint64(minima[row, k])) * _PRIME
            keys[row, band] = mix(state)


@njit(cache=True, nogil=True)
def jaccard(values: np.ndarray, offsets: np.ndarray, left: np.ndarray, right: np.ndarray, similarities: np.ndarray) -> None:
    """Fill `similarities` (float64) with |A and B| / |A or B| of pairs of sorted, non-empty sets, given as rows."""
    for row in range(len(left)):
        i, i_end, j, j_end = offsets[left[row]], offsets[left[row] + 1], offsets[right[row]], offsets[right[row] + 1]
        both, total = 0, i_end - i + j_end - j
        while i < i_end and j < j_end:
            a, b = values[i], values[j]
            both += a == b
            i += a <= b
            j += b <= a
        similarities[row] = both / (total - both)


@njit(cache=True, nogil=True)
def _stream(seed: np.uint64, count: int) -> np.ndarray:
    state, drawn = mix(seed), np.empty(count, np.uint64)
    for i in range(count):
        state += _PRIME
        drawn[i] = mix(state)
    return drawn


def permutations(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Odd multipliers and addends (uint64) of `count` functions h(x) = (a x + b) >> 32 (multiply-shift, Dietzfelbinger 1997)."""
    return _stream(np.uint64(2 * seed), count) | _ONE, _stream(np.uint64(2 * seed + 1), count)
