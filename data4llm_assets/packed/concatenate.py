"""Concatenate and split: documents one after another, cut wherever a sequence ends. The baseline of GPT-2 and after."""

from __future__ import annotations

import numpy as np
from numba import njit

from data4llm_assets.packed.placement import Flags, Numbers, Pieces


def place(lengths: Numbers, documents: Numbers, sequence_length: int, separator: bool) -> Pieces:
    """Pack documents into sequences in input order: parameters as in `best_fit.place`.

    A repeat that would meet its document in the same sequence begins a new one; the sequence before is filled up.
    """
    count = int(documents.max()) + 1 if len(documents) else 0
    pieces = int((lengths // sequence_length + 2).sum())
    return Pieces(*_run(lengths, documents, count, sequence_length, separator, pieces))


@njit(cache=True, nogil=True)
def _run(
    lengths: Numbers, documents: Numbers, document_count: int, capacity: int, separator: bool, most: int
) -> tuple[Numbers, Numbers, Numbers, Numbers, Numbers, Flags]:
    row, start, length = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
    sequence, offset, closed = np.empty(most, np.int64), np.empty(most, np.int64), np.zeros(most, np.bool_)
    last = np.full(document_count, -1)
    pieces = current = used = 0
    for index in range(len(lengths)):
        if last[documents[index]] == current and used:
            current += 1
            used = 0
        at = 0
        while at < lengths[index]:
            taken = min(lengths[index] - at, capacity - used)
            row[pieces], start[pieces], length[pieces] = index, at, taken
            sequence[pieces], offset[pieces] = current, used
            last[documents[index]] = current
            at += taken
            used += taken
            if used == capacity:
                current += 1
                used = 0
            elif at == lengths[index] and separator:
                closed[pieces] = True
                used += 1
                if used == capacity:
                    current += 1
                    used = 0
            pieces += 1
    return row[:pieces], start[:pieces], length[:pieces], sequence[:pieces], offset[:pieces], closed[:pieces]
