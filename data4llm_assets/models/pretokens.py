"""Pre-tokens: texts split as a tokenizer's regular expression splits them, and each piece looked up in a table of those met before.

Here: the kernels only, in numba over flat arrays; `byte_level` calls them. They stand in one file because numba's cache of compiled
code looks at the file of the outermost function alone: a change in another file would go unnoticed.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

Bytes: TypeAlias = NDArray[np.uint8]
Integers: TypeAlias = NDArray[np.int64]
Entries: TypeAlias = NDArray[np.int32]
Hashes: TypeAlias = NDArray[np.uint64]
Ids: TypeAlias = NDArray[np.uint32]
Number: TypeAlias = Any
"""int64 or uint64 for numba; a type checker sees Python's int and NumPy's mixed."""

OTHER, LETTER, NUMBER, SPACE, NEWLINE, CUT = 0, 1, 2, 3, 4, 5
"""Kinds of characters. CUT: a piece of its own that ends the text before it, as if each stretch between were a text alone."""
GPT2, CL100K = 0, 1
END = -1
"""Stands after the entries of each document."""
MIX, FULL, LOW = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xFFFF_FFFF_FFFF_FFFF), np.uint64(0xFFFF_FFFF)
S29, S32, S64 = np.uint64(29), np.uint64(32), np.uint64(64)


@njit(cache=True, nogil=True)
def _kind(data: Bytes, at: Number, kinds: Bytes) -> tuple[Number, Number]:
    """Kind of the character at byte `at`, and its width. The bytes are valid UTF-8."""
    lead = np.int64(data[at])
    if lead < 0x80:
        return np.int64(kinds[lead]), np.int64(1)
    code = data[at + 1] & np.int64(0x3F)
    if lead < 0xE0:
        return np.int64(kinds[((lead & 0x1F) << 6) | code]), np.int64(2)
    code = (code << 6) | (data[at + 2] & np.int64(0x3F))
    if lead < 0xF0:
        return np.int64(kinds[((lead & 0x0F) << 12) | code]), np.int64(3)
    code = (code << 6) | (data[at + 3] & np.int64(0x3F))
    return np.int64(kinds[((lead & 0x07) << 18) | code]), np.int64(4)


@njit(cache=True, nogil=True)
def _run(data: Bytes, at: Number, stop: Number, kinds: Bytes, kind: Number) -> Number:
    """End of the characters of one kind from `at` on."""
    while at < stop:
        lead = data[at]
        if lead < 0x80:  # by itself: three times faster than `_kind`
            if kinds[lead] != kind:
                return at
            at += 1
        else:
            found, width = _kind(data, at, kinds)
            if found != kind:
                return at
            at += width
    return at


@njit(cache=True, nogil=True)
def _contraction(data: Bytes, at: Number, stop: Number, any_case: bool) -> Number:
    """End of the 's, 't, 're, 've, 'm, 'll or 'd at `at`, where an apostrophe stands; `at` if there is none."""
    if at + 1 >= stop:
        return at
    fold = np.int64(0x20) if any_case else np.int64(0)
    first = data[at + 1] | fold
    if first in (0x73, 0x74, 0x6D, 0x64):
        return at + 2
    if at + 2 >= stop:
        return at
    second = np.int64(data[at + 2])
    if any_case and data[at + 1] == 0xC5 and second == 0xBF:  # the long s, which folds to s
        return at + 3
    second |= fold
    if (second == 0x65 and first in (0x72, 0x76)) or (first == 0x6C and second == 0x6C):
        return at + 3
    return at


@njit(cache=True, nogil=True)
def _end_gpt2(data: Bytes, at: Number, stop: Number, kinds: Bytes) -> Number:
    r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
    lead = data[at]
    kind, width = _kind(data, at, kinds)
    end = at + width
    if kind == SPACE:
        if lead == 0x20 and end < stop and data[end] < 0x80 and kinds[data[end]] < SPACE:  # nearly always
            return _run(data, end + 1, stop, kinds, kinds[data[end]])
        last = at
        while end < stop:
            kind, width = _kind(data, end, kinds)
            if kind != SPACE:
                break
            last = end
            end += width
        if end == stop or kind == CUT:
            return end
        if last > at:
            return last
        if lead != 0x20:
            return end
        end += width
    elif kind == CUT:
        return end
    elif lead == 0x27:
        contraction = _contraction(data, at, stop, False)
        if contraction > at:
            return contraction
    return _run(data, end, stop, kinds, kind)


@njit(cache=True, nogil=True)
def _end_cl100k(data: Bytes, at: Number, stop: Number, kinds: Bytes, digits: Number) -> Number:
    r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
    lead = data[at]
    kind, width = _kind(data, at, kinds)
    end = at + width
    if kind == LETTER:
        return _run(data, end, stop, kinds, LETTER)
    if kind == NUMBER:
        count = 1
        while count < digits and end < stop:
            kind, width = _kind(data, end, kinds)
            if kind != NUMBER:
                break
            end += width
            count += 1
        return end
    if lead == 0x27:
        contraction = _contraction(data, at, stop, True)
        if contraction > at:
            return contraction
    if end < stop and kind != NEWLINE:
        following, width = _kind(data, end, kinds)
        if following == LETTER:
            return _run(data, end + width, stop, kinds, LETTER)
        if lead == 0x20 and following == OTHER:
            kind = following
    if kind == OTHER:
        end = _run(data, end, stop, kinds, OTHER)
        while end < stop and (data[end] == 0x0A or data[end] == 0x0D):
            end += 1
        return end
    last = end = newline = at
    while end < stop:
        kind, width = _kind(data, end, kinds)
        if kind != SPACE and kind != NEWLINE:
            break
        last = end
        end += width
        if kind == NEWLINE:
            newline = end
    if newline > at:
        return newline
    return end if end == stop or last == at else last


@njit(cache=True, nogil=True)
def _eight(data: Bytes, at: Number) -> Number:
    """Eight bytes as one number: unsigned places, so that it compiles to one load."""
    first = np.uint64(at)
    value = np.uint64(data[first])
    for step in range(1, 8):
        value |= np.uint64(data[first + np.uint64(step)]) << np.uint64(8 * step)
    return value


@njit(cache=True, nogil=True)
def _key(data: Bytes, at: Number, end: Number) -> Number:
    """The bytes themselves if there are at most eight, else a hash of them."""
    length = end - at
    if length <= 8:
        if at + 8 <= data.size:
            return _eight(data, at) & (FULL >> (S64 - np.uint64(8 * length)))
        value = np.uint64(0)
        for place in range(end - 1, at - 1, -1):
            value = value << np.uint64(8) | np.uint64(data[place])
        return value
    value = np.uint64(length)
    while at + 8 < end:
        value = (value ^ _eight(data, at)) * MIX
        value ^= value >> S29
        at += 8
    value = (value ^ _eight(data, end - 8)) * MIX
    return value ^ (value >> S32)


@njit(cache=True, nogil=True)
def _first_slot(key: Number, length: Number, mask: Number) -> Number:
    value = (key ^ np.uint64(length)) * MIX
    return np.int64((value ^ (value >> S32)) & mask)


@njit(cache=True, nogil=True)
def _equal(data: Bytes, begin: Number, keys: Bytes, key: Number, length: Number) -> bool:
    at = 0
    while at < length and data[begin + at] == keys[key + at]:
        at += 1
    return bool(at == length)


@njit(cache=True, nogil=True)
def look_up(
    data: Bytes, offsets: Integers, place: Integers, kinds: Bytes, form: Number, digits: Number,
    bits: Number, slots: Hashes, entries: Entries, keys: Bytes, used: Integers, found: Entries,
) -> Number:  # fmt: skip
    """Split documents and find the entry of every pre-token; those not met before are entered, without ids.

    Parameters
    ----------
    place : (document, byte) where to go on; moved to where it stopped: at the end, or because `found` or the table is full.
        The third number is the length of the pre-token that did not fit into the table, 0 if they all did.
    bits : which bits of hashes to use.
    slots : (key, length << 32 | 1 + entry) of each slot; the second is 0 where it is free.
    entries : (begin in `keys`, length, begin in `ids`, count of ids) of each entry.
    used : how many entries and bytes of keys there are.
    found : gets entries, END after each document. Returns how many.
    """
    document, at = place[0], place[1]
    place[2] = 0
    mask = np.int64(slots.shape[0] - 1)
    count = 0
    while document < offsets.size - 1:
        stop = offsets[document + 1]
        while at < stop and count < found.size:
            end = _end_gpt2(data, at, stop, kinds) if form == GPT2 else _end_cl100k(data, at, stop, kinds, digits)
            length = end - at
            key = _key(data, at, end)
            if length > 8:
                key &= bits
            slot = _first_slot(key, length, bits & np.uint64(mask))
            entry = np.int64(-1)
            while slots[slot, 1] != 0:
                if slots[slot, 0] == key and slots[slot, 1] >> S32 == np.uint64(length):
                    entry = np.int64(slots[slot, 1] & LOW) - 1
                    if length <= 8 or _equal(data, at, keys, entries[entry, 0], length):
                        break
                    entry = np.int64(-1)
                slot = (slot + 1) & mask
            if entry < 0:
                entry = used[0]
                if 2 * (entry + 1) > slots.shape[0] or used[1] + length > keys.size:
                    place[0], place[1], place[2] = document, at, length
                    return count
                keys[used[1] : used[1] + length] = data[at:end]
                entries[entry, 0], entries[entry, 1], entries[entry, 2], entries[entry, 3] = used[1], length, 0, 0
                slots[slot, 0], slots[slot, 1] = key, (np.uint64(length) << S32) | np.uint64(entry + 1)
                used[0] += 1
                used[1] += length
            found[count] = entry
            count += 1
            at = end
        if count == found.size:
            break
        found[count] = END
        count += 1
        document += 1
    place[0], place[1] = document, at
    return count


@njit(cache=True, nogil=True)
def move(slots: Hashes, larger: Hashes, bits: Number) -> None:
    """Find a place in `larger`, which is empty, for every slot that is taken."""
    mask = np.int64(larger.shape[0] - 1)
    for index in range(slots.shape[0]):
        if slots[index, 1] != 0:
            slot = _first_slot(slots[index, 0], slots[index, 1] >> S32, bits & np.uint64(mask))
            while larger[slot, 1] != 0:
                slot = (slot + 1) & mask
            larger[slot, 0], larger[slot, 1] = slots[index, 0], slots[index, 1]


@njit(cache=True, nogil=True)
def write(found: Entries, count: Number, entries: Entries, ids: Ids, out: Ids, lengths: Integers, place: Integers) -> None:
    """Write the ids of entries one after another. place: (document, id) where to go on."""
    document, at = place[0], place[1]
    for index in range(count):
        entry = found[index]
        if entry == END:
            document += 1
            continue
        begin = entries[entry, 2]
        for offset in range(entries[entry, 3]):
            out[at + offset] = ids[begin + offset]
        at += entries[entry, 3]
        lengths[document] += entries[entry, 3]
    place[0], place[1] = document, at
