"""What `substring` does with a corpus: reads the texts of each scope, marks windows that occur twice, publishes the spans."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from data4llm_assets.deduped import coverage, flat, symbol_windows
from data4llm_assets.deduped.arrivals import Arrival, arrivals
from data4llm_assets.deduped.budget import NotEnoughMemory
from data4llm_assets.deduped.held import Held, held
from data4llm_assets.deduped.publication import Publication
from data4llm_assets.deduped.symbols import Bytes, Symbols, Tokens
from data4llm_assets.deduped.tables import VERDICTS, Scope
from data4llm_assets.models.tokenizer import Tokenizer
from data4llm_assets.node import Ref, Work

if TYPE_CHECKING:
    from data4llm_assets.deduped.substring import Substring

_SPANS = pl.Schema(dict.fromkeys(("document", "start", "end", "partner"), pl.Int64()))
"""Documents by their number in the scope."""
_ALWAYS, _DOCUMENT, _COPIES = 16_000_000, 200, 8
"""Bytes of memory: for all that is small, for what is known of a document, and for each byte of a text that is being read."""


class _Together:
    """The documents among which repeats are looked for, in total order."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.frames: list[pl.DataFrame] = []
        self.digests: list[str] = []

    def add(self, arrival: Arrival) -> None:
        self.names.append(arrival.name)
        self.frames.append(arrival.documents.select("partition", "doc_id", "bytes"))
        self.digests.append(flat.digest(arrival.documents.select("doc_id", "text_digest")))


def judge(work: Work, signatures: Ref, scope: Scope, method: Substring, tokenizer: Tokenizer | None) -> None:
    publication = Publication(work, edits=True)
    nothing = pl.DataFrame(schema={"partition": pl.UInt32, **VERDICTS})
    for together in _scopes(work, signatures, scope):
        documents = pl.concat(together.frames)

        def find(documents: pl.DataFrame = documents) -> dict[str, pl.DataFrame]:
            return {"spans": _find(work, documents, method, tokenizer)}

        found = work.remember("spans", {"documents": together.digests}, find)["spans"]
        names, row = documents["doc_id"], 0
        for name, frame in zip(together.names, together.frames, strict=True):
            own = found.filter(pl.col("document").is_between(row, row + len(frame), closed="left"))
            whose = frame.select("partition", "doc_id")[own["document"] - row]
            spans = own.select("start", "end", partner=names.gather(own["partner"]))
            publication.add(name, frame, nothing, pl.concat([whose, spans], how="horizontal"))
            row += len(frame)
    publication.metrics()


def _scopes(work: Work, signatures: Ref, scope: Scope) -> Iterator[_Together]:
    together = _Together()
    for arrival in arrivals(work, signatures, scope):
        if arrival.fresh and together.names:
            yield together
            together = _Together()
        together.add(arrival)
    if together.names:
        yield together


def _find(work: Work, documents: pl.DataFrame, method: Substring, tokenizer: Tokenizer | None) -> pl.DataFrame:
    """Spans of documents given as (partition, doc_id, bytes) in total order."""
    length = method.symbols
    large = documents.with_row_index("number").filter(pl.col("bytes") >= length)
    if large.is_empty():
        return pl.DataFrame(schema=_SPANS)
    _afford(work, documents, large, length)
    numbers, kept = large["number"].to_numpy().astype(np.int64), large.drop("number")
    source = Bytes(work, kept) if tokenizer is None else Tokens(work, kept, tokenizer)
    with ExitStack() as stack:
        symbols = source.read(stack)
        marks = held(work, stack, len(symbols.values), np.uint32, work.memory // 4, "which text is repeated")

        def rest() -> None:
            symbols.held.rest()
            marks.rest()

        symbol_windows.mark(
            symbols.values,
            symbols.offsets,
            length,
            marks.values,
            every=method.keep == "none",
            memory=work.memory // 4,
            rest=rest,
        )
        rows, starts, ends, partners = _spans(work, symbols, marks, length)
        starts, ends = source.spans(symbols, rows, starts, ends)
    found = {"document": numbers[rows], "start": starts, "end": ends, "partner": numbers[partners]}
    return pl.DataFrame(found, schema=_SPANS).filter(pl.col("start") < pl.col("end"))


def _spans(work: Work, symbols: Symbols, marks: Held, length: int) -> np.ndarray:
    """(4, n): document, start and end (symbols of the whole), document of the partner."""
    found, count = [np.zeros((4, 0), np.int64)], 0
    for row, end in symbol_windows.stretches(symbols.offsets, work.memory // 4):
        where = symbols.offsets, marks.values, length, row, end
        some = np.empty((4, coverage.spans(*where, *found[0])), np.int64)
        count += some.shape[1]
        if 100 * count > work.memory:
            raise NotEnoughMemory("the list of repeated substrings", 100 * count, work.memory)
        coverage.spans(*where, *some)
        found.append(some)
        marks.rest()
    return np.concatenate(found, axis=1)


def _afford(work: Work, documents: pl.DataFrame, large: pl.DataFrame, length: int) -> None:
    """Raise NotEnoughMemory if what has to be in memory does not fit there."""
    anchors = 2 * int(large["bytes"].sum()) // length
    longest: Any = large["bytes"].max()
    needed = _ALWAYS + _DOCUMENT * len(documents) + anchors + _COPIES * int(longest)
    if needed > work.memory:
        raise NotEnoughMemory("finding repeated substrings", needed, work.memory)
