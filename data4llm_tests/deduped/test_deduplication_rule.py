"""The rule against its definition: every pair compared in plain Python, on sets of words instead of hashes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data4llm_assets.deduped.exact import Exact
from data4llm_assets.deduped.minhash import MinHash
from data4llm_assets.deduped.stage import Deduped

World = list[list[tuple[str, str, str, str]]]
"""Snapshots of (doc_id, shard, text, page)."""

WORDS = st.lists(st.sampled_from("a b c d e f g h".split()), max_size=9).map(" ".join)
"""Few words, so that texts often share most of their words, or all of them."""


@st.composite
def worlds(draw: st.DrawFn) -> World:
    snapshots = draw(st.lists(st.lists(st.tuples(st.sampled_from(["web-0", "web-1", "books-0"]), WORDS), max_size=9), max_size=4))
    numbers = draw(st.permutations(range(sum(map(len, snapshots)))))
    drawn = iter(numbers)
    return [[(f"d{next(drawn):02}", shard, text, text[:1]) for shard, text in snapshot] for snapshot in snapshots]


def held(world: World, shard: Callable[..., Any]) -> dict[Any, list[tuple[str, str, str]]]:
    """Every shard of every snapshot, also the empty ones."""
    partitions: dict[Any, list[tuple[str, str, str]]] = {}
    for number, snapshot in enumerate(world):
        for name, priority in (("books-0", 0), ("web-0", 1), ("web-1", 1)):
            rows = [(doc_id, text, page) for doc_id, where, text, page in snapshot if where == name]
            partitions[shard(number, name, priority)] = rows
    return partitions


def jaccard(left: str, right: str) -> float:
    a, b = set(left.split()) or {""}, set(right.split()) or {""}
    return len(a & b) / len(a | b)


def definition(world: World, config: MinHash, scope: str = "corpus") -> dict[str, tuple[str, str, float, str]]:
    """doc_id of every dropped document: rule, action, similarity, partner."""
    dropped: dict[str, tuple[str, str, float, str]] = {}
    kept: list[tuple[str, str, str]] = []
    for snapshot in world:
        if scope == "snapshot":
            kept = []
        order = sorted(snapshot, key=lambda row: (not row[1].startswith("books"), row[0], row[1]))
        firsts: list[tuple[str, str, str]] = list(kept)  # whom a document may be compared with: one of each set of words
        stand: dict[str, str] = {}
        for doc_id, _, text, page in order:
            same = [row for row in firsts if row[1] == text]
            alike = same or [row for row in firsts if jaccard(row[1], text) == 1]
            if alike:
                first = alike[0]
                rule = "exact.text" if same else "minhash.similarity"
                if first[0] in dropped and first not in kept:
                    rule, _, value, partner = dropped[first[0]]
                    dropped[doc_id] = (rule, "drop", value, partner)
                else:
                    carry = same and first in kept and first[0] not in stand and first[2] == page
                    dropped[doc_id] = (rule, "carry" if carry else "drop", 1.0, first[0])
                if not same:
                    firsts_of_text = (doc_id, text, page)
                    stand.setdefault(doc_id, "")
                    same_text.setdefault(text, firsts_of_text) if False else None
                continue
            mine = bucket_sets(config, text)
            candidates = []
            for place, row in enumerate(firsts):
                for bucket in mine & bucket_sets(config, row[1]):
                    if sum(bucket in bucket_sets(config, other[1]) for other in firsts[:place]) < config.compare:
                        candidates.append(row)
                        break
            matches = [row for row in candidates if row in kept and jaccard(row[1], text) >= config.similarity]
            if matches:
                dropped[doc_id] = ("minhash.similarity", "drop", jaccard(matches[0][1], text), matches[0][0])
            else:
                kept.append((doc_id, text, page))
                stand[doc_id] = ""
            firsts.append((doc_id, text, page))
    return dropped
