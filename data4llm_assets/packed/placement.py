"""Pieces: how documents are cut into stretches of tokens, and where in which sequence each stretch lies.

Both strategies keep three promises: every token of every document is in exactly one piece; a sequence never holds two pieces of one
document, be they chunks or repeats; a separator follows each document's end, unless the document ends exactly where its sequence
does, which marks the end as well.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Numbers: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]


class Pieces(NamedTuple):
    """One row for each piece, int64. Offsets and lengths in tokens; separators are not counted in `length`."""

    row: Numbers
    """Row of the document copy that it belongs to."""
    start: Numbers
    length: Numbers
    sequence: Numbers
    offset: Numbers
    """Where in the sequence it begins."""
    closed: Flags
    """Whether a separator follows."""

    def sequences(self) -> int:
        return int(self.sequence.max()) + 1 if len(self.sequence) else 0

    def ordered(self) -> Pieces:
        """In order of sequence and offset."""
        return self.chosen(np.lexsort((self.offset, self.sequence)))

    def chosen(self, rows: Numbers | slice) -> Pieces:
        """Some of the pieces."""
        where = self.sequence[rows], self.offset[rows]
        return Pieces(self.row[rows], self.start[rows], self.length[rows], *where, self.closed[rows])

    def used(self) -> Numbers:
        """Tokens and separators of each sequence."""
        filled = np.zeros(self.sequences(), np.int64)
        np.add.at(filled, self.sequence, self.length + self.closed)
        return filled
