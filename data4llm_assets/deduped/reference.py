"""What a shingle is, in Python strings and sets: no hash, nothing compiled. What is hashed is held against this."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

import polars as pl

from data4llm_assets.deduped.minhash import MinHash, normalised
from data4llm_assets.deduped.scripts import ALONE, BETWEEN, KINDS, PASSED

Shingles: TypeAlias = frozenset[tuple[str, ...]]


def shingle_sets(texts: pl.Series, method: MinHash) -> Iterator[Shingles]:
    """The distinct shingles of every text, each a tuple of words or of characters; a text of fewer is one shingle."""
    read = _in_characters if method.unit == "characters" else _in_words
    for text in normalised(texts):
        units = read(text)
        yield frozenset(zip(*(units[start:] for start in range(method.ngram)), strict=False)) or frozenset([tuple(units)])


def jaccard(left: Iterable[Shingles], right: Iterable[Shingles]) -> list[float]:
    """Jaccard similarity of sets that are not empty, pair by pair."""
    similarities = []
    for a, b in zip(left, right, strict=True):
        both = len(a & b)
        similarities.append(both / (len(a) + len(b) - both))
    return similarities


def _in_words(text: str) -> list[str]:
    return text.translate(_WORDS).split()


def _in_characters(text: str) -> str:
    """Runs of white space are one space, and none is at the ends."""
    return " ".join(filter(None, text.translate(_CHARACTERS).split(" ")))


class _Words(dict[int, str]):
    """What a character is read as where words count, by its code point: filled when one is met first."""

    def __missing__(self, code: int) -> str:
        character, kind = _lower(code), KINDS[code]
        self[code] = " " if kind == BETWEEN else "" if kind == PASSED else f" {character} " if kind == ALONE else character
        return self[code]


class _Characters(dict[int, str]):
    """What it is read as where characters count."""

    def __missing__(self, code: int) -> str:
        space = chr(code).isspace() and not 0x1C <= code <= 0x1F  # separators of records, to Python alone
        self[code] = " " if space else "" if KINDS[code] == PASSED else _lower(code)
        return self[code]


def _lower(code: int) -> str:
    return chr(code).lower() if code < 0x80 else chr(code)  # normalised texts are in lower case beyond ASCII


_WORDS, _CHARACTERS = _Words(), _Characters()
