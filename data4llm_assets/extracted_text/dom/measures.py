"""One compiled pass over the blocks of a page: what each says, and where it stands. Kernels alone; `features` names the columns."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

Bytes: TypeAlias = NDArray[np.uint8]
Number: TypeAlias = Any

_FNV, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
LONG_BLOCK = 15
"""Words: from here on a block counts as running text."""

(WORDS, CHARACTERS, LINK_WORDS, SENTENCES, COMMAS, DIGITS, CAPITALS, SEPARATORS, CURRENCIES, BOLD_WORDS, LINKS, BREAKS, FINAL,
 UPPER_START, LONGEST, CODE_WORDS, TITLED, GROUPS) = range(18)  # fmt: skip
"""Columns of a block's counts; those of the groups of words follow."""


@njit(cache=True, nogil=True)
def _number(keys: Any, values: Any, key: Number) -> Number:
    mask = np.uint64(keys.size - 1)
    place = key & mask
    while keys[place] != 0:
        if keys[place] == key:
            return values[place]
        place = (place + np.uint64(1)) & mask
    return np.uint8(0)


@njit(cache=True, nogil=True)
def _entity(data: Bytes, at: Number, stop: Number) -> Number:
    """Bytes of the entity that begins at an ampersand: &amp; &lt; &gt; &nbsp; &quot;, all that canonical HTML has; 0 if none."""
    following = data[at + 1] if at + 1 < stop else np.uint8(0)
    width = 6 if following in (110, 113) else 5 if following == 97 else 4
    return width if at + width <= stop and data[at + width - 1] == 59 else 0


@njit(cache=True, nogil=True)
def counts(
    data: Bytes, runs: Any, blocks: Any, around: Any, text_keys: Any, text_values: Any, groups: Number, bits: Any
) -> tuple[Any, Any, Any, Any]:
    """What each block's text is made of. A word ends where a run does, as do those that a tag parts: `de<b>part</b>ed` has three.

    Parameters
    ----------
    runs, blocks : arrays as `tree.Runs`, `tree.Blocks`. around : by element. groups : how many groups `text_values` names.
    bits : of `around`: links, bold, code.

    Returns
    -------
    (float32, one row a block: the columns above, then a count for each group), (uint64, by block: a hash of all its words),
    (uint64: hashes of the single words, one after another), (int64: where those of each block end).
    """
    r_element, r_begin, r_end = runs
    first, end, _ = blocks
    b_link, b_bold, b_code = bits
    total = first.size
    found = np.zeros((total, GROUPS + groups), np.float32)
    hashes = np.zeros(total, np.uint64)
    stream, ends, filled = np.empty(1024, np.uint64), np.zeros(total, np.int64), 0
    zero = np.uint64(0)
    for block in range(total):
        row = found[block]
        whole = _FNV
        link_before = np.int64(-1)
        last = np.uint8(0)
        starting = True
        for run in range(first[block], end[block]):
            begin, stop = r_begin[run], r_end[run]
            if begin == stop:
                row[BREAKS] += 1
                continue
            near = around[r_element[run]]
            in_link, bold, code = (near & b_link) != zero, (near & b_bold) != zero, (near & b_code) != zero
            if in_link and r_element[run] != link_before:
                row[LINKS] += 1
                link_before = r_element[run]
            state, length, inner = _FNV, 0, 0
            capital: Any = False
            at = begin
            while at <= stop:
                byte = data[at] if at < stop else np.uint8(32)
                letter: Any = (97 <= byte <= 122) or (65 <= byte <= 90) or (48 <= byte <= 57) or byte == 95 or byte >= 0x80
                if byte >= 0x80 and at + 2 < stop:
                    # General punctuation (E2 80), signs of currencies (from E2 82 A0), arrows and symbols (E2 86 to E2 AF),
                    # punctuation of Chinese and Japanese, full width forms.
                    second, third = data[at + 1], data[at + 2]
                    if byte == 0xE2 and (second == 0x80 or 0x86 <= second <= 0xAF or (second == 0x82 and third >= 0xA0)):
                        letter = False
                        if second == 0x80 and third in (0x98, 0x99):
                            byte = np.uint8(39)
                        elif second == 0x80 and third == 0xA6:
                            byte = np.uint8(46)
                        elif second == 0x80 and third in (0xA2, 0xBA):
                            byte = np.uint8(124)
                        elif second == 0x82:
                            byte = np.uint8(36)
                        else:
                            byte = np.uint8(34)
                        at += 2
                    elif byte == 0xE3 and second == 0x80 and third <= 0x91:
                        letter = False
                        byte = np.uint8(46 if third == 0x82 else 44)
                        at += 2
                    elif byte == 0xEF and second == 0xBC and third in (0x81, 0x8C, 0x9F):
                        letter = False
                        byte = np.uint8(44 if third == 0x8C else 46)
                        at += 2
                if letter and 0xE3 <= byte <= 0xE9 and at + 2 < stop:
                    # Chinese and Japanese know no spaces: a character counts as a word.
                    if length:
                        at -= 1
                        letter = False
                        byte = np.uint8(32)
                    else:
                        state = (_FNV ^ np.uint64(byte)) * _PRIME
                        state = (state ^ np.uint64(data[at + 1])) * _PRIME
                        state = (state ^ np.uint64(data[at + 2])) * _PRIME
                        starting, inner, length, capital = False, 1, 3, False
                        last = np.uint8(97)
                        at += 2
                        byte = np.uint8(32)
                        letter = False
                if letter:
                    if length == 0:
                        capital = 65 <= byte <= 90
                        if starting:
                            starting = False
                            row[UPPER_START] = 1.0 if (capital or byte >= 0x80) else 0.0
                    state = (state ^ np.uint64(byte | 32 if 65 <= byte <= 90 else byte)) * _PRIME
                    length += 1
                    if 65 <= byte <= 90:
                        row[CAPITALS] += 1
                    elif 48 <= byte <= 57:
                        row[DIGITS] += 1
                    if (byte & 0xC0) != 0x80:
                        inner += 1
                    last = np.uint8(97)
                elif byte == 39 and length and at + 1 < stop and 97 <= data[at + 1] <= 122:
                    # An apostrophe within a word is passed over: "don't" is one word.
                    pass
                else:
                    if length:
                        row[WORDS] += 1
                        row[CHARACTERS] += inner
                        row[LONGEST] = max(row[LONGEST], np.float32(inner))
                        row[LINK_WORDS] += in_link
                        row[BOLD_WORDS] += bold
                        row[CODE_WORDS] += code
                        row[TITLED] += capital
                        number = _number(text_keys, text_values, state)
                        if number:
                            row[GROUPS + np.int64(number) - 1] += 1
                        whole = (whole ^ state) * _PRIME
                        if filled == stream.size:
                            larger = np.empty(2 * filled, np.uint64)
                            larger[:filled] = stream
                            stream = larger
                        stream[filled] = state
                        filled += 1
                        state, length, inner = _FNV, 0, 0
                    if byte > 32:
                        width = _entity(data, at, stop) if byte == 38 else 0
                        if width:
                            if width < 6:
                                last = byte
                            row[SEPARATORS] += data[at + 1] == 103
                            at += width
                            continue
                        if byte in (33, 46, 63):
                            # Of a sentence only if a space or the end follows: not within 3.14 or example.org.
                            if at + 1 >= stop or data[at + 1] <= 32 or data[at + 1] in (34, 41) or data[at + 1] >= 0x80:
                                row[SENTENCES] += 1
                        elif byte in (44, 59):
                            row[COMMAS] += 1
                        elif byte in (47, 62, 124):
                            row[SEPARATORS] += 1
                        elif byte == 36:
                            row[CURRENCIES] += 1
                        if byte not in (34, 39, 41):
                            last = byte
                at += 1
        row[FINAL] = 1.0 if last in (33, 46, 58, 63) else 0.0
        hashes[block] = whole
        ends[block] = filled
    return found, hashes, stream[:filled], ends


@njit(cache=True, nogil=True)
def repeated(hashes: Any, weights: Any) -> tuple[Any, Any]:
    """For each value how often it stands in `hashes`, and the weights of all those together."""
    size = 16
    while size < 2 * hashes.size:
        size *= 2
    keys, slots = np.zeros(size, np.uint64), np.full(size, -1, np.int64)
    times, sums, place_of = np.zeros(size, np.float32), np.zeros(size, np.float32), np.zeros(hashes.size, np.int64)
    mask = np.uint64(size - 1)
    for row in range(hashes.size):
        key = hashes[row]
        place = (key ^ (key >> np.uint64(29))) & mask
        while slots[place] >= 0 and keys[place] != key:
            place = (place + np.uint64(1)) & mask
        keys[place], slots[place] = key, 0
        times[place] += 1
        sums[place] += weights[row]
        place_of[row] = place
    return times[place_of], sums[place_of]


@njit(cache=True, nogil=True)
def sums(parents: Any, elements: Any, values: Any) -> Any:
    """Sums of the blocks' values over every element: float32, one row an element. `elements` : that of each block."""
    found = np.zeros((parents.size, values.shape[1]), np.float32)
    for block in range(elements.size):
        for column in range(values.shape[1]):
            found[elements[block], column] += values[block, column]
    for element in range(parents.size - 1, 0, -1):
        parent = parents[element]
        if parent >= 0:
            for column in range(values.shape[1]):
                found[parent, column] += found[element, column]
    return found


@njit(cache=True, nogil=True)
def holders(parents: Any, kinds: Any, elements: Any, levels: Number) -> Any:
    """The element of each block and the block-like elements around it, `levels` in all: int32; the outermost stands again."""
    found = np.zeros((elements.size, levels), np.int32)
    for block in range(elements.size):
        element = elements[block]
        for level in range(levels):
            found[block, level] = element
            above = parents[element]
            while above >= 0 and kinds[above] != 1:
                above = parents[above]
            if above >= 0:
                element = above
    return found


@njit(cache=True, nogil=True)
def near_groups(parents: Any, own: Any, innermost: Any, elements: Any) -> Any:
    """Groups of the classes near each block: of its first run's element and those up to two above the block's own. uint64."""
    found = np.zeros(elements.size, np.uint64)
    for block in range(elements.size):
        element = innermost[block]
        bits = np.uint64(0)
        while element >= 0 and element != elements[block]:
            bits |= own[element]
            element = parents[element]
        for _ in range(3):
            if element < 0:
                break
            bits |= own[element]
            element = parents[element]
        found[block] = bits
    return found


@njit(cache=True, nogil=True)
def nearest(parents: Any, tags: Any, elements: Any, wanted: Number) -> Any:
    """The nearest element of a name around each block; -1 where there is none. int32."""
    above = np.full(parents.size, -1, np.int32)
    for element in range(parents.size):
        if tags[element] == wanted:
            above[element] = element
        elif parents[element] >= 0:
            above[element] = above[parents[element]]
    found = np.empty(elements.size, np.int32)
    for block in range(elements.size):
        found[block] = above[elements[block]]
    return found


@njit(cache=True, nogil=True)
def covered(stream: Any, ends: Any, other: Any, width: Number) -> Any:
    """Share of each block's words that lie in a run of `width` words which stands in `other`, too: float32.

    Blocks of fewer words are looked for as a whole. `stream`, `ends`: as `counts` gives them; `other`: hashes of words, in order.
    """
    size = 64
    while size < 4 * other.size * width:
        size *= 2
    keys = np.zeros(size, np.uint64)
    mask = np.uint64(size - 1)
    for least in range(1, width + 1):
        for begin in range(other.size - least + 1):
            key = _FNV
            for at in range(begin, begin + least):
                key = (key ^ other[at]) * _PRIME
            key |= np.uint64(1)
            place = (key ^ (key >> np.uint64(31))) & mask
            while keys[place] != 0 and keys[place] != key:
                place = (place + np.uint64(1)) & mask
            keys[place] = key
    shares = np.zeros(ends.size, np.float32)
    begin = 0
    for block in range(ends.size):
        end = ends[block]
        least = min(width, end - begin)
        inside, until = 0, begin
        for first in range(begin, end - least + 1 if least else begin):
            key = _FNV
            for at in range(first, first + least):
                key = (key ^ stream[at]) * _PRIME
            key |= np.uint64(1)
            place = (key ^ (key >> np.uint64(31))) & mask
            while keys[place] != 0 and keys[place] != key:
                place = (place + np.uint64(1)) & mask
            if keys[place] == key:
                inside += first + least - max(first, until)
                until = first + least
        shares[block] = inside / (end - begin) if end > begin else 0.0
        begin = end
    return shares
