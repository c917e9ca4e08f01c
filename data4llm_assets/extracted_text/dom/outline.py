"""One compiled pass over the elements of a page: what each means for the form of the text within it. `writing` writes the text.

Kernels alone, in one file, and tables handed in as arguments: numba's cache of compiled code sees no change elsewhere.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numba import njit

Bytes: TypeAlias = Any
Number: TypeAlias = Any

(NONE, PRE, ITEM, DESCRIPTION, TERM, QUOTE, TABLE, ROW, CELL, ORDERED, STRONG, EMPHASIS, CODE, HEADING) = range(14)
"""What an element is to the form of its text; a heading of level n is HEADING + n."""
AROUND = np.dtype([(name, np.int32) for name in ("pre", "container", "table", "row", "cell", "marks", "level", "depth")])
"""What is around a text. pre, container, table, row, cell: elements, -1 for none: the outermost `pre`; the nearest item, quote or
the like, which stands before its lines; the nearest of the others. marks: bits. level: of the heading, 0 for none. depth: of
containers."""
OWN = np.dtype([(name, np.int32) for name in ("marker", "number", "kind", "columns", "has_text", "code_begin", "code_end")])
"""What an element is by itself. marker: of a container, or the place of a cell in its row. number: the next one in a list or a row.
kind, columns: of a table. has_text: of a container, whether a block is in it and in no other within it. code_begin, code_end: of a
`pre`, which bytes name the language; to be filled in."""
BULLET, DESCRIBED, NAMED, QUOTED = -1, -2, -3, -4
"""Markers of containers, in the order of what they are; others are the numbers of items."""
IS_STRONG, IS_EMPHASIS, IS_CODE = 1, 2, 4
"""Marks."""
DATA = 1
"""A table of which a row has several cells, and no cell needs paragraphs."""

_LAYOUT = 2
_MOST_CONTAINERS = 16
"""Deeper ones are written as the sixteenth: each line begins with the indentation of all around it."""
_MOST_OF_LINES, _MOST = 250, 1_000
"""Bytes in a cell, of several lines and in all: larger ones lay out a page."""
_FIRST, _MOST_NUMBER = np.int32(1), 999_999_999
"""Of an item of a list: CommonMark takes nine digits."""
_EXPANSION, _MOST_MARKS, _WIDEST_MARKER = 4, 64, 12
"""Bytes: of each byte, if it is escaped or in code; of the marks around a run; of a container before each line."""
_NEWLINE, _SPACE, _AND, _GT = 10, 32, 38, 62


@njit(nogil=True)
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


@njit(nogil=True)
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
def outline(
    data: Bytes, elements: Any, runs: Any, blocks: Any, kept: Any, roles: Any, names: Any, markdown: bool, around: Any, own: Any
) -> Any:  # fmt: skip
    """What the elements mean, and how much room the text of each block takes.

    Parameters
    ----------
    elements : tag, parent, begin of a `tree.Elements`. runs, blocks : columns of a `tree.Tree`. kept : bool, by block.
    roles : uint8, by tag. names : attributes as they are written: ` start="`, ` value="`.
    around, own : by element, of the types above, nothing but zeros; they are filled in.

    Returns
    -------
    int64, by block: bytes that its text takes at most, without the beginning of its first line; 0 if it is not kept, or blank.
    """
    tags, parents, begins = elements
    _, r_begin, r_end = runs
    first, end, b_element = blocks
    n_start, n_value = names
    for element in range(tags.size):
        above, role = parents[element], roles[tags[element]]
        here, self = around[element], own[element]
        if above >= 0:
            around[element] = around[above]
        else:
            here.pre = here.container = here.table = here.row = here.cell = -1
        if role == NONE:
            continue
        if role == ROW:
            here.row, here.cell = element, -1
        elif role == CELL:
            here.cell = element
            if here.row >= 0:
                self.marker = own[here.row].number
                own[here.row].number += 1
        elif here.pre >= 0:
            continue
        elif role == PRE:
            here.pre = element
        elif role == TABLE:
            here.table, here.row, here.cell = element, -1, -1
        elif role == ORDERED:
            self.number = _number(data, begins[element], n_start, _FIRST)
        elif role > HEADING:
            here.level = role - HEADING
        elif role >= STRONG:
            # Nothing is marked within code, and a heading is strong by itself.
            if markdown and not here.marks & IS_CODE and not (role == STRONG and here.level):
                here.marks |= 1 << (role - STRONG)
        elif here.depth < _MOST_CONTAINERS:
            here.container = element
            here.depth += 1
            self.marker = ITEM - role + BULLET
            if role == ITEM and above >= 0 and roles[tags[above]] == ORDERED:
                self.marker = _number(data, begins[element], n_value, own[above].number)
                own[above].number = min(self.marker + 1, _MOST_NUMBER)

    needs = np.zeros(first.size, np.int64)
    last_row, last_cell, size, lines = -1, -1, 0, 0
    for block in range(first.size):
        if not kept[block]:
            continue
        seen, run = False, first[block]
        while not seen and run < end[block]:
            seen = _seen(data, r_begin[run], r_end[run])
            run += 1
        if not seen:
            continue
        here = around[b_element[block]]
        length, breaks = 0, 1
        for run in range(first[block], end[block]):
            length += r_end[run] - r_begin[run]
            breaks += r_end[run] == r_begin[run]
            for at in range(r_begin[run], r_end[run] if here.pre >= 0 else 0):
                breaks += data[at] == _NEWLINE
        before_line = _WIDEST_MARKER * here.depth + 8
        needs[block] = _EXPANSION * length + _MOST_MARKS * (end[block] - first[block]) + 2 * before_line * breaks
        if here.container >= 0:
            own[here.container].has_text = 1
        if here.table < 0:
            continue
        table, outer = own[here.table], parents[here.table]
        while outer >= 0 and around[outer].table >= 0 and not own[around[outer].table].kind & _LAYOUT:
            own[around[outer].table].kind |= _LAYOUT
            outer = parents[around[outer].table]
        if here.cell < 0 or here.row < 0:
            continue
        if here.cell != last_cell:
            table.kind |= DATA if here.row == last_row else 0
            last_row, last_cell, size, lines = here.row, here.cell, 0, 0
        size, lines = size + length, lines + breaks
        table.columns = max(table.columns, own[last_cell].marker + 1)
        is_block = here.container != around[here.table].container or here.pre >= 0 or here.level > 0
        if is_block or size > _MOST or (lines > 1 and size > _MOST_OF_LINES):
            table.kind |= _LAYOUT
    return needs
