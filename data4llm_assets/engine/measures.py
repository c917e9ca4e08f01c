"""Remembered measures: row-wise results by (digest of what was measured, fingerprint of what measured it). Only ever appended.

A part file is named by its rows, so a run that died and measures again writes the same file. Small measures stay in memory while a
partition is worked on; large ones are looked up by key in each batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from data4llm_assets.engine.digest import canonical, json_digest
from data4llm_assets.engine.store import Store, TableWriter
from data4llm_assets.method import MEASURE, Method

KEYED = 1
"""Of the keys below, whatever the format of the store is: what was measured once stays measured."""
TOLD = "method.json"
"""Beside the shards of a measure: what measured it, as its key hashes it."""


def measure_ingredients(method: Method) -> dict[str, Any]:
    identity = method.identity()
    # A step may call the same algorithm by another name; what it measured is the same.
    identity.pop("method")
    return {"format": KEYED, "identity": identity, "parameters": method.parameters(MEASURE)}


def record_ingredients(method: Method) -> dict[str, Any]:
    """As `measure_ingredients`, of outcomes that are recorded (`Work.record`). A decision may keep a method from the work that it
    crashed on: so every parameter counts."""
    return {**measure_ingredients(method), "parameters": method.parameters(), "kind": "record"}


_IN_MEMORY = 6
"""Parquet of numbers and short lists is three to six times smaller than the same in memory."""
_FEW, _MUCH = 4096, 1 << 22
"""Keys, and bytes of files, between which a search is cheaper than reading everything."""


class Remembered:
    """What one method measured in one shard, for the duration of one partition's work."""

    def __init__(self, store: Store, made_of: dict[str, Any], shard: str, key: str, memory: int) -> None:
        self._store, self._key = store, key
        self._made_of = made_of
        self.measure = json_digest(self._made_of)
        self._told = False
        self.folder = f"measures/{self.measure}/{shard}"
        self._files = [(path, size) for path, size, _ in sorted(store.objects(self.folder + "/")) if path.endswith(".parquet")]
        self._frame: pl.DataFrame | None = None
        self._small = sum(size for _, size in self._files) * _IN_MEMORY < memory

    def look_up(self, keys: pl.Series) -> pl.DataFrame | None:
        """The remembered rows of these keys, in no particular order; None if nothing was ever remembered."""
        if self._frame is None and self._files and self._small and not self._worth_a_search(keys):
            whole = pl.concat([pl.read_parquet(self._store.parquet(path)) for path, _ in self._files])
            first = whole[self._key].is_first_distinct()
            self._frame = whole if first.all() else whole.filter(first)
        if self._frame is not None:
            return _rows(self._frame, _places(keys, self._frame[self._key]).drop_nulls())
        if not self._files:
            return None
        wanted = pl.col(self._key).is_in(keys.implode())
        # A filter, unlike a join, lets the reader leave out pages in which nothing is wanted.
        found = [pl.scan_parquet(self._store.parquet(path), parallel="prefiltered").filter(wanted) for path, _ in self._files]
        return pl.concat(found).collect().unique(self._key, keep="first")

    def everything(self) -> pl.DataFrame | None:
        """Every row, file by file in order of their names; None if nothing was ever remembered."""
        frames = [pl.read_parquet(self._store.parquet(path)) for path, _ in self._files]
        return pl.concat(frames) if frames else None

    def _worth_a_search(self, keys: pl.Series) -> bool:
        """Whether few keys are looked up among many: a small delivery need not read all that was measured before it."""
        return len(keys) <= _FEW and sum(size for _, size in self._files) > _MUCH

    def append(self, frame: pl.DataFrame) -> None:
        """Remember more rows at once: a run that is cut off keeps what it had measured."""
        if not self._told:
            self._told = True
            self._store.create(f"measures/{self.measure}/{TOLD}", canonical(self._made_of))
        with TableWriter(self._store, frame.schema) as writer:
            writer.write(frame)
            path = writer.close_as(lambda digest: f"{self.folder}/{digest}.parquet")
        if self._frame is not None or not self._files:
            self._frame = frame if self._frame is None else pl.concat([self._frame, frame])
        self._files.append((path, int(frame.estimated_size())))


def measured(
    remembered: Remembered,
    documents: pl.DataFrame,
    compute: Callable[[pl.DataFrame], pl.DataFrame],
    key: str,
) -> tuple[pl.DataFrame, int]:
    """One row of measured values for each row of `documents`, in order, and how many rows had to be computed."""
    keys = documents[key].unique(maintain_order=True)
    known = remembered.look_up(keys)
    unknown = documents.unique(key, keep="first", maintain_order=True)
    if known is not None and known.height:
        unknown = unknown.filter(~pl.col(key).is_in(known[key].implode()))
    if unknown.height or known is None:
        values = compute(unknown)
        if values.height != unknown.height:
            msg = f"a measure returned {values.height} rows for {unknown.height} documents"
            raise ValueError(msg)
        fresh = pl.concat([unknown.select(key), values], how="horizontal")
        if fresh.height:
            remembered.append(fresh)
        known = fresh if known is None else pl.concat([known.select(fresh.columns), fresh])
    return _rows(known.drop(key), _places(documents[key], known[key])), unknown.height


def _places(keys: pl.Series, among: pl.Series) -> pl.Series:
    """Where each key lies in `among`, whose values differ; null if nowhere."""
    rows = among.alias("key").to_frame().with_row_index("row")
    return keys.alias("key").to_frame().join(rows, on="key", how="left", maintain_order="left")["row"]


def _rows(frame: pl.DataFrame, places: pl.Series) -> pl.DataFrame:
    """Rows by their places. Lists of tokens and n-grams are the bulk of what is remembered: whole and in order, none is copied."""
    if len(places) == frame.height and (places == pl.int_range(frame.height, eager=True)).all():
        return frame
    return frame.select(pl.all().gather(places))
