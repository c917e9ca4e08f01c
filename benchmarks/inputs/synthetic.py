"""Documents by the million with the word statistics of web text, each a pure function of its number: so memory stays small.

Words are drawn one by one (Zipf-Mandelbrot over the words of the web texts), so the documents mean nothing, but they have what
deduplication, filters and tokenizers work on: words, sentences, punctuation, paragraphs, and planted copies.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numba import njit

from benchmarks.inputs.cached import cached
from benchmarks.inputs.words import Strings, draw, normal, stream, texts

VERSION = "1"
GAPS = (" ", ", ", ". ", "? ", "! ", ".\n\n")
KINDS = ("original", "exact", "near")
FILE = 50_000
_BATCH = 10_000
_SHIFT, _EXPONENT = 2.7, 1.05
"""Mandelbrot's: the share of the word of rank r falls as 1 / (r + shift)^exponent."""
_KIND, _SOURCE, _TEXT, _CHANGE = range(4)  # purposes of draws


def vocabulary(web: Iterable[Path], words: int = 60_000) -> pl.Series:
    """The most frequent words of texts (Parquet files with a column `text`): ASCII letters, lower-cased, most frequent first."""
    counted = (
        pl.scan_parquet(list(web))
        .select(pl.col("text").str.to_lowercase().str.extract_all(r"\b[a-z]{1,20}\b").alias("word"))
        .explode("word")
        .drop_nulls()
        .group_by("word")
        .len()
        .sort(["len", "word"], descending=[True, False])
        .head(words)
        .collect()
    )
    return counted["word"]


def synthetic(words: pl.Series, folder: Path, documents: int = 1_000_000, seed: int = 1) -> dict[str, Any]:
    """Make `folder/synthetic-<documents>`: Parquet files of 50,000 rows (id, url, text), of 2.5 kB on average.

    `words` are the vocabulary, most frequent first. One document in twenty is an exact copy of an earlier one, and one in twenty a
    near copy (Jaccard similarity of 5-word shingles about .7 to .95); `truth.parquet` says which: `id`, `kind`, `source`, `rate`
    (share of words replaced).
    """
    digest = hashlib.sha256("\n".join(words).encode()).hexdigest()
    key = {"version": VERSION, "vocabulary": digest, "documents": documents, "seed": seed}
    return cached(folder / f"synthetic-{documents}", key, lambda path: _make(path, words, documents, seed))


def _make(path: Path, words: pl.Series, documents: int, seed: int) -> dict[str, Any]:
    (path / "parquet").mkdir(parents=True)
    # Each word twice: as it is, and as the first of a sentence.
    strings, between = Strings([*words, *words.str.to_titlecase()]), Strings(list(GAPS))
    table = _table(len(words))
    size, truth = 0, []
    for start in range(0, documents, FILE):
        frames = []
        for first in range(start, min(start + FILE, documents), _BATCH):
            count = min(_BATCH, documents - first, start + FILE - first)
            ids, gaps, offsets, kinds, sources, rates = _documents(first, count, seed, table, len(words), strings.sizes())
            numbers = pl.DataFrame({"number": np.arange(first, first + count), "source": sources, "kind": kinds, "rate": rates})
            frames.append(numbers.select(_name("doc-", "number", "id"), _name("https://synthetic.example.org/", "number", "url"),
                                         text=texts(ids, gaps, offsets, strings, between)))  # fmt: skip
            truth.append(numbers.select(_name("doc-", "number", "id"), "kind", "source", "rate"))
        frame = pl.concat(frames)
        size += int(frame["text"].str.len_bytes().sum())
        name = f"documents-{start // FILE:03d}.parquet"
        frame.write_parquet(path / "parquet" / name, compression="zstd", compression_level=1, row_group_size=_BATCH)
    planted = pl.concat(truth).with_columns(
        pl.col("kind").replace_strict(dict(enumerate(KINDS)), return_dtype=pl.String),
        pl.when(pl.col("source") >= 0).then(_name("doc-", "source", "source")),
    )
    planted.write_parquet(path / "truth.parquet")
    return {"documents": documents, "bytes": size, "kinds": dict(sorted(planted["kind"].value_counts().iter_rows()))}


def _name(prefix: str, column: str, alias: str) -> pl.Expr:
    return pl.format(prefix + "{}", pl.col(column).cast(str).str.zfill(8)).alias(alias)


def _table(words: int) -> np.ndarray:
    """Ranks by their share: 2^20 entries, of which a uniform draw picks one. Rarer words than that never come."""
    shares = 1 / (np.arange(1, words + 1) + _SHIFT) ** _EXPONENT
    bounds = np.cumsum(shares / shares.sum())
    return np.searchsorted(bounds, (np.arange(1 << 20) + 0.5) / (1 << 20)).clip(0, words - 1).astype(np.int32)


@njit(cache=True, nogil=True)
def _kind(seed, number):  # type: ignore[no-untyped-def]
    chance = draw(stream(seed, _KIND, number), 0)
    if number == 0 or chance >= 0.10:
        return 0
    return 1 if chance < 0.05 else 2


@njit(cache=True, nogil=True)
def _root(seed, number):  # type: ignore[no-untyped-def]
    """The original that a copy is made from: a copy of a copy is one of the original."""
    while _kind(seed, number) != 0:
        number = int(draw(stream(seed, _SOURCE, number), 0) * number)
    return number


@njit(cache=True, nogil=True)
def _documents(first, count, seed, table, words, sizes):  # type: ignore[no-untyped-def]
    """Word ids, gaps and offsets of `count` documents from number `first` on, and what each is made from."""
    kinds, sources, rates = np.zeros(count, np.int8), np.full(count, -1), np.zeros(count)
    offsets = np.zeros(count + 1, np.int64)
    room = count * 512
    ids, gaps = np.empty(room, np.int32), np.empty(room, np.uint8)
    at = 0
    for index in range(count):
        number = first + index
        kinds[index] = _kind(seed, number)
        root = _root(seed, number)
        if kinds[index] != 0:
            sources[index] = root
        if kinds[index] == 2:
            rates[index] = 0.005 + 0.033 * draw(stream(seed, _CHANGE, number), 0)
        text, change = stream(seed, _TEXT, root), stream(seed, _CHANGE, number)
        wanted = 1_950 * np.exp(0.65 * normal(draw(text, 0), draw(text, 1)))
        drawn, size, place, left, sentences = 2, 0, 0, 0, 0
        while size < wanted or left > 0:
            if at == room:
                room *= 2
                ids, gaps = _grown(ids, room), _grown(gaps, room)
            begins = left == 0
            if begins:
                left = min(max(int(15 * np.exp(0.5 * normal(draw(text, drawn), draw(text, drawn + 1)))), 3), 60)
                drawn += 2
            word = table[int(draw(text, drawn) * len(table))]
            turn = draw(text, drawn + 1)
            drawn += 2
            if rates[index] > 0 and draw(change, 2 * place + 1) < rates[index]:
                word = table[int(draw(change, 2 * place + 2) * len(table))]
            left -= 1
            ids[at] = word + words if begins else word
            if left > 0:
                gaps[at] = 1 if turn < 0.06 else 0
            else:
                sentences += 1
                gaps[at] = 5 if sentences % 5 == 4 else (2 if turn < 0.90 else (3 if turn < 0.96 else 4))
            size += sizes[word] + 1
            place += 1
            at += 1
        offsets[index + 1] = at
    return ids[:at], gaps[:at], offsets, kinds, sources, rates


@njit(cache=True, nogil=True)
def _grown(array, room):  # type: ignore[no-untyped-def]
    grown = np.empty(room, array.dtype)
    grown[: len(array)] = array
    return grown
