"""A `node.Work` over tables in memory: runs a stage's nodes without an engine, so that tests see what a node alone does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import polars as pl

from data4llm_assets import document
from data4llm_assets.engine import accounts
from data4llm_assets.method import Method
from data4llm_assets.node import Expectation, Node, Partition, Place, Ref, Section, View

INPUT = View(texts=(Ref("input", "documents"),), kept=Ref("input", "kept"))


def corpus(texts: dict[str, list[tuple[str, str, str]]]) -> Corpus:
    """Documents by partition key: (doc_id, domain, text)."""
    made = Corpus(tuple(Partition(key, arrival=index) for index, key in enumerate(texts)))
    for key, rows in texts.items():
        frame = pl.DataFrame(rows, schema={"doc_id": pl.String, "domain": pl.String, "text": pl.String}, orient="row")
        frame = frame.with_columns(document.text_digests(frame["text"]), bytes=pl.col("text").str.len_bytes().cast(pl.Int64))
        made.tables["input", "documents", key] = document.conform(frame, document.DOCUMENTS)
        made.tables["input", "kept", key] = document.conform(frame, document.KEPT)
    return made


def place(name: str, *, view: View = INPUT, seed: int = 7, tokenizer: Any = None) -> Place:
    return Place(name, view, seed, {}, {}, tokenizer=tokenizer)


def broken(expectations: Iterable[Expectation], frames: Mapping[str, pl.DataFrame]) -> list[str]:
    """Columns whose bounds do not hold, in order; nulls pass. Raises where an expectation names no column that was measured."""
    found = []
    for each in expectations:
        values = frames[each.frame][each.arguments["column"]].drop_nulls()
        low, high = each.arguments.get("min_value"), each.arguments.get("max_value")
        if (low is not None and (values < low).any()) or (high is not None and (values > high).any()):
            found.append(each.arguments["column"])
    return found


def guards(node: Node) -> dict[str, int]:
    """How many expectations of a node, with those that the engine adds, guard each quality."""
    return Counter(each.quality for each in (*node.expectations, *accounts.expectations(node, "")))


class Corpus:
    def __init__(self, partitions: tuple[Partition, ...]) -> None:
        self.partitions = partitions
        self.tables: dict[tuple[str, str, str], pl.DataFrame] = {}
        self.metrics: dict[tuple[str, str], dict[str, pl.DataFrame]] = {}
        self.measured: dict[str, pl.DataFrame] = {}
        self.computed = 0
        self.parts = 1

    def build(self, section: Section, place: Place, following: str = "next") -> Place:
        """Run a section's nodes over every partition; the place of the step that follows."""
        for node in section.nodes(place):
            for partition in self.of(node):
                MemoryWork(self, node, partition).run()
        return Place(following, section.after(place), place.seed, {}, {}, tokenizer=place.tokenizer)

    def of(self, node: Node) -> tuple[Partition, ...]:
        parts = tuple(Partition(f"part-{index}") for index in range(self.parts))
        return {"grid": self.partitions, "corpus": (Partition(""),), "part": parts}[node.grain]

    def table(self, node: str, table: str) -> pl.DataFrame:
        return pl.concat([frame for (name, kind, _), frame in self.tables.items() if (name, kind) == (node, table)])

    def metric(self, node: str, partition: str = "", frame: str = "partition") -> dict[str, Any]:
        (row,) = self.metrics[node, partition][frame].to_dicts()
        return row

    def failed(self, section: Section, place: Place) -> list[str]:
        """Columns of the expectations that do not hold. Raises where an expectation names no column that was measured."""
        found = []
        for node in section.nodes(place):
            for partition in self.of(node):
                found += broken(node.expectations, self.metrics[node.name, partition.key])
        return found


class MemoryWork:
    memory = 1 << 30

    def __init__(self, corpus: Corpus, node: Node, partition: Partition) -> None:
        self.corpus, self.node, self.partition = corpus, node, partition
        self.partitions, self.parts = corpus.partitions, corpus.parts
        self.frames: dict[str, pl.DataFrame] = {}
        corpus.metrics[node.name, partition.key] = self.frames

    def run(self) -> None:
        for table in self.node.tables:
            self.corpus.tables[self.node.name, table, self.partition.key] = document.empty(self.node.schemas[table])
        self.node.make(self)  # type: ignore[arg-type]

    def read(self, ref: Ref) -> pl.DataFrame:
        (across,) = {read.across for read in self.node.reads if read.ref == ref}
        if across == "own":
            return self._get(ref, f"/{self.partition.key}")
        return self._get(ref, self.partition.key)

    def read_all(self, ref: Ref) -> Iterator[tuple[Partition, pl.DataFrame]]:
        (across,) = {read.across for read in self.node.reads if read.ref == ref}
        keys = self.partitions if any((ref.node, ref.table, each.key) in self.corpus.tables for each in self.partitions) else None
        for partition in keys or tuple(Partition(f"part-{index}") for index in range(self.parts)):
            yield partition, self._get(ref, f"{partition.key}/{self.partition.key}" if across == "own" else partition.key)

    def batches(self) -> Iterator[pl.DataFrame]:
        assert self.node.view is not None
        kept = self._get(self.node.view.kept, self.partition.key)
        for ref in self.node.view.texts:
            frame = self._get(ref, self.partition.key).drop("text_digest", "bytes", "text")
            frame = frame.join(kept, on="doc_id", how="inner", maintain_order="left")
            for begin in range(0, frame.height, 100):
                yield frame[begin : begin + 100]

    def measure(
        self, method: Method, documents: pl.DataFrame, compute: Callable[[pl.DataFrame], pl.DataFrame], *, of: str = "text_digest"
    ) -> pl.DataFrame:
        name = f"{method.identity()}{method.parameters('measure')}"
        known = self.corpus.measured.get(name)
        unknown = documents.unique(of, maintain_order=True)
        if known is not None:
            unknown = unknown.join(known, on=of, how="anti", maintain_order="left")
        self.corpus.computed += unknown.height
        if of == "text_digest":
            assert self.node.view is not None
            stored = pl.concat([self._get(ref, self.partition.key).select("doc_id", "text") for ref in self.node.view.texts])
            unknown = unknown.join(stored, on="doc_id", how="left", maintain_order="left").select("text_digest", "text")
        fresh = pl.concat([unknown.select(of), compute(unknown)], how="horizontal")
        known = fresh if known is None else pl.concat([known, fresh])
        self.corpus.measured[name] = known
        return documents.select(of).join(known, on=of, how="left", maintain_order="left").drop(of)

    def model(self, method: Method) -> Any:
        return method.load()  # type: ignore[attr-defined]

    def write(self, table: str, frame: pl.DataFrame) -> None:
        self._append(table, self.partition.key, frame)

    def write_for(self, key: str, table: str, frame: pl.DataFrame) -> None:
        self._append(table, f"{self.partition.key}/{key}", frame)

    def metric(self, frame: str, rows: pl.DataFrame) -> None:
        self.frames[frame] = rows

    def count(self, name: str, amount: int) -> None:
        pass

    def _get(self, ref: Ref, key: str) -> pl.DataFrame:
        found = self.corpus.tables.get((ref.node, ref.table, key))
        if found is not None:
            return found
        schemas = [frame.schema for (node, table, _), frame in self.corpus.tables.items() if (node, table) == (ref.node, ref.table)]
        return document.empty(schemas[0])

    def _append(self, table: str, key: str, frame: pl.DataFrame) -> None:
        assert frame.schema == self.node.schemas[table], (table, frame.schema)
        where = self.node.name, table, key
        old = self.corpus.tables.get(where)
        self.corpus.tables[where] = frame if old is None else pl.concat([old, frame])
