"""One compiled pass over the elements of a page: what each means for the form of the text within it. `writing` writes the text.

Kernels alone, in one file, and tables handed in as arguments: numba's cache of compiled code sees no change elsewhere.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

Bytes: TypeAlias = NDArray[np.uint8]
Number: TypeAlias = Any

(NONE, PRE, ITEM, DESCRIPTION, TERM, QUOTE, TABLE, ROW, CELL, ORDERED, STRONG, EMPHASIS, CODE) = range(13)
HEADING = 16
"""What an element is to the form of its text; a heading of level n is HEADING + n."""
(IN_PRE, IN_CONTAINER, IN_TABLE, IN_ROW, IN_CELL, MARKS, LEVEL, DEPTH, MARKER, COUNT, KIND, COLUMNS, HAS_TEXT, CODE_BEGIN,
 CODE_END) = range(15)  # fmt: skip
"""Columns of an outline. The first five are elements, -1 for none: the outermost `pre`; the nearest item, quote and the like, which
begins its lines; the nearest of the others. MARKS: bits. LEVEL: of the heading, 0 for none. DEPTH: of containers. MARKER: of a
container, or the place of a cell in its row. COUNT: the next number. KIND, COLUMNS: of a table. HAS_TEXT: of a container, whether
a block is in it and in no other within it. CODE_BEGIN, CODE_END: of a `pre`, which bytes name the language; to be filled in."""
BULLET, DESCRIBED, NAMED, QUOTED = -1, -2, -3, -4
"""Markers of containers; others are the numbers of items."""
IS_STRONG, IS_EMPHASIS, IS_CODE = 1, 2, 4
DATA = 1
"""A table of which a row has several cells, and no cell needs paragraphs."""

_LAYOUT = 2
_INHERITED = 8
_MOST_CONTAINERS = 16
"""Deeper ones are written as the sixteenth: each line begins with the indentation of all around it."""
_MOST_OF_LINES, _MOST = 250, 1_000
"""Bytes in a cell, of several lines and in all: larger ones lay out a page."""
_MOST_NUMBER = 999_999_999
"""Of an item of a list: CommonMark takes nine digits."""
_SPACE, _AND, _GT, _QUOTE, _EQUALS = 32, 38, 62, 34, 61
_inner = njit(nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)


@_inner
def _number(data: Bytes, begin: Number, name: Bytes, otherwise: Number) -> Number:
    """The number that an attribute of the element at `begin` gives. name: as it is written, from the space to the first quote."""
    at, size = begin, data.size - name.size
    while at < size and data[at] != _GT:
        same, offset = True, 0
        while same and offset < name.size:
            same = data[at + offset] == name[offset]
            offset += 1
        if same:
            at += offset
            value, found = at, 0
            while at < size and 48 <= data[at] <= 57 and found <= _MOST_NUMBER:
                found = found * 10 + data[at] - 48
                at += 1
            return min(found, _MOST_NUMBER) if at > value else otherwise
        at += 1
    return otherwise


@_inner
def _seen(data: Bytes, at: Number, stop: Number) -> bool:
    """Whether a run holds anything but white space: `&nbsp;`, U+00A0, U+200B and U+FEFF are none."""
    while at < stop:
        byte = data[at]
        second, third = (data[at + 1], data[at + 2]) if at + 2 < stop else (np.uint8(0), np.uint8(0))
        if byte <= _SPACE:
            at += 1
        elif byte == _AND and second == 110 and third == 98:
            at += 6
        elif byte == 0xC2 and at + 1 < stop and data[at + 1] == 0xA0:
            at += 2
        elif (byte == 0xE2 and second == 0x80 and third == 0x8B) or (byte == 0xEF and second == 0xBB and third == 0xBF):
            at += 3
        else:
            return True
    return False


@njit(cache=True, nogil=True)
def outline(data: Bytes, elements: Any, runs: Any, blocks: Any, kept: Any, roles: Any, names: Any, markdown: bool) -> Any:
    """What the elements mean, and which blocks have a text.

    Parameters
    ----------
    elements : tag, parent, begin of a `tree.Elements`. runs, blocks : columns of a `tree.Tree`. kept : bool, by block.
    roles : uint8, by tag. names : attributes as they are written: ` start="`, ` value="`.

    Returns
    -------
    (int32, one row an element: the columns above), (bool, by block: kept, and not blank).
    """
    tags, parents, begins = elements
    _, r_begin, r_end = runs
    first, end, b_element = blocks
    n_start, n_value = names
    rows = np.zeros((tags.size, CODE_END + 1), np.int32)
    one = np.int32(1)
    for element in range(tags.size):
        row, above, role = rows[element], parents[element], roles[tags[element]]
        for column in range(_INHERITED):
            row[column] = rows[above, column] if above >= 0 else 0 if column >= MARKS else -1
        if role == NONE:
            continue
        if role == ROW:
            row[IN_ROW], row[IN_CELL] = element, -1
        elif role == CELL:
            row[IN_CELL] = element
            if row[IN_ROW] >= 0:
                row[MARKER] = rows[row[IN_ROW], COUNT]
                rows[row[IN_ROW], COUNT] += 1
        elif row[IN_PRE] >= 0:
            continue
        elif role == PRE:
            row[IN_PRE] = element
        elif role == TABLE:
            row[IN_TABLE], row[IN_ROW], row[IN_CELL] = element, -1, -1
        elif role == ORDERED:
            row[COUNT] = _number(data, begins[element], n_start, one)
        elif STRONG <= role < HEADING and not markdown:
            continue
        elif role > HEADING:
            row[LEVEL] = role - HEADING
        elif role >= STRONG:
            # Nothing is marked within code, and a heading is strong by itself.
            if not row[MARKS] & IS_CODE and not (role == STRONG and row[LEVEL]):
                row[MARKS] |= IS_STRONG if role == STRONG else IS_EMPHASIS if role == EMPHASIS else IS_CODE
        elif row[DEPTH] < _MOST_CONTAINERS:
            row[IN_CONTAINER] = element
            row[DEPTH] += 1
            row[MARKER] = BULLET if role == ITEM else DESCRIBED if role == DESCRIPTION else NAMED if role == TERM else QUOTED
            if role == ITEM and above >= 0 and roles[tags[above]] == ORDERED:
                row[MARKER] = _number(data, begins[element], n_value, rows[above, COUNT])
                rows[above, COUNT] = min(row[MARKER] + 1, _MOST_NUMBER)

    shown = np.zeros(first.size, np.bool_)
    last_row, last_cell, size, lines = -1, -1, 0, 0
    for block in range(first.size):
        if not kept[block]:
            continue
        seen, run = False, first[block]
        while not seen and run < end[block]:
            seen = _seen(data, r_begin[run], r_end[run])
            run += 1
        shown[block] = seen
        row = rows[b_element[block]]
        table = row[IN_TABLE]
        if seen and row[IN_CONTAINER] >= 0:
            rows[row[IN_CONTAINER], HAS_TEXT] = 1
        if not seen or table < 0:
            continue
        outer = parents[table]
        while outer >= 0 and rows[outer, IN_TABLE] >= 0 and not rows[rows[outer, IN_TABLE], KIND] & _LAYOUT:
            outer = rows[outer, IN_TABLE]
            rows[outer, KIND] |= _LAYOUT
            outer = parents[outer]
        if row[IN_CELL] < 0 or row[IN_ROW] < 0:
            continue
        if row[IN_CELL] != last_cell:
            if row[IN_ROW] == last_row:
                rows[table, KIND] |= DATA
            last_row, last_cell, size, lines = row[IN_ROW], row[IN_CELL], 0, 0
        for run in range(first[block], end[block]):
            size += r_end[run] - r_begin[run]
            lines += r_end[run] == r_begin[run]
        lines += 1
        rows[table, COLUMNS] = max(rows[table, COLUMNS], rows[last_cell, MARKER] + 1)
        is_block = row[IN_CONTAINER] != rows[table, IN_CONTAINER] or row[IN_PRE] >= 0 or row[LEVEL] > 0
        if is_block or size > _MOST or (lines > 1 and size > _MOST_OF_LINES):
            rows[table, KIND] |= _LAYOUT
    return rows, shown
