"""Edits of known similarity, planted into passages of real text: what detection is measured on.

Words at seeded places are replaced by words of other passages. How similar the two texts then are is not assumed but counted, on
sets of strings (`reference.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from typing import NamedTuple

import numpy as np
import polars as pl

from data4llm_assets.deduped.minhash import MinHash
from data4llm_assets.deduped.reference import jaccard, shingle_sets
from data4llm_assets.deduped.scripts import ALONE, BETWEEN, KINDS

_PASSAGES = 16
"""Of a text, at most: many edits of few passages would tell about their minima rather than about the hash functions."""
_ROUNDS = 8
"""Draws at most, until every bin is full."""
_INNER = 0.8
"""The middle of a bin, as a share of it, that edits aim at: few miss it."""
_WORD = 6
"""Characters of a word and what follows it, about."""
_WIDEST = 16
"""The same, at most, on the average of a text."""


class Planted(NamedTuple):
    """Passages, and pairs of one of them and an edit of it.

    edges : similarities at which a bin ends and the next begins; the last holds both its ends.
    passages : String.
    pairs : (passage: UInt32, its number; text: String, the passage edited; similarity: Float64; bin: UInt32), by bin.
    """

    edges: Sequence[float]
    passages: pl.Series
    pairs: pl.DataFrame


_PAIRS = pl.Schema({"passage": pl.UInt32, "text": pl.String, "similarity": pl.Float64, "bin": pl.UInt32})


def passage_words(method: MinHash, edges: Sequence[float]) -> int:
    """Words of every passage: so many that to change one of them, with all shingles that it is in, jumps over no bin."""
    touched = _touched(method)
    return max(math.ceil(2 * touched / np.diff(edges).min().round(9) + touched), 100)


def passage_size(method: MinHash, edges: Sequence[float]) -> int:
    """`size` of a text that is hardly shorter than a passage."""
    return passage_words(method, edges) * (_WORD if method.unit == "characters" else 1)


def _touched(method: MinHash) -> float:
    """In how many words' worth of shingles a word is."""
    return 1 + method.ngram / _WORD if method.unit == "characters" else float(method.ngram)


def plant(texts: pl.Series, method: MinHash, edges: Sequence[float], wanted: Sequence[int], seed: int) -> Planted:
    """Edited passages of texts (String), so that bin k holds `wanted[k]` pairs, if they can be made.

    Texts of fewer than `passage_words` are passed over. A function of its arguments alone.
    """
    length = passage_words(method, edges)
    cut = list(chain.from_iterable(_passages(text, length) for text in texts))
    passages = pl.Series("passage", ["".join(pieces) for pieces in cut], dtype=pl.String)
    sets = list(shingle_sets(passages, method))
    missing, touched = np.array(wanted, np.int64), _touched(method)
    found = [pl.DataFrame(schema=_PAIRS)]
    for draw in range(_ROUNDS if cut else 0):
        # Some fall into a neighbouring bin, which may need them less.
        bins = np.repeat(np.arange(len(missing)), np.where(missing > 0, missing + missing // 8 + 8, 0))
        aims = _uniform(draws := np.random.PCG64([seed, draw]), bins, np.array(edges))
        counts = np.clip(np.rint(length * (1 - _common(aims) ** (1 / touched))), 1, length).astype(np.int64)
        numbers, edited = _edit(cut, counts, draws)
        text = pl.Series("text", edited, dtype=pl.String)
        similarity = np.array(jaccard((sets[number] for number in numbers), shingle_sets(text, method)))
        known = (similarity > 0) & (similarity < 1) & (counts < length)
        if known.any():
            touched = float(np.median(np.log(_common(similarity[known])) / np.log(1 - counts[known] / length)))
        # A similarity is a fraction: one that lies on an edge must not fall below it by rounding.
        bin_ = np.minimum(np.searchsorted(edges, similarity + 1e-12, side="right") - 1, len(missing) - 1)
        drawn = pl.DataFrame({"passage": numbers, "text": text, "similarity": similarity, "bin": bin_}).filter(pl.col("bin") >= 0)
        room = pl.col("bin").replace_strict(range(len(missing)), missing, return_dtype=pl.Int64)
        found.append(drawn.filter(pl.int_range(pl.len()).over("bin") < room).cast(_PAIRS))
        missing = missing - np.bincount(found[-1]["bin"], minlength=len(missing))
        if not missing.any():
            break
    return Planted(edges, passages, pl.concat(found).sort("bin", maintain_order=True))


def _passages(text: str, length: int) -> Iterator[list[str]]:
    """Passages as words and what stands between them, by turns, beginning and ending with what stands between."""
    text = text[: length * _PASSAGES * _WIDEST]  # a text may have fifty million characters
    kinds = KINDS[np.frombuffer(text.encode("utf-32-le"), np.uint32)]
    alone = kinds == ALONE
    within = ~alone & (kinds != BETWEEN)
    starts = np.flatnonzero(alone | (within & ~np.append(False, within[:-1])))
    ends = np.flatnonzero(alone | (within & ~np.append(within[1:], False))) + 1
    for first in range(0, min(len(starts), _PASSAGES * length) - length + 1, length):
        some = slice(first, first + length)
        bounds = np.stack([starts[some], ends[some]], axis=1).ravel().tolist()
        yield ["", *(text[begin:end] for begin, end in pairwise(bounds)), ""]


def _common(similarity: np.ndarray) -> np.ndarray:
    """The share of each of two sets of one size that is in both, given their Jaccard similarity."""
    return 2 * similarity / (1 + similarity)


def _uniform(draws: np.random.PCG64, bins: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """A similarity within each of the bins. Raw draws are what stays the same from release to release of NumPy."""
    chance = (draws.random_raw(len(bins)) >> np.uint64(11)) * 2.0**-53
    return edges[bins] + (edges[bins + 1] - edges[bins]) * (_INNER * chance + (1 - _INNER) / 2)


def _edit(cut: Sequence[list[str]], counts: np.ndarray, draws: np.random.PCG64) -> tuple[np.ndarray, list[str]]:
    """For every count a passage, as its number, and the text after so many of its words were replaced by words of others."""
    numbers = (np.arange(len(counts)) + draws.random_raw() % len(cut)) % len(cut)
    edited = []
    for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
        pieces = cut[number].copy()
        places = np.argsort(draws.random_raw(len(pieces) // 2), kind="stable")[:count]
        for place, raw in zip(places.tolist(), draws.random_raw(2 * count).reshape(-1, 2).tolist(), strict=True):
            other = cut[raw[0] % len(cut)]
            pieces[2 * place + 1] = other[2 * (raw[1] % (len(other) // 2)) + 1]
        edited.append("".join(pieces))
    return numbers, edited
