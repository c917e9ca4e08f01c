"""Words and pairs of words of whole text columns, hashed into buckets: one pass of compiled code over the UTF-8 bytes.

Words are DSIR's word-punct tokens, lower-cased: runs of word characters, and runs of other visible characters. Scripts that put no
spaces between words (Han, kana, Thai, ...) give one token for each character; their runs would be whole sentences.
"""

from __future__ import annotations

from functools import cache
from typing import Any, TypeAlias

import numpy as np
import polars as pl
from numba import njit, uint64
from numpy.typing import NDArray

Bytes: TypeAlias = NDArray[np.uint8]
Counts: TypeAlias = NDArray[np.int64]
Buckets: TypeAlias = NDArray[np.uint16]

SPACE, WORD, SYMBOL, IDEOGRAPH = 0, 1, 2, 3
_TABLE = 0x32400
"""Every letter that Unicode assigns is below; what lies above counts as a symbol."""
_SPACELESS = r"^[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}]$"


def ngrams(texts: pl.Series, bucket_count: int) -> pl.DataFrame:
    """(words: Int64, buckets: List[UInt16] ascending) of each text (String, no nulls)."""
    import pyarrow as pa

    lowered = texts.str.to_lowercase()
    ends = lowered.str.len_bytes().cast(pl.Int64).cum_sum().to_numpy()
    data = np.frombuffer("".join(lowered.to_list()).encode(), np.uint8)
    words, buckets = hashed(data, ends, character_classes(), bucket_count)
    lengths = np.maximum(2 * words - 1, 0)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    lists = pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(buckets))
    return pl.DataFrame({"words": words, "buckets": pl.Series(pl.from_arrow(lists), dtype=pl.List(pl.UInt16))})


def means(buckets: pl.Series, weights: pl.Series) -> pl.Series:
    """Mean weight of the buckets of each list (Float64), null for an empty one. `weights` is indexed by bucket."""
    lists = buckets.rechunk().to_arrow()
    flat = lists.flatten().to_numpy(zero_copy_only=False)
    ends = buckets.list.len().cast(pl.Int64).cum_sum().to_numpy()
    return pl.Series("score", _means(flat, ends, weights.to_numpy()), nan_to_null=True)


@cache
def character_classes() -> NDArray[np.uint8]:
    """Class of every code point, by the Unicode tables of Polars' regular expressions."""
    codes = [code for code in range(_TABLE) if not 0xD800 <= code < 0xE000]
    characters = pl.Series([chr(code) for code in codes])
    classes = pl.select(
        pl.when(characters.str.contains(_SPACELESS)).then(IDEOGRAPH)
        .when(characters.str.contains(r"^\w$")).then(WORD)
        .when(characters.str.contains(r"^\s$")).then(SPACE)
        .otherwise(SYMBOL)
        .cast(pl.UInt8)
    ).to_series()  # fmt: skip
    table = np.full(_TABLE, SYMBOL, np.uint8)
    table[np.array(codes)] = classes.to_numpy()
    return table


@njit(cache=True, nogil=True)
def hashed(data: Bytes, ends: Counts, classes: Bytes, bucket_count: int) -> tuple[Counts, Buckets]:
    """Words per document, and the buckets of all its words and pairs, ascending; documents one after another.

    Parameters
    ----------
    data : uint8, UTF-8 bytes of all documents.
    ends : int64, where each document ends in `data`.
    classes : uint8, class of each code point.

    Returns
    -------
    words (int64, one a document), buckets (uint16, 2 * words - 1 for each document with words).
    """
    words = np.zeros(len(ends), np.int64)
    _scan(data, ends, classes, bucket_count, words, np.zeros(0, np.uint16), False)
    last = np.cumsum(np.maximum(2 * words - 1, 0))
    buckets = np.empty(last[-1] if len(last) else 0, np.uint16)
    _scan(data, ends, classes, bucket_count, words, buckets, True)
    begin = 0
    for end in last:
        _sort(buckets[begin:end])
        begin = end
    return words, buckets


@njit(cache=True, nogil=True)
def _sort(values: Buckets) -> None:
    """Radix sort of uint16 in place: three times the speed of a comparing sort here."""
    source, target = values, np.empty_like(values)
    for shift in (0, 8):
        begins = np.zeros(257, np.int64)
        for value in source:
            begins[((value >> shift) & 255) + 1] += 1
        begins = np.cumsum(begins)
        for value in source:
            digit = (value >> shift) & 255
            target[begins[digit]] = value
            begins[digit] += 1
        source, target = target, source


@njit(cache=True, nogil=True)
def _scan(data: Bytes, ends: Counts, classes: Bytes, bucket_count: int, words: Counts, buckets: Buckets, write: bool) -> None:
    # Two passes, first to count: the answer is then allocated once, whatever the texts are like.
    written = 0
    at = 0
    for index in range(len(ends)):
        count = 0
        run = SPACE
        state, before = uint64(0), uint64(0)
        while at <= ends[index]:
            kind, width = SPACE, 1
            if at < ends[index]:
                code, width = _decode(data, at)
                kind = classes[code] if code < len(classes) else SYMBOL
            if run != SPACE and (kind != run or run == IDEOGRAPH):
                if write:
                    word = _mix(state)
                    buckets[written] = word % uint64(bucket_count)
                    written += 1
                    if count:
                        buckets[written] = _mix(before * uint64(0x9E3779B97F4A7C15) + word) % uint64(bucket_count)
                        written += 1
                    before = word
                count += 1
                run = SPACE
            if at == ends[index]:
                break
            if kind != SPACE:
                if run == SPACE:
                    state = uint64(0xCBF29CE484222325)
                for byte in range(at, at + width):
                    state = (state ^ uint64(data[byte])) * uint64(0x100000001B3)
            run = kind
            at += width
        words[index] = count


@njit(cache=True, nogil=True)
def _decode(data: Bytes, at: int) -> tuple[Any, int]:
    """Code point and width of the UTF-8 character at `at`; the bytes are valid, for Polars strings are."""
    first = np.int64(data[at])
    if first < 0x80:
        return first, 1
    if first < 0xE0:
        return (first & 0x1F) << 6 | np.int64(data[at + 1]) & 0x3F, 2
    if first < 0xF0:
        return (first & 0x0F) << 12 | (np.int64(data[at + 1]) & 0x3F) << 6 | np.int64(data[at + 2]) & 0x3F, 3
    high = (first & 0x07) << 18 | (np.int64(data[at + 1]) & 0x3F) << 12
    return high | (np.int64(data[at + 2]) & 0x3F) << 6 | np.int64(data[at + 3]) & 0x3F, 4


@njit(cache=True, nogil=True)
def _mix(value: Any) -> Any:
    """Murmur3's finalizer: FNV's low bits alone would not spread over the buckets."""
    value = (value ^ (value >> uint64(33))) * uint64(0xFF51AFD7ED558CCD)
    value = (value ^ (value >> uint64(33))) * uint64(0xC4CEB9FE1A85EC53)
    return value ^ (value >> uint64(33))


@njit(cache=True, nogil=True)
def _means(flat: Buckets, ends: Counts, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    result = np.full(len(ends), np.nan)
    begin = 0
    for index in range(len(ends)):
        total = 0.0
        for at in range(begin, ends[index]):
            total += weights[flat[at]]
        if ends[index] > begin:
            result[index] = total / (ends[index] - begin)
        begin = ends[index]
    return result
