"""What a step of a recipe becomes: nodes, which the engine runs and Dagster shows as assets.

A stage's `stage.py` describes its nodes in these terms; the engine knows no stage by name. Here are descriptions and the
`Work` protocol a node's function is given, no behaviour.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal, NamedTuple, Protocol

import polars as pl
from pydantic import Field

from data4llm_assets.method import Method, Parameters

Quality = Literal["inclusiveness", "abundance", "articulation", "sanitization"]
QUALITIES: tuple[Quality, ...] = ("inclusiveness", "abundance", "articulation", "sanitization")
Grain = Literal["grid", "corpus", "part"]
"""`grid`: one partition per shard and snapshot. `corpus`: unpartitioned. `part`: one partition per packed part."""


@dataclass(frozen=True)
class Partition:
    """One partition of a grid or part node. `key` is Dagster's: `shard|snapshot`, `part-3`, or "" for a corpus-wide node."""

    key: str
    source: str = ""
    shard: str = ""
    snapshot: str = ""
    arrival: int = 0
    """Rank of the snapshot in order of arrival, 0 first."""
    priority: int = 0
    """Rank of the source: of two equal documents of a snapshot the one from the lower rank stays."""


class Ref(NamedTuple):
    """A table of a node."""

    node: str
    table: str


NOWHERE = Ref("", "")


@dataclass(frozen=True)
class Read:
    """One input of a node.

    across: `same` is the table of the same partition; `all` that of every partition of `ref.node`; `own` the file that a
    corpus-wide node published for this partition (or, in a `part` node, what every grid partition published for this part).
    """

    ref: Ref
    across: Literal["same", "all", "own"] = "same"


@dataclass(frozen=True)
class View:
    """The documents as they stand before a step: whose text to read, which edits lie over it, who is still there."""

    texts: tuple[Ref, ...] = ()
    overlays: tuple[Ref, ...] = ()
    kept: Ref = NOWHERE

    def then(self, *, kept: Ref, overlay: Ref | None = None, text: Ref | None = None) -> View:
        return View(
            texts=(*self.texts, text) if text else self.texts,
            overlays=(*self.overlays, overlay) if overlay else self.overlays,
            kept=kept,
        )

    def refs(self) -> tuple[Ref, ...]:
        return tuple(dict.fromkeys((*self.texts, *self.overlays, self.kept)))


@dataclass(frozen=True)
class Expectation:
    """One Great Expectations expectation over a metric frame, and the quality it guards.

    frame: name of the metric frame, `partition` (one row of totals) unless said otherwise.
    kind: class name in `great_expectations.expectations`, e.g. "ExpectColumnValuesToBeBetween".
    why: what a person should understand when it fails, one sentence.
    """

    quality: Quality
    kind: str
    arguments: Mapping[str, Any]
    why: str
    severity: Literal["critical", "warning"] = "critical"
    frame: str = "partition"


def between(
    quality: Quality,
    column: str,
    minimum: float | None,
    maximum: float | None,
    why: str,
    *,
    severity: Literal["critical", "warning"] = "critical",
    frame: str = "partition",
) -> Expectation:
    """Every value of `column` lies within the bounds, ends included. Null values are passed over."""
    arguments = {"column": column, "min_value": minimum, "max_value": maximum}
    return Expectation(quality, "ExpectColumnValuesToBeBetween", arguments, why, severity, frame)


class Before(Protocol):
    """A table that a node read, and one that it made of it, both published earlier."""

    def taken(self, columns: list[str]) -> pl.DataFrame:
        """Columns of what was read."""

    def made(self, columns: list[str], groups: Container[int] | None = None) -> Iterator[tuple[int, pl.DataFrame]]:
        """Columns of what was made, row group by row group with their numbers; `groups`: only those."""


class Work(Protocol):
    """What a node's function may do. It has no other way to the outside: no paths, no network, no clock."""

    partition: Partition
    partitions: tuple[Partition, ...]
    """All grid partitions, in total order: (arrival, priority, shard)."""
    parts: int
    """How many parts `packed` has."""
    memory: int
    """Bytes that this node may use, from the recipe."""

    def read(self, ref: Ref) -> pl.DataFrame:
        """A table declared `same` or, from a corpus-wide node, `own`. Empty if that node wrote none for this partition."""

    def read_all(self, ref: Ref) -> Iterator[tuple[Partition, pl.DataFrame]]:
        """A table declared `all` (or `own` in a part node), partition by partition, in total order."""

    def batches(self) -> Iterator[pl.DataFrame]:
        """The documents that this node sees (its `view`), in batches: columns of `document.DOCUMENTS` but `text`, which `measure`
        and `texts` read, and those of the kept table."""

    def texts(self, partition: Partition, doc_ids: pl.Series) -> pl.DataFrame:
        """(doc_id, text) of some documents of a partition that this node reads, as its view sees them."""

    def before(self, taken: Ref, made: str) -> Iterator[Before]:
        """What this node made of other tables `taken` by the very settings of now: here before this, and of the same shard in other
        snapshots, the nearest first. A function may take rows from there that it would make just so again, and nothing else."""

    def files(self) -> list[SourceFile]:
        """The frozen listing of this partition, sorted by path; for the node that reads sources."""

    def open(self, path: str) -> AbstractContextManager[BinaryIO]:
        """A byte stream of a source file of this partition's source, by its listed path. Raises FileNotFoundError."""

    def measure(
        self, method: Method, documents: pl.DataFrame, compute: Callable[[pl.DataFrame], pl.DataFrame], *, of: str = "text_digest"
    ) -> pl.DataFrame:
        """Row-wise measured values, remembered by (`of`, method identity and `Measure` parameters): only unknown rows are computed.

        `compute` gets the distinct unknown rows of `documents` and returns one row for each, in order. The answer has one row
        for each of `documents`, in order, of the columns that `compute` returned.

        What is measured of `text_digest` is measured on text: `compute` gets (text_digest, text). `documents` are then rows of
        (doc_id, text_digest) and, where a step edited it, `text`; one that is null or absent is read, if the row is unknown.
        """

    def remember(self, name: str, ingredients: Any, compute: Callable[[], Mapping[str, pl.DataFrame]]) -> dict[str, pl.DataFrame]:
        """Tables that are a function of `ingredients` (JSON) and of this node's settings: computed once, then read."""

    def recorded(self, method: Method) -> pl.DataFrame | None:
        """Everything that any run gave `record` for this very method, with all its parameters, in this shard; None if nothing.

        The order of rows is the same for whoever reads them.
        """

    def record(self, method: Method, rows: pl.DataFrame) -> None:
        """Keep, at once and for good, outcomes that are no function of what is read: a parser that was too slow today.

        Who asks first what is `recorded` and takes that for the outcome makes the same again. All rows of a method have one schema.
        """

    def model(self, method: Method) -> Any:
        """The model that `method` names, loaded once per process (`method.load()`)."""

    def spent(self, cpu_seconds: float) -> None:
        """Add what another process worked for this node to the run record: never part of a digest."""

    def write(self, table: str, frame: pl.DataFrame) -> None:
        """Append rows to a table of this partition. All frames of a table have one schema."""

    def write_for(self, key: str, table: str, frame: pl.DataFrame) -> None:
        """Append rows to the file of another partition: a corpus-wide node's per grid partition, or a grid node's per part."""

    def scratch(self) -> AbstractContextManager[BinaryIO]:
        """An empty file without a name, on the store's disk if that is a folder, for what memory cannot hold; gone when closed."""

    def count(self, name: str, amount: int) -> None:
        """Add to a work counter of the run record (documents parsed, model calls): never part of a digest."""

    def metric(self, frame: str, rows: pl.DataFrame) -> None:
        """A small frame for the checks, kept in the manifest and shown in Dagster. Deterministic."""


@dataclass(frozen=True)
class Glossary:
    """What names mean, a phrase each, for whoever sees them in Dagster. Part of no fingerprint.

    tables, columns: beyond those that `document.TABLES` and `document.COLUMNS` know. figures: columns of the metric frame
    `partition`. frames: other metric frames that are shown, as tables. The accounts' names the engine knows itself.
    """

    tables: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, str] = field(default_factory=dict)
    frames: Mapping[str, str] = field(default_factory=dict)


class SourceFile(NamedTuple):
    path: str
    bytes: int
    digest: str


class Delivery(NamedTuple):
    """What a source that fetches or writes its own files (`land`) is told when a snapshot is frozen.

    folder: where this snapshot's files go. It may hold what an interrupted delivery, or an earlier one by this name, landed.
    arrival: 1 for the first snapshot. earlier: folders of the snapshots before it that stand, newest first.
    """

    folder: Path
    snapshot: str
    arrival: int
    earlier: tuple[Path, ...] = ()


class LandingFailed(RuntimeError):
    """A source could not land what a snapshot needs: says why, and the way out. What has landed stays, and the next try goes on."""


@dataclass(frozen=True)
class Node:
    """One asset: what it reads, which keys of the recipe make it, the function that makes it, the checks that guard it."""

    name: str
    stage: str
    function: str
    """Stable name of `make`, in the fingerprint: two recipes may call the step differently and share its results."""
    version: str
    """Raise when `make` may give another output for the same input."""
    grain: Grain
    make: Callable[[Work], None]
    description: str
    """For a newcomer: in the first sentence what this is, then how it comes about. Part of no fingerprint, as everything shown."""
    tables: tuple[str, ...]
    """Every table `make` may write: tables it does not write are published empty, with the schema of `schemas`."""
    schemas: Mapping[str, pl.Schema]
    reads: tuple[Read, ...] = ()
    view: View | None = None
    view_across: Literal["same", "all"] = "same"
    lists_sources: bool = False
    """Whether it reads sources by listing (`Work.files`)."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Recipe keys that make it, as JSON: shown by `plan` when they change."""
    by_source: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Recipe keys that only concern partitions of one source."""
    methods: tuple[Method, ...] = ()
    """Methods of which every parameter makes this node."""
    methods_by_source: Mapping[str, tuple[Method, ...]] = field(default_factory=dict)
    """Those of `methods` that make the partitions of a source, where not all of them do."""
    measures: tuple[Method, ...] = ()
    """Methods that only measure here: their `Decide` parameters do not make this node."""
    takes: Ref | None = None
    """Whose documents must each be accounted for: kept or decided. The engine adds the frame `accounts` and its checks."""
    keeps: str = "kept"
    retention: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Allowed share of documents kept, by source."""
    expectations: tuple[Expectation, ...] = ()
    calls: Callable[[Partition, float], float] | None = None
    """For forecasts and budgets: how often a language model is asked, at most, about a partition that has so many documents."""
    kinds: tuple[str, ...] = ("polars", "parquet")
    glossary: Glossary = Glossary()
    """What its tables, their columns and its figures mean."""
    step: str = ""
    """The step of the recipe that it belongs to; the recipe says so."""

    @property
    def pool(self) -> str:
        """Name of the scarce thing that its methods need, "" if none does: Dagster counts one for each asset."""
        return next((method.pool for method in (*self.methods, *self.measures) if method.pool), "")


@dataclass(frozen=True)
class Place:
    """Where in the recipe a step stands: what a stage's section needs to describe its nodes."""

    name: str
    """Name of the step: the stage's own unless the recipe repeats the stage."""
    view: View
    seed: int
    sources: Mapping[str, Any]
    """The recipe's sources by name (`raw_crawl.stage.Source`)."""
    retention: Mapping[str, tuple[float, float]]
    guards: tuple[Method, ...] = ()
    """The recipe's sanitization rules, for steps that make new text."""
    tokenizer: Any = None
    memory: int = 2 << 30

    def sub(self, name: str) -> str:
        """Name of a helper node of this step: plain if the step has its stage's name, prefixed otherwise."""
        return name if self.name in STAGES else f"{self.name}_{name}"


STAGES = ("raw_crawl", "extracted_text", "deduped", "filtered", "selected", "mixed", "synthesized", "packed")


class Verdict(NamedTuple):
    """One line of `data4llm try`: what a rule measured, what it is held against, what follows."""

    rule: str
    value: float | str | None
    minimum: float | None
    maximum: float | None
    action: Literal["keep", "drop", "edit", "carry", "info"]
    note: str = ""


class Part(NamedTuple):
    """A part of a document, as a step judged it: its text, where it stands, how probable it is to belong, whether it is kept."""

    text: str
    place: str
    score: float
    kept: bool


@dataclass(frozen=True)
class Trial:
    """What a step would do with one document: its verdicts, the text after its edits (None: unchanged), the parts it judged."""

    verdicts: tuple[Verdict, ...]
    text: str | None = None
    parts: tuple[Part, ...] = ()


class Bench(Protocol):
    """What `data4llm try` hands a section: the current corpus to compare with, read-only."""

    def read_all(self, ref: Ref) -> Iterator[tuple[Partition, pl.DataFrame]]:
        """The current table of every partition (one with key "" for a corpus-wide node); nothing where it was never built."""

    def texts(self, view: View, partition: Partition, doc_ids: pl.Series) -> pl.DataFrame:
        """(doc_id, text) of some documents of a partition, as `view` sees them."""

    def model(self, method: Method) -> Any:
        """The model that `method` names, loaded once per process."""


StepName = Annotated[
    str, Field(description="of the step in plans, decisions, `retention` and Dagster; say another where a stage stands twice")
]
"""A type of its own, so that subclasses with other defaults share the description."""


class Section(Parameters):
    """A stage's section of the recipe. Subclasses declare `stage: Literal[...]`, a default `name`, and their keys."""

    stage: str
    name: StepName

    def nodes(self, place: Place) -> tuple[Node, ...]:
        """The assets of this step in order of dependency; the last one is the step itself and bears `place.name`."""
        raise TypeError

    def after(self, place: Place) -> View:
        """The documents as they stand after this step."""
        raise TypeError

    def trial(self, place: Place, document: pl.DataFrame, bench: Bench) -> Trial:
        """What this step would do with one document (one row of `document.DOCUMENTS`)."""
        raise TypeError
