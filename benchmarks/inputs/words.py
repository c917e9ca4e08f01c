"""Texts as numbers: word ids and the gaps after them, drawn by hashes, written out as strings a batch at a time."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
from numba import njit

_STEP, _FIRST, _SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_UNIT = 1.0 / (1 << 53)


@njit(cache=True, nogil=True, inline="always")
def mix(value: np.uint64) -> np.uint64:
    """SplitMix64's finaliser: a bijection whose outputs look random for inputs that count."""
    value = (value ^ (value >> np.uint64(30))) * _FIRST
    value = (value ^ (value >> np.uint64(27))) * _SECOND
    return value ^ (value >> np.uint64(31))


@njit(cache=True, nogil=True, inline="always")
def stream(seed: int, purpose: int, number: int) -> np.uint64:
    """The state of a stream of draws that belongs to one document and one purpose."""
    return mix(mix(mix(np.uint64(seed) + _STEP) + np.uint64(purpose) * _STEP) + np.uint64(number) * _STEP)


@njit(cache=True, nogil=True, inline="always")
def draw(state: np.uint64, number: int) -> float:
    """The draw of that number from a stream, uniform in [0, 1)."""
    return float(mix(state + np.uint64(number + 1) * _STEP) >> np.uint64(11)) * _UNIT


@njit(cache=True, nogil=True)
def draws(seed: int, purpose: int, first: int, count: int) -> np.ndarray:
    """One draw for each of `count` documents from `first` on (float64)."""
    out = np.empty(count, np.float64)
    for index in range(count):
        out[index] = draw(stream(seed, purpose, first + index), 0)
    return out


@njit(cache=True, nogil=True)
def normal(first: float, second: float) -> float:
    """A standard normal value from two uniform ones (Box and Muller)."""
    return np.sqrt(-2.0 * np.log(1.0 - first)) * np.cos(2.0 * np.pi * second)


class Strings:
    """Strings end to end: `data` (uint8) and `offsets` (int64, one more than strings), as compiled code wants them."""

    def __init__(self, strings: list[str] | pl.Series) -> None:
        encoded = pa.array(strings.to_list() if isinstance(strings, pl.Series) else strings, pa.large_string())
        _, offsets, data = encoded.buffers()
        self.offsets: np.ndarray = np.frombuffer(offsets, np.int64)[: len(encoded) + 1]
        self.data: np.ndarray = np.frombuffer(data, np.uint8)

    def sizes(self) -> np.ndarray:
        return np.diff(self.offsets)


def texts(words: np.ndarray, gaps: np.ndarray, offsets: np.ndarray, vocabulary: Strings, between: Strings) -> pl.Series:
    """The texts of documents: document i is the words and gaps from `offsets[i]` to `offsets[i + 1]`, its last gap left out."""
    ends = np.zeros(len(offsets), np.int64)
    _measure(words, gaps, offsets, vocabulary.offsets, between.offsets, ends)
    data = np.empty(ends[-1], np.uint8)
    _write(words, gaps, offsets, vocabulary.data, vocabulary.offsets, between.data, between.offsets, data)
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(data)]
    return pl.Series("text", pa.Array.from_buffers(pa.large_string(), len(offsets) - 1, buffers))


@njit(cache=True, nogil=True)
def _measure(words, gaps, offsets, word_offsets, gap_offsets, ends):  # type: ignore[no-untyped-def]
    total = 0
    for document in range(len(offsets) - 1):
        for place in range(offsets[document], offsets[document + 1]):
            total += word_offsets[words[place] + 1] - word_offsets[words[place]]
            if place + 1 < offsets[document + 1]:
                total += gap_offsets[gaps[place] + 1] - gap_offsets[gaps[place]]
        ends[document + 1] = total


@njit(cache=True, nogil=True)
def _write(words, gaps, offsets, word_data, word_offsets, gap_data, gap_offsets, out):  # type: ignore[no-untyped-def]
    at = 0
    for document in range(len(offsets) - 1):
        for place in range(offsets[document], offsets[document + 1]):
            for byte in range(word_offsets[words[place]], word_offsets[words[place] + 1]):
                out[at] = word_data[byte]
                at += 1
            if place + 1 < offsets[document + 1]:
                for byte in range(gap_offsets[gaps[place]], gap_offsets[gaps[place] + 1]):
                    out[at] = gap_data[byte]
                    at += 1
