"""What a shingle is, in Python strings and sets: no hash, nothing compiled. What is hashed is held against this."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
import polars as pl

from data4llm_assets.deduped.minhash import MinHash, normalised
from data4llm_assets.deduped.scripts import ALONE, BETWEEN, KINDS, PASSED

Shingles: TypeAlias = frozenset[tuple[str, ...]]


def shingle_sets(texts: pl.Series, method: MinHash) -> Iterator[Shingles]:
    """The distinct shingles of every text, each a tuple of words or characters; a text of fewer of them is one shingle."""
    for text in normalised(texts):
        if method.unit == "words":
            units: Sequence[str] = text.translate(_READ_AS).split()
        else:
            units = _SPACE.sub(" ", text.translate(_AS_CHARACTERS)).strip(" ")
        yield frozenset(zip(*(units[start:] for start in range(method.ngram)), strict=False)) or frozenset([tuple(units)])


def jaccard(left: Iterable[Shingles], right: Iterable[Shingles]) -> list[float]:
    """Jaccard similarity of sets that are not empty, pair by pair."""
    similarities = []
    for a, b in zip(left, right, strict=True):
        both = len(a & b)
        similarities.append(both / (len(a) + len(b) - both))
    return similarities


class _ReadAs(dict[int, str]):
    """What a character is read as, by its code point: filled when one is met first."""

    def __missing__(self, code: int) -> str:
        character = chr(code).lower() if code < 0x80 else chr(code)  # normalised texts are in lower case beyond ASCII
        kind = KINDS[code]
        self[code] = " " if kind == BETWEEN else "" if kind == PASSED else f" {character} " if kind == ALONE else character
        return self[code]


_READ_AS = _ReadAs()
_AS_CHARACTERS = dict.fromkeys(np.flatnonzero(KINDS == PASSED).tolist()) | {code: code + 32 for code in range(65, 91)}
_SPACE = re.compile("[\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+")
