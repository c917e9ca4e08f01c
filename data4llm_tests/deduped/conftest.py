"""A corpus in memory: runs the three nodes of the stage as the engine would, and remembers what they remembered."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

import polars as pl
import pytest

from data4llm_assets.deduped.stage import Deduped
from data4llm_assets.document import DOCUMENTS, conform, text_digests
from data4llm_assets.method import Method
from data4llm_assets.node import Partition, Place, Ref, View

VIEW = View(texts=(Ref("extracted_text", "documents"),), kept=Ref("extracted_text", "kept"))
PLACE = Place(name="deduped", view=VIEW, seed=0, sources={}, retention={})


def partition(snapshot: int, shard: str = "web-0", priority: int = 0) -> Partition:
    source = shard.rpartition("-")[0]
    return Partition(f"{shard}|s{snapshot:02}", source, shard, f"s{snapshot:02}", snapshot, priority)


def documents(rows: Sequence[tuple[str, ...]]) -> pl.DataFrame:
    """Documents from (doc_id, text), (doc_id, text, page_id) or (doc_id, text, page_id, url)."""
    frame = pl.DataFrame(
        [(row[0], row[1], row[2] if len(row) > 2 else row[0], row[3] if len(row) > 3 else None) for row in rows],
        schema={"doc_id": pl.String, "text": pl.String, "page_id": pl.String, "url": pl.String},
        orient="row",
    )
    return conform(frame.with_columns(text_digests(frame["text"]), bytes=pl.col("text").str.len_bytes()), DOCUMENTS)


@dataclass
class Shop:
    """What `node.Work` and `node.Bench` promise, over dictionaries."""

    held: Mapping[Partition, pl.DataFrame]
    memory: int = 1 << 28
    batch: int = 1000
    remembered: dict[str, dict[str, pl.DataFrame]] = field(default_factory=dict)
    tables: dict[tuple[str, str, str], list[pl.DataFrame]] = field(default_factory=dict)
    metrics: dict[tuple[str, str, str], pl.DataFrame] = field(default_factory=dict)
    computed: list[str] = field(default_factory=list)
    fetched: int = 0
    scratched: int = 0
    parts: int = 1
    place: Place = PLACE
    node: str = ""
    partition: Partition = field(default_factory=lambda: Partition(""))

    @property
    def partitions(self) -> tuple[Partition, ...]:
        return tuple(sorted(self.held, key=lambda some: (some.arrival, some.priority, some.shard)))

    def table(self, ref: Ref, key: str) -> pl.DataFrame:
        frames = self.tables.get((ref.node, ref.table, key))
        return pl.concat(frames) if frames else pl.DataFrame(schema=self.schemas[ref])

    def read(self, ref: Ref) -> pl.DataFrame:
        return self.table(ref, self.partition.key)

    def read_all(self, ref: Ref) -> Iterator[tuple[Partition, pl.DataFrame]]:
        for some in self.partitions:
            yield some, self.table(ref, some.key)

    def batches(self) -> Iterator[pl.DataFrame]:
        for some in self.held[self.partition].iter_slices(self.batch):
            yield some.drop("text")

    def texts(self, *where: Any) -> pl.DataFrame:
        some, doc_ids = where[-2:]
        self.fetched += len(doc_ids)
        return self.held[some].filter(pl.col("doc_id").is_in(doc_ids.implode())).select("doc_id", "text").reverse()

    def count(self, name: str, amount: int) -> None:
        """Work is counted by the engine's own tests."""

    def scratch(self) -> AbstractContextManager[BinaryIO]:
        self.scratched += 1
        return cast(BinaryIO, tempfile.TemporaryFile())

    def model(self, method: Any) -> Any:
        return method.load()

    def measure(self, method: Method, frame: pl.DataFrame, compute: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.DataFrame:
        distinct = frame.unique("text_digest", maintain_order=True)
        stored = self.held[self.partition].select("doc_id", "text").unique("doc_id")
        texts = distinct.select("doc_id", "text_digest").join(stored, on="doc_id", how="left", maintain_order="left")
        known = pl.concat([distinct.select("text_digest"), compute(texts)], how="horizontal")
        return frame.select("text_digest").join(known, on="text_digest", how="left", maintain_order="left").drop("text_digest")

    def remember(self, name: str, ingredients: Any, compute: Callable[[], Mapping[str, pl.DataFrame]]) -> dict[str, pl.DataFrame]:
        key = json.dumps([self.node, name, self.settings, ingredients])
        if key not in self.remembered:
            self.computed.append(name)
            self.remembered[key] = dict(compute())
        return self.remembered[key]

    def write(self, table: str, frame: pl.DataFrame) -> None:
        self.write_for(self.partition.key, table, frame)

    def write_for(self, key: str, table: str, frame: pl.DataFrame) -> None:
        assert frame.schema.items() >= self.schemas[Ref(self.node, table)].items()
        self.tables.setdefault((self.node, table, key), []).append(frame)

    def metric(self, frame: str, rows: pl.DataFrame) -> None:
        self.metrics[self.node, frame, self.partition.key] = rows

    def run(self, section: Deduped) -> Shop:
        nodes = section.nodes(self.place)
        self.schemas = {Ref(node.name, table): schema for node in nodes for table, schema in node.schemas.items()}
        for node in nodes:
            self.node, self.settings = node.name, dict(node.settings)
            for some in self.partitions if node.grain == "grid" else (Partition(""),):
                self.partition = some
                node.make(self)  # type: ignore[arg-type]
        return self

    def verdicts(self) -> pl.DataFrame:
        """All verdicts, with the key of the partition."""
        tables = [table.with_columns(key=pl.lit(some.key)) for some, table in self.read_all(Ref("duplicates", "verdicts"))]
        return pl.concat([pl.DataFrame(schema={**self.schemas[Ref("duplicates", "verdicts")], "key": pl.String}), *tables])

    def kept(self) -> list[str]:
        """All documents that stay, in total order of partitions."""
        return [doc_id for _, table in self.read_all(Ref("deduped", "kept")) for doc_id in table["doc_id"]]


@pytest.fixture(scope="session")
def build() -> Callable[..., Shop]:
    """Run the stage over {partition: rows of (doc_id, text) or (doc_id, text, page_id)}; `further` stands in the kept table."""

    def run(
        held: Mapping[Partition, Sequence[tuple[str, ...]]],
        section: Deduped | None = None,
        further: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Shop:
        columns = [pl.lit(value).alias(name) for name, value in (further or {}).items()]
        shop = Shop({some: documents(rows).with_columns(columns) for some, rows in held.items()}, **options)
        return shop.run(section or Deduped())

    return run


@pytest.fixture(scope="session")
def shard() -> Callable[..., Partition]:
    return partition
