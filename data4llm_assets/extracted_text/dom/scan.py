"""One compiled pass over canonical HTML: the elements of a page, its runs of text, and the blocks that the runs make up.

Canonical is what an HTML parser writes: every element is closed, attributes are quoted, text is escaped. Kernels alone, in one
file, and tables handed in as arguments: numba's cache of compiled code sees no change elsewhere.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

Bytes: TypeAlias = NDArray[np.uint8]
Number: TypeAlias = Any

TOO_MANY, TOO_DEEP = -1, -2
"""In place of the number of elements: the page is beyond a limit."""
HIDDEN, IMAGE, MEDIA = 1, 2, 4
"""Flags of an element: it is not shown (`hidden`, `display: none`, `aria-hidden`), by itself or with one around it."""

_LT, _GT, _SLASH, _BANG, _SPACE, _QUOTE, _EQUALS, _DASH = 60, 62, 47, 33, 32, 34, 61, 45
_FNV, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_UNSEEN, _BLOCK = 2, 1
_OTHER = 1


@njit(cache=True, nogil=True)
def _find(data: Bytes, begin: Number, word: Bytes) -> Number:
    """Where `word` next stands, or the end."""
    width = word.size
    for at in range(begin, data.size - width + 1):
        if data[at] == word[0]:
            same = True
            for offset in range(1, width):
                if data[at + offset] != word[offset]:
                    same = False
                    break
            if same:
                return at
    return data.size


@njit(cache=True, nogil=True)
def _number(keys: Any, values: Any, key: Number) -> Number:
    """The number of the word whose hash is `key`, 0 if the table has none."""
    mask = np.uint64(keys.size - 1)
    place = key & mask
    while keys[place] != 0:
        if keys[place] == key:
            return values[place]
        place = (place + np.uint64(1)) & mask
    return np.uint8(0)


@njit(cache=True, nogil=True)
def _starts(data: Bytes, begin: Number, end: Number, word: Bytes) -> bool:
    if end - begin < word.size:
        return False
    for offset in range(word.size):
        if data[begin + offset] != word[offset]:
            return False
    return True


@njit(cache=True, nogil=True)
def _groups(data: Bytes, begin: Number, end: Number, keys: Any, values: Any) -> Number:
    """Bits of the groups that the words of an attribute belong to: runs of letters, cut before a capital (`postBody`)."""
    bits = np.uint64(0)
    state, length = _FNV, 0
    lower: Any = False
    for at in range(begin, end + 1):
        byte = data[at] if at < end else np.uint8(_SPACE)
        capital = 65 <= byte <= 90
        letter = capital or 97 <= byte <= 122
        if (not letter or (capital and lower)) and length:
            number = _number(keys, values, state)
            if number:
                bits |= np.uint64(1) << np.uint64(number - 1)
            state, length = _FNV, 0
        if letter:
            state = (state ^ np.uint64(byte | 32)) * _PRIME
            length += 1
        lower = letter and not capital
    return bits


@njit(cache=True, nogil=True)
def _hides(data: Bytes, begin: Number, end: Number) -> bool:
    """Whether a style says `display: none`."""
    for at in range(begin, end - 10):
        if data[at] == 100 and data[at + 1] == 105 and data[at + 2] == 115 and data[at + 7] == 58:
            value = at + 8
            while value < end and data[value] == _SPACE:
                value += 1
            if value + 4 <= end and data[value] == 110 and data[value + 1] == 111 and data[value + 2] == 110:
                return True
    return False


@njit(cache=True, nogil=True)
def scan(
    data: Bytes,
    tag_keys: Any,
    tag_values: Any,
    kinds: Any,
    voids: Any,
    raws: Any,
    around_of: Any,
    class_keys: Any,
    class_values: Any,
    words: Any,
    marks: Any,
    max_elements: Number,
    max_depth: Number,
) -> Any:
    """Elements, runs and blocks of a page.

    Parameters
    ----------
    data : uint8, canonical HTML in UTF-8.
    tag_keys, tag_values : `hashing.Table` of element names; kinds, voids, raws, around_of : by their numbers, see `tags`.
    class_keys, class_values : `hashing.Table` of the words of class names and the like, to numbers of groups from 1 to 64.
    words : a tuple of byte strings: class, id, role, itemprop, hidden, aria-hidden, style, true.
    marks : numbers of the elements br, img, video, audio, picture.

    Returns
    -------
    counts (int64: elements, runs, blocks; elements may be TOO_MANY or TOO_DEEP), and the arrays: elements' tag (uint8), kind
    (uint8), parent (int32, -1 for the root), around (uint64), own groups (uint64), groups of all around it (uint64), flags (uint8),
    depth (int32), signature (uint64: of names and classes of itself and the two around it), begin (int32: in bytes); runs' element,
    begin, end (int32; a line break is an empty run); blocks' first run, end of runs, element (int32).
    """
    w_class, w_id, w_role, w_itemprop, w_hidden, w_aria, w_style, w_true = words
    t_br, t_img, t_video, t_audio, t_picture = marks
    size = data.size
    bound = 2
    for at in range(size):
        if data[at] == _LT:
            bound += 1
    limit = min(bound, max_elements + 2)
    e_tag, e_kind, e_flags = np.zeros(limit, np.uint8), np.zeros(limit, np.uint8), np.zeros(limit, np.uint8)
    e_parent, e_depth, e_begin = np.zeros(limit, np.int32), np.zeros(limit, np.int32), np.zeros(limit, np.int32)
    e_around, e_own, e_all = np.zeros(limit, np.uint64), np.zeros(limit, np.uint64), np.zeros(limit, np.uint64)
    e_signature, e_name = np.zeros(limit, np.uint64), np.zeros(limit, np.uint64)
    most = 2 * bound  # a line break is a run, and the text behind it another
    r_element, r_begin, r_end = np.zeros(most, np.int32), np.zeros(most, np.int32), np.zeros(most, np.int32)
    b_first, b_end, b_element = np.zeros(bound, np.int32), np.zeros(bound, np.int32), np.zeros(bound, np.int32)
    counts = np.zeros(3, np.int64)
    stack = np.zeros(max_depth + 2, np.int32)
    holders = np.zeros(max_depth + 2, np.int32)  # the nearest block-like element of each level
    top, elements, runs, blocks = -1, 0, 0, 0
    unseen = 0  # the level from which on nothing is seen, plus one; 0 where all is
    is_open = False  # whether a block is
    at = 0
    while at < size:
        if data[at] != _LT:
            begin = at
            blank = True
            while at < size and data[at] != _LT:
                if data[at] > _SPACE:
                    blank = False
                at += 1
            if unseen or top < 0 or (blank and not is_open):
                continue
            if not is_open:
                b_first[blocks], b_element[blocks], is_open = runs, holders[top], True
            r_element[runs], r_begin[runs], r_end[runs] = stack[top], begin, at
            runs += 1
            continue
        if at + 1 < size and data[at + 1] == _BANG:
            if at + 3 < size and data[at + 2] == _DASH and data[at + 3] == _DASH:
                at += 4
                while at < size and not (data[at] == _GT and data[at - 1] == _DASH and data[at - 2] == _DASH):
                    at += 1
            else:
                while at < size and data[at] != _GT:
                    at += 1
            at += 1
            continue
        closing = at + 1 < size and data[at + 1] == _SLASH
        begin = at
        at += 2 if closing else 1
        name = at
        state, custom = _FNV, False
        while at < size and data[at] != _SPACE and data[at] != _GT and data[at] != _SLASH and data[at] != 10:
            state = (state ^ np.uint64(data[at])) * _PRIME
            custom |= data[at] == _DASH
            at += 1
        name_end = at
        tag = _number(tag_keys, tag_values, state)
        kind = kinds[tag]
        if tag == 0:
            tag, kind = np.uint8(_OTHER), np.uint8(_BLOCK if custom else 0)
        if closing:
            while at < size and data[at] != _GT:
                at += 1
            at += 1
            level = top
            while level >= 0 and e_name[stack[level]] != state:
                level -= 1
            if level >= 0:
                while top >= level:
                    if e_kind[stack[top]] == _BLOCK and is_open and (not unseen or top + 1 < unseen):
                        b_end[blocks], is_open = runs, False
                        blocks += 1
                    top -= 1
                if unseen > top + 1:
                    unseen = 0
            continue
        if elements >= max_elements:
            counts[0] = TOO_MANY
            break
        own, flags, classed = np.uint64(0), np.uint8(0), _FNV
        while at < size and data[at] != _GT:
            if data[at] == _SPACE or data[at] == _SLASH or data[at] == 10:
                at += 1
                continue
            attribute = at
            while at < size and data[at] != _EQUALS and data[at] != _SPACE and data[at] != _GT:
                at += 1
            attribute_end = at
            value = value_end = at
            if at + 1 < size and data[at] == _EQUALS and data[at + 1] == _QUOTE:
                at += 2
                value = at
                while at < size and data[at] != _QUOTE:
                    at += 1
                value_end = at
                at += 1
            elif at == attribute:
                at += 1
            width = attribute_end - attribute
            if width == 5 and _starts(data, attribute, attribute_end, w_class):
                own |= _groups(data, value, value_end, class_keys, class_values)
                for place in range(value, value_end):
                    classed = (classed ^ np.uint64(data[place])) * _PRIME
            elif (
                (width == 2 and _starts(data, attribute, attribute_end, w_id))
                or (width == 4 and _starts(data, attribute, attribute_end, w_role))
                or (width == 8 and _starts(data, attribute, attribute_end, w_itemprop))
            ):
                own |= _groups(data, value, value_end, class_keys, class_values)
            elif (
                (width == 6 and _starts(data, attribute, attribute_end, w_hidden))
                or (
                    width == 11
                    and _starts(data, attribute, attribute_end, w_aria)
                    and value_end - value == 4
                    and _starts(data, value, value_end, w_true)
                )
                or (width == 5 and _starts(data, attribute, attribute_end, w_style) and _hides(data, value, value_end))
            ):
                flags |= np.uint8(HIDDEN)
        at += 1
        parent = stack[top] if top >= 0 else -1
        if tag in (t_img, t_picture):
            flags |= np.uint8(IMAGE)
        elif tag in (t_video, t_audio):
            flags |= np.uint8(MEDIA)
        e_tag[elements], e_kind[elements], e_parent[elements], e_own[elements] = tag, kind, parent, own
        e_depth[elements], e_begin[elements], e_name[elements] = top + 1, begin, state
        e_around[elements], e_all[elements] = around_of[tag], own
        if parent >= 0:
            e_around[elements] |= e_around[parent]
            e_all[elements] |= e_all[parent]
            flags |= e_flags[parent] & np.uint8(HIDDEN)
        e_flags[elements], e_signature[elements] = flags, (state * _PRIME) ^ classed
        elements += 1
        if kind == _BLOCK and is_open and not unseen:
            b_end[blocks], is_open = runs, False
            blocks += 1
        if raws[tag]:
            # Its content is no markup: on behind the end tag of the same name.
            stop = np.empty(name_end - name + 2, np.uint8)
            stop[0], stop[1] = _LT, _SLASH
            stop[2:] = data[name:name_end]
            at = _find(data, at, stop)
            while at < size and data[at] != _GT:
                at += 1
            at += 1
            continue
        if voids[tag]:
            if tag == t_br and is_open and not unseen:
                # Two line breaks part paragraphs.
                last = runs - 1
                while last >= b_first[blocks] and r_begin[last] < r_end[last] and _blank(data, r_begin[last], r_end[last]):
                    last -= 1
                if last >= b_first[blocks] and r_begin[last] == r_end[last]:
                    b_end[blocks], is_open = last, False
                    blocks += 1
                else:
                    r_element[runs], r_begin[runs], r_end[runs] = parent, begin, begin
                    runs += 1
            continue
        if top + 2 > max_depth:
            counts[0] = TOO_DEEP
            break
        top += 1
        stack[top] = elements - 1
        holders[top] = elements - 1 if kind == _BLOCK or top == 0 else holders[top - 1]
        if kind == _UNSEEN and not unseen:
            unseen = top + 1
    if is_open:
        b_end[blocks] = runs
        blocks += 1
    if counts[0] == 0:
        counts[0] = elements
    counts[1], counts[2] = runs, blocks
    # Signatures of three levels, once all single ones stand.
    for element in range(elements - 1, -1, -1):
        parent = e_parent[element]
        if parent >= 0:
            signature = e_signature[element] * _PRIME ^ e_signature[parent]
            above = e_parent[parent]
            e_signature[element] = signature * _PRIME ^ e_signature[above] if above >= 0 else signature
    return (
        counts,
        (e_tag[:elements], e_kind[:elements], e_parent[:elements], e_around[:elements], e_own[:elements], e_all[:elements],
         e_flags[:elements], e_depth[:elements], e_signature[:elements], e_begin[:elements]),
        (r_element[:runs], r_begin[:runs], r_end[:runs]),
        (b_first[:blocks], b_end[:blocks], b_element[:blocks]),
    )  # fmt: skip


@njit(cache=True, nogil=True)
def _blank(data: Bytes, begin: Number, end: Number) -> bool:
    for at in range(begin, end):
        if data[at] > _SPACE:
            return False
    return True
