"""Bloom filters over 64-bit keys (Bloom 1970), compiled: sets that say "perhaps" or "never", in a few bits for each key.

All arithmetic on keys is of integers, and sizes come of correctly rounded decimals: every platform builds the same filter.
"""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, Decimal, localcontext
from typing import NamedTuple

import numpy as np
import polars as pl
from numba import njit

from data4llm_assets.deduped import flat
from data4llm_assets.deduped.shingles import mix

_FIRST, _SECOND = np.uint64(0x243F6A8885A308D3), np.uint64(0x13198A2E03707344)
_ZERO, _ONE, _SIX, _LOW = np.uint64(0), np.uint64(1), np.uint64(6), np.uint64(63)


class Size(NamedTuple):
    """Of filters that stand side by side: how many, the bits of each, and how many bits each key sets."""

    filters: int
    bits: int
    hashes: int

    @property
    def words(self) -> int:
        """64-bit words of each filter."""
        return -(-self.bits // 64)

    @property
    def bytes(self) -> int:
        return self.filters * self.words * 8


def sized(capacity: int, rate: float, filters: int = 1) -> Size:
    """The smallest filters that keep to a rate of false positives.

    Parameters
    ----------
    capacity : keys of each filter.
    rate : that at least one of all filters holds a key it was never given: each may err at 1 - (1 - rate)^(1/filters) = p.

    Returns
    -------
    m = ceil(-n ln p / ln(2)^2) bits and k = ceil(m / n ln 2) hashes for n keys. As k is a whole number, the rate at capacity is
    within a hundredth of `rate`, for rates of a hundredth or less. (datatrove takes m times 8 for its bits, and again for its k.)
    """
    with localcontext(prec=50):
        each = 1 - ((1 - Decimal(str(rate))).ln() / filters).exp()
        two = Decimal(2).ln()
        bits = int((-capacity * each.ln() / two**2).to_integral_value(ROUND_CEILING))
        hashes = int((bits * two / capacity).to_integral_value(ROUND_CEILING))
    return Size(filters, bits, hashes)


class Bloom:
    """Filters of one size, each for its own keys. They only grow."""

    def __init__(self, size: Size, stored: pl.DataFrame | None = None) -> None:
        """Empty filters, or those of which `frame` was stored."""
        shape = size.filters, size.words
        self.size = size
        self.words = np.zeros(shape, np.uint64) if stored is None else stored["words"].to_numpy().reshape(shape).copy()

    @property
    def layout(self) -> tuple[np.uint64, int]:
        """Bits and hashes, as the compiled loops want them."""
        return np.uint64(self.size.bits), self.size.hashes

    def frame(self) -> pl.DataFrame:
        """(words: UInt64), one filter after the other. A view: store it before the next key is inserted."""
        return pl.DataFrame({"words": flat.numbers(self.words.ravel())})

    def insert(self, keys: np.ndarray, number: int = 0) -> int:
        """Insert keys (uint64) into one of the filters; how many it did not hold before."""
        return _insert(self.words[number], *self.layout, keys)

    def contains(self, keys: np.ndarray, number: int = 0) -> np.ndarray:
        """Whether one of the filters holds each key (bool[len(keys)]): never False for a key inserted before."""
        found = np.empty(len(keys), np.bool_)
        _contains(self.words[number], *self.layout, keys, found)
        return found

    def rate(self) -> float:
        """The estimated rate at which at least one filter holds a key it was never given: from the share of bits set."""
        fills = [int(np.bitwise_count(row).sum(dtype=np.int64)) / self.size.bits for row in self.words]
        return 1 - math.prod(1 - math.prod([fill] * self.size.hashes) for fill in fills)


@njit(cache=True, nogil=True)
def _course(bits: np.uint64, key: np.uint64) -> tuple[np.uint64, np.uint64, np.uint64]:
    """First place of a key, its first step, and how much each step is longer than the one before, all modulo `bits`.

    Double hashing of two mixes. The growing step is triple hashing (Dillinger and Manolios 2004): with constant ones, n keys of m
    bits err at n / m^2 at least, which is more than a small filter of a low rate may.
    """
    first, second = mix(key ^ _FIRST), mix(key + _SECOND)
    return first % bits, second % bits, mix(first + second) % bits


@njit(cache=True, nogil=True)
def holds(words: np.ndarray, bits: np.uint64, hashes: int, key: np.uint64) -> bool:
    """Whether all bits of a key are set."""
    place, step, growth = _course(bits, key)
    for _ in range(hashes):
        if words[place >> _SIX] >> (place & _LOW) & _ONE == _ZERO:
            return False
        place += step
        if place >= bits:
            place -= bits
        step += growth
        if step >= bits:
            step -= bits
    return True


@njit(cache=True, nogil=True)
def put(words: np.ndarray, bits: np.uint64, hashes: int, key: np.uint64) -> bool:
    """Set all bits of a key; whether one of them was not."""
    place, step, growth = _course(bits, key)
    new = False
    for _ in range(hashes):
        bit = _ONE << (place & _LOW)
        if words[place >> _SIX] & bit == _ZERO:
            words[place >> _SIX] |= bit
            new = True
        place += step
        if place >= bits:
            place -= bits
        step += growth
        if step >= bits:
            step -= bits
    return new


@njit(cache=True, nogil=True)
def _insert(words: np.ndarray, bits: np.uint64, hashes: int, keys: np.ndarray) -> int:
    count = 0
    for row in range(len(keys)):
        count += put(words, bits, hashes, keys[row])
    return count


@njit(cache=True, nogil=True)
def _contains(words: np.ndarray, bits: np.uint64, hashes: int, keys: np.ndarray, found: np.ndarray) -> None:
    for row in range(len(keys)):
        found[row] = holds(words, bits, hashes, keys[row])


@njit(cache=True, nogil=True)
def sift(
    filters: np.ndarray, bits: np.uint64, hashes: int, keys: np.ndarray, always: bool, hits: np.ndarray
) -> int:  # fmt: skip
    """Ask one filter for each column of `keys` (uint64[n, filters]), row by row, and insert a row that is new.

    always : insert every row.
    hits : filled with the number of filters that held the row's key when it came (int64[n]).

    Returns
    -------
    How many rows were inserted that a filter did not hold.
    """
    inserted = 0
    for row in range(len(keys)):
        count = 0
        for number in range(len(filters)):
            count += holds(filters[number], bits, hashes, keys[row, number])
        hits[row] = count
        if count == 0 or always:
            inserted += count < len(filters)
            for number in range(len(filters)):
                put(filters[number], bits, hashes, keys[row, number])
    return inserted
