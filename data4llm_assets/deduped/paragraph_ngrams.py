"""Paragraphs of whole batches of text against a Bloom filter of word n-grams, compiled. The method is `bff.py`'s."""

from __future__ import annotations

import numpy as np
from numba import njit

from data4llm_assets.deduped.bloom import holds, put
from data4llm_assets.deduped.shingles import cut, ngram_hash

_NEWLINE = 10


def sift(
    original: np.ndarray, bounds: np.ndarray, data: np.ndarray, offsets: np.ndarray, kinds: np.ndarray,
    limits: tuple[int, int, float], words: np.ndarray, bits: np.uint64, hashes: int,
) -> tuple[np.ndarray, np.ndarray, int]:  # fmt: skip
    """Judge paragraph after paragraph, and insert the n-grams of those that stay.

    Parameters
    ----------
    original, bounds : texts as UTF-8 end to end, and their offsets; spans are of these.
    data, offsets : the same texts in the form that words are cut from. It has the same newlines.
    limits : words of an n-gram, words of the shortest paragraph that is one, share above which a paragraph is removed.
    words, bits, hashes : the filter.

    Returns
    -------
    N-grams (seen before, all) of every text, int64[n, 2]; removed paragraphs (text, start, end), int64[spans, 3]; how many n-grams
    the filter did not hold before.

    Raises
    ------
    ValueError
        If the two forms of a text differ in their newlines.
    """
    met = np.zeros((len(bounds) - 1, 2), np.int64)
    # A paragraph that can be removed has `limits[1]` words, each with something behind it but the last of a text.
    spans = np.empty((len(data) // (2 * limits[1]) + len(bounds), 3), np.int64)
    count, inserted = _sift(original, bounds, data, offsets, kinds, *limits, words, bits, hashes, met, spans)
    if count < 0:
        msg = f"the normal form of text {-count - 1} of the batch has other newlines than the text"
        raise ValueError(msg)
    return met, spans[:count], inserted


@njit(cache=True, nogil=True)
def _sift(
    original: np.ndarray, bounds: np.ndarray, data: np.ndarray, offsets: np.ndarray, kinds: np.ndarray,
    ngram: int, min_ngram: int, threshold: float, words: np.ndarray, bits: np.uint64, hashes: int,
    met: np.ndarray, spans: np.ndarray,
) -> tuple[int, int]:  # fmt: skip
    room = np.empty(_longest(data, offsets) // 2 + 2, np.uint64)
    count, inserted = 0, 0
    for row in range(len(bounds) - 1):
        i, j = offsets[row], bounds[row]
        while i < offsets[row + 1] and j < bounds[row + 1]:
            begin, start = i, j
            i, j = _after_newline(data, i, offsets[row + 1]), _after_newline(original, j, bounds[row + 1])
            if (data[i - 1] == _NEWLINE) != (original[j - 1] == _NEWLINE):
                return -row - 1, inserted
            total = _ngrams(room, cut(data, begin, i, kinds, room), ngram, min_ngram)
            seen = 0
            for k in range(total):
                seen += holds(words, bits, hashes, room[k])
            met[row, 0] += seen
            met[row, 1] += total
            if total and seen / total > threshold:
                spans[count, 0], spans[count, 1], spans[count, 2] = row, start - bounds[row], j - bounds[row]
                count += 1
            else:
                for k in range(total):
                    inserted += put(words, bits, hashes, room[k])
        if i < offsets[row + 1] or j < bounds[row + 1]:
            return -row - 1, inserted
    return count, inserted


@njit(cache=True, nogil=True)
def _ngrams(words: np.ndarray, count: int, ngram: int, min_ngram: int) -> int:
    """Put the hashes of the n-grams where the words were: each is made of words that do not stand before it."""
    if count < min_ngram:
        return 0
    size = min(count, ngram)
    for first in range(count - size + 1):
        words[first] = ngram_hash(words, first, size)
    return count - size + 1


@njit(cache=True, nogil=True)
def _after_newline(data: np.ndarray, start: int, end: int) -> int:
    for i in range(start, end):
        if data[i] == _NEWLINE:
            return i + 1
    return end


@njit(cache=True, nogil=True)
def _longest(data: np.ndarray, offsets: np.ndarray) -> int:
    """Bytes of the longest paragraph."""
    longest = 0
    for row in range(len(offsets) - 1):
        start = offsets[row]
        while start < offsets[row + 1]:
            end = _after_newline(data, start, offsets[row + 1])
            longest = max(longest, end - start)
            start = end
    return longest


@njit(cache=True, nogil=True)
def count_words(data: np.ndarray, offsets: np.ndarray, kinds: np.ndarray, sizes: np.ndarray) -> None:
    """Fill `sizes` (uint32) with the words of every text."""
    longest = 0
    for row in range(len(offsets) - 1):
        longest = max(longest, offsets[row + 1] - offsets[row])
    room = np.empty(longest // 2 + 2, np.uint64)
    for row in range(len(offsets) - 1):
        sizes[row] = cut(data, offsets[row], offsets[row + 1], kinds, room)
