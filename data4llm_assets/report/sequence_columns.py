"""Packed sequences as columns that trainers read: what an export can hold beside the token ids, computed over whole batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

Ids = NDArray[np.int32]
IGNORED = -100
"""Label of what is not trained on: as PyTorch's cross-entropy has it."""


class Column(NamedTuple):
    dtype: pa.DataType
    meaning: str
    default: bool = True


COLUMNS: Mapping[str, Column] = {
    "input_ids": Column(pa.list_(pa.int32()), "token ids of the sequence"),
    "document_ids": Column(pa.list_(pa.string()), "whose tokens they are: a document for each stretch of tokens"),
    "document_starts": Column(pa.list_(pa.int32()), "where each stretch begins in its document, in tokens"),
    "sequence_starts": Column(pa.list_(pa.int32()), "where each stretch begins in the sequence; separators lie in no stretch"),
    "lengths": Column(pa.list_(pa.int32()), "tokens of each stretch"),
    "position_ids": Column(pa.list_(pa.int32()), "place of each token in its stretch: 0 where attention must not look back", False),
    "labels": Column(pa.list_(pa.int32()), f"token ids, and {IGNORED} for padding", False),
    "phase": Column(pa.int32(), "phase of training, 0 first", False),
}
DEFAULT = tuple(name for name, column in COLUMNS.items() if column.default)


def sequence_table(sequences: pl.DataFrame, names: Sequence[str], separator: int | None) -> pa.Table:
    """The named COLUMNS of a batch of sequences, all of one length.

    Parameters
    ----------
    sequences : the columns of document.SEQUENCES, and phase: Int64.
    separator : id that was written after documents; None if none was. What comes after it is padding.
    """
    flat = sequences["input_ids"].rechunk().to_arrow().flatten().to_numpy(zero_copy_only=False).astype(np.int32)
    length = max(1, len(flat) // max(1, sequences.height))
    spans = sequences.select("spans").with_row_index("row").explode("spans").unnest("spans").drop_nulls("doc_id")
    offsets = np.arange(sequences.height + 1, dtype=np.int32) * length
    counts = np.concatenate([[0], np.cumsum(sequences["spans"].list.len().to_numpy())]).astype(np.int32)
    arrays = []
    for name in names:
        if name == "input_ids":
            arrays.append(_lists(flat, offsets))
        elif name == "labels":
            padding = np.arange(len(flat)) % length >= np.repeat(_padding_starts(flat, length, spans, separator), length)
            arrays.append(_lists(np.where(padding, np.int32(IGNORED), flat), offsets))
        elif name == "position_ids":
            arrays.append(_lists(_position_ids(flat, length, spans, separator), offsets))
        elif name == "phase":
            arrays.append(pa.array(sequences["phase"].to_numpy(), pa.int32()))
        elif name == "document_ids":
            arrays.append(pa.ListArray.from_arrays(pa.array(counts), spans["doc_id"].to_arrow().cast(pa.string())))
        else:
            source = {"document_starts": "doc_start", "sequence_starts": "sequence_start", "lengths": "length"}[name]
            arrays.append(_lists(spans[source].to_numpy().astype(np.int32), counts))
    return pa.Table.from_arrays(arrays, schema=pa.schema([(name, COLUMNS[name].dtype) for name in names]))


def _position_ids(flat: Ids, length: int, spans: pl.DataFrame, separator: int | None) -> Ids:
    """Counted from the start of each stretch; a separator goes on with it, padding counts by itself."""
    lines = np.arange(0, len(flat), length)
    starts = spans["row"].to_numpy() * length + spans["sequence_start"].to_numpy()
    padding = _padding_starts(flat, length, spans, separator)
    begins = np.concatenate([lines, starts, (lines + padding)[padding < length]])
    last = np.zeros(len(flat), np.int64)
    last[begins] = begins
    return (np.arange(len(flat)) - np.maximum.accumulate(last)).astype(np.int32)


def _padding_starts(flat: Ids, length: int, spans: pl.DataFrame, separator: int | None) -> NDArray[np.int64]:
    """Where the padding of each sequence begins: after its last stretch and that stretch's separator, if it has one."""
    lines = np.arange(0, len(flat), length)
    ends = np.zeros(len(lines), np.int64)
    np.maximum.at(ends, spans["row"].to_numpy(), (spans["sequence_start"] + spans["length"]).to_numpy())
    if separator is None:
        return ends
    # Padding may be the same token as the separator, but a document that ends before its sequence does is always separated.
    after = np.minimum(lines + ends, len(flat) - 1)
    return ends + ((ends < length) & (flat[after] == separator))


def _lists(values: Ids, offsets: Ids) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values))
