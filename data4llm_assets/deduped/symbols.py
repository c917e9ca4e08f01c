"""Texts as one long array of symbols, bytes or token ids: read partition by partition, laid out in total order.

The array is held in memory or in a scratch file. A text's place is known before it is read (bytes) or once all are counted
(tokens), so each partition is read once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

import numpy as np
import polars as pl
from numba import njit

from data4llm_assets.deduped import coverage, flat
from data4llm_assets.deduped.arrivals import read_texts
from data4llm_assets.deduped.held import Held, held, writing
from data4llm_assets.deduped.spelling import Spelling, in_bytes, misspelled
from data4llm_assets.models.tokenizer import Tokenizer
from data4llm_assets.node import Work


class Symbols(NamedTuple):
    """uint8 or uint32, and the offsets (int64) of the documents, one more than there are."""

    held: Held
    offsets: np.ndarray

    @property
    def values(self) -> np.ndarray:
        return self.held.values


class Bytes:
    """Texts as their UTF-8 bytes."""

    def __init__(self, work: Work, documents: pl.DataFrame) -> None:
        self._work, self._documents = work, documents

    def read(self, stack: ExitStack) -> Symbols:
        """Symbols of documents given as (partition, doc_id, bytes)."""
        offsets = np.concatenate([[0], np.cumsum(self._documents["bytes"].to_numpy())]).astype(np.int64)
        symbols = held(self._work, stack, int(offsets[-1]), np.uint8, self._work.memory // 4, "the texts")
        for rows, texts in read_in_parts(self._work, self._documents):
            data, bounds = flat.strings(texts)
            _lay(data, bounds, symbols.values, offsets[rows])
            symbols.rest()
        return Symbols(symbols, offsets)

    def spans(self, symbols: Symbols, rows: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Spans of symbols as spans in bytes of their document's text, shrunk to whole characters; some may be empty."""
        starts, ends = starts.copy(), ends.copy()
        coverage.whole(symbols.values, _bounds(symbols.offsets, rows), starts, ends)
        return starts - symbols.offsets[rows], ends - symbols.offsets[rows]


class Tokens:
    """Texts as the ids that a tokenizer gives them.

    Raises
    ------
    ValueError
        While reading, if its tokens do not spell the bytes of a text.
    """

    def __init__(self, work: Work, documents: pl.DataFrame, tokenizer: Tokenizer) -> None:
        self._work, self._documents, self._tokenizer = work, documents, tokenizer
        spellings = getattr(tokenizer, "spellings", None)
        if spellings is None:
            raise _no_spelling(tokenizer)
        self._spelling = Spelling(*spellings())
        self._passed_over = self._spelling.passed_over()

    def read(self, stack: ExitStack) -> Symbols:
        counts = np.zeros(len(self._documents), np.int64)
        read: list[np.ndarray] = []
        with ExitStack() as reading:
            most = 4 * int(self._documents["bytes"].sum())
            with writing("the token ids", most):
                file = reading.enter_context(self._work.scratch())
            for rows, texts in read_in_parts(self._work, self._documents):
                ids, counts[rows] = self._tokenizer.encode_batch(texts)
                if misspelled(*flat.strings(texts), ids, counts[rows], *self._spelling, self._passed_over) >= 0:
                    raise _no_spelling(self._tokenizer)
                with writing("the token ids", most):
                    file.write(ids.tobytes())
                read.append(rows)
            offsets = np.concatenate([[0], np.cumsum(counts)])
            symbols = held(self._work, stack, int(offsets[-1]), np.uint32, self._work.memory // 4, "the token ids")
            with writing("the token ids", most):
                file.seek(0)
            for rows in read:
                bounds = np.concatenate([[0], np.cumsum(counts[rows])])
                _lay(np.frombuffer(file.read(4 * int(bounds[-1])), np.uint32), bounds, symbols.values, offsets[rows])
                symbols.rest()
        return Symbols(symbols, offsets)

    def spans(self, symbols: Symbols, rows: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        starts, ends = starts - symbols.offsets[rows], ends - symbols.offsets[rows]
        touched = np.unique(rows)
        for some, texts in read_in_parts(self._work, self._documents[touched]):
            data, bounds = flat.strings(texts)
            own, mine = _spans_of(rows, touched[some])
            first, last = starts[mine], ends[mine]
            begin, end = symbols.offsets[touched[some]], symbols.offsets[touched[some] + 1]
            in_bytes(data, bounds, symbols.values, begin, end, *self._spelling, self._passed_over, own, first, last)
            coverage.whole(data, _bounds(bounds, own), first, last)
            starts[mine], ends[mine] = first - bounds[own], last - bounds[own]
            symbols.held.rest()
        return starts, ends


def read_in_parts(work: Work, documents: pl.DataFrame) -> Iterator[tuple[np.ndarray, pl.Series]]:
    """Texts of documents, partition by partition and so many at once as take a small share of the memory, with their rows.

    Raises
    ------
    ValueError
        If a text is not as long as its signature says.
    """
    before = (pl.col("bytes").cum_sum() - pl.col("bytes")).over("partition")
    parts = documents.with_row_index("row").with_columns(part=before // max(work.memory // 32, 1))
    for _, some in parts.group_by("partition", "part", maintain_order=True):
        texts = read_texts(work, some)
        if not (texts.str.len_bytes() == some["bytes"]).all():
            msg = "a text is not as long as its signature says: it was made from another text"
            raise ValueError(msg)
        yield some["row"].to_numpy().astype(np.int64), texts


def _bounds(offsets: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return np.stack([offsets[rows], offsets[rows + 1]], axis=1)


def _spans_of(rows: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The spans of some documents, as (place among `wanted`, place among `rows`), where `rows` are those of all spans, sorted."""
    first = np.searchsorted(rows, wanted)
    counts = np.searchsorted(rows, wanted, side="right") - first
    own = np.repeat(np.arange(len(wanted)), counts)
    return own, np.arange(len(own)) + (first - np.cumsum(counts) + counts)[own]


def _no_spelling(tokenizer: Tokenizer) -> ValueError:
    msg = (
        f"the tokens of {tokenizer.name} do not spell the bytes of the texts, so repeated ones cannot be taken out: "
        "say `unit: bytes`, or name a byte-level tokenizer that normalises nothing"
    )
    return ValueError(msg)


@njit(cache=True, nogil=True)
def _lay(data: np.ndarray, bounds: np.ndarray, values: np.ndarray, places: np.ndarray) -> None:
    for row in range(len(places)):
        begin, place = bounds[row], places[row]
        for i in range(bounds[row + 1] - begin):
            values[place + i] = data[begin + i]
