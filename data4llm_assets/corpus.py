"""A corpus in Python: the same as the command line, for notebooks and other programs.

>>> corpus = Corpus("sample", "store")            # doctest: +SKIP
>>> corpus.build()                                # doctest: +SKIP
>>> corpus.read("filtered", columns=["doc_id", "text"], limit=5)  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from data4llm_assets.document import DECISIONS
from data4llm_assets.engine.documents import documents, texts
from data4llm_assets.engine.planner import Plan, Selection, plan
from data4llm_assets.engine.records import new_run
from data4llm_assets.engine.run import Execute, Report, Watch, bring_up_to_date, inline
from data4llm_assets.engine.snapshots import Snapshots
from data4llm_assets.engine.state import Missing, State, table_name
from data4llm_assets.engine.store import Store, TableFile
from data4llm_assets.engine.work import load_model
from data4llm_assets.method import Method
from data4llm_assets.node import Node, Partition, Ref, Section, View
from data4llm_assets.recipe import Recipe, did_you_mean, load_recipe, parse_recipe


class Corpus:
    """A recipe and the store it is built in."""

    def __init__(self, recipe: str | Path | Recipe | Mapping[str, Any] = "sample", store: str | Path | Store = "store") -> None:
        """recipe: a file, the name of a shipped one, or its keys. store: a folder or a URI. Raises recipe.RecipeError."""
        if isinstance(recipe, Mapping):
            recipe = parse_recipe(recipe)
        self.recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
        self.store = store if isinstance(store, Store) else Store(str(store))
        self.graph = self.recipe.graph()
        self.state = State(self.graph, self.store)

    @property
    def name(self) -> str:
        return self.recipe.corpus

    @property
    def snapshots(self) -> Snapshots:
        return Snapshots(self.store, self.name)

    def plan(self, selection: Selection | None = None) -> Plan:
        """What stands between the store and the recipe."""
        self.state.refresh()
        return plan(self.state, selection)

    def deliver(self) -> None:
        """Freeze the first snapshot if there is none; list sources that the recipe gained in the newest."""
        known = self.snapshots.all()
        if not known:
            self.snapshots.add(self.recipe.snapshot, self.recipe.sources)
        else:
            self.snapshots.complete(list(known)[-1], self.recipe.sources)
        self.state.refresh()

    def undelivered(self) -> list[str]:
        """Sources that the recipe gained: those that no snapshot has."""
        return self.snapshots.missing(self.recipe.sources)

    def build(
        self,
        execute: Execute | None = None,
        *,
        run: str | None = None,
        selection: Selection | None = None,
        watch: Watch | None = None,
    ) -> Report:
        """Bring the corpus up to date, in this process unless `execute` says otherwise (see `engine.workers`)."""
        run = run or new_run()
        self.deliver()
        return bring_up_to_date(self.state, execute or inline(self.state, run), run, selection=selection, watch=watch)

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

    # What `data4llm try` hands to sections (`node.Bench`)

    def read_all(self, ref: Ref) -> Iterator[tuple[Partition, pl.DataFrame]]:
        yield from self.tables(ref)

    def texts(self, view: View, partition: Partition, doc_ids: pl.Series) -> pl.DataFrame:
        return texts(self.store, view, self._view_files(view, partition), pl.DataFrame({"doc_id": doc_ids}))

    def model(self, method: Method) -> Any:
        return load_model(method)

    def tables(self, ref: Ref) -> Iterator[tuple[Partition, pl.DataFrame]]:
        """A current table, partition by partition; files that a node wrote for other partitions come under those."""
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

    def step(self, name: str) -> Section:
        return next(section for section in self.recipe.steps if section.name == name)

    def node(self, name: str) -> Node:
        """An asset of the corpus by name. Raises LookupError with the names there are."""
        return self.graph.nodes[self._known(name, self.graph.nodes)]

    def view_after(self, step: str) -> View:
        """The documents as they stand after a step."""
        for section, place in self.recipe.places():
            if section.name == step:
                return section.after(place)
        msg = f"there is no step {step!r}"
        raise LookupError(msg)

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
