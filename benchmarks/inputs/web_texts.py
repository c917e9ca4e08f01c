"""Texts of web pages, and as many more as wanted, made from them: copies, near copies, and new texts of the same words.

The pages' texts are extracted by Resiliparse as our environment has it: the fastest of the extractors, and not what is measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numba import njit

from benchmarks.inputs.cached import cached
from benchmarks.inputs.words import Strings, draw, draws, normal, stream, texts

VERSION = "1"
SHORTEST = 300
"""Characters of a page's text: of a page with less, the extractor found only a heading."""
GAPS = (" ", "\n", "\n\n")
_SIZE, _KIND, _SOURCE, _RATE, _REPLACE, _SENTENCE = range(6)  # purposes of draws
ORIGINAL, EXACT, NEAR, NEW = range(4)
KINDS = ("original", "exact", "near", "new")


class Corpus(NamedTuple):
    """The pages' texts as numbers. Offsets are positions in `words`; passages are the originals, sentences what new ones draw."""

    words: np.ndarray
    gaps: np.ndarray
    sizes: np.ndarray
    passages: np.ndarray
    sentences: np.ndarray
    vocabulary: pl.Series


def extracted(pages: Path) -> Iterator[str]:
    """The main text of each page of a WARC file, by Resiliparse, in order."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.encoding import bytes_to_str, detect_encoding

    with pages.open("rb") as archive:
        for record in ArchiveIterator(archive, record_types=WarcRecordType.response):
            payload = record.reader.read()
            try:
                html = payload.decode()
            except UnicodeDecodeError:  # only then: the detector takes some UTF-8 for another charset
                html = bytes_to_str(payload, detect_encoding(payload) or "utf-8")
            yield extract_plain_text(html, main_content=True, alt_texts=False)


def web_texts(
    pages: Iterable[str], origin: Mapping[str, Any], folder: Path, count: int = 50_000, more: int = 500
) -> dict[str, Any]:
    """Make `folder/web_texts`: `count` texts of 3 kB on average (id, url, text), and `more` of them for an update of one percent.

    `parquet/` and `jsonl/` hold the same ten shards; `one_percent/parquet/` and `one_percent/jsonl/` what comes later;
    `truth.parquet` says of each text what it is (`kind`), of which text it is a copy (`source`) and at which rate words were
    replaced (`rate`). Passages of the pages come first, 40 % at most; of what follows, a tenth are exact copies of them, a
    quarter near copies (Jaccard similarity of 5-word shingles about .7 to .95), and the rest sentences of all pages in a new
    order, three words in ten replaced. `origin` stands for the pages in the cache's key: their digest, the extractor's version.
    """
    key = {"version": VERSION, "origin": dict(origin), "count": count, "more": more}
    return cached(folder / "web_texts", key, lambda path: _make(path, pages, count, more))


def _make(path: Path, pages: Iterable[str], count: int, more: int) -> dict[str, Any]:
    corpus = _corpus(pages)
    originals = min(len(corpus.passages) - 1, count * 2 // 5)
    kinds, sources, rates = _plan(originals, count + more)
    vocabulary, between = Strings(corpus.vocabulary), Strings(list(GAPS))
    size, shards = 0, np.append(np.linspace(0, count, 11).astype(int), count + more)
    for number, (first, last) in enumerate(pairwise(shards.tolist())):
        part = slice(first, last)
        arguments = (first, kinds[part], sources[part], rates[part], *corpus[:5])
        counts = _compose(*arguments, np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.uint8))
        offsets = np.concatenate([[0], np.cumsum(counts)])
        words, gaps = np.empty(offsets[-1], np.int32), np.empty(offsets[-1], np.uint8)
        _compose(*arguments, offsets, words, gaps)
        text = texts(words, gaps, offsets, vocabulary, between)
        frame = pl.DataFrame({"number": np.arange(first, last)}).select(
            id=pl.format("text-{}", pl.col("number").cast(str).str.zfill(6)),
            url=pl.format("https://texts.example.org/{}", pl.col("number").cast(str).str.zfill(6)),
            text=text,
        )
        place = path / "one_percent" if first >= count else path
        for form in ("parquet", "jsonl"):
            (place / form).mkdir(parents=True, exist_ok=True)
        frame.write_parquet(place / "parquet" / f"texts-{number:02d}.parquet", row_group_size=1_000)
        frame.write_ndjson(place / "jsonl" / f"texts-{number:02d}.jsonl")
        size += int(text.str.len_bytes().sum()) if first < count else 0
    truth = pl.DataFrame({"number": np.arange(count + more), "source": sources, "kind": kinds, "rate": rates}).select(
        pl.format("text-{}", pl.col("number").cast(str).str.zfill(6)).alias("id"),
        pl.col("kind").replace_strict(dict(enumerate(KINDS)), return_dtype=pl.String),
        pl.when(pl.col("source") >= 0).then(pl.format("text-{}", pl.col("source").cast(str).str.zfill(6))).alias("source"),
        "rate",
    )
    truth.write_parquet(path / "truth.parquet")
    counted = truth.head(count)["kind"].value_counts()
    return {"texts": count, "more": more, "bytes": size, "kinds": dict(sorted(counted.iter_rows()))}


def _corpus(pages: Iterable[str]) -> Corpus:
    """Cut texts into words with their gaps, and these into passages and sentences."""
    kept = [page for page in pages if len(page) >= SHORTEST]
    tokens = pl.Series(kept, dtype=pl.String).str.extract_all(r"\S+\s*")
    ends = np.cumsum(tokens.list.len().to_numpy()).astype(np.int64)
    flat = pl.DataFrame({"token": tokens.explode(empty_as_null=False)}).select(
        word=pl.col("token").str.strip_chars_end(),
        breaks=pl.col("token").str.count_matches("\n").clip(0, 2).cast(pl.UInt8),
        closes=pl.col("token").str.contains(r"(?:[.!?:][\"')]*\s*|\n)$"),
    )
    vocabulary = flat["word"].unique().sort()
    words = flat["word"].cast(pl.Enum(vocabulary)).to_physical().cast(pl.Int32).to_numpy()
    gaps, closes = flat["breaks"].to_numpy(), flat["closes"].to_numpy().copy()
    closes[ends[ends > 0] - 1] = True
    sizes = vocabulary.str.len_bytes().to_numpy().astype(np.int64)
    sentences = np.concatenate([[0], np.flatnonzero(closes) + 1])
    return Corpus(words, gaps, sizes, _passages(words, closes, ends, sizes), sentences, vocabulary)


@njit(cache=True, nogil=True)
def _passages(words, closes, ends, sizes):  # type: ignore[no-untyped-def]
    """Starts of passages of about the wanted size, each ending with a sentence, none reaching over two pages."""
    starts = [0]
    start = 0
    for page in range(len(ends)):
        size, wanted = 0, _wanted(len(starts))
        for place in range(start, ends[page]):
            size += sizes[words[place]] + 1
            left_over = ends[page] - place - 1
            if (size >= wanted and closes[place] and left_over > 80) or size > 4 * wanted:
                starts.append(place + 1)
                size, wanted = 0, _wanted(len(starts))
        start = ends[page]
        if start > starts[-1]:
            starts.append(start)
    return np.array(starts)


@njit(cache=True, nogil=True)
def _wanted(number):  # type: ignore[no-untyped-def]
    """Bytes of a text at least: log-normal, 3.5 kB on average; the end of a page makes many of the passages shorter."""
    state = stream(1, _SIZE, number)
    return 2_800 * np.exp(0.67 * normal(draw(state, 0), draw(state, 1)))


def _plan(originals: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What each text is, which original it is made from (-1: none), and the share of its words that is replaced."""
    chance, which, rate = (draws(1, purpose, 0, count) for purpose in (_KIND, _SOURCE, _RATE))
    made = np.arange(count) >= originals
    kinds = np.where(made, np.select([chance < 0.10, chance < 0.35], [EXACT, NEAR], NEW), ORIGINAL).astype(np.int8)
    copied = (kinds == EXACT) | (kinds == NEAR)
    sources = np.where(copied, (which * originals).astype(np.int64), -1)
    # A shingle of five words stays with probability q = (1 - rate)^5, and the similarity is about q / (2 - q).
    rates = np.select([kinds == NEAR, kinds == NEW], [0.005 + 0.033 * rate, 0.3], 0.0)
    return kinds, sources, rates


@njit(cache=True, nogil=True)
def _compose(first, kinds, sources, rates, words, gaps, sizes, passages, sentences, offsets, out_words, out_gaps):  # type: ignore[no-untyped-def]
    """Words of each text (int64); with `offsets` given, also write the words and the gaps there."""
    counts = np.zeros(len(kinds), np.int64)
    for index in range(len(kinds)):
        number = first + index
        at = offsets[index] if len(offsets) else 0
        replacing, drawing = stream(1, _REPLACE, number), stream(1, _SENTENCE, number)
        wanted = _wanted(-1 - number) if kinds[index] == NEW else 0.0
        count, drawn, size = 0, 0, 0
        while drawn == 0 or size < wanted:
            if kinds[index] == NEW:
                chosen = int(draw(drawing, drawn) * (len(sentences) - 1))
                start, end = sentences[chosen], sentences[chosen + 1]
            else:
                source = sources[index] if sources[index] >= 0 else number
                start, end = passages[source], passages[source + 1]
            drawn += 1
            if kinds[index] == NEW and not 4 <= end - start <= 60:
                continue
            for place in range(start, end):
                word = words[place]
                if rates[index] > 0 and draw(replacing, 2 * count) < rates[index]:
                    word = words[int(draw(replacing, 2 * count + 1) * len(words))]
                size += sizes[words[place]] + 1
                if len(offsets):
                    out_words[at + count] = word
                    out_gaps[at + count] = gaps[place]
                count += 1
        counts[index] = count
    return counts
