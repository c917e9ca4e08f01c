"""Best-fit packing: Ding et al., ICML 2024, arXiv 2404.10830. Documents are cut only where they are longer than a sequence.

Pieces go in order of falling size, each into the fullest sequence that it still fits into. O(N log L): a tree over remaining
capacities finds the fullest sequence, a heap for each capacity its earliest one.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from data4llm_assets.packed.placement import Flags, Numbers, Pieces


def place(lengths: Numbers, documents: Numbers, sequence_length: int, separator: bool) -> Pieces:
    """Pack documents into sequences.

    Parameters
    ----------
    lengths : int64, tokens of each document copy, above 0.
    documents : int64, which document each is a copy of, numbered from 0.
    sequence_length : tokens of a sequence.
    separator : whether one more token follows each document.

    Returns
    -------
    Pieces, in the order they were placed. Ties: equal sizes in input order, equally full sequences the earliest.
    """
    row, start, length, closed = _cut(lengths, sequence_length, separator)
    size = length + closed
    order = np.argsort(-size, kind="stable")
    row, start, length, closed = row[order], start[order], length[order], closed[order]
    count = int(documents.max()) + 1 if len(documents) else 0
    sequence, offset = _fit(size[order], documents[row], count, sequence_length)
    return Pieces(row, start, length, sequence, offset, closed)


def _cut(lengths: Numbers, sequence_length: int, separator: bool) -> tuple[Numbers, Numbers, Numbers, Flags]:
    """Full chunks and remainder of each document: (row, start, length, closed)."""
    chunks = -(-lengths // sequence_length)
    row = np.repeat(np.arange(len(lengths)), chunks)
    first = np.cumsum(chunks) - chunks
    start = (np.arange(len(row)) - first[row]) * sequence_length
    length = np.minimum(lengths[row] - start, sequence_length)
    closed = (start + length == lengths[row]) & (length < sequence_length) & separator
    return row, start, length, closed


@njit(cache=True, nogil=True)
def _fit(sizes: Numbers, documents: Numbers, document_count: int, capacity: int) -> tuple[Numbers, Numbers]:
    """(sequence, offset) of each piece; `sizes` fall."""
    count = len(sizes)
    sequence, offset = np.empty(count, np.int64), np.empty(count, np.int64)
    room = np.empty(count, np.int64)
    leaves = 1
    while leaves <= capacity:
        leaves *= 2
    filled = np.zeros(2 * leaves, np.bool_)
    root, child, sibling = np.full(capacity + 1, -1), np.full(count, -1), np.full(count, -1)
    # Only copies of one document can clash: they have equal sizes, and chunks of a whole sequence leave no room.
    last, earlier = np.full(document_count, -1), np.full(count, -1)
    barred = np.full(count, -1)
    opened = 0
    for piece in range(count):
        size, name = sizes[piece], documents[piece]
        before = last[name]
        earlier[piece], last[name] = before, piece
        while before >= 0 and sizes[before] == size:
            barred[sequence[before]] = piece
            before = earlier[before]
        found, passed = -1, -1
        space = _at_least(filled, leaves, size) if size < capacity else -1
        while space >= 0:
            top = root[space]
            root[space] = _without_top(top, child, sibling)
            if root[space] < 0:
                _mark(filled, leaves, space, False)
            if barred[top] != piece:
                found = top
                break
            sibling[top] = passed
            passed = top
            space = _at_least(filled, leaves, size)
        if found < 0:
            found = opened
            room[found] = capacity
            opened += 1
        sequence[piece], offset[piece] = found, capacity - room[found]
        room[found] -= size
        if room[found] > 0:
            _insert(found, room[found], root, child, sibling, filled, leaves)
        while passed >= 0:
            following = sibling[passed]
            _insert(passed, room[passed], root, child, sibling, filled, leaves)
            passed = following
    return sequence, offset


@njit(cache=True, nogil=True)
def _at_least(filled: Flags, leaves: int, least: int) -> int:
    """The smallest marked leaf >= `least`, -1 if there is none."""
    node = leaves + least
    if not filled[node]:
        while node > 1 and (node & 1 or not filled[node + 1]):
            node >>= 1
        if node <= 1:
            return -1
        node += 1
        while node < leaves:
            node *= 2
            if not filled[node]:
                node += 1
    return node - leaves


@njit(cache=True, nogil=True)
def _mark(filled: Flags, leaves: int, leaf: int, value: bool) -> None:
    node = leaves + leaf
    filled[node] = value
    while node > 1:
        node >>= 1
        either = filled[2 * node] or filled[2 * node + 1]
        if filled[node] == either:
            break
        filled[node] = either


# Pairing heaps of sequences, one for each capacity, in shared arrays: the earliest sequence is on top.


@njit(cache=True, nogil=True)
def _insert(item: int, space: int, root: Numbers, child: Numbers, sibling: Numbers, filled: Flags, leaves: int) -> None:
    child[item] = sibling[item] = -1
    if root[space] < 0:
        root[space] = item
        _mark(filled, leaves, space, True)
    else:
        root[space] = _merged(root[space], item, child, sibling)


@njit(cache=True, nogil=True)
def _merged(left: int, right: int, child: Numbers, sibling: Numbers) -> int:
    if right < left:
        left, right = right, left
    sibling[right] = child[left]
    child[left] = right
    sibling[left] = -1
    return left


@njit(cache=True, nogil=True)
def _without_top(top: int, child: Numbers, sibling: Numbers) -> int:
    """The heap that is left when its top goes: children merged in pairs, then the pairs from last to first."""
    item, pairs = child[top], -1
    while item >= 0:
        partner = sibling[item]
        if partner < 0:
            sibling[item] = pairs
            pairs = item
            break
        following = sibling[partner]
        pair = _merged(item, partner, child, sibling)
        sibling[pair] = pairs
        pairs = pair
        item = following
    if pairs < 0:
        return -1
    heap = pairs
    rest = sibling[heap]
    sibling[heap] = -1
    while rest >= 0:
        following = sibling[rest]
        heap = _merged(heap, rest, child, sibling)
        rest = following
    return heap
