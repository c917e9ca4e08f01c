from __future__ import annotations

from functools import cache
from itertools import combinations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data4llm_assets.packed import best_fit, concatenate

BOTH = pytest.mark.parametrize("strategy", [best_fit, concatenate], ids=["best_fit", "concatenate"])
LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=30)


def pack(strategy, lengths, length, separator=False, documents=None):
    numbers = np.arange(len(lengths)) if documents is None else np.array(documents)
    return strategy.place(np.array(lengths, np.int64), numbers, length, separator)


def contents(pieces):
    """Lengths of the pieces of each sequence, in order."""
    ordered = pieces.ordered()
    return [ordered.length[ordered.sequence == index].tolist() for index in range(pieces.sequences())]


def test_best_fit_of_the_textbook_example_cuts_one_document():
    pieces = pack(best_fit, [14, 7, 5, 2, 3], 8)
    assert contents(pieces) == [[8], [7], [6, 2], [5, 3]]
    assert np.bincount(pieces.row).tolist() == [2, 1, 1, 1, 1]


def test_concatenation_of_the_textbook_example_cuts_three():
    pieces = pack(concatenate, [14, 7, 5, 2, 3], 8)
    assert contents(pieces) == [[8], [6, 2], [5, 3], [2, 2, 3]]
    assert (np.bincount(pieces.row) > 1).tolist() == [True, True, True, False, False]


def test_separators_take_room():
    pieces = pack(best_fit, [4, 3, 3, 8], 8, separator=True)
    assert contents(pieces) == [[8], [4], [3, 3]]
    # The document of eight ends with its sequence: that is its separator.
    assert sorted(zip(pieces.row.tolist(), pieces.closed.tolist(), strict=True)) == [(0, True), (1, True), (2, True), (3, False)]


def test_ties_go_to_input_order_and_the_earliest_sequence():
    pieces = pack(best_fit, [5, 5, 5, 3, 3], 8)
    assert pieces.row.tolist() == [0, 1, 2, 3, 4]
    assert pieces.sequence.tolist() == [0, 1, 2, 0, 1]


def test_the_fullest_sequence_that_fits_comes_first():
    # 7 and 6 leave room for 3 and 4; the 3 goes where it fits exactly.
    assert contents(pack(best_fit, [6, 7, 3], 10)) == [[7, 3], [6]]


@BOTH
def test_copies_of_a_document_never_meet(strategy):
    pieces = pack(strategy, [2, 2, 2, 3], 100, documents=[0, 0, 0, 1])
    assert sorted(len(each) for each in contents(pieces)) == [1, 1, 2]


@BOTH
@settings(max_examples=120, deadline=None)
@given(LENGTHS, st.integers(2, 16), st.booleans(), st.integers(1, 6))
@example([8, 8, 1], 8, True, 1)
@example([1] * 20, 16, True, 4)
def test_no_token_is_lost_and_no_document_meets_itself(strategy, lengths, length, separator, names):
    documents = [index % names for index in range(len(lengths))]
    sizes = [lengths[name] for name in documents]
    pieces = pack(strategy, sizes, length, separator, documents).ordered()
    for row, size in enumerate(sizes):
        own = pieces.row == row
        spans = sorted(zip(pieces.start[own].tolist(), pieces.length[own].tolist(), strict=True))
        assert [start for start, _ in spans] == np.cumsum([0, *(count for _, count in spans)])[:-1].tolist()
        assert sum(count for _, count in spans) == size
    for index in range(pieces.sequences()):
        here = pieces.chosen(np.flatnonzero(pieces.sequence == index))
        ends = here.offset + here.length + here.closed
        assert here.offset.tolist() == [0, *ends[:-1].tolist()]
        assert ends[-1] <= length
        names_here = [documents[row] for row in here.row]
        assert len(set(names_here)) == len(names_here)
    assert pieces.used().sum() == sum(sizes) + pieces.closed.sum()
    ends_document = pieces.start + pieces.length == np.array(sizes)[pieces.row]
    at_the_end = pieces.offset + pieces.length == length
    assert (pieces.closed == (ends_document & ~at_the_end & separator)).all()


@settings(max_examples=60, deadline=None)
@given(LENGTHS, st.integers(2, 16))
def test_best_fit_cuts_only_what_is_too_long(lengths, length):
    pieces = pack(best_fit, lengths, length)
    assert np.bincount(pieces.row).tolist() == [-(-size // length) for size in lengths]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=8))
def test_best_fit_stays_within_its_bound_of_the_optimum(lengths):
    found = pack(best_fit, lengths, 12).sequences()
    best = optimum(tuple(sorted(lengths)), 12)
    assert best <= found <= 11 / 9 * best + 1


def optimum(lengths, capacity):
    """The fewest sequences, by trying every group for the first item."""

    @cache
    def fewest(left):
        if not left:
            return 0
        first, rest = left[0], left[1:]
        groups = (combination for count in range(len(rest) + 1) for combination in combinations(range(len(rest)), count))
        fitting = (group for group in groups if first + sum(rest[index] for index in group) <= capacity)
        return 1 + min(fewest(tuple(size for index, size in enumerate(rest) if index not in group)) for group in fitting)

    return fewest(lengths)


def test_best_fit_needs_hardly_more_than_the_tokens():
    lengths = np.random.default_rng(0).lognormal(6.2, 1.1, 50_000).astype(np.int64) + 1
    pieces = pack(best_fit, lengths, 2048)
    least = -(-int(lengths.sum()) // 2048)
    assert pieces.sequences() <= least * 1.0005


def test_nothing_packs_into_nothing():
    for strategy in (best_fit, concatenate):
        assert pack(strategy, [], 8).sequences() == 0
