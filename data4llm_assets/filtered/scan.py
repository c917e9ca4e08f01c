"""Compiled passes over the bytes of whole columns of texts: words, lines, paragraphs, repeated n-grams.

Here: the kernels only, in numba over flat arrays; `words` calls them. They stand in one file because numba's cache of compiled
code looks at the file of the outermost function alone: a change in another file would go unnoticed.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

Bytes: TypeAlias = NDArray[np.uint8]
Integers: TypeAlias = NDArray[np.int64]
Hashes: TypeAlias = NDArray[np.uint64]
Number: TypeAlias = Any
"""int64 or uint64 for numba; a type checker sees Python's int and NumPy's mixed."""

SPACE, WORDLIKE, ALONE, MARK, LETTER, SYMBOL, BREAK, JOINER = 1, 2, 4, 8, 16, 32, 64, 128
"""Bits of a character's class, see `words.CLASSES`."""
NEWLINE, RETURN, DOT, HASH, DASH, BULLET, ELLIPSIS = 10, 13, 46, 35, 45, 0x2022, 0x2026
COLON, SLASH, NOT_IN_URL = 58, 47, (34, 40, 41, 60, 62, 91, 93)
FNV_OFFSET, FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
GRAM = np.uint64(0x9E3779B97F4A7C15)
MIX_1, MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
S30, S27, S31 = np.uint64(30), np.uint64(27), np.uint64(31)


@njit("UniTuple(int64, 2)(uint8[::1], int64)", cache=True, nogil=True)
def _decode(data: Bytes, at: Number) -> tuple[Number, Number]:
    """Code point at byte `at`, and its width. The bytes are valid UTF-8."""
    lead = np.int64(data[at])
    if lead < 0x80:
        return lead, np.int64(1)
    if lead < 0xE0:
        return ((lead & 0x1F) << 6) | (data[at + 1] & 0x3F), np.int64(2)
    if lead < 0xF0:
        return ((lead & 0x0F) << 12) | ((data[at + 1] & 0x3F) << 6) | (data[at + 2] & 0x3F), np.int64(3)
    return (
        ((lead & 0x07) << 18) | ((data[at + 1] & 0x3F) << 12) | ((data[at + 2] & 0x3F) << 6) | (data[at + 3] & 0x3F),
        np.int64(4),
    )


@njit("uint64(uint8[::1], int64, int64)", cache=True, nogil=True)
def _hash(data: Bytes, begin: Number, end: Number) -> Number:
    """FNV-1a, 64 bits."""
    value = FNV_OFFSET
    for at in range(begin, end):
        value = (value ^ np.uint64(data[at])) * FNV_PRIME
    return value


@njit("uint64[::1](uint8[::1], int64[::1])", cache=True, nogil=True)
def hashes(data: Bytes, offsets: Integers) -> Hashes:
    values = np.empty(offsets.size - 1, dtype=np.uint64)
    for row in range(values.size):
        values[row] = _hash(data, offsets[row], offsets[row + 1])
    return values


@njit("int64(uint8[::1], int64, int64, uint8[::1], int64[::1], uint64[::1], uint8[::1])", cache=True, nogil=True)
def _words(data: Bytes, start: Number, stop: Number, classes: Bytes, lengths: Integers, hashes: Hashes, kinds: Bytes) -> Number:
    """Split [start, stop) into WORDs. Returns how many there are: those beyond the arrays' end are only counted.

    lengths: characters. kinds: LETTER if any character is one, SYMBOL if all are.
    """
    capacity = lengths.size
    count = 0
    at = start
    while at < stop:
        code, width = _decode(data, at)
        kind = classes[code]
        begin = at
        at += width
        if kind & SPACE:
            continue
        length = 1
        letter = kind & LETTER
        symbol = kind & SYMBOL
        if kind & ALONE:
            while at < stop:
                code, width = _decode(data, at)
                if not classes[code] & MARK:
                    break
                at += width
                length += 1
        elif kind & WORDLIKE:
            while at < stop:
                code, width = _decode(data, at)
                kind = classes[code]
                if kind & JOINER and at + width < stop:
                    code, after = _decode(data, at + width)
                    kind = classes[code]
                    if not kind & WORDLIKE or kind & ALONE:
                        break
                    at += width
                    length += 1
                    width = after
                elif not kind & WORDLIKE or kind & ALONE:
                    break
                at += width
                length += 1
                letter |= kind & LETTER
                symbol &= kind & SYMBOL
            if at + 3 < stop and data[at] == COLON and data[at + 1] == SLASH and data[at + 2] == SLASH:
                end = at + 3
                while end < stop:
                    code, width = _decode(data, end)
                    if classes[code] & SPACE or code in NOT_IN_URL:
                        break
                    end += width
                    length += 1
                    symbol &= classes[code]
                if end > at + 3:
                    length += 3
                    at = end
        elif code in (DOT, DASH):
            while at < stop and data[at] == code:
                at += 1
                length += 1
        if count < capacity:
            lengths[count] = length
            hashes[count] = _hash(data, begin, at)
            kinds[count] = letter | symbol
        count += 1
    return count


@njit("void(uint8[::1], int64, int64, uint8[::1], int64[::1])", cache=True, nogil=True)
def _lines(data: Bytes, start: Number, stop: Number, classes: Bytes, row: Integers) -> None:
    """Count lines as `str.splitlines` has them, their bullets and closing ellipses; `#` and ellipses anywhere."""
    at = start
    while at < stop:
        first = np.int64(-1)
        last = np.int64(-1)
        dots = 0  # that the line ends in, white space aside
        run = 0
        broken = False
        while at < stop and not broken:
            code, width = _decode(data, at)
            at += width
            if code == DOT:
                run += 1
                if run == 3:
                    row[9] += 1
                    run = 0
            else:
                run = 0
            kind = classes[code]
            if kind & BREAK:
                broken = True
                if code == RETURN and at < stop and data[at] == NEWLINE:
                    at += 1
            elif not kind & SPACE:
                if code != DOT:
                    dots = 0
                elif last == DOT and data[at - 2] == DOT:
                    dots += 1
                else:
                    dots = 1
                if first < 0:
                    first = code
                last = code
                if code == HASH:
                    row[8] += 1
                elif code == ELLIPSIS:
                    row[9] += 1
        row[5] += 1
        row[6] += first in (BULLET, DASH)
        row[7] += dots >= 3 or last == ELLIPSIS


@njit("void(uint8[::1], int64[::1], uint8[::1], uint64[::1], int64[:, ::1])", cache=True, nogil=True)
def quality(data: Bytes, offsets: Integers, classes: Bytes, stops: Hashes, counts: Integers) -> None:
    lengths, hashes, kinds = np.empty(4096, np.int64), np.empty(4096, np.uint64), np.empty(4096, np.uint8)
    seen = np.empty(stops.size, np.int64)
    seen[:] = -1
    for document in range(counts.shape[0]):
        start, stop, row = offsets[document], offsets[document + 1], counts[document]
        count = _words(data, start, stop, classes, lengths, hashes, kinds)
        if count > lengths.size:
            lengths, hashes, kinds = np.empty(count, np.int64), np.empty(count, np.uint64), np.empty(count, np.uint8)
            _words(data, start, stop, classes, lengths, hashes, kinds)
        row[0] = count
        for word in range(count):
            if not kinds[word] & SYMBOL:
                row[1] += 1
                row[2] += lengths[word]
            row[3] += (kinds[word] & LETTER) != 0
            for index in range(stops.size):
                if hashes[word] == stops[index] and seen[index] != document:
                    seen[index] = document
                    row[4] += 1
        _lines(data, start, stop, classes, row)


@njit("UniTuple(int64, 2)(uint8[::1], int64, int64, uint8[::1])", cache=True, nogil=True)
def _strip(data: Bytes, start: Number, stop: Number, classes: Bytes) -> tuple[Number, Number]:
    while start < stop:
        code, width = _decode(data, start)
        if not classes[code] & SPACE:
            break
        start += width
    while stop > start:
        at = stop - 1
        while data[at] & 0xC0 == 0x80:
            at -= 1
        code, _ = _decode(data, at)
        if not classes[code] & SPACE:
            break
        stop = at
    return start, stop


@njit("int64(uint8[::1], int64, int64, int64, int64[::1], uint64[::1])", cache=True, nogil=True)
def _segments(data: Bytes, start: Number, stop: Number, newlines: Number, lengths: Integers, hashes: Hashes) -> Number:
    """Split [start, stop) at runs of at least `newlines` newlines. Returns how many there are, like `_words`."""
    count = 0
    begin = start
    length = 0
    at = start
    while at <= stop:
        run = at
        while run < stop and data[run] == NEWLINE:
            run += 1
        if run - at >= newlines or at == stop:
            if count < lengths.size:
                lengths[count] = length
                hashes[count] = _hash(data, begin, at)
            count += 1
            if at == stop:
                break
            begin = run
            length = 0
            at = run
        elif run > at:
            length += run - at
            at = run
        else:
            length += data[at] & 0xC0 != 0x80
            at += 1
    return count


@njit("uint64(uint64)", cache=True, nogil=True)
def _mix(value: Number) -> Number:
    """The finalizer of splitmix64."""
    value = (value ^ (value >> S30)) * MIX_1
    value = (value ^ (value >> S27)) * MIX_2
    return value ^ (value >> S31)


@njit("int64(int64)", cache=True, nogil=True)
def _mask(count: Number) -> Number:
    """Hash sets use as few slots as keep them half empty: a short document's set then stays in the processor's cache."""
    slots = 16
    while slots < 2 * count:
        slots *= 2
    return slots - 1


@njit("UniTuple(int64, 2)(uint64[::1], int64[::1], int64, int64, uint64[::1], int64[::1], int64)", cache=True, nogil=True)
def _repeated(
    grams: Hashes, ends: Integers, count: Number, size: Number, keys: Hashes, stamps: Integers, stamp: Number
) -> tuple[Number, Number]:
    """How many of `count` n-grams occurred before, and their characters; after a hit the next `size` - 1 are skipped.

    ends: characters before each word, so that an n-gram has ends[i + size] - ends[i]. keys, stamps: a hash set whose slots are
    taken where the stamp is the present one.
    """
    mask = _mask(count)
    hits = 0
    characters = 0
    at = 0
    while at < count:
        slot = np.int64(grams[at] & np.uint64(mask))
        while stamps[slot] == stamp and keys[slot] != grams[at]:
            slot = (slot + 1) & mask
        if stamps[slot] == stamp:
            hits += 1
            characters += ends[at + size] - ends[at]
            at += size
        else:
            stamps[slot] = stamp
            keys[slot] = grams[at]
            at += 1
    return hits, characters


@njit("int64(uint64[::1], int64[::1], int64, int64, uint64[::1], int64[::1], int64[:, ::1], int64)", cache=True, nogil=True)
def _top(
    grams: Hashes, ends: Integers, count: Number, size: Number, keys: Hashes, stamps: Integers, seen: Integers, stamp: Number
) -> Number:
    """Characters (spaces between words counted) of the most frequent n-gram, times its count; the earliest wins a tie."""
    mask = _mask(count)
    best = 0
    first = np.int64(0)
    for at in range(count):
        slot = np.int64(grams[at] & np.uint64(mask))
        while stamps[slot] == stamp and keys[slot] != grams[at]:
            slot = (slot + 1) & mask
        if stamps[slot] != stamp:
            stamps[slot] = stamp
            keys[slot] = grams[at]
            seen[slot, 0] = 0
            seen[slot, 1] = at
        seen[slot, 0] += 1
        if seen[slot, 0] > best or (seen[slot, 0] == best and seen[slot, 1] < first):
            best = seen[slot, 0]
            first = seen[slot, 1]
    return best * (ends[first + size] - ends[first] + size - 1) if count > 0 else np.int64(-1)


@njit("void(uint8[::1], int64[::1], uint8[::1], int64[:, ::1])", cache=True, nogil=True)
def repetition(data: Bytes, offsets: Integers, classes: Bytes, counts: Integers) -> None:
    lengths, hashes, kinds = np.empty(4096, np.int64), np.empty(4096, np.uint64), np.empty(4096, np.uint8)
    grams, ends = np.empty(4096, np.uint64), np.zeros(4097, np.int64)
    keys, stamps, seen = np.empty(8192, np.uint64), np.zeros(8192, np.int64), np.empty((8192, 2), np.int64)
    stamp = np.int64(0)
    for document in range(counts.shape[0]):
        start, stop, row = offsets[document], offsets[document + 1], counts[document]
        for at in range(start, stop):
            row[0] += data[at] & 0xC0 != 0x80
        for part in range(3):  # paragraphs, lines, words
            for _ in range(2):  # a second time if the arrays were too short
                if part == 0:
                    begin, end = _strip(data, start, stop, classes)
                    count = _segments(data, begin, end, 2, lengths, hashes)
                elif part == 1:
                    count = _segments(data, start, stop, 1, lengths, hashes)
                else:
                    count = _words(data, start, stop, classes, lengths, hashes, kinds)
                if count <= lengths.size:
                    break
                lengths, hashes, kinds = np.empty(count, np.int64), np.empty(count, np.uint64), np.empty(count, np.uint8)
                grams, ends = np.empty(count, np.uint64), np.zeros(count + 1, np.int64)
                slots = keys.size
                while slots < 2 * count:
                    slots *= 2
                keys, stamps, seen = np.empty(slots, np.uint64), np.zeros(slots, np.int64), np.empty((slots, 2), np.int64)
            for at in range(count):
                ends[at + 1] = ends[at] + lengths[at]
                grams[at] = _mix(hashes[at])
            if part < 2:
                stamp += 1
                row[1 + 3 * part] = count
                row[2 + 3 * part], row[3 + 3 * part] = _repeated(grams, ends, count, 1, keys, stamps, stamp)
        for size in range(2, 11):
            number = max(count - size + 1, 0)
            for at in range(number):
                grams[at] = _mix(grams[at] * GRAM + hashes[at + size - 1])
            stamp += 1
            if size <= 4:
                row[5 + size] = _top(grams, ends, number, size, keys, stamps, seen, stamp)
                continue
            hits, row[5 + size] = _repeated(grams, ends, number, size, keys, stamps, stamp)
            if hits == 0:  # then no longer n-gram is repeated either
                break
