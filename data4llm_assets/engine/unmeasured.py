"""Which rows a measure would have to compute: what a partition holds, compared with what stands remembered for its shard."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from data4llm_assets.engine.digest import json_digest
from data4llm_assets.engine.measures import measure_ingredients
from data4llm_assets.engine.state import Missing, State
from data4llm_assets.method import Method
from data4llm_assets.node import Node, Partition

_LOOKED_INTO = 64
"""Partitions whose texts are compared with what is remembered; all others are taken to be like them."""
_NEW_CALLS = 0.08
"""Share of a model's calls that are new although nothing that makes them changed: here and there another document is chosen."""


class Unmeasured:
    """Looks into the store's remembered measures; reads keys, never values."""

    def __init__(self, state: State) -> None:
        self._state, self._store = state, state.store
        self._kinds: dict[str, str] = {}
        self._keys: dict[tuple[str, str], pl.Series | int] = {}
        self._shares: dict[tuple[str, str], float] = {}

    def measure(self, method: Method) -> str:
        """The name under which a method's values are remembered."""
        found = json_digest(measure_ingredients(method))
        self._kinds[found] = method.identity()["class"]
        return found

    def kind_of(self, measure: str) -> str:
        """The method behind a measure that was asked for; empty for others."""
        return self._kinds.get(measure, "")

    def share(self, node: Node, partition: Partition, measure: str, beside: Iterable[str], asked: float) -> float:
        """Share of the rows asked for that would be computed.

        A node that measured something of a text had asked all it asks of it: new are texts of which it never measured anything.

        beside : all measures of the node.
        """
        shard = partition.shard or partition.key or "corpus"
        if (measure, shard) not in self._folders:
            return 1.0
        keys = self._remembered(measure, shard)
        if isinstance(keys, int):
            # Remembered by something else than texts (calls of a model): their number is all that can be compared.
            return max(_NEW_CALLS, (asked - keys) / asked) if asked else 0.0
        if (node.name, partition.key) in self._shares:
            return self._shares[node.name, partition.key]
        if len(self._shares) >= _LOOKED_INTO:
            return sum(self._shares.values()) / len(self._shares)
        digests = self._standing(node, partition)
        if digests is None:
            return 1.0
        columns = [self._remembered(each, shard) for each in beside if (each, shard) in self._folders]
        known = pl.concat([column for column in columns if isinstance(column, pl.Series)])
        share = 1.0 - float(digests.is_in(known.implode()).mean() or 0.0) if digests.len() else 0.0
        self._shares[node.name, partition.key] = share
        return share

    @cached_property
    def _folders(self) -> dict[tuple[str, str], list[str]]:
        found: dict[tuple[str, str], list[str]] = {}
        for path, _, _ in self._store.objects("measures/"):
            if path.endswith(".parquet"):
                _, measure, shard, _ = path.split("/", 3)
                found.setdefault((measure, shard), []).append(path)
        return found

    def _remembered(self, measure: str, shard: str) -> pl.Series | int:
        """The text digests that are remembered, or how many rows are if they are remembered by something else."""
        if (measure, shard) not in self._keys:
            paths = self._folders[measure, shard]
            if "text_digest" in pl.read_parquet_schema(self._store.parquet(paths[0])):
                columns = [pl.read_parquet(self._store.parquet(path), columns=["text_digest"])["text_digest"] for path in paths]
                self._keys[measure, shard] = pl.concat(columns)
            else:
                self._keys[measure, shard] = sum(int(pq.read_metadata(self._store.parquet(path)).num_rows) for path in paths)
        return self._keys[measure, shard]

    def _standing(self, node: Node, partition: Partition) -> Any:
        """The text digests that a node's view holds now; None if what it reads was never built."""
        if node.view is None:
            return None
        try:
            file = self._state.table(node.view.kept.node, partition.key, node.view.kept.table)
        except Missing:
            return None
        return None if file is None else self._store.read_table(file.digest, ["text_digest"])["text_digest"]
