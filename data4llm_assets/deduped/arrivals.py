"""Documents in their total order: (arrival of the snapshot, priority of the source, doc_id, shard); and their texts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

import numpy as np
import polars as pl

from data4llm_assets.deduped.flat import leading_characters
from data4llm_assets.deduped.tables import Scope
from data4llm_assets.node import Partition, Ref, Work


class Arrival(NamedTuple):
    """Documents that arrived together, with their signatures."""

    name: str
    """Of the snapshot or, in the scope of shards, of the partition."""
    fresh: bool
    """Whether nothing that came before counts: what is remembered of it is forgotten."""
    documents: pl.DataFrame
    """The columns of `tables.signature_schema`, `partition` (UInt32: place in `work.partitions`) and `arrival` (UInt32: that of
    `node.Partition`), in total order."""


def arrivals(work: Work, signatures: Ref, scope: Scope) -> Iterator[Arrival]:
    """Every snapshot (scope `shard`: every partition) in order of arrival."""
    numbers = {partition.key: number for number, partition in enumerate(work.partitions)}
    groups = groupby(work.read_all(signatures), key=lambda item: item[0].key if scope == "shard" else item[0].snapshot)
    for place, (name, group) in enumerate(groups):
        frames = [_placed(frame, partition, numbers[partition.key]) for partition, frame in group]
        yield Arrival(name, place == 0 or scope != "corpus", _in_order(frames))


def as_one(groups: Iterator[Arrival]) -> Iterator[Arrival]:
    """All that arrived, one after the other, as a single arrival."""
    frames = [arrival.documents for arrival in groups]
    if frames:
        yield Arrival("all", True, pl.concat(frames))


def _placed(frame: pl.DataFrame, partition: Partition, number: int) -> pl.DataFrame:
    places = {"partition": number, "arrival": partition.arrival, "priority": partition.priority}
    columns = [pl.lit(value, pl.UInt32).alias(name) for name, value in places.items()]
    return frame.with_columns(*columns, shard=pl.lit(partition.shard, pl.String))


def _in_order(frames: list[pl.DataFrame]) -> pl.DataFrame:
    """The frames as one, in total order; the list is emptied, for the generator that holds it lives as long as the fold."""
    whole = pl.concat(frames)
    frames.clear()
    # Sorted by the digits of its identifiers a snapshot takes a tenth of the time that it takes by strings; who shares the first
    # sixteen characters (a document in two shards) is left to the strings.
    leading, following = leading_characters(whole["doc_id"])
    order = np.lexsort((following, leading, whole["priority"].to_numpy()))
    alike = (np.diff(leading[order]) == 0) & (np.diff(following[order]) == 0)
    if alike.any():
        return whole.sort("priority", "doc_id", "shard").drop("priority", "shard")
    return whole.drop("priority", "shard")[order]


def read_texts(work: Work, places: pl.DataFrame) -> pl.Series:
    """Texts of documents given as rows of (partition, doc_id), in the same order.

    Raises
    ------
    LookupError
        If one has a signature but cannot be read.
    """
    wanted = places.select("partition", "doc_id").with_row_index("row")
    found = [pl.DataFrame(schema={"row": pl.UInt32, "text": pl.String})]
    for (number,), some in wanted.group_by("partition", maintain_order=True):
        read = work.texts(work.partitions[int(str(number))], some["doc_id"].unique(maintain_order=True))
        found.append(some.join(read, on="doc_id", how="left").select("row", "text"))
    texts = pl.concat(found).sort("row")["text"]
    if texts.null_count():
        lost = wanted.filter(texts.is_null())["doc_id"][0]
        msg = f"the text of document {lost} has a signature but cannot be read"
        raise LookupError(msg)
    return texts
