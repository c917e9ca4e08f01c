"""The kept documents that the fold over the snapshots carries along: who they are, their signatures, how many they stand for.

About 100 bytes per kept document are resident. Bucket entries are too while they fit into a quarter of the node's memory;
otherwise they are read again from the signatures when a snapshot asks for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
import polars as pl

from data4llm_assets.deduped.arrivals import arrivals, read_texts
from data4llm_assets.deduped.candidates import Entries
from data4llm_assets.deduped.duplicates import bucket_entries, judged_before
from data4llm_assets.deduped.flat import fingerprints
from data4llm_assets.deduped.matching import Matching
from data4llm_assets.deduped.verify import Fetch
from data4llm_assets.node import Ref, Work

_ENTRY_BYTES = 12


def documents(new: pl.DataFrame, methods: Sequence[Matching]) -> pl.DataFrame:
    """What the fold needs of a snapshot's signatures: page and text as hashes, for they are only tested for equality."""
    signed = [f"{method.label}_{part}" for method in methods for part in ("key", "size", "buckets")]
    return new.select(
        "partition",
        "doc_id",
        "arrival",
        fingerprints(new["page_id"]).alias("page"),
        fingerprints(new["text_digest"]).alias("text"),
        *signed,
    )


class Kept:
    """Grows by one snapshot at a time."""

    def __init__(self, work: Work, signatures: Ref, methods: Sequence[Matching]) -> None:
        self.work, self.signatures = work, signatures
        self.bucketed = [method for method in methods if method.comparisons]
        self.keys = [f"{method.label}_key" for method in methods]
        schema = {"partition": pl.UInt32, "doc_id": pl.String, "arrival": pl.UInt32, "page": pl.UInt64, "text": pl.UInt64}
        for method in methods:
            schema |= {f"{method.label}_key": pl.UInt64, f"{method.label}_size": pl.UInt32}
        self.documents = pl.DataFrame(schema=schema)
        self.stands_for = np.zeros(0, np.int64)
        """How many documents each kept one stands for: itself, and those dropped (not carried) for it."""
        self.gone = np.zeros(0, np.uint64)
        """`judged_before` of the documents that were dropped."""
        self.masks: list[pl.Series] = []
        self.held: list[dict[str, Entries]] | None = []
        self.weight = 0

    def add(self, documents: pl.DataFrame, judged: np.ndarray, drops: pl.DataFrame) -> None:
        """Take in a snapshot, given its documents, and the verdicts over them (`tables.DROPS`).

        judged : for every document that arrived with it, whether it is among `documents`.
        """
        mask = np.isin(np.arange(len(documents)), drops["position"].to_numpy(), invert=True)
        fresh, gone = documents.filter(pl.Series(mask)), documents.filter(pl.Series(~mask))
        self.gone = np.union1d(self.gone, judged_before(gone["page"].to_numpy(), gone["text"].to_numpy()))
        stays = judged.copy()
        stays[judged] = mask
        self.masks.append(pl.Series(stays))
        if self.held is not None:
            first = len(self.documents)
            held = {method.label: bucket_entries(fresh[f"{method.label}_buckets"], first) for method in self.bucketed}
            self.weight += sum(len(keys) for keys, _ in held.values()) * _ENTRY_BYTES
            self.held = [*self.held, held] if self.weight <= self.work.memory // 4 else None
        self.documents = pl.concat([self.documents, fresh.select(self.documents.columns)])
        for_whom = drops.filter(pl.col("action") == "drop")["partner"].to_numpy()
        self.stands_for = np.append(self.stands_for, np.ones(len(fresh), np.int64))
        self.stands_for += np.bincount(for_whom, minlength=len(self.documents))

    def entries(self, method: Matching) -> Iterator[Entries]:
        """Bucket entries of all kept documents, in order."""
        if self.held is not None:
            yield from (entries[method.label] for entries in self.held)
            return
        first = 0
        read_again = islice(arrivals(self.work, self.signatures, "corpus"), len(self.masks))
        for arrival, mask in zip(read_again, self.masks, strict=True):
            buckets = arrival.documents.filter(mask)[f"{method.label}_buckets"]
            yield bucket_entries(buckets, first)
            first += len(buckets)

    def texts(self, documents: pl.DataFrame) -> Fetch:
        """A function from numbers of documents, the kept ones first, then `documents`, to their texts."""
        places = pl.concat([self.documents.select("partition", "doc_id"), documents.select("partition", "doc_id")])

        def fetch(numbers: np.ndarray) -> pl.Series:
            return read_texts(self.work, places[numbers])

        return fetch

    def repeated_texts(self) -> int:
        """How many kept documents have the text of another one: none, if the fold is right. Two hashes hardly ever collide both."""
        return len(self.documents) - self.documents.select("text", *self.keys[:1]).n_unique()
