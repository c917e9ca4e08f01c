"""Reading what is published: the documents as they stand after a step, decisions, tables. The same of a corpus and of a release.

Here: reading, given a graph and a state. Not here: where those come from (`corpus`, `lineage.releases`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl

from data4llm_assets.document import DECISIONS
from data4llm_assets.engine.documents import documents, texts
from data4llm_assets.engine.state import Graph, Missing, State, table_name
from data4llm_assets.engine.store import Store, TableFile
from data4llm_assets.engine.work import load_model
from data4llm_assets.method import Method
from data4llm_assets.node import Node, Partition, Ref, View
from data4llm_assets.recipe import did_you_mean


class Reader(ABC):
    """What stands published, by step. `recipe` has the keys of the recipe as attributes."""

    recipe: Any
    store: Store
    graph: Graph
    state: State

    @property
    def name(self) -> str:
        """Of the corpus."""
        return self.graph.corpus

    @property
    def label(self) -> str:
        """What this is, to a person."""
        return self.name

    @abstractmethod
    def view_after(self, step: str) -> View:
        """The documents as they stand after a step. Raises LookupError if there is no such step."""

    @abstractmethod
    def recipe_json(self) -> dict[str, Any]:
        """The recipe with every key, as JSON."""

    def document_steps(self) -> list[str]:
        """The steps after which documents can be read."""
        names = (section.name for section in self.recipe.steps)
        return [name for name in names if self.graph.nodes[name].keeps in self.graph.nodes[name].tables]

    @abstractmethod
    def stale(self, nodes: set[str]) -> list[str]:
        """Assets among `nodes`, and those they are made from, that are not what the recipe and the sources now say."""

    def read(
        self,
        step: str,
        *,
        table: str | None = None,
        snapshot: str | None = None,
        shard: str | None = None,
        columns: Iterable[str] | None = None,
        where: str | None = None,
        limit: int | None = None,
    ) -> pl.DataFrame:
        """The documents as they stand after a step, or a table of any asset.

        Parameters
        ----------
        step : a step of the recipe, or one of its helper assets (`signatures`, `duplicates`, `mixture`, …).
        table : a table by name; the documents after the step, or its only table, if not given.
        where : a SQL condition over the columns, e.g. "bytes > 1000 AND domain = 'code'".

        Raises
        ------
        LookupError
            If there is no such step, table, shard or snapshot, or nothing of it is built yet.
        """
        wanted = list(columns) if columns is not None else None
        found: list[pl.DataFrame] = []
        rows = 0
        for frame in self._frames(step, table, snapshot, shard):
            if where is not None:
                frame = frame.filter(pl.sql_expr(where))
            frame = _columns(frame, wanted)
            found.append(frame if limit is None else frame.head(limit - rows))
            rows += found[-1].height
            if limit is not None and rows >= limit:
                break
        if not found:
            msg = f"nothing of {step!r} is built yet: data4llm run"
            raise LookupError(msg)
        return pl.concat(found, how="diagonal_relaxed")

    def decisions(self, step: str | None = None, *, doc_id: str | None = None, rule: str | None = None) -> pl.DataFrame:
        """Every decision, with its step, shard and snapshot: the columns of `document.DECISIONS` behind `step` and `partition`."""
        found = [pl.DataFrame(schema={"step": pl.String, "partition": pl.String, **DECISIONS})]
        steps = [name for name, node in self.graph.nodes.items() if "decisions" in node.tables]
        for name in steps if step is None else [self._known(step, steps)]:
            for partition, frame in self.tables(Ref(name, "decisions")):
                if doc_id is not None:
                    frame = frame.filter(pl.col("doc_id").str.starts_with(doc_id) | pl.col("partner").str.starts_with(doc_id))
                if rule is not None:
                    frame = frame.filter(pl.col("rule").str.starts_with(rule))
                found.append(frame.select(pl.lit(name).alias("step"), pl.lit(partition.key).alias("partition"), pl.all()))
        return pl.concat(found)

    def accepted(self, node: str) -> list[str]:
        """The older versions that what stands of an asset was made by, accepted for later ones (`run --accept`)."""
        partitions = self.state.partitions(self.node(node))
        values = (self.state.entry(node, partition.key).value for partition in partitions)
        return sorted({each for value in values if value is not None for each in value.get("accepted", ())})

    # What `data4llm try` hands to sections (`node.Bench`)

    def read_all(self, ref: Ref) -> Iterator[tuple[Partition, pl.DataFrame]]:
        yield from self.tables(ref)

    def texts(self, view: View, partition: Partition, doc_ids: pl.Series) -> pl.DataFrame:
        return texts(self.store, view, self._view_files(view, partition), pl.DataFrame({"doc_id": doc_ids}))

    def model(self, method: Method) -> Any:
        return load_model(method)

    def tables(self, ref: Ref) -> Iterator[tuple[Partition, pl.DataFrame]]:
        """A published table, partition by partition; files that a node wrote for other partitions come under those."""
        node = self.graph.nodes[ref.node]
        for partition in self.state.partitions(node):
            value = self.state.entry(node.name, partition.key).value
            if value is None:
                continue
            own = {name: file for name, file in value["tables"].items() if name.split("/")[0] == ref.table}
            for name, (digest, _) in own.items():
                _, _, key = name.partition("/")
                under = next((each for each in self.state.grid if each.key == key), Partition(key)) if key else partition
                yield under, self.store.read_table(digest)

    def node(self, name: str) -> Node:
        """An asset of the corpus by name. Raises LookupError with the names there are."""
        return self.graph.nodes[self._known(name, self.graph.nodes)]

    def _frames(self, step: str, table: str | None, snapshot: str | None, shard: str | None) -> Iterator[pl.DataFrame]:
        node = self.node(step)
        self._known_partition("snapshot", snapshot, self.state.snapshots)
        self._known_partition("shard", shard, {partition.shard for partition in self.state.grid})
        chosen = [
            p for p in self.state.grid if (snapshot is None or p.snapshot == snapshot) and (shard is None or p.shard == shard)
        ]
        if table is None and node.name in {section.name for section in self.recipe.steps} and node.keeps in node.tables:
            view = self.view_after(node.name)
            for partition in chosen:
                files = self._view_files(view, partition)
                if files[view.kept] is not None:
                    yield from documents(self.store, view, files)
            return
        # An asset with several tables is best known by the one that bears its name.
        main = node.name if node.name in node.tables else node.tables[0]
        name = self._known(table, node.tables, "table") if table is not None else main
        keys = {partition.key for partition in chosen}
        for partition, frame in self.tables(Ref(node.name, name)):
            if node.grain == "part" or not partition.shard or partition.key in keys:
                yield frame

    def _view_files(self, view: View, partition: Partition) -> dict[Ref, TableFile | None]:
        files: dict[Ref, TableFile | None] = {}
        for ref in view.refs():
            try:
                files[ref] = self.state.table(ref.node, partition.key, table_name(ref.table))
            except Missing:
                files[ref] = None
        return files

    def _known(self, name: str, known: Iterable[str], what: str = "step") -> str:
        if name not in known:
            msg = f"there is no {what} {name!r}; there are: {', '.join(known)}{did_you_mean(name, known)}"
            raise LookupError(msg)
        return name

    def _known_partition(self, what: str, name: str | None, known: Iterable[str]) -> None:
        if name is not None:
            self._known(name, sorted(known), what)


def _columns(frame: pl.DataFrame, wanted: list[str] | None) -> pl.DataFrame:
    if wanted is None:
        return frame
    for name in wanted:
        if name not in frame.columns:
            msg = f"there is no column {name!r}; there are: {', '.join(frame.columns)}{did_you_mean(name, frame.columns)}"
            raise LookupError(msg)
    return frame.select(wanted)
