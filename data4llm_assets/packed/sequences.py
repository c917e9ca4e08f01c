"""Sequences: token ids and spans written out from pieces, and read back to be sure."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
from numba import njit
from numpy.typing import NDArray

from data4llm_assets import document
from data4llm_assets.packed.placement import Flags, Numbers, Pieces


def written(
    pieces: Pieces,
    tokens: NDArray[np.uint32],
    begins: Numbers,
    doc_ids: pl.Series,
    sequence_length: int,
    separator: int,
    pad: int,
    batch: int = 4096,
) -> Iterator[tuple[pl.DataFrame, int]]:
    """document.SEQUENCES in batches, and how many tokens of their spans do not read back as the document has them.

    Parameters
    ----------
    pieces : in order of sequence and offset.
    tokens : uint32, ids of all document copies.
    begins : int64, where each copy begins in `tokens`.
    doc_ids : whose copy each is.
    separator, pad : ids written after documents and into what is left of a sequence.
    """
    for first in range(0, pieces.sequences(), batch):
        last = min(first + batch, pieces.sequences())
        low, high = np.searchsorted(pieces.sequence, [first, last])
        part = pieces.chosen(slice(low, high))
        ids = np.full((last - first, sequence_length), pad, np.uint32)
        source = begins[part.row] + part.start
        _fill(ids, tokens, source, part.length, part.sequence - first, part.offset, part.closed, separator)
        broken = int(_differing(ids, tokens, source, part.length, part.sequence - first, part.offset))
        spans = pl.DataFrame(
            {
                "doc_id": doc_ids.gather(part.row),
                "doc_start": part.start,
                "sequence_start": part.offset,
                "length": part.length,
            }
        ).select(sequence=pl.Series(part.sequence), spans=pl.struct(pl.all()))
        lists = spans.group_by("sequence", maintain_order=True).agg("spans")
        frame = pl.DataFrame({"input_ids": pl.Series(ids).cast(pl.List(pl.UInt32)), "spans": lists["spans"]})
        yield document.conform(frame, document.SEQUENCES), broken


@njit(cache=True, nogil=True)
def _fill(
    ids: NDArray[np.uint32],
    tokens: NDArray[np.uint32],
    source: Numbers,
    length: Numbers,
    sequence: Numbers,
    offset: Numbers,
    closed: Flags,
    separator: int,
) -> None:
    for piece in range(len(source)):
        begin, end = offset[piece], offset[piece] + length[piece]
        ids[sequence[piece], begin:end] = tokens[source[piece] : source[piece] + length[piece]]
        if closed[piece]:
            ids[sequence[piece], end] = separator


@njit(cache=True, nogil=True)
def _differing(
    ids: NDArray[np.uint32], tokens: NDArray[np.uint32], source: Numbers, length: Numbers, sequence: Numbers, offset: Numbers
) -> int:
    # After all were written: a piece that another one overwrote is found here.
    count = 0
    for piece in range(len(source)):
        for at in range(length[piece]):
            if ids[sequence[piece], offset[piece] + at] != tokens[source[piece] + at]:
                count += 1
    return count
