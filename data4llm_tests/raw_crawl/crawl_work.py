"""A `Work` in memory: files by path, tables and metrics in dictionaries. For tests of the stages that read sources."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, BinaryIO

import polars as pl

from data4llm_assets.method import Method
from data4llm_assets.node import Before, Node, Partition, Place, Ref, SourceFile, View

PARTITION = Partition("web-0|one", source="web", shard="web-0", snapshot="one")


class CrawlWork:
    """What `raw_crawl` and `extracted_text` use of `node.Work`. `gone` files are listed and cannot be opened."""

    def __init__(
        self, files: Mapping[str, bytes | BinaryIO], tables: Mapping[Ref, pl.DataFrame] | None = None, gone: tuple[str, ...] = ()
    ):
        self.partition = PARTITION
        self.partitions = (PARTITION,)
        self.parts, self.memory = 1, 1 << 30
        self._files, self._tables, self._gone = dict(files), dict(tables or {}), gone
        self._written: dict[str, list[pl.DataFrame]] = {}
        self.metrics: dict[str, pl.DataFrame] = {}
        self.counters: dict[str, int] = {}
        self.records: dict[str, list[pl.DataFrame]] = {}
        self.cpu_elsewhere = 0.0
        self.listing = [listed(path, content) for path, content in sorted(self._files.items())]

    def files(self) -> list[SourceFile]:
        return self.listing

    def open(self, path: str) -> AbstractContextManager[Any]:
        if path in self._gone:
            raise FileNotFoundError(path)
        content = self._files[path]
        return nullcontext(io.BytesIO(content) if isinstance(content, bytes) else content)

    def replace(self, path: str, content: bytes) -> None:
        """Another content behind the listing's back."""
        self._files[path] = content

    def read(self, ref: Ref) -> pl.DataFrame:
        return self._tables[ref]

    def before(self, taken: Ref, made: str) -> Iterator[Before]:
        return iter(())

    def recorded(self, method: Method) -> pl.DataFrame | None:
        found = self.records.get(f"{method.identity()}{method.parameters()}")
        return pl.concat(found) if found else None

    def record(self, method: Method, rows: pl.DataFrame) -> None:
        self.records.setdefault(f"{method.identity()}{method.parameters()}", []).append(rows)

    def spent(self, cpu_seconds: float) -> None:
        self.cpu_elsewhere += cpu_seconds

    def write(self, table: str, frame: pl.DataFrame) -> None:
        self._written.setdefault(table, []).append(frame)

    def table(self, name: str, node: Node) -> pl.DataFrame:
        return pl.concat(self._written[name]) if name in self._written else pl.DataFrame(schema=node.schemas[name])

    def batches(self, name: str) -> list[pl.DataFrame]:
        return self._written[name]

    def metric(self, frame: str, rows: pl.DataFrame) -> None:
        self.metrics[frame] = rows

    def count(self, name: str, amount: int) -> None:
        self.counters[name] = self.counters.get(name, 0) + amount


def listed(path: str, content: bytes | BinaryIO) -> SourceFile:
    if isinstance(content, bytes):
        return SourceFile(path, len(content), hashlib.sha256(content).hexdigest()[:32])
    return SourceFile(path, 1, "unknown")


def place(name: str, source: Any, view: View | None = None) -> Place:
    return Place(name, view or View(), 0, {"web": source}, {})
