"""Texts cut into sentences or lines, and digests of the windows over them: one compiled pass over flat UTF-8 bytes.

A unit starts at its first character that is no white space and reaches to the start of the next one: white space and what holds no
word belong to the unit before. A line break always ends a unit. So does, where sentences are cut, a run of . ! ? and their like,
with closing quotes and brackets, before white space; the marks of scripts that are written without spaces need none behind them.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numba import njit

from data4llm_assets.deduped.scripts import ALONE, BETWEEN, KINDS, LETTER, PASSED, SEVERAL, folded
from data4llm_assets.deduped.shingles import mix

_SPACE, _BREAK, _STOP, _STRONG, _CLOSE = 1, 2, 3, 4, 5
_ROLES = {
    _SPACE: "\t\v\f \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000",
    _BREAK: "\n\r\u0085\u2028\u2029",
    _STOP: ".!?\u0589\u061f\u06d4\u0964\u0965\u1362\u1367\u1368\u203c\u2026\u2047\u2048\u2049\uff0e",
    _STRONG: "\u0f0d\u0f0e\u104b\u17d4\u17d5\u3002\uff01\uff1f\uff61",
    _CLOSE: "\"')]}\u00bb\u2019\u201d\u203a\u300b\u3009\u300d\u300f\u3011\u3015\u3017\uff02\uff07\uff09\uff3d\uff5d\uff63",
}
_LOW, _HIGH = np.uint64(0xCBF29CE484222325), np.uint64(0x6C62272E07BB0142)
_LOW_PRIME, _HIGH_PRIME = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
_S29, _S32, _ZERO, _ONE = np.uint64(29), np.uint64(32), np.uint64(0), np.uint64(1)
_CODE, _KIND, _ROLE = (1 << 21) - 1, 21, 23
_SEVERAL, _COUNT, _OFFSET = int(SEVERAL), 24, (1 << 24) - 1


class Cut(NamedTuple):
    """How texts are cut, and what is compared of them."""

    sentences: bool
    """Sentences, or whole lines."""
    span: int
    """Consecutive units of a window."""
    least: int
    """Words of a unit, at least; a window holds none with fewer."""


class Units(NamedTuple):
    """The units of some texts, end to end.

    bounds : int64[texts + 1], where the units of each text begin.
    low, high : uint64, together the 128-bit digest of the window that starts at this unit; both 0 if none does.
    places : uint64, start << 32 | stop of every unit in bytes of its text; `stop` is the line break behind it or, if there is none,
        the start of the next unit; of the last one, the end of the text. So a unit starts a line if it starts behind that stop.
    """

    bounds: np.ndarray
    low: np.ndarray
    high: np.ndarray
    places: np.ndarray


def cut(data: np.ndarray, offsets: np.ndarray, how: Cut) -> tuple[Units, np.ndarray]:
    """The units of texts given as by `flat.strings`, and how many windows (uint32) each text has.

    Raises
    ------
    ValueError
        If a text has 4 GiB or more.
    """
    if len(offsets) > 1 and np.diff(offsets).max() >= 1 << 32:
        msg = "a text of 4 GiB or more cannot be cut into units"
        raise ValueError(msg)
    bounds, low, high, places, words = _units(data, offsets, *_alphabet(), how.sentences)
    sizes = np.zeros(len(offsets) - 1, np.uint32)
    _windows(bounds, low, high, words, how.span, how.least, sizes)
    return Units(bounds, low, high, places), sizes


@cache
def _alphabet() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the pass must know of a code point, in one number: what it reads as, its kind and role, or where several are."""
    table, several = folded()
    plain = table < 0x110000
    entries = table.copy()
    entries[plain] |= KINDS[table[plain]].astype(np.uint32) << np.uint32(_KIND)
    for role, characters in _ROLES.items():
        for code in map(ord, characters):
            entries[code] = code | BETWEEN << _KIND | role << _ROLE
    letters = np.zeros(256, np.uint64)
    letters[:128] = np.where(entries[:128] >> _KIND == LETTER, entries[:128] & _CODE, 0)
    return entries, several | KINDS[several].astype(np.uint32) << np.uint32(_KIND), letters


@njit(cache=True, nogil=True)
def _read(low: np.uint64, high: np.uint64, code: np.uint64) -> tuple[np.uint64, np.uint64]:
    """One more character of a word."""
    low, high = (low ^ code) * _LOW_PRIME, (high ^ code) * _HIGH_PRIME
    return low ^ (low >> _S29), high ^ (high >> _S32)


@njit(cache=True, nogil=True)
def _join(low: np.uint64, high: np.uint64, more_low: np.uint64, more_high: np.uint64) -> tuple[np.uint64, np.uint64]:
    """One more word of a unit, or unit of a window."""
    low, high = (low ^ more_low) * _HIGH_PRIME, (high ^ more_high) * _LOW_PRIME
    return low ^ (low >> _S32), high ^ (high >> _S29)


@njit(cache=True, nogil=True)
def _wider(values: np.ndarray) -> np.ndarray:
    more = np.empty(2 * len(values), values.dtype)
    more[: len(values)] = values
    return more


@njit(cache=True, nogil=True)
def _units(
    data: np.ndarray, offsets: np.ndarray, alphabet: np.ndarray, several: np.ndarray, letters: np.ndarray, sentences: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Bounds, digests (low and high), places and number of words of the units."""
    room = max(len(data) // 32, 64)  # pages that nothing is written to cost no memory
    lows, highs, places = np.empty(room, np.uint64), np.empty(room, np.uint64), np.empty(room, np.uint64)
    words = np.empty(room, np.uint32)
    bounds, found = np.zeros(len(offsets), np.int64), 0
    for row in range(len(offsets) - 1):
        base, end = offsets[row], offsets[row + 1]
        i, start, stopped, inside, count, stop_known = base, np.int64(-1), 0, False, 0, True
        low, high, word_low, word_high = _LOW, _HIGH, _LOW, _HIGH
        while True:
            here, last = i, i >= end
            if last:
                entry = np.uint32(_BREAK << _ROLE)
            else:
                entry = np.uint32(data[i])
                if entry < 0x80:
                    i += 1
                else:
                    width = 2 if entry < 0xE0 else (3 if entry < 0xF0 else 4)
                    entry &= np.uint32(0xFF >> (width + 1))
                    for k in range(1, width):
                        entry = (entry << np.uint32(6)) | np.uint32(data[i + k] & 0x3F)
                    i += width
                entry = alphabet[entry]
            if entry >> _KIND == LETTER and stopped == 0 and start >= 0:
                word_low, word_high = _read(word_low, word_high, np.uint64(entry & _CODE))
                inside = True
                while i < end and letters[data[i]]:
                    word_low, word_high = _read(word_low, word_high, np.uint64(letters[data[i]]))
                    i += 1
                continue
            if stopped == 0 and (entry >> _KIND == _SPACE << 2 or entry >> _KIND == BETWEEN):
                if inside:
                    low, high = _join(low, high, word_low, word_high)
                    count, inside, word_low, word_high = count + 1, False, _LOW, _HIGH
                if start < 0 and entry >> _KIND == BETWEEN:
                    start = here
                continue
            parts = 1 if entry < _SEVERAL else np.int64((entry >> _COUNT) & 0x7F)
            role = 0 if entry >= _SEVERAL else np.int64(entry >> _ROLE)
            if inside and role:
                low, high = _join(low, high, word_low, word_high)
                count, inside, word_low, word_high = count + 1, False, _LOW, _HIGH
            if role == _BREAK or (role == _SPACE and stopped) or (role == 0 and stopped == 2):
                if count:
                    if found == len(lows):
                        lows, highs, places, words = _wider(lows), _wider(highs), _wider(places), _wider(words)
                    if not stop_known:
                        places[found - 1] |= np.uint64(start - base)
                    lows[found], highs[found], places[found], words[found] = low, high, np.uint64(start - base) << _S32, count
                    found, stop_known = found + 1, False
                start, count, low, high, stopped = np.int64(-1), 0, _LOW, _HIGH, 0
            if role == _BREAK:
                if not stop_known:
                    places[found - 1] |= np.uint64(here - base)
                    stop_known = True
                if last:
                    break
                continue
            if role == _SPACE:
                continue
            start = here if start < 0 else start
            if role:
                if sentences and role == _STOP:
                    stopped = max(stopped, 1)
                elif sentences and role == _STRONG:
                    stopped = 2
                continue
            stopped = 0
            for k in range(parts):
                part = entry if entry < _SEVERAL else several[(entry & _OFFSET) + k]
                kind = (part >> _KIND) & 3
                if kind == LETTER:
                    word_low, word_high = _read(word_low, word_high, np.uint64(part & _CODE))
                    inside = True
                elif kind != PASSED:
                    if inside:
                        low, high = _join(low, high, word_low, word_high)
                        count, inside, word_low, word_high = count + 1, False, _LOW, _HIGH
                    if kind == ALONE:
                        one_low, one_high = _read(_LOW, _HIGH, np.uint64(part & _CODE))
                        low, high = _join(low, high, one_low, one_high)
                        count += 1
        bounds[row + 1] = found
        if found > bounds[row]:
            places[found - 1] = (places[found - 1] >> _S32 << _S32) | np.uint64(end - base)
    return bounds, lows[:found], highs[:found], places[:found], words[:found]


@njit(cache=True, nogil=True)
def _windows(
    bounds: np.ndarray, low: np.ndarray, high: np.ndarray, words: np.ndarray, span: int, least: int, sizes: np.ndarray
) -> None:
    """Put the digest of a window in the place of that of its first unit, 0 where there is none; fill `sizes`."""
    for row in range(len(bounds) - 1):
        long_enough = 0  # units from k on that have words enough
        for k in range(bounds[row], min(bounds[row] + span - 1, bounds[row + 1])):
            long_enough = long_enough + 1 if words[k] >= least else 0
        for k in range(bounds[row], bounds[row + 1]):
            end = k + span
            if end <= bounds[row + 1]:
                long_enough = long_enough + 1 if words[end - 1] >= least else 0
            if end > bounds[row + 1] or long_enough < span:
                low[k], high[k] = _ZERO, _ZERO
                continue
            one, other = np.uint64(span), ~np.uint64(span)
            for u in range(k, end):
                one, other = _join(one, other, low[u], high[u])
            low[k], high[k] = mix(one), mix(other)
            if low[k] == _ZERO and high[k] == _ZERO:
                low[k] = _ONE
            sizes[row] += 1
