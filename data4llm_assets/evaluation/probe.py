"""What a recipe costs where nothing is known of it: a few documents of every source, built twice in stores that are thrown away.

The first build, of a tenth, meets everything for the first time in its process; the second is warm. Together they tell what a
partition costs from what a document does. Nothing in the corpus' own store changes but that the records are kept for forecasts.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import polars as pl

from data4llm_assets.corpus import Corpus
from data4llm_assets.document import digest
from data4llm_assets.engine import compiler
from data4llm_assets.engine.expectations import import_great_expectations
from data4llm_assets.engine.experience import PROBES
from data4llm_assets.engine.records import new_run, read_records
from data4llm_assets.engine.run import bring_up_to_date, inline
from data4llm_assets.engine.snapshots import LISTING, landing_folder, open_file
from data4llm_assets.engine.state import Graph, State, file_name
from data4llm_assets.engine.store import Store
from data4llm_assets.mixed.stage import Mixed
from data4llm_assets.node import Node, Partition, SourceFile
from data4llm_assets.raw_crawl.source import Found, Record, Reference
from data4llm_assets.recipe import Recipe

DOCUMENTS = 200
"""Of all sources together."""
_SMALL = 0.1
"""Share of them that is built first."""
_HEAD = 8
"""Files of several documents that a source's share comes from: the beginning of each."""


class Sampled:
    """A source of which some files are delivered, and of each as many records from its beginning as are wanted."""

    random_access = True
    """With `digests_bytes`: what is read is the beginning of a file, so it is not held against the digest of the whole."""

    def __init__(self, section: Any, wanted: Mapping[str, int]) -> None:
        self._section, self._wanted = section.model_copy(update={"shards": 1}), wanted

    def __getattr__(self, name: str) -> Any:
        return getattr(self._section, name)

    def digests_bytes(self) -> bool:
        return False

    def records(self, stream: BinaryIO, path: str) -> Iterator[Found | Reference]:
        found: Iterator[Found | Reference] = self._section.records(stream, path)
        left = self._wanted[path]
        while left > 0 and (each := next(found, None)) is not None:
            left -= isinstance(each, Record | Reference)
            yield each


class Sample(NamedTuple):
    """What is taken of the newest snapshot of one source.

    bytes: of each file, as much as its taken records are of those that it was read for.
    """

    snapshot: str
    wanted: dict[str, int]
    files: list[SourceFile]


class Probed(NamedTuple):
    """documents: by source. calls: of language models. failures: what went wrong, a line each; of that no record tells."""

    run: str
    documents: dict[str, int]
    cpu_seconds: float
    calls: int
    failures: tuple[str, ...]


def listed(corpus: Corpus, folder: Path) -> Corpus:
    """The corpus with its sources listed in another store, for one of which nothing is delivered yet.

    Raises
    ------
    LookupError
        If a source would have to fetch for that: nothing is fetched to be thrown away.
    """
    if fetching := [name for name, section in corpus.recipe.sources.items() if section.fetches]:
        msg = f"{', '.join(fetching)} must be fetched before it can be probed: first data4llm snapshot add {corpus.recipe.snapshot}"
        raise LookupError(msg)
    other = Corpus(corpus.recipe, folder)
    other.deliver()
    return other


def probe(corpus: Corpus, delivered: Corpus, documents: int = DOCUMENTS) -> Probed:
    """Build a miniature and keep its records in the corpus' store.

    delivered : the corpus, or its `listed` copy: where listings and landed files lie.

    Raises
    ------
    LookupError
        If nothing is delivered.
    """
    if not delivered.state.snapshots:
        msg = f"{corpus.name}: nothing is delivered yet: data4llm snapshot add {corpus.recipe.snapshot}"
        raise LookupError(msg)
    compiler.start()
    import_great_expectations()
    run = new_run()
    records: list[dict[str, Any]] = []
    failures: list[str] = []
    taken: dict[str, int] = {}
    for number, count in enumerate((max(1, round(documents * _SMALL)), documents)):
        with tempfile.TemporaryDirectory(prefix="data4llm-probe-") as folder:
            samples = _samples(delivered, count)
            taken = {source: sum(sample.wanted.values()) for source, sample in samples.items()}
            made, wrong = _build(corpus.recipe, delivered, samples, Path(folder), run)
            records += made
            failures += wrong
            for record in made:
                path = f"{PROBES}/{run}/{number}/{record['node']}/{file_name(record['partition'])}.json"
                corpus.store.put_json(path, record)
    cpu = sum(record["cpu_seconds"] for record in records)
    calls = sum(record["counters"].get("model_calls", 0) for record in records)
    return Probed(run, taken, cpu, calls, tuple(dict.fromkeys(failures)))


def _samples(delivered: Corpus, documents: int) -> dict[str, Sample]:
    """The same number of documents of each source, as far as it has them, from files in order of their hash."""
    each = max(1, documents // len(delivered.recipe.sources))
    found = {}
    for source in delivered.recipe.sources:
        wanted: dict[str, int] = {}
        sampled: list[SourceFile] = []
        snapshot, listed_files = _newest(delivered, source)
        files = sorted(listed_files, key=lambda file: digest("probe", file.path))
        for file in files:
            missing = each - sum(wanted.values())
            if missing <= 0:
                break
            most = missing if len(files) >= each else -(-missing // max(1, min(_HEAD, len(files)) - len(wanted)))
            records, share = _head(delivered, source, snapshot, file, most)
            if records:
                wanted[file.path] = records
                sampled.append(file._replace(bytes=max(1, round(file.bytes * share))))
        found[source] = Sample(snapshot, wanted, sorted(sampled))
    return found


def _head(delivered: Corpus, source: str, snapshot: str, file: SourceFile, most: int) -> tuple[int, float]:
    """How many records the beginning of a file gives, `most` at most, and what share of its bytes that is."""
    if not file.bytes:
        return 0, 0.0
    section, place = delivered.recipe.sources[source], Partition("", source=source, snapshot=snapshot)
    with open_file(delivered.store, delivered.name, place, section, file.path) as stream:
        every = islice(section.records(stream, file.path), most + 1)
        found = [each for each in every if isinstance(each, Record | Reference)]
        if len(found) <= most:
            return len(found), 1.0
        payload = sum(len(each.payload) for each in found[:most] if isinstance(each, Record))
        return most, min(1.0, max(payload, 1) / file.bytes)


def _newest(delivered: Corpus, source: str) -> tuple[str, list[SourceFile]]:
    """The newest snapshot that has a source, and its files."""
    places = [partition for partition in delivered.state.grid if partition.source == source]
    newest = places[-1].snapshot
    return newest, [file for place in places if place.snapshot == newest for file in delivered.state.listing(place).files]


def _build(
    recipe: Recipe, delivered: Corpus, samples: Mapping[str, Sample], folder: Path, run: str
) -> tuple[list[dict[str, Any]], list[str]]:
    store = Store(str(folder / "store"))
    for source, section in recipe.sources.items():
        theirs, ours = (landing_folder(each, recipe.corpus, source, section) for each in (delivered.store, store))
        if theirs is not None and ours is not None and theirs != ours:
            ours.parent.mkdir(parents=True, exist_ok=True)
            ours.symlink_to(theirs, target_is_directory=True)
    graph = _miniature(recipe, delivered, samples)
    state = State(graph, store)
    snapshots: dict[str, dict[str, Any]] = {}
    for source, sample in samples.items():
        table = store.write_table([pl.DataFrame(sample.files, schema=LISTING, orient="row")], LISTING)
        size = sum(file.bytes for file in sample.files)
        snapshots.setdefault(sample.snapshot, {})[source] = {"listing": table.digest, "files": table.rows, "bytes": size}
    for arrival, name in enumerate(name for name in delivered.state.snapshots if name in snapshots):
        state.deliver(name, {"arrival": arrival + 1, "sources": snapshots[name]})
    report = bring_up_to_date(state, inline(state, run), run)
    return list(read_records(store, run)), [str(done.error) for done in report.failures]


def _miniature(recipe: Recipe, delivered: Corpus, samples: Mapping[str, Sample]) -> Graph:
    """The recipe's graph over the samples, with budgets of tokens in proportion, in which nothing is refused."""
    sampled = sum(file.bytes for sample in samples.values() for file in sample.files)
    everything = sum(file.bytes for source in recipe.sources for file in _newest(delivered, source)[1])
    share = sampled / max(1, everything)
    steps = tuple(
        step.model_copy(update={"budget": max(1, round(step.budget * share))}) if isinstance(step, Mixed) else step
        for step in recipe.steps
    )
    sources = {source: Sampled(section, samples[source].wanted) for source, section in recipe.sources.items()}
    graph = recipe.model_copy(update={"steps": steps, "sources": sources}).graph()
    return Graph(
        graph.corpus, {name: _lenient(node) for name, node in graph.nodes.items()}, graph.sources, graph.parts, graph.memory
    )


def _lenient(node: Node) -> Node:
    """Checks cost what they do, and refuse nothing: a few documents are no corpus."""
    warned = tuple(replace(each, severity="warning") for each in node.expectations)
    return replace(node, expectations=warned, retention={"*": (0.0, 1.0)})
