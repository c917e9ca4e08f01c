"""The `Work` that a node's function is given: inputs that stood current when it began, and a draft that nobody sees yet."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, cast

import polars as pl

from data4llm_assets.document import MIXED
from data4llm_assets.engine.digest import json_digest
from data4llm_assets.engine.documents import Batch, Published, batches, read_kept, texts
from data4llm_assets.engine.measures import Remembered, measure_ingredients, measured, record_ingredients
from data4llm_assets.engine.records import LOADING, TEXTS, Measuring, Stopwatch
from data4llm_assets.engine.snapshots import open_file
from data4llm_assets.engine.state import State, manifest_path, table_name
from data4llm_assets.engine.store import FORMAT, TableFile, TableWriter
from data4llm_assets.method import Method
from data4llm_assets.node import Node, Partition, Read, Ref, SourceFile, View

_MODELS: dict[str, Any] = {}


class Draft:
    """`node.Work`, for one node and one partition. Use as a context manager: what was not finished is thrown away."""

    def __init__(
        self, state: State, node: Node, partition: Partition, inputs: Mapping[Read, Mapping[str, TableFile | None]]
    ) -> None:
        self._state, self._store, self._node, self._inputs = state, state.store, node, inputs
        self.partition = partition
        self.partitions = state.grid
        self.parts = state.graph.parts
        self.memory = state.graph.memory
        self.counters: dict[str, int] = {}
        self.metrics: dict[str, pl.DataFrame] = {}
        self._writers: dict[str, TableWriter] = {}
        self.measuring: dict[str, Measuring] = {TEXTS: Measuring(TEXTS, TEXTS)}
        self.bytes_in = 0
        self.cpu_elsewhere = 0.0
        """Seconds that other processes worked for this partition."""
        self._remembered: dict[str, Remembered] = {}
        self._batch: Batch | None = None

    def __enter__(self) -> Draft:
        return self

    def __exit__(self, *error: object) -> None:
        for writer in self._writers.values():
            writer.__exit__()

    # Inputs

    def read(self, ref: Ref) -> pl.DataFrame:
        files = next(files for read, files in self._inputs.items() if read.ref == ref and read.across != "all")
        (file,) = files.values()
        return self._table(ref, file)

    def read_all(self, ref: Ref) -> Iterator[tuple[Partition, pl.DataFrame]]:
        spread = ("all", "own") if self._node.grain == "part" else ("all",)
        files = next(files for read, files in self._inputs.items() if read.ref == ref and read.across in spread)
        above = self._state.graph.nodes[ref.node]
        for partition in self._state.partitions(above):
            yield partition, self._table(ref, files[partition.key])

    def batches(self) -> Iterator[pl.DataFrame]:
        view = self._view()
        files = self._files(view, self.partition)
        for batch in batches(self._store, view, files, read_kept(self._store, files[view.kept])):
            self._batch = batch
            self.bytes_in += int(batch.rows["bytes"].sum())
            yield batch.rows
        self._batch = None

    def texts(self, partition: Partition, doc_ids: pl.Series) -> pl.DataFrame:
        view = self._view()
        return self._counted(texts(self._store, view, self._files(view, partition), pl.DataFrame({"doc_id": doc_ids})))

    def before(self, taken: Ref, made: str) -> Iterator[Published]:
        label = f"{self._state.graph.nodes[taken.node].function}/{taken.table}"
        for manifest in self._state.alike(self._node, self.partition):
            read = next((digest for name, _, digest in manifest["ingredients"]["inputs"] if name == label), None)
            written = manifest["tables"].get(made)
            if read and written and self._store.has_table(read) and self._store.has_table(written[0]):
                yield Published(self._store, read, written[0])

    def files(self) -> list[SourceFile]:
        return list(self._state.listing(self.partition).files)

    def open(self, path: str) -> AbstractContextManager[BinaryIO]:
        self.count("files_opened", 1)
        graph = self._state.graph
        return open_file(self._store, graph.corpus, self.partition, graph.sources[self.partition.source], path)

    # Measuring

    def measure(
        self, method: Method, documents: pl.DataFrame, compute: Callable[[pl.DataFrame], pl.DataFrame], *, of: str = "text_digest"
    ) -> pl.DataFrame:
        name = f"{method.identity()}{method.parameters()}{of}"
        if name not in self._remembered:
            remembered = Remembered(self._store, measure_ingredients(method), self._shard(), of, self.memory // 4)
            self._remembered[name] = remembered
            self.measuring[name] = Measuring(method.identity()["class"], remembered.measure)
        if of == "text_digest":
            documents = documents.select(name for name in ("doc_id", of, "text") if name in documents.columns)
        read = self._with_texts if of == "text_digest" else lambda unknown: unknown
        cost = self.measuring[name]
        cost.asked += documents.height
        loading = self._loading()
        values, computed = measured(self._remembered[name], documents, lambda unknown: cost.time(compute, read(unknown)), of)
        wall, cpu = self._loading()
        # A model that is loaded on the way is an account of its own.
        cost.add(loading[0] - wall, loading[1] - cpu)
        self.count(f"measured_{method.method}", computed)
        return values

    def recorded(self, method: Method) -> pl.DataFrame | None:
        return self._records(method).everything()

    def record(self, method: Method, rows: pl.DataFrame) -> None:
        self._records(method).append(rows)

    def _records(self, method: Method) -> Remembered:
        return Remembered(self._store, record_ingredients(method), self._shard(), "", self.memory // 4)

    def _shard(self) -> str:
        """Under which name rows are remembered: what was measured here is not looked for elsewhere."""
        return self.partition.shard or self.partition.key or "corpus"

    def remember(self, name: str, ingredients: Any, compute: Callable[[], Mapping[str, pl.DataFrame]]) -> dict[str, pl.DataFrame]:
        made_of = {
            "format": FORMAT,
            "function": f"{self._node.function}/{name}",
            "version": self._node.version,
            "settings": dict(self._node.settings),
            "methods": [[method.identity(), method.parameters()] for method in self._node.methods],
            "ingredients": ingredients,
        }
        fingerprint = json_digest(made_of)
        manifest = self._state.manifest(fingerprint)
        if manifest is None:
            tables = {table: self._store.write_table([frame], frame.schema) for table, frame in compute().items()}
            manifest = {"format": FORMAT, "fingerprint": fingerprint, "ingredients": made_of, "tables": tables}
            self._store.put_json(manifest_path(fingerprint), manifest)
        return {table: self._store.read_table(digest) for table, (digest, _) in manifest["tables"].items()}

    def model(self, method: Method) -> Any:
        key = model_key(method)
        cost = self.measuring.setdefault(LOADING + key, Measuring(LOADING + method.identity()["class"], key))
        cost.asked += 1
        if key in _MODELS:
            return _MODELS[key]
        watch = Stopwatch()
        found = load_model(method)
        cost.rows, cost.first = 1, True
        cost.add(*watch.taken())
        return found

    def spent(self, cpu_seconds: float) -> None:
        self.cpu_elsewhere += cpu_seconds

    def _loading(self) -> tuple[float, float]:
        """(wall, CPU) seconds that loading models took here so far."""
        loads = [cost for name, cost in self.measuring.items() if name.startswith(LOADING)]
        return sum(cost.seconds for cost in loads), sum(cost.cpu_seconds for cost in loads)

    def scratch(self) -> AbstractContextManager[BinaryIO]:
        return cast(BinaryIO, tempfile.TemporaryFile(dir=self._store.scratch()))

    # Results

    def write(self, table: str, frame: pl.DataFrame) -> None:
        self._writer(table, table, frame).write(frame)

    def write_for(self, key: str, table: str, frame: pl.DataFrame) -> None:
        self._writer(table_name(table, key), table, frame).write(frame)

    def count(self, name: str, amount: int) -> None:
        self.counters[name] = self.counters.get(name, 0) + amount

    def metric(self, frame: str, rows: pl.DataFrame) -> None:
        self.metrics[frame] = rows

    def finish(self) -> dict[str, TableFile]:
        """Close every table; those that were promised and not written are there, empty."""
        for table in self._node.tables:
            if not any(name == table or name.startswith(table + "/") for name in self._writers):
                self._writer(table, table)
        return {name: writer.close() for name, writer in sorted(self._writers.items())}

    def _writer(self, name: str, table: str, frame: pl.DataFrame | None = None) -> TableWriter:
        if table not in self._node.tables:
            msg = f"{self._node.name} writes a table {table!r} that its node does not declare"
            raise KeyError(msg)
        if name not in self._writers:
            schema = self._node.schemas[table]
            if table == self._node.keeps and frame is not None:
                # A step that comes after the mixture hands on how often a document is seen, and when.
                handed_on: dict[str, Any] = {column: MIXED[column] for column in ("repeats", "phase") if column in frame.columns}
                schema = pl.Schema({**dict(schema), **handed_on})
            self._writers[name] = TableWriter(self._store, schema)
        return self._writers[name]

    def _table(self, ref: Ref, file: TableFile | None) -> pl.DataFrame:
        if file is None:
            return pl.DataFrame(schema=self._state.graph.nodes[ref.node].schemas[ref.table])
        return self._store.read_table(file.digest)

    def _view(self) -> View:
        if self._node.view is None:
            msg = f"{self._node.name} has no view of the documents"
            raise KeyError(msg)
        return self._node.view

    def _files(self, view: View, partition: Partition) -> dict[Ref, TableFile | None]:
        read_as = {read.ref: files for read, files in self._inputs.items() if read.across == self._node.view_across}
        return {ref: read_as[ref][partition.key] for ref in view.refs()}

    def _with_texts(self, documents: pl.DataFrame) -> pl.DataFrame:
        """(text_digest, text), row by row; a text that is absent or null is read."""
        if "text" not in documents.columns:
            documents = documents.with_columns(text=pl.lit(None, pl.String))
        unread = documents.filter(pl.col("text").is_null())
        if unread.height:
            read = self.measuring[TEXTS].time(lambda rows: self._standing_texts(rows["doc_id"]), unread.select("doc_id"))
            self.measuring[TEXTS].bytes += int(read["text"].str.len_bytes().sum())
            documents = documents.update(read, on="doc_id", how="left")
        return documents.select("text_digest", "text")

    def _standing_texts(self, doc_ids: pl.Series) -> pl.DataFrame:
        """(doc_id, text): those of the batch at hand from its row group, read at most once, any others one by one."""
        at_hand = pl.DataFrame(schema={"doc_id": pl.String, "text": pl.String})
        if self._batch is not None and doc_ids.is_in(self._batch.rows["doc_id"].implode()).any():
            if "texts" not in vars(self._batch):
                self._counted(self._batch.texts)
            at_hand = self._batch.texts.filter(pl.col("doc_id").is_in(doc_ids.implode())).unique("doc_id", keep="first")
        others = doc_ids.filter(~doc_ids.is_in(at_hand["doc_id"].implode()))
        return pl.concat([at_hand, self.texts(self.partition, others)]) if others.len() else at_hand

    def _counted(self, read: pl.DataFrame) -> pl.DataFrame:
        self.count("texts_read", read.height)
        self.count("text_bytes_read", int(read["text"].str.len_bytes().sum()))
        return read


def load_model(method: Method) -> Any:
    """The model behind a method, once per process: loading weights costs more than using them."""
    key = model_key(method)
    if key not in _MODELS:
        _MODELS[key] = method.load()  # type: ignore[attr-defined]
    return _MODELS[key]


def model_key(method: Method) -> str:
    """Two methods with one key name the same model, loaded the same way."""
    return json_digest([method.identity(), method.parameters()])
