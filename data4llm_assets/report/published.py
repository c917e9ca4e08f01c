"""What an export is made of: the published tables of a step, and whether they belong together and to the recipe as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import polars as pl

from data4llm_assets.engine.documents import documents
from data4llm_assets.engine.state import Missing
from data4llm_assets.engine.store import TableFile
from data4llm_assets.lineage.reader import Reader
from data4llm_assets.node import Ref
from data4llm_assets.packed.packing import LENGTHS


class Sequences(NamedTuple):
    """The published sequences of each part, and their order.

    section: the recipe's section of `packed`. totals: one row of packing.LENGTHS per phase, over all parts.
    """

    section: Any
    parts: Mapping[int, TableFile]
    order: TableFile
    totals: pl.DataFrame


def sequences(corpus: Reader) -> Sequences:
    """What `packed` published.

    Raises
    ------
    LookupError
        If the recipe packs nothing, something of it was never built, or the training order is that of other sequences.
    """
    section = next((section for section in corpus.recipe.steps if section.stage == "packed"), None)
    if section is None:
        msg = "the recipe packs nothing: it has no step of the stage packed"
        raise LookupError(msg)
    order = corpus.graph.nodes[order_asset(corpus)]
    try:
        parts = {index: _table(corpus, Ref(section.name, "sequences"), f"part-{index}") for index in range(section.parts)}
        positions = _table(corpus, Ref(order.name, "order"), "")
        (partition,) = corpus.state.partitions(order)
        inputs = corpus.state.named(corpus.state.inputs(order, partition))
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


def order_asset(corpus: Reader) -> str:
    """The asset that holds the order of training."""
    return next(name for name, node in corpus.graph.nodes.items() if "order" in node.tables)


def standing(corpus: Reader, step: str) -> Iterator[pl.DataFrame]:
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


def fingerprints(corpus: Reader, node: str) -> dict[str, str]:
    """{partition: fingerprint} of what is published of an asset."""
    state = corpus.state
    entries = {each.key: state.entry(node, each.key).value for each in state.partitions(corpus.graph.nodes[node])}
    return {key: value["fingerprint"] for key, value in entries.items() if value is not None}


def _table(corpus: Reader, ref: Ref, partition: str) -> TableFile:
    file = corpus.state.table(ref.node, partition, ref.table)
    if file is None:
        raise Missing(ref.node, partition)
    return file

