"""Polars columns as flat NumPy arrays and back, without a copy per row: what compiled loops work on."""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl
from numba import njit

from data4llm_assets.deduped.shingles import mix


def strings(series: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """UTF-8 bytes of all strings end to end (uint8), and len(series) + 1 offsets (int64). Nulls count as empty."""
    if series.is_empty():
        return np.zeros(0, np.uint8), np.zeros(1, np.int64)
    array = series.rechunk().to_arrow()
    _, offsets, data = array.buffers()
    bounds = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    return (np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(0, np.uint8)), bounds


def texts(data: np.ndarray, offsets: np.ndarray) -> pl.Series:
    """A String series from its UTF-8 bytes end to end (uint8) and its offsets (int64)."""
    import pyarrow

    bounds, bytes_ = (pyarrow.py_buffer(np.ascontiguousarray(array)) for array in (offsets.astype(np.int64), data))
    return pl.Series(pyarrow.LargeStringArray.from_buffers(len(offsets) - 1, bounds, bytes_), dtype=pl.String)


def unlist(series: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """Values end to end (uint64) of a List(UInt64) series without nulls, and its len(series) + 1 offsets (int64)."""
    if series.is_empty():
        return np.zeros(0, np.uint64), np.zeros(1, np.int64)
    array = series.rechunk().to_arrow()
    offsets = array.offsets.to_numpy().astype(np.int64)
    values = array.values.to_numpy(zero_copy_only=False).astype(np.uint64, copy=False)
    return values[offsets[0] : offsets[-1]], offsets - offsets[0]


def lists(values: np.ndarray, offsets: np.ndarray) -> pl.Series:
    """A List(UInt64) series from its values end to end and its offsets."""
    import pyarrow

    array = pyarrow.LargeListArray.from_arrays(pyarrow.array(offsets, pyarrow.int64()), pyarrow.array(values, pyarrow.uint64()))
    return pl.Series(array, dtype=pl.List(pl.UInt64))


def numbers(values: np.ndarray) -> pl.Series:
    """A UInt64 series over an array of uint64, without a copy: it shows what becomes of the array."""
    import pyarrow

    return pl.Series(pyarrow.array(values, pyarrow.uint64()))


def leading_characters(series: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """The first eight bytes of every string and the next eight, as big-endian numbers (uint64): they sort as the strings do."""
    found = np.zeros((2, len(series)), np.uint64)
    _leading(*strings(series), found)
    return found[0], found[1]


@njit(cache=True, nogil=True)
def _leading(data: np.ndarray, offsets: np.ndarray, found: np.ndarray) -> None:
    for row in range(found.shape[1]):
        for i in range(min(offsets[row + 1] - offsets[row], 16)):
            found[i // 8, row] |= np.uint64(data[offsets[row] + i]) << np.uint64(56 - 8 * (i % 8))


def fingerprints(series: pl.Series) -> pl.Series:
    """A 64-bit hash of every string (UInt64), fast, for tests of equality among strings that are digests themselves."""
    found = np.empty(len(series), np.uint64)
    _fingerprints(*strings(series), found)
    return pl.Series(series.name, found)


@njit(cache=True, nogil=True)
def _fingerprints(data: np.ndarray, offsets: np.ndarray, found: np.ndarray) -> None:
    for row in range(len(found)):
        state = np.uint64(offsets[row + 1] - offsets[row])
        for i in range(offsets[row], offsets[row + 1]):
            state = mix(state ^ np.uint64(data[i]))
        found[row] = state


def hashes(series: pl.Series) -> pl.Series:
    """A 64-bit hash of every string (UInt64), the same everywhere: its leading 8 bytes of SHA-256."""
    digests = b"".join(hashlib.sha256(value.encode()).digest()[:8] for value in series)
    return pl.Series(series.name, np.frombuffer(digests, "<u8").astype(np.uint64))


def hashes_128(series: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The leading 16 bytes of SHA-256 of every string, as two series of UInt64."""
    digests = b"".join(hashlib.sha256(value.encode()).digest()[:16] for value in series)
    halves = np.frombuffer(digests, "<u8").astype(np.uint64).reshape(-1, 2)
    return pl.Series("low", halves[:, 0]), pl.Series("high", halves[:, 1])


def digest(frame: pl.DataFrame) -> str:
    """128-bit digest of a frame of strings, integers and lists of UInt64: its columns' names and values, in order."""
    state = hashlib.sha256()
    for series in frame:
        if series.dtype == pl.String:
            data, offsets = strings(series)
            parts = [data[offsets[0] : offsets[-1]].tobytes(), (offsets - offsets[0]).astype("<i8").tobytes()]
        elif series.dtype == pl.List(pl.UInt64):
            values, offsets = unlist(series)
            parts = [values.astype("<u8").tobytes(), offsets.astype("<i8").tobytes()]
        else:
            parts = [series.cast(pl.UInt64).to_numpy().astype("<u8").tobytes()]
        for part in (series.name.encode(), *parts):
            state.update(len(part).to_bytes(8, "little"))
            state.update(part)
    return state.hexdigest()[:32]
