"""Documents as they stand: a view's tables joined, row group by row group. Texts are read when they are first asked for.

Here: reading. Not here: which tables are current (`state`), or what a node may do with its documents (`work`).
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

import polars as pl

from data4llm_assets.document import KEPT, MIXED
from data4llm_assets.engine.store import RowGroup, Store, TableFile
from data4llm_assets.node import Ref, View

Files = Mapping[Ref, TableFile | None]
"""The tables of a view for one partition; None where a node wrote none."""


class Batch:
    """The documents of one row group that stand. Valid until the next one is asked for, for it reads from an open file."""

    def __init__(self, store: Store, view: View, files: Files, kept: pl.DataFrame, group: RowGroup) -> None:
        self._store, self._overlays, self._group = store, [files[ref] for ref in view.overlays], group
        # Digest and size of a text as it is by now stand in the kept table.
        stored = [name for name in group.columns() if name not in ("text_digest", "bytes")]
        numbered = group.read([name for name in stored if name != "text"]).with_row_index("row")
        standing = numbered.join(kept, on="doc_id", how="inner", maintain_order="left")
        self._columns = [*stored, *(name for name in kept.columns if name != "doc_id")]
        self._where = standing["row"]
        self.rows = standing.drop("row")
        """All columns but `text`. A document that is trained on in several phases has a row for each."""

    @cached_property
    def texts(self) -> pl.DataFrame:
        """(doc_id, text) of `rows`, row by row, with the latest edit of each."""
        found = self.rows.select("doc_id", text=self._group.read(["text"])["text"].gather(self._where))
        for file in self._overlays:
            if file is not None and file.rows:
                edits = self._store.scan_table(file.digest).select("doc_id", "text")
                wanted = self.rows.lazy().select("doc_id")
                found = found.update(edits.join(wanted, on="doc_id", how="semi").collect(), on="doc_id", how="left")
        return found

    def complete(self) -> pl.DataFrame:
        """The rows with their text, columns in the order in which they are stored."""
        return self.rows.with_columns(self.texts["text"]).select(self._columns)


class Published(NamedTuple):
    """`node.Before`: the digests of a table that was read and of one that was made of it."""

    store: Store
    read: str
    written: str

    def taken(self, columns: list[str]) -> pl.DataFrame:
        return self.store.read_table(self.read, columns)

    def made(self, columns: list[str], groups: Container[int] | None = None) -> Iterator[tuple[int, pl.DataFrame]]:
        for group in self.store.row_groups(self.written):
            if groups is None or group.number in groups:
                yield group.number, group.read(columns)


def batches(store: Store, view: View, files: Files, kept: pl.DataFrame) -> Iterator[Batch]:
    """The documents of one partition as they stand: those of the view's texts that are kept."""
    for ref in view.texts:
        file = files[ref]
        if file is None:
            continue
        for group in store.row_groups(file.digest):
            batch = Batch(store, view, files, kept, group)
            if batch.rows.height:
                yield batch


def documents(store: Store, view: View, files: Files) -> Iterator[pl.DataFrame]:
    """The documents of one partition as they stand, with their texts, in batches; for readers."""
    for batch in batches(store, view, files, read_kept(store, files[view.kept])):
        yield batch.complete()


def texts(store: Store, view: View, files: Files, wanted: pl.DataFrame) -> pl.DataFrame:
    """(doc_id, text) of some documents of a partition."""
    found = pl.DataFrame(schema={"doc_id": pl.String, "text": pl.String})
    for ref in (*view.texts, *view.overlays):
        file = files[ref]
        if file is None or file.rows == 0:
            continue
        # A filter, unlike a join, lets the reader leave out pages in which nothing is wanted.
        wanted_here = pl.col("doc_id").is_in(wanted["doc_id"].implode())
        rows = store.scan_table(file.digest, few=True).select("doc_id", "text").filter(wanted_here).collect()
        found = pl.concat([found.join(rows, on="doc_id", how="anti"), rows])
    return found


def read_kept(store: Store, file: TableFile | None) -> pl.DataFrame:
    """Who stands, without the texts that may lie in the same table: doc_id, text_digest, bytes, and repeats and phase if there."""
    if file is None:
        return pl.DataFrame(schema=KEPT)
    wanted = [name for name in store.scan_table(file.digest).collect_schema().names() if name in MIXED]
    return store.read_table(file.digest, wanted)
