"""The documents that a fold has seen, in total order, and their units: held while they fit, else read from the signatures again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import polars as pl

from data4llm_assets.deduped import flat
from data4llm_assets.deduped.budget import NotEnoughMemory
from data4llm_assets.deduped.occurrences import SAMPLED, UNIT_BYTES
from data4llm_assets.deduped.units import Units
from data4llm_assets.node import Partition, Ref, Work

Batch = tuple[np.ndarray, Units]
"""The number of every document of a partition (int64; -1 for one that counts already), and its units."""
_UNIT_BYTES = 24
_DOCUMENTS = pl.Schema({"partition": pl.UInt32(), "doc_id": pl.String(), "bytes": pl.Int64(), "arrival": pl.UInt32()})


class Timeline:
    """Grows by one arrival after another; about 100 bytes a document are resident."""

    def __init__(self, work: Work, signatures: Ref, label: str, first: int) -> None:
        """
        Parameters
        ----------
        label : of the method whose signatures are read.
        first : the place of its first partition in `work.partitions`.
        """
        self.work, self.signatures, self.label, self.first = work, signatures, label, first
        self.names: list[str] = []
        self.documents = pl.DataFrame(schema=_DOCUMENTS)
        self.twins = pl.DataFrame(schema={**_DOCUMENTS, "document": pl.UInt32()})
        """Documents that another shard of the same snapshot holds, too, and the number of that one; they are one document."""
        self.starts = np.zeros(1, np.int64)
        """Position of the first unit of every document, and how many units there are."""
        self.sample: list[np.ndarray] = []
        """Digests (uint64[2, n]) of one window in `SAMPLED`."""
        self._numbers: list[np.ndarray] = []
        self._held: list[Units] | None = []
        self._weight = 0

    def add(self, name: str, group: Iterable[tuple[Partition, pl.DataFrame]]) -> list[Any]:
        """Take in the signatures of the partitions of one arrival; what their order and windows depend on, as JSON.

        Raises
        ------
        NotEnoughMemory
            If the documents, the signatures of a partition and the windows of its largest document do not fit.
        """
        rows, held, digests = [], [], []
        for place, (partition, frame) in enumerate(group, self.first + len(self._numbers)):
            units = read_units(frame, self.label)
            self._check(partition, frame, units)
            content = [f"{self.label}_{column}" for column in ("low", "high", "places")]
            digests.append([partition.priority, flat.digest(frame.select("doc_id", *content))])
            rows.append(frame.select("doc_id", "bytes", partition=pl.lit(place, pl.UInt32), priority=pl.lit(partition.priority)))
            held.append((np.diff(units.bounds), *_sampled(units)))
            self._hold(units)
        numbers = self._number(pl.concat(rows), np.concatenate([sizes for sizes, _, _ in held]))
        self.names.append(name)
        for own, (_, digest, owner) in zip(np.split(numbers, np.cumsum([len(some) for some in rows])[:-1]), held, strict=True):
            self._numbers.append(own)
            self.sample.append(digest[:, own[owner] >= 0])
        return digests

    def units(self, since: int = 0) -> Iterator[Batch]:
        """The units of every partition but the first `since`, one after another."""
        if self._held is not None:
            yield from zip(self._numbers[since:], self._held[since:], strict=True)
            return
        stop = self.first + len(self._numbers)
        for place, (_, frame) in enumerate(islice(self.work.read_all(self.signatures), stop), -self.first):
            if place >= since:
                yield self._numbers[place], read_units(frame, self.label)

    @property
    def partitions(self) -> int:
        return len(self._numbers)

    def _number(self, rows: pl.DataFrame, sizes: np.ndarray) -> np.ndarray:
        """Number the documents of an arrival, by (priority, doc_id, place of the partition)."""
        before = len(self.documents)
        ordered = rows.with_row_index("row").sort("priority", "doc_id", "partition", maintain_order=True)
        ordered = ordered.with_columns(first=pl.col("doc_id").is_first_distinct(), arrival=pl.lit(len(self.names), pl.UInt32))
        number = (pl.col("first").cum_sum() + (before - 1)).cast(pl.UInt32)
        ordered = ordered.with_columns(document=number.first().over("doc_id"))
        standing = ordered.filter("first")
        row = standing["row"].to_numpy()
        numbers = np.full(len(rows), -1, np.int64)
        numbers[row] = before + np.arange(len(row))
        self.starts = np.append(self.starts, self.starts[-1] + np.cumsum(sizes[row]))
        self.documents = pl.concat([self.documents, standing.select(self.documents.columns)])
        others = ordered.unique(["partition", "doc_id"], keep="first", maintain_order=True).filter(~pl.col("first"))
        self.twins = pl.concat([self.twins, others.select(self.twins.columns)])
        return numbers

    def _hold(self, units: Units) -> None:
        if self._held is not None:
            self._weight += len(units.low) * _UNIT_BYTES
            self._held = [*self._held, units] if self._weight <= self.work.memory // 4 else None

    def _check(self, partition: Partition, frame: pl.DataFrame, units: Units) -> None:
        """A quarter is for units that are held, a quarter, or what the largest document takes, for those that are looked for."""
        resident = self.documents.estimated_size() + self.starts.nbytes + frame.estimated_size()
        largest = UNIT_BYTES * int(np.diff(units.bounds).max(initial=0))
        needed = int(max(2 * resident, 4 * (resident + largest) // 3))
        if needed > self.work.memory:
            raise NotEnoughMemory(f"{self.label} over the signatures of {partition.key}", needed, self.work.memory)


def read_units(frame: pl.DataFrame, label: str) -> Units:
    """The units of signed documents (`windows.SIGNATURE`, every column with the label before it)."""
    (low, bounds), (high, _), (places, _) = (flat.unlist(frame[f"{label}_{name}"]) for name in ("low", "high", "places"))
    return Units(bounds, low, high, places)


def _sampled(units: Units) -> tuple[np.ndarray, np.ndarray]:
    """Digests of the sampled windows, and the row of the document of each."""
    chosen = np.flatnonzero((units.high % SAMPLED == 0) & ((units.low != 0) | (units.high != 0)))
    return np.stack([units.low[chosen], units.high[chosen]]), np.searchsorted(units.bounds, chosen, side="right") - 1
