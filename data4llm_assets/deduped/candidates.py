"""Which documents are compared: those that meet in a bucket, each with the earliest few of it. Defined, not lucky.

In a bucket, documents stand in their total order; each is compared with those before it among the first `compare` of the bucket.
Hence a bucket is its `leaders` and who comes after them, and a million documents in one bucket cost a million entries, no more.
Documents are numbers here, smaller is earlier; those before `new` were kept in earlier snapshots.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numba import njit

Entries = tuple[np.ndarray, np.ndarray]
"""Bucket keys (uint64), and the document (uint32) of each; documents ascend."""
_SIX, _LOW = np.uint64(6), np.uint64(63)
_ONE = np.uint64(1)


@dataclass(frozen=True)
class Meetings:
    """Buckets in which new documents meet earlier ones."""

    leaders: np.ndarray
    """The first documents (uint32) of every bucket, bucket after bucket; `bounds` (int64) says where each bucket begins."""
    bounds: np.ndarray
    buckets: np.ndarray
    """The buckets (int64) that each new document must look into, document after document; `starts` (int64), for each of them."""
    starts: np.ndarray
    skipped: np.ndarray
    """For each new document, how many comparisons (int64) were left out because their buckets are too full."""


def meetings(
    mine: Entries, earlier: Callable[[], Iterable[Entries]], *, new: int, documents: int, compare: int, splits: int
) -> Meetings:
    """Group entries by key, one `splits`-th of the keys at a time; the result does not depend on `splits`.

    Parameters
    ----------
    mine : entries of the new documents, which are `new`, ..., `documents` - 1.
    earlier : gives the entries of the earlier documents, in order; called once for each split.
    compare : how many leaders a bucket has.
    splits : at most one `splits`-th of the entries is sorted at once.
    """
    leaders, lengths, owners, looks = [], [], [], []
    skipped = np.zeros(documents - new, np.int64)
    found = 0
    for split in range(splits):
        keys, nodes = _part(mine, split, splits)
        filter_ = _filter(keys)
        met = [_met(*_part(entries, split, splits), filter_) for entries in earlier()]
        keys, nodes = np.concatenate([*(k for k, _ in met), keys]), np.concatenate([*(n for _, n in met), nodes])
        order = np.argsort(keys, kind="stable")
        first, length, owner, look = _group(keys[order], nodes[order], new, compare, skipped)
        leaders.append(first)
        lengths.append(length)
        owners.append(owner)
        looks.append(look + found)
        found += len(length)
    owner, look = np.concatenate(owners), np.concatenate(looks)
    starts = np.zeros(documents - new + 1, np.int64)
    np.cumsum(np.bincount(owner - new, minlength=documents - new), out=starts[1:])
    bounds = np.zeros(found + 1, np.int64)
    np.cumsum(np.concatenate(lengths), out=bounds[1:])
    return Meetings(np.concatenate(leaders), bounds, look[np.argsort(owner, kind="stable")], starts, skipped)


def _part(entries: Entries, split: int, splits: int) -> Entries:
    keys, nodes = entries
    if splits == 1:
        return entries
    mine = keys % np.uint64(splits) == np.uint64(split)
    return keys[mine], nodes[mine]


@njit(cache=True, nogil=True)
def _filter(keys: np.ndarray) -> np.ndarray:
    """A bit for each of the keys, in 16 times as many: lets few other keys through, and misses none."""
    words = 64
    while words * 4 < len(keys):
        words *= 2
    bits = np.zeros(words, np.uint64)
    mask = np.uint64(words * 64 - 1)
    for key in keys:
        slot = (key >> _SIX) & mask
        bits[slot >> _SIX] |= _ONE << (slot & _LOW)
    return bits


@njit(cache=True, nogil=True)
def _met(keys: np.ndarray, nodes: np.ndarray, bits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mask = np.uint64(len(bits) * 64 - 1)
    met = np.zeros(len(keys), np.bool_)
    for i in range(len(keys)):
        slot = (keys[i] >> _SIX) & mask
        met[i] = (bits[slot >> _SIX] >> (slot & _LOW)) & _ONE
    return keys[met], nodes[met]


@njit(cache=True, nogil=True)
def _group(
    keys: np.ndarray, nodes: np.ndarray, new: int, compare: int, skipped: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Leaders, leaders per bucket, and (document, bucket) of those who look for earlier ones; adds to `skipped`."""
    leaders, lengths = np.empty(len(keys), np.uint32), np.empty(len(keys) // 2 + 1, np.int64)
    owners, looks = np.empty(len(keys), np.int64), np.empty(len(keys), np.int64)
    led, found, looking, begin = 0, 0, 0, 0
    while begin < len(keys):
        end = begin + 1
        while end < len(keys) and keys[end] == keys[begin]:
            end += 1
        if end - begin > 1 and nodes[end - 1] >= new:
            length = min(compare, end - begin)
            leaders[led : led + length] = nodes[begin : begin + length]
            lengths[found] = length
            for i in range(begin + 1, end):
                if nodes[i] >= new:
                    owners[looking], looks[looking] = nodes[i], found
                    looking += 1
                    skipped[nodes[i] - new] += max(0, i - begin - compare)
            led, found = led + length, found + 1
        begin = end
    return leaders[:led].copy(), lengths[:found].copy(), owners[:looking].copy(), looks[:looking].copy()


@njit(cache=True, nogil=True)
def next_candidates(
    asking: np.ndarray, cursors: np.ndarray, count: int, new: int, dropped: np.ndarray, sizes: np.ndarray, threshold: float,
    leaders: np.ndarray, bounds: np.ndarray, buckets: np.ndarray, starts: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """The next `count` candidates of each asking document, in order: those after its cursor, not dropped, of a fitting size.

    `cursors` move on to the last candidate given, or to the document itself when there are no more.

    Returns
    -------
    The documents, the candidate of each; for each asking document whether more may follow.
    """
    documents, candidates = np.empty(len(asking) * count, np.int64), np.empty(len(asking) * count, np.int64)
    more = np.ones(len(asking), np.bool_)
    widest, total = 1, 0
    for document in asking:
        widest = max(widest, starts[document - new + 1] - starts[document - new])
    heads = np.empty(widest, np.int64)
    for row in range(len(asking)):
        document = asking[row]
        begin, end = starts[document - new], starts[document - new + 1]
        for k in range(begin, end):
            first, last = bounds[buckets[k]], bounds[buckets[k] + 1]
            heads[k - begin] = first + np.searchsorted(leaders[first:last], cursors[row], side="right")
        given = 0
        while given < count:
            candidate = document
            for k in range(begin, end):
                if heads[k - begin] < bounds[buckets[k] + 1]:
                    candidate = min(candidate, np.int64(leaders[heads[k - begin]]))
            cursors[row] = candidate
            if candidate == document:
                more[row] = False
                break
            for k in range(begin, end):
                if heads[k - begin] < bounds[buckets[k] + 1] and leaders[heads[k - begin]] == candidate:
                    heads[k - begin] += 1
            small, large = min(sizes[document], sizes[candidate]), max(sizes[document], sizes[candidate])
            if not dropped[candidate] and small >= threshold * large * (1 - 1e-9):
                documents[total], candidates[total] = document, candidate
                given, total = given + 1, total + 1
    return documents[:total].copy(), candidates[:total].copy(), more
