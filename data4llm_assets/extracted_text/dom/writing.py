"""One compiled pass over the blocks of a page: their text, in plain form or in Markdown, as bytes of UTF-8.

Markdown is CommonMark with the tables of GitHub, and has the same words when it is read back: what would be taken for a mark is
escaped, and emphasis that would not be read as such (`**so:**what`) is left out. Kernels alone, in one file, and tables handed in
as arguments: numba's cache sees no change elsewhere. Functions without a cache are stored with the one that calls them.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numba import njit

Bytes: TypeAlias = Any
Number: TypeAlias = Any

# As in `outline`.
_BULLET, _DESCRIBED, _NAMED, _QUOTED = -1, -2, -3, -4
_CODE, _DATA = 4, 1

_BLANKS, _RULED, _LETTER = 1, 2, 4
_HALTS = _BLANKS | _RULED
(_BEGINS_LINE, _HASHES, _ENDS_NUMBER, _PARTS_CELLS, _OTHERS, _STARS, _STROKES, _ESCAPES, _BEGINS_TAG, _ENDS_ENTITY, _BEGINS_TARGET,
 _TICKS) = range(12)  # fmt: skip
BLANKS, LETTER = _BLANKS, _LETTER
"""Bits of a byte: it may be white space or begin an entity; it is a letter or a digit of ASCII."""
RULED = {
    letter: _RULED | rule << 4
    for letters, rule in (
        ("+-=~:", _BEGINS_LINE), ("#", _HASHES), (".)", _ENDS_NUMBER), ("|", _PARTS_CELLS), (">[", _OTHERS), ("*", _STARS),
        ("_", _STROKES), ("\\", _ESCAPES), ("<", _BEGINS_TAG), (";", _ENDS_ENTITY), ("(", _BEGINS_TARGET), ("`", _TICKS),
    )
    for letter in letters
}  # fmt: skip
"""Bits of the characters that Markdown may take for marks; the higher ones tell when it does."""
OF_WORDS, PUNCTUATION, BLANK = 0, 1, 2
"""Classes of characters."""
_OF_WORDS, _PUNCTUATION, _BLANK = np.uint8(0), np.uint8(1), np.uint8(2)

# Numbers that functions are called with: numba compiles a function anew for each type, and a literal number is of its own type.
_STRONG, _EMPHASIS = np.int64(1), np.int64(2)
_ZERO, _ONE, _TWO, _THREE, _SIX = (np.int64(number) for number in (0, 1, 2, 3, 6))
_NO = np.bool_(False)
_RUNNING, _HEADING, _CELL = 0, 1, 2
_TAB, _NEWLINE, _SPACE, _QUOTE, _HASH, _AND, _STAR, _DASH, _DOT, _COLON, _LT = 9, 10, 32, 34, 35, 38, 42, 45, 46, 58, 60
_EQUALS, _GT, _OPENING, _BACKSLASH, _CLOSING, _UNDERSCORE, _TICK, _BAR = 61, 62, 91, 92, 93, 95, 96, 124
_LONGEST_ENTITY = 34
_MOST_CONTAINERS, _WIDEST_MARKER = 16, 12
_ROOM = np.int64(4_096)
"""Bytes: more than goes before the first line of a block."""


@njit(nogil=True)
def _with_room(out: Bytes, size: Number, need: Number) -> Bytes:
    """The buffer, or a larger one, with room for so many bytes more."""
    if size + need <= out.size:
        return out
    larger = np.empty(2 * size + need, np.uint8)
    for at in range(size):
        larger[at] = out[at]
    return larger


@njit(nogil=True)
def _decoded(data: Bytes, at: Number, stop: Number) -> Any:
    """The character at `at`, if it is ASCII, a space for `&nbsp;` and U+00A0; and where the next one begins."""
    byte = data[at]
    if byte == _AND and at + 3 < stop:
        # These five are all that canonical HTML has.
        letter, width = data[at + 1], 4
        if letter == 108:
            byte = np.uint8(_LT)
        elif letter == 103:
            byte = np.uint8(_GT)
        elif letter == 97:
            width = 5
        else:
            width = 6
            byte = np.uint8(_SPACE if letter == 110 else _QUOTE)
        return byte, min(at + width, stop)
    if byte == 0xC2 and at + 1 < stop and data[at + 1] == 0xA0:
        return np.uint8(_SPACE), at + 2
    return byte, at + 1


@njit(nogil=True)
def _class_of(classes: Any, first: Number, second: Number, third: Number) -> Number:
    """The class of a character, by its first bytes. Of those with four bytes most are emoji."""
    if first < 0x80:
        return classes[first]
    if first < 0xE0:
        return classes[(first & 31) << 6 | (second & 63)]
    return classes[(first & 15) << 12 | (second & 63) << 6 | (third & 63)] if first < 0xF0 else classes[_DASH]


@njit(nogil=True)
def _last_class(classes: Any, out: Bytes, size: Number) -> Number:
    at = size - 1
    while at > 0 and at > size - 4 and 0x80 <= out[at] < 0xC0:
        at -= 1
    return _class_of(classes, out[at], out[min(at + 1, size - 1)], out[min(at + 2, size - 1)])


@njit(nogil=True)
def _misread(
    out: Bytes, size: Number, line: Number, rule: Number, data: Bytes, at: Number, stop: Number, special: Any, form: Number
) -> Any:  # fmt: skip
    """Whether Markdown would take a character of the text for a mark. `at`: what follows it.

    line : where its line begins; -1 where text does not begin a line.
    """
    is_first = size == line
    last = out[size - 1] if size else np.uint8(0)
    if rule == _STROKES:
        # A run of them is escaped as a whole, or not at all.
        if last == _UNDERSCORE and not is_first:
            return size > 1 and out[size - 2] == _BACKSLASH
        while at < stop and data[at] == _UNDERSCORE:
            at += 1
    # What stands in the next run is not known: it may be space.
    following = data[at] if at < stop else np.uint8(0)
    by_letter, by_space = special[following] & _LETTER != 0, special[following] & _BLANKS != 0
    # A space that ends the run may go behind a mark of emphasis.
    by_word = following == _SPACE and at + 1 < stop and special[data[at + 1]] & _LETTER != 0
    if rule == _BEGINS_LINE:
        return is_first and (by_space or (following < 0x80 and not by_letter))
    if rule == _HASHES:
        return (is_first or (form == _HEADING and last == _SPACE)) and (by_space or following == _HASH)
    if rule == _ENDS_NUMBER:
        place = line
        while 0 <= place < size and place < line + 10 and 48 <= out[place] <= 57:
            place += 1
        return place == size and place > line and by_space
    if rule == _STARS:
        return is_first or last != _SPACE or not by_word
    if rule == _STROKES:
        return is_first or not ((last == _SPACE and by_word) or (by_letter and special[last] & _LETTER != 0))
    if rule == _ESCAPES:
        return following < 0x80 and not by_letter and not by_word
    if rule == _BEGINS_TAG:
        return following == 0 or not (following <= _SPACE or following == _DASH or 48 <= following <= _EQUALS or following >= 0x80)
    if rule == _PARTS_CELLS:
        return form == _CELL or is_first
    place = size - 1
    if rule == _ENDS_ENTITY:
        least = max(size - _LONGEST_ENTITY, 0)
        while place > least and (special[out[place]] & _LETTER or out[place] == _HASH or out[place] == _STAR):
            place -= 1
        return 0 <= place < size - 1 and out[place] == _AND
    if rule == _BEGINS_TARGET:
        while place > 0 and out[place] == _STAR:
            place -= 1
        return place >= 0 and out[place] == _CLOSING
    return is_first or rule == _TICKS


@njit(nogil=True)
def _moved(out: Bytes, begin: Number, size: Number, by: Number) -> Number:
    """The bytes from `begin` on go `by` places to the right, or to the left; the new size."""
    if by > 0:
        for at in range(size - 1, begin - 1, -1):
            out[at + by] = out[at]
    else:
        for at in range(begin, size):
            out[at + by] = out[at]
    return size + by


@njit(nogil=True)
def _code_closed(out: Bytes, size: Number, opened: Number) -> Number:
    """The end of a piece of code that one backtick opened: more of them, where it has some of its own."""
    longest = length = 0
    begin = opened + 1
    for at in range(begin, size):
        length = length + 1 if out[at] == _TICK else 0
        longest = max(longest, length)
    if longest:
        apart = out[begin] == _TICK or out[size - 1] == _TICK
        size = _moved(out, begin, size, longest + apart)
        for at in range(begin, begin + longest):
            out[at] = _TICK
        if apart:
            out[begin + longest] = out[size] = _SPACE
            size += 1
    for at in range(size, size + longest + 1):
        out[at] = _TICK
    return size + longest + 1


@njit(nogil=True)
def _stars(out: Bytes, size: Number, mark: Number) -> Number:
    out[size] = out[size + 1] = _STAR
    return size + (2 if mark == _STRONG else 1)


@njit(nogil=True)
def _star_closed(out: Bytes, size: Number, mark: Number, opened: Number, begins: Any, reads: Any, special: Any) -> Number:
    """The end of emphasis; where it would not be read as one, its beginning is taken back. begins: whether it begins a line."""
    if reads:
        return _stars(out, size, mark)
    text = opened + (2 if mark == _STRONG else 1)
    at = text
    if begins:
        # The mark has kept what follows from being read as one itself.
        while 48 <= out[at] <= 57:
            out[at + opened - text] = out[at]
            at += 1
        rules = special[out[at]]
        if rules & _RULED and rules >> 4 <= _OTHERS:
            out[at + opened - text] = _BACKSLASH
            return _moved(out, at, size, opened - text + 1)
    return _moved(out, at, size, opened - text)


@njit(nogil=True)
def _flow(
    data: Bytes, out: Bytes, size: Number, runs: Any, first: Number, end: Number, around: Any, special: Any, classes: Any,
    prefix: Bytes, width: Number, form: Number,
) -> Number:  # fmt: skip
    """Running text: white space collapses, a line break is one, but a space in cells and in headings of Markdown."""
    r_element, r_begin, r_end = runs
    start, line, bracket = size, size if form == _RUNNING else -_ONE, False
    pending = 0  # 1: a space, 2: a line break
    # Of the emphasis that is open, which, and where; outermost first. Code is within both.
    wanted = outer = inner = outer_at = inner_at = code_at = _ZERO
    last = following_class = _OF_WORDS
    outer_begins = inner_begins = _NO
    code = False
    for run in range(first, end):
        at, stop = np.int64(r_begin[run]), np.int64(r_end[run])
        if at == stop:
            pending = 2 if form == _RUNNING else 1
            continue
        marks = np.int64(around[r_element[run]].marks)
        while at < stop:
            if pending == 0 and marks == wanted:
                while at < stop:
                    byte = data[at]
                    if special[byte] & _HALTS:
                        single = byte == _SPACE and size > start and at + 1 < stop and not special[data[at + 1]] & _HALTS
                        if not single:
                            break
                    out[size] = byte
                    size += 1
                    at += 1
                if at == stop:
                    break
            byte, following = _decoded(data, at, stop)
            if byte <= _SPACE:
                pending = max(pending, 1)
                at = following
                while at < stop and data[at] <= _SPACE:
                    at += 1
                continue
            if size == start:
                pending = 0
            changes = marks != wanted or (code and pending == 2)
            if changes:
                if code:
                    size = _code_closed(out, size, code_at)
                    code = False
                last = _last_class(classes, out, size) if size else _BLANK
                following_class = _class_of(classes, byte, data[min(at + 1, stop - 1)], data[min(at + 2, stop - 1)])
                if marks & _CODE:
                    following_class = _PUNCTUATION
                reads = last == _OF_WORDS or (last == _PUNCTUATION and (pending > 0 or following_class != _OF_WORDS))
                closes = outer & ~marks
                before = size
                if closes or inner & ~marks:
                    if inner:
                        size = _star_closed(out, size, inner, inner_at, inner_begins, reads, special)
                        line -= before - size if size < before and inner_at < line else 0
                        inner = _ZERO
                    before = size
                    if closes:
                        size = _star_closed(out, size, outer, outer_at, outer_begins, reads, special)
                        line -= before - size if size < before and outer_at < line else 0
                        outer = _ZERO
            if pending == 2:
                size = _broken(out, size, prefix, width, _ONE)
                line = size
            elif pending:
                out[size] = _SPACE
                size += 1
            if changes:
                is_after = pending > 0 or size == line or out[size - 1] <= _SPACE
                reads = following_class != _BLANK and (is_after or following_class == _OF_WORDS or last != _OF_WORDS)
                # Marks side by side, and such as may end what is open as well, would be read in more ways than one.
                if reads and (is_after or (not outer and out[size - 1] != _STAR and out[size - 1] != _TICK)):
                    opens = marks & ~(outer | inner) & ~(_ZERO if is_after else wanted)
                    for mark in (_STRONG, _EMPHASIS):
                        if opens & mark:
                            if outer:
                                # Behind a mark that begins a line this one does, too.
                                inner, inner_at, inner_begins = mark, size, size == line or (outer_begins and size == outer_at + 2)
                            else:
                                outer, outer_at, outer_begins = mark, size, size == line
                            size = _stars(out, size, mark)
                if marks & _CODE and (is_after or out[size - 1] != _TICK):
                    code, code_at = True, size
                    out[size] = _TICK
                    size += 1
                wanted = marks
            pending = 0
            if special[byte] & _RULED:
                if code:
                    escaped = byte == _BAR and form == _CELL
                else:
                    bracket |= byte == _OPENING and (size == line or out[size - 1] == _STAR)
                    rule = special[byte] >> 4
                    if byte == _COLON and bracket:
                        rule = np.int64(_BEGINS_TARGET)
                    escaped = byte != _OPENING and _misread(out, size, line, rule, data, following, stop, special, form)
                if escaped:
                    out[size] = _BACKSLASH
                    size += 1
            out[size] = byte
            size += 1
            at = following
    if code:
        size = _code_closed(out, size, code_at)
    if outer:
        reads = _last_class(classes, out, size) != _BLANK
        if inner:
            size = _star_closed(out, size, inner, inner_at, inner_begins, reads, special)
        size = _star_closed(out, size, outer, outer_at, outer_begins, reads, special)
    return size


@njit(nogil=True)
def _broken(out: Bytes, size: Number, prefix: Bytes, width: Number, lines: Number) -> Number:
    """After so many line breaks, at the beginning of a line: what stands before it is written, and no space ends a line."""
    for _ in range(lines):
        while size and out[size - 1] == _SPACE:
            size -= 1
        out[size] = _NEWLINE
        size += 1
        for at in range(width):
            out[size] = prefix[at]
            size += 1
    return size


@njit(nogil=True)
def _preserved(
    data: Bytes, out: Bytes, size: Number, runs: Any, first: Number, end: Number, prefix: Bytes, width: Number, lead: Number,
    waiting: Number, begun: bool,
) -> Any:  # fmt: skip
    """Text whose white space counts. waiting: line breaks that go before it. begun: whether it is not the first of its `pre`.

    lead : from where on blanks before the first run belong to its line. Returned as well: the line breaks that wait behind it, and
    whether it has several lines.
    """
    _, r_begin, r_end = runs
    held, start, several = _ZERO, size, False
    for run in range(first - 1, end):
        at, stop = np.int64(r_begin[run]), np.int64(r_end[run])
        if run < first:
            at, stop = lead, np.int64(r_begin[first])
        elif at == stop:
            waiting, held = waiting + begun, _ZERO
        while at < stop:
            byte, at = _decoded(data, at, stop)
            if run < first and byte > _SPACE:
                held = _ZERO if byte != _LT else held
                while byte == _LT and at < stop and data[at - 1] != _GT:
                    at += 1
            elif byte == _NEWLINE:
                waiting, held = waiting + (begun and run >= first), _ZERO
            elif byte <= _SPACE:
                # It is written before it is known whether something follows it in its line.
                out[size + held] = byte if byte == _TAB else np.uint8(_SPACE)
                held += 1
            else:
                if waiting:
                    several |= size > start
                    behind = size + 2 * width + 8
                    _moved(out, size, size + held, behind - size)
                    size = _broken(out, size, prefix, width, min(waiting, _TWO))
                    _moved(out, behind, behind + held, size - behind)
                size, held, waiting, begun = size + held, _ZERO, _ZERO, True
                out[size] = byte
                size += 1
    return size, waiting, several


@njit(nogil=True)
def _fence_of(data: Bytes, runs: Any, run: Number, around: Any) -> Number:
    """How long a fence must be: longer than the backticks in the `pre` that a run is the first of."""
    r_element, r_begin, r_end = runs
    element = around[r_element[run]].pre
    fence, length = _THREE, _ZERO
    while run < r_begin.size and around[r_element[run]].pre == element:
        for at in range(r_begin[run], r_end[run]):
            length = length + 1 if data[at] == _TICK else _ZERO
            fence = max(fence, length + 1)
        run += 1
    return fence


@njit(nogil=True)
def _bars(out: Bytes, size: Number, count: Number, width: Number) -> Number:
    """So many cells of Markdown that are empty, or, if wide, cells of the line below the first row."""
    for _ in range(count):
        out[size], out[size + 1] = _BAR, _SPACE
        for at in range(size + 2, size + width - 1):
            out[at] = _DASH
        out[size + width - 1] = _SPACE
        size += width
    return size


@njit(nogil=True)
def _left(out: Bytes, size: Number, prefix: Bytes, width: Number, fence: Number, column: Number, columns: Number) -> Number:
    """The end of code in Markdown, if there is a fence, or of a table's row, if there is a column. columns: for the first row."""
    if fence:
        size = _broken(out, size, prefix, width, _ONE)
        for _ in range(fence):
            out[size] = _TICK
            size += 1
    elif column:
        out[size] = _SPACE
        size = _bars(out, size + 1, columns - column, _THREE)
        out[size] = _BAR
        size += 1
        if columns:
            size = _broken(out, size, prefix, width, _ONE)
            size = _bars(out, size, columns, _SIX)
            out[size] = _BAR
            size += 1
    return size


@njit(nogil=True)
def _container_begun(out: Bytes, size: Number, prefix: Bytes, width: Number, marker: Number, markdown: bool, is_text: bool) -> Any:
    """The marker of an item or the like, and what stands before its other lines; the new size and width."""
    begin = size
    if marker >= 0:
        divisor = 1
        while marker // divisor >= 10:
            divisor *= 10
        while divisor:
            out[size] = 48 + marker // divisor % 10
            size += 1
            divisor //= 10
        out[size] = _DOT
    elif marker == _BULLET:
        out[size] = _DASH
    elif marker == _NAMED or (marker == _QUOTED and not markdown) or (marker == _DESCRIBED and markdown and not is_text):
        return size, width
    elif marker == _QUOTED:
        out[size] = _GT
    else:
        out[size] = _COLON if markdown else _SPACE
    out[size + 1] = _SPACE
    size += 2
    # For CommonMark a description is a paragraph: what would depend on it is not indented.
    if marker != _DESCRIBED or not markdown:
        for at in range(begin, size):
            prefix[width] = _GT if marker == _QUOTED and at == begin else _SPACE
            width += 1
    return size, width


@njit(nogil=True)
def _path(path: Any, element: Number, parents: Any, around: Any, own: Any) -> Number:
    """The containers around a block, outermost first, and how many they are. An item that holds but lists is none."""
    depth = 0
    while element >= 0 and around[element].container >= 0:
        path[depth] = around[element].container
        element = parents[path[depth]]
        depth += 1
    for place in range(depth // 2):
        path[place], path[depth - 1 - place] = path[depth - 1 - place], path[place]
    count = 0
    for place in range(depth):
        at = path[place]
        begins_lists = place + 1 < depth and own[path[place + 1]].marker >= _BULLET
        if own[at].has_text or not begins_lists or own[at].marker < _DESCRIBED:
            path[count] = at
            count += 1
    return count


@njit(nogil=True)
def _follows(container: Number, last: Number, parents: Any, own: Any, markdown: bool, is_joined: bool) -> bool:
    """Whether a container stands in the line below the one before it, being of the same list."""
    kind, before = own[container].marker, own[last].marker
    above, last_above = parents[container], parents[last]
    if kind >= _BULLET:
        return before >= _BULLET and above == last_above
    if kind == _QUOTED or before > _DESCRIBED or before == _QUOTED or above < 0 or last_above < 0:
        return False
    if above != last_above and parents[above] != parents[last_above]:
        return False
    return not markdown or (is_joined and (kind == _DESCRIBED or before == _NAMED))


@njit(cache=True, nogil=True)
def write(
    data: Bytes, elements: Any, runs: Any, blocks: Any, around: Any, own: Any, needs: Any, special: Any, classes: Any,
    markdown: bool,
) -> Bytes:  # fmt: skip
    """The text of some blocks, in order: uint8, UTF-8.

    Parameters
    ----------
    elements : parent, begin of a `tree.Elements`. runs, blocks : columns of a `tree.Tree`.
    around, own, needs : as `outline.outline` leaves them.
    special : uint8, by byte: the bits above. classes : uint8, by code point up to U+FFFF: the numbers above; for Markdown.
    """
    parents, begins = elements
    _, r_begin, r_end = runs
    first, end, b_element = blocks
    out, size = np.empty(_ROOM, np.uint8), _ZERO
    # Of the containers that are open: which, how many, what stands before a line of each, and whether there is an empty line in it.
    stack, loose, opened = np.zeros(_MOST_CONTAINERS, np.int64), np.zeros(_MOST_CONTAINERS, np.bool_), _ZERO
    path = np.zeros(_MOST_CONTAINERS, np.int64)
    prefix, widths = np.zeros(_MOST_CONTAINERS * _WIDEST_MARKER, np.uint8), np.zeros(_MOST_CONTAINERS + 1, np.int64)
    last, last_pre, last_table, last_row, last_cell = -1, -1, -1, -1, -1
    fence = waiting = column = columns = lead = _ZERO
    was_text = several = False
    for block in range(needs.size):
        if not needs[block]:
            continue
        element = np.int64(b_element[block])
        here = around[element]
        pre, table, row, cell, width = here.pre, here.table, here.row, here.cell, widths[opened]
        place_in_row = _ZERO
        if pre < 0 and table >= 0 and cell >= 0 and row >= 0 and own[table].kind == _DATA:
            place_in_row = np.int64(own[cell].marker)
        else:
            table = -1
        is_text = pre < 0 and table < 0 and here.level == 0
        form = _CELL if table >= 0 else _HEADING if markdown and here.level else _RUNNING
        same_row = row == last_row and row >= 0
        goes_on = (pre >= 0 and pre == last_pre) or (table >= 0 and table == last_table)
        run = first[block]
        new_fence = _ZERO
        if pre >= 0:
            # Blanks from here on belong to the first line of code.
            lead = max(np.int64(begins[element]), np.int64(r_end[run - 1]) if run else _ZERO)
            needs[block] += r_begin[run] - lead
            if markdown and not goes_on:
                new_fence = _fence_of(data, runs, run, around)
        out = _with_room(out, size, needs[block] + fence + new_fence + 10 * columns + 3 * place_in_row + _ROOM)
        if not goes_on:
            size = _left(out, size, prefix, width, fence, column, columns)
            fence, waiting, column, columns = new_fence, _ZERO, _ZERO, _ZERO
            count, common = _path(path, element, parents, around, own), 0
            while common < min(opened, count) and stack[common] == path[common]:
                common += 1
            if size:
                follows = False
                if common < min(opened, count):
                    follows = not loose[common] and _follows(
                        path[common], stack[common], parents, own, markdown, is_text and was_text and common == count - 1
                    )
                elif 0 < common < count and own[path[common - 1]].marker >= _DESCRIBED:
                    # A list below the first line of the item around it. In Markdown other numbers than 1 do not end a paragraph.
                    number = own[path[common]].marker
                    follows = number == _BULLET or number == 1 or (number >= 0 and not markdown)
                size = _broken(out, size, prefix, widths[common], _ONE if follows else _TWO)
                for place in range(0 if follows else common):
                    loose[place] = True
            for place in range(common, count):
                at = path[place]
                stack[place], loose[place] = at, False
                size, widths[place + 1] = _container_begun(
                    out, size, prefix, widths[place], np.int64(own[at].marker), markdown, is_text and place == count - 1
                )
            opened = count
            width = widths[opened]
            if fence:
                for _ in range(fence):
                    out[size] = _TICK
                    size += 1
                for at in range(own[pre].code_begin, own[pre].code_end):
                    out[size] = data[at]
                    size += 1
                size = _broken(out, size, prefix, width, _ONE)
            elif form == _HEADING:
                for at in range(here.level):
                    out[size + at] = _HASH
                size += here.level
                out[size] = _SPACE
                size += 1
            elif table >= 0:
                columns = np.int64(own[table].columns)
        elif pre >= 0:
            waiting = max(waiting, _ONE)
            for between in range(end[last], run):
                if r_begin[between] == r_end[between]:
                    waiting = _TWO
            if same_row and cell != last_cell and waiting == 1 and not several:
                # A number and its line.
                out[size] = _SPACE
                size, waiting, lead = size + 1, _ZERO, np.int64(r_begin[run])
        elif not same_row:
            if markdown:
                size = _left(out, size, prefix, width, fence, column, columns)
            size = _broken(out, size, prefix, width, _ONE)
            column = columns = _ZERO
        else:
            out[size] = _SPACE
            size += 1
            if cell != last_cell and not markdown:
                out[size], out[size + 1] = _BAR, _SPACE
                size += 2
        if table >= 0 and markdown and not (goes_on and cell == last_cell):
            size = _bars(out, size, place_in_row - column, _THREE)
            column = place_in_row + 1
            out[size], out[size + 1] = _BAR, _SPACE
            size += 2
        if pre >= 0:
            was_several = several and same_row
            size, waiting, several = _preserved(data, out, size, runs, run, end[block], prefix, width, lead, waiting, goes_on)
            several |= was_several
        else:
            size = _flow(data, out, size, runs, run, end[block], around, special, classes, prefix, width, form)
        was_text = is_text
        last, last_pre, last_table, last_row, last_cell = block, pre, table, row, cell
    out = _with_room(out, size, fence + 10 * columns + _ROOM)
    size = _left(out, size, prefix, widths[opened], fence, column, columns)
    return out[:size]
