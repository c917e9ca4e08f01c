from __future__ import annotations

from itertools import accumulate, pairwise

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from data4llm_assets.mixed import tape


def documents(tokens):
    places = [(index * 0.618034 + 0.1) % 1 for index in range(len(tokens))]
    return pl.DataFrame({"domain": "web", "place": places, "tokens": tokens}, schema_overrides={"tokens": pl.Int64})


def cuts(frame, ends):
    counts = tape.histogram([frame[:2], frame[2:]])
    binned = frame.with_columns(tape.BIN)
    return [tape.cut(binned, found) for found in tape.bins_of(counts, ends)]


def repeats(frame, ends):
    places = cuts(frame, ends)
    return [frame.select(tape.copies(begin, end))["repeats"].to_list() for begin, end in pairwise(places)]


def test_whole_epochs_repeat_every_document():
    assert repeats(documents([5, 7, 1]), [0, 26]) == [[2, 2, 2]]


def test_the_rest_goes_to_the_first_places():
    frame = documents([10, 10, 10])
    order = frame.with_row_index().sort("place")["index"].to_list()
    (seen,) = repeats(frame, [0, 40])
    assert [seen[index] for index in order] == [2, 1, 1]


def test_the_next_phase_goes_on_where_the_last_ended():
    first, second = repeats(documents([10, 10, 10, 10]), [0, 20, 40])
    assert [one + other for one, other in zip(first, second, strict=True)] == [1, 1, 1, 1]
    assert sorted(first) == [0, 0, 1, 1]


def test_documents_in_one_bin_are_told_apart():
    frame = pl.DataFrame({"domain": "web", "place": [0.5, 0.5 + 1e-9, 0.5 + 2e-9], "tokens": [4, 4, 4]})
    assert repeats(frame, [0, 8]) == [[1, 1, 0]]


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=12), st.lists(st.integers(0, 120), min_size=1, max_size=3))
def test_each_phase_is_within_one_document_of_its_quota(tokens, phases):
    frame = documents(tokens)
    if not sum(tokens):
        return
    seen = repeats(frame, [0, *accumulate(phases)])
    for counts, quota in zip(seen, phases, strict=True):
        given = sum(count * size for count, size in zip(counts, tokens, strict=True))
        assert abs(given - quota) <= max(tokens)
    overall = [sum(counts) for counts in zip(*seen, strict=True)]
    assert max(overall) - min(overall) <= 1
    assert max(overall) <= -(-sum(phases) // sum(tokens))
