"""What an export is made of: the published tables of a step, and whether they belong together and to the recipe as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import polars as pl

from data4llm_assets.corpus import Corpus
from data4llm_assets.engine.documents import documents
from data4llm_assets.engine.state import Missing
from data4llm_assets.engine.store import TableFile
from data4llm_assets.node import Ref
from data4llm_assets.packed.packing import LENGTHS
from data4llm_assets.packed.stage import Packed


class Sequences(NamedTuple):
    """The published sequences of each part, and their order. totals: one row of packing.LENGTHS per phase, over all parts."""

    section: Packed
    parts: Mapping[int, TableFile]
    order: TableFile
    totals: pl.DataFrame


def upstream(corpus: Corpus, nodes: set[str]) -> set[str]:
    """The nodes and everything that they are made from."""
    found: set[str] = set()
    waiting = list(nodes)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += corpus.graph.upstream[name]
    return found


def stale(corpus: Corpus, nodes: set[str]) -> list[str]:
    """Assets among `nodes`, and those they are made from, that are not what the recipe and the sources now say."""
    concerned = upstream(corpus, nodes)
    return list(dict.fromkeys(item.node for item in corpus.plan().due("run", "adopt", "follow") if item.node in concerned))


def sequences(corpus: Corpus) -> Sequences:
    """What `packed` published.

    Raises
    ------
    LookupError
        If the recipe packs nothing, something of it was never built, or the training order is that of other sequences.
    """
    found = next(((section, place) for section, place in corpus.recipe.places() if isinstance(section, Packed)), None)
    if found is None:
        msg = "the recipe packs nothing: it has no step of the stage packed"
        raise LookupError(msg)
    section, place = found
    assert isinstance(section, Packed)
    order = corpus.graph.nodes[place.sub("training_order")]
    try:
        parts = {index: _table(corpus, Ref(section.name, "sequences"), f"part-{index}") for index in range(section.parts)}
        positions = _table(corpus, Ref(order.name, "order"), "")
        (partition,) = corpus.state.partitions(order)
        inputs = corpus.state.ingredients(order, partition, corpus.state.inputs(order, partition))["inputs"]
    except Missing as missing:
        msg = f"{missing}: data4llm run"
        raise LookupError(msg) from missing
    current = corpus.state.entry(order.name, "").value
    manifest = corpus.state.manifest(current["fingerprint"]) if current is not None else None
    if manifest is None or manifest["ingredients"]["inputs"] != inputs:
        msg = f"{order.name} orders other sequences than those published now: data4llm run"
        raise LookupError(msg)
    lengths = pl.concat([pl.DataFrame(schema=LENGTHS), *(frame for _, frame in corpus.tables(Ref(section.name, "lengths")))])
    return Sequences(section, parts, positions, lengths.group_by("phase").sum().sort("phase"))


def document_steps(corpus: Corpus) -> list[str]:
    """The steps after which documents can be read."""
    names = (section.name for section in corpus.recipe.steps)
    return [name for name in names if corpus.graph.nodes[name].keeps in corpus.graph.nodes[name].tables]


def standing(corpus: Corpus, step: str) -> Iterator[pl.DataFrame]:
    """The documents as they stand after a step, in batches: the columns of document.DOCUMENTS, and `repeats` and `phase` if known.

    Raises
    ------
    LookupError
        If a partition of the step was never built.
    """
    view = corpus.view_after(step)
    for partition in corpus.state.grid:
        try:
            files = {ref: corpus.state.table(ref.node, partition.key, ref.table) for ref in view.refs()}
        except Missing as missing:
            msg = f"{missing}: data4llm run"
            raise LookupError(msg) from missing
        yield from documents(corpus.store, view, files)


def fingerprints(corpus: Corpus, node: str) -> dict[str, str]:
    """{partition: fingerprint} of what is published of an asset."""
    state = corpus.state
    entries = {each.key: state.entry(node, each.key).value for each in state.partitions(corpus.graph.nodes[node])}
    return {key: value["fingerprint"] for key, value in entries.items() if value is not None}


def _table(corpus: Corpus, ref: Ref, partition: str) -> TableFile:
    file = corpus.state.table(ref.node, partition, ref.table)
    if file is None:
        raise Missing(ref.node, partition)
    return file

