"""Sequences in the order to train on them in, out of the parts they lie in: a permutation of a table larger than memory.

Two passes through files: sequences are read once, in the order they lie in, and dealt to buckets of consecutive positions; then
each bucket alone is sorted. Memory: a bucket, a row group of a part, and the places of one part's sequences (24 bytes each).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from data4llm_assets.engine.store import Store, TableFile

MOST_BUCKETS = 256
"""Files open at a time: a corpus of more buckets reads its parts several times."""


def in_training_order(
    store: Store,
    parts: Mapping[int, TableFile],
    order: TableFile,
    rows: int,
    batch: int,
    scratch: Path,
    most_buckets: int = MOST_BUCKETS,
) -> Iterator[pl.DataFrame]:
    """The columns of document.SEQUENCES and `phase`, the first to train on first.

    Parameters
    ----------
    parts : the sequences of each part. order : (position, part, row, phase), every position once.
    rows : sequences of a bucket, which is sorted in memory. batch : sequences given at a time.
    scratch : a folder for files that are gone at the end; as large as `most_buckets` buckets.
    """
    buckets = -(-order.rows // rows)
    for first in range(0, buckets, most_buckets):
        last = min(first + most_buckets, buckets)
        with TemporaryDirectory(dir=scratch) as folder:
            _deal(store, parts, order, rows, first, last, Path(folder))
            for bucket in range(first, last):
                file = _bucket_file(Path(folder), bucket)
                frame = pl.read_ipc_stream(file)
                file.unlink()
                # Sorted piece by piece: a second copy of a bucket would double the memory.
                places = frame["position"].arg_sort()
                yield from (frame[places[begin : begin + batch]].drop("position") for begin in range(0, frame.height, batch))


def _deal(store: Store, parts: Mapping[int, TableFile], order: TableFile, rows: int, first: int, last: int, folder: Path) -> None:
    """Write the sequences of some buckets, each with its position, to a file for each bucket."""
    writers: dict[int, pa.RecordBatchStreamWriter] = {}
    try:
        for part, file in parts.items():
            positions, phases = _positions(store, order, part, file.rows)
            begin = 0
            for batch in store.batches(file.digest):
                end = begin + batch.height
                placed = batch.with_columns(position=positions[begin:end], phase=phases[begin:end])
                begin = end
                chosen = placed.filter(pl.col("position").is_between(first * rows, last * rows - 1))
                by_bucket = chosen.with_columns(bucket=pl.col("position") // rows)
                for (bucket,), frame in by_bucket.partition_by("bucket", include_key=False, as_dict=True).items():
                    table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
                    if bucket not in writers:
                        options = pa.ipc.IpcWriteOptions(compression="lz4")
                        writers[bucket] = pa.ipc.new_stream(_bucket_file(folder, bucket), table.schema, options=options)
                    writers[bucket].write_table(table)
    finally:
        for writer in writers.values():
            writer.close()


def _positions(store: Store, order: TableFile, part: int, rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Position and phase of each row of a part."""
    own = store.scan_table(order.digest).filter(pl.col("part") == part).select("row", "position", "phase").collect().sort("row")
    if own["row"].to_list() != list(range(rows)):
        msg = f"the training order is not that of part {part}: it places {own.height} rows, the part has {rows}"
        raise ValueError(msg)
    return own["position"].to_numpy(), own["phase"].to_numpy()


def _bucket_file(folder: Path, bucket: int) -> Path:
    return folder / f"{bucket}.arrow"
