"""Shingles of whole batches of text, compiled: words or characters, their n-grams as 64-bit hashes, minima, bands, Jaccard.

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
_SPACE = np.uint32(32)
_MANY = 1 << 22
"""Shingles that are sorted to find the distinct ones: a table of so many would take four times the memory."""


@njit(cache=True, nogil=True)
def mix(value: np.uint64) -> np.uint64:
    """The finaliser of SplitMix64 (Steele et al. 2014): a bijection that spreads every bit over all."""
    value = (value ^ (value >> _S30)) * _FIRST
    value = (value ^ (value >> _S27)) * _SECOND
    return value ^ (value >> _S31)


@njit(cache=True, nogil=True)
def _wide(data: np.ndarray, i: int) -> tuple[np.uint32, int]:
    """The code point beyond ASCII that begins at data[i], and how many bytes it has."""
    code = np.uint32(data[i])
    width = 2 if code < 0xE0 else (3 if code < 0xF0 else 4)
    code &= np.uint32(0xFF >> (width + 1))
    for k in range(1, width):
        code = (code << np.uint32(6)) | np.uint32(data[i + k] & 0x3F)
    return code, width


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
            code, width = _wide(data, i)
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
def _is_space(code: np.uint32) -> bool:
    """White space by Unicode's property of that name, which no later release has changed since 6.3."""
    if code < 0x1680:
        return bool(code == 32 or 9 <= code <= 13 or code == 0x85 or code == 0xA0)
    return bool(code == 0x1680 or 0x2000 <= code <= 0x200A or code in (0x2028, 0x2029, 0x202F, 0x205F, 0x3000))


@njit(cache=True, nogil=True)
def characters(data: np.ndarray, start: int, end: int, kinds: np.ndarray, found: np.ndarray) -> int:
    """Hashes of the characters of data[start:end], written to `found`; how many there are.

    ASCII in lower case, marks passed over, a run of white space as one space, none at the ends; all else as it stands.
    """
    count, i, behind = 0, start, False
    while i < end:
        code, width = np.uint32(data[i]), 1
        if code >= 0x80:
            code, width = _wide(data, i)
        elif 65 <= code <= 90:
            code += np.uint32(32)
        i += width
        if _is_space(code):
            behind = count > 0
        elif kinds[code] != PASSED:
            if behind:
                found[count] = mix(np.uint64(_SPACE))
                count, behind = count + 1, False
            found[count] = mix(np.uint64(code))
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
def _distinct(units: np.ndarray, count: int, ngram: int, table: np.ndarray) -> int:
    """Distinct hashes of the shingles of `count` units, written over these; fewer units than `ngram` make one shingle."""
    size = min(ngram, count)
    total = count - size + 1 if size else 1
    if total > _MANY:
        return _distinct_of_many(units, total, size)
    capacity = 16
    while capacity < 2 * total:
        capacity *= 2
    mask = np.uint64(capacity - 1)
    table[:capacity] = _ZERO
    found = 0
    for i in range(total):
        state = ngram_hash(units, i, size)
        if state == _ZERO:  # zero marks a free slot
            state = _ONE
        slot = state & mask
        while table[slot] != _ZERO and table[slot] != state:
            slot = (slot + _ONE) & mask
        if table[slot] == _ZERO:
            table[slot] = state
            units[found] = state  # no shingle that is still to come begins so early
            found += 1
    return found


@njit(cache=True, nogil=True)
def _distinct_of_many(units: np.ndarray, total: int, size: int) -> int:
    for i in range(total):
        units[i] = max(ngram_hash(units, i, size), _ONE)
    units[:total].sort()
    found = 1
    for i in range(1, total):
        if units[i] != units[found - 1]:
            units[found] = units[i]
            found += 1
    return found


@njit(cache=True, nogil=True)
def _room(offsets: np.ndarray, by_character: bool) -> tuple[np.ndarray, np.ndarray]:
    """Room for the units of any text of the batch, and a table for its shingles: at most every second byte starts a word."""
    longest = 0
    for row in range(len(offsets) - 1):
        longest = max(longest, offsets[row + 1] - offsets[row])
    most = (longest if by_character else longest // 2) + 2
    return np.empty(most, np.uint64), np.empty(4 * min(most, _MANY) + 16, np.uint64)


@njit(cache=True, nogil=True)
def _shingles(
    data: np.ndarray, start: int, end: int, kinds: np.ndarray, ngram: int, by_character: bool, units: np.ndarray, table: np.ndarray
) -> int:
    """Distinct shingle hashes of data[start:end], written to `units`; how many there are."""
    count = characters(data, start, end, kinds, units) if by_character else cut(data, start, end, kinds, units)
    return _distinct(units, count, ngram, table)


@njit(cache=True, nogil=True)
def sets(data: np.ndarray, offsets: np.ndarray, kinds: np.ndarray, ngram: int, by_character: bool) -> tuple[np.ndarray, np.ndarray]:
    """Sorted distinct shingle hashes (uint64) of every text, end to end, and their offsets (int64)."""
    units, table = _room(offsets, by_character)
    most = len(data) if by_character else len(data) // 2
    values, bounds = np.empty(most + 2 * len(offsets), np.uint64), np.zeros(len(offsets), np.int64)
    for row in range(len(offsets) - 1):
        count = _shingles(data, offsets[row], offsets[row + 1], kinds, ngram, by_character, units, table)
        begin = bounds[row]
        values[begin : begin + count] = units[:count]
        values[begin : begin + count].sort()
        bounds[row + 1] = begin + count
    return values[: bounds[-1]].copy(), bounds


@njit(cache=True, nogil=True)
def sign(
    data: np.ndarray, offsets: np.ndarray, kinds: np.ndarray, ngram: int, by_character: bool, multipliers: np.ndarray,
    addends: np.ndarray, minima: np.ndarray, keys: np.ndarray, sizes: np.ndarray,
) -> None:  # fmt: skip
    """Fill, for every text, `minima` (uint32[n, permutations]), the digest of its shingle set and the size of that set."""
    shingles, table = _room(offsets, by_character)
    for row in range(len(offsets) - 1):
        count = _shingles(data, offsets[row], offsets[row + 1], kinds, ngram, by_character, shingles, table)
        total = np.uint64(count)
        for i in range(count):
            total += mix(shingles[i] ^ _PRIME)  # a sum: the digest of a set knows no order
        keys[row], sizes[row] = mix(total), count
        least(shingles[:count], multipliers, addends, minima[row])


@njit(cache=True, nogil=True)
def least(shingles: np.ndarray, multipliers: np.ndarray, addends: np.ndarray, minima: np.ndarray) -> None:
    """Fill `minima` (uint32) with the least value that any of the shingles (uint64) takes under each hash function."""
    for p in range(len(multipliers)):
        a, b, lowest = multipliers[p], addends[p], _FULL
        for i in range(len(shingles)):
            lowest = min(lowest, np.uint32((a * shingles[i] + b) >> _S32))
        minima[p] = lowest


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
