"""Connected components over verified matches, of which the first document stays: for parity with other systems.

A chain of small changes joins documents that have nothing in common, which `duplicates.py`'s own rule avoids; how many were dropped
for one that they do not match themselves is counted.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit

from data4llm_assets.deduped.candidates import Meetings, next_candidates
from data4llm_assets.deduped.verify import Verifier

_PAIRS_AT_ONCE = 1 << 21


def unite(
    verifiers: Sequence[Verifier],
    found: Sequence[Meetings | None],
    status: np.ndarray,
    partner: np.ndarray,
    value: np.ndarray,
    cause: np.ndarray,
) -> int:
    """Decide every document that has no verdict yet: 1 for the first of its component, 2 for the others.

    The partner of these is the first; `value` is the similarity to it, which may lie below the threshold; `cause` is the method
    that first joined the document to its component.

    Returns
    -------
    How many pairs were compared.
    """
    waiting, total = np.flatnonzero(status == 0), len(status)
    roots, nobody = np.arange(total), np.zeros(total, np.bool_)
    compared = 0
    for number, (verifier, meeting) in enumerate(zip(verifiers, found, strict=True)):
        if meeting is None:
            continue
        asking, cursors, count = waiting, np.full(len(waiting), -1, np.int64), 1
        while len(asking):
            unfinished = []
            batch = max(_PAIRS_AT_ONCE // count, 1)
            for some in np.split(np.arange(len(asking)), range(batch, len(asking), batch)):
                cursor = cursors[some]
                documents, candidates, more = next_candidates(
                    asking[some], cursor, count, 0, nobody, verifier.sizes, verifier.method.threshold,
                    meeting.leaders, meeting.bounds, meeting.buckets, meeting.starts,
                )  # fmt: skip
                cursors[some] = cursor
                unfinished.append(some[more])
                apart = _apart(roots, documents, candidates)
                documents, candidates = documents[apart], candidates[apart]
                match = verifier.similarities(candidates, documents) >= verifier.method.threshold
                compared += len(match)
                _join(roots, documents[match], candidates[match], cause, number)
            rest = np.concatenate(unfinished)
            asking, cursors, count = asking[rest], cursors[rest], count * 4
    first = _roots(roots)
    status[waiting] = np.where(first[waiting] == waiting, 1, 2)
    dropped = waiting[status[waiting] == 2]
    partner[dropped] = first[dropped]
    for number, verifier in enumerate(verifiers):
        mine = dropped[cause[dropped] == number]
        value[mine] = verifier.similarities(first[mine], mine)
    return compared


@njit(cache=True, nogil=True)
def _root(roots: np.ndarray, node: int) -> int:
    while roots[node] != node:
        roots[node] = roots[roots[node]]
        node = roots[node]
    return node


@njit(cache=True, nogil=True)
def _roots(roots: np.ndarray) -> np.ndarray:
    """The first document of everyone's component."""
    found = np.empty(len(roots), np.int64)
    for node in range(len(roots)):
        found[node] = _root(roots, node)
    return found


@njit(cache=True, nogil=True)
def _apart(roots: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Whether pairs lie in different components: others need no comparison."""
    apart = np.empty(len(left), np.bool_)
    for i in range(len(left)):
        apart[i] = _root(roots, left[i]) != _root(roots, right[i])
    return apart


@njit(cache=True, nogil=True)
def _join(roots: np.ndarray, left: np.ndarray, right: np.ndarray, cause: np.ndarray, number: int) -> None:
    """Join pairs; the smaller root stays one, so that it is the first document of its component."""
    for i in range(len(left)):
        a, b = _root(roots, left[i]), _root(roots, right[i])
        if a != b:
            roots[max(a, b)] = min(a, b)
            for node in (left[i], right[i]):
                if cause[node] < 0:
                    cause[node] = number
