from __future__ import annotations

import re

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data4llm_assets.selected import hashing

ALPHABET = "aB9_é ß\n\t.,!—😀"


def buckets(*texts, count=10_000):
    return hashing.ngrams(pl.Series(texts, dtype=pl.String), count)["buckets"].to_list()


def words(*texts):
    return hashing.ngrams(pl.Series(texts, dtype=pl.String), 10_000)["words"].to_list()


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), ("  \n", 0), ("Hello, world", 3), ("don't", 3), ("a_1 ...", 2), ("日本 x!", 4), ("naïve café", 2), ("ไทย", 3)],
)
def test_words_are_runs_of_letters_or_of_signs(text, count):
    assert words(text) == [count]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(ALPHABET, max_size=30), max_size=5))
def test_words_equal_the_regular_expression_of_word_punct(texts):
    assert words(*texts) == [len(re.findall(r"\w+|[^\w\s]+", text.lower())) for text in texts]


def test_a_document_has_its_words_and_pairs():
    (alone,), (pair,) = buckets("red"), buckets("red red")
    assert len(alone) == 1
    assert len(pair) == 3
    assert pair.count(alone[0]) == 2


def test_case_does_not_count_and_order_does():
    assert buckets("Red Fish") == buckets("red fish")
    assert buckets("red fish") != buckets("fish red")


def test_a_document_does_not_see_its_neighbour():
    assert buckets("one two", "three") == [*buckets("one two"), *buckets("three")]


def test_buckets_are_ascending_and_spread():
    (found,) = buckets(" ".join(f"w{index}" for index in range(20_000)), count=100)
    assert found == sorted(found)
    counts = np.bincount(found, minlength=100)
    assert len(counts) == 100
    # 40,000 draws into 100 buckets: four standard deviations around 400.
    assert 320 < counts.min() < counts.max() < 480


def test_hash_is_the_same_on_every_machine():
    assert buckets("Hello, world hello") == [[592, 1845, 3032, 4250, 5124, 5124, 6090]]


def test_means_of_empty_lists_are_null():
    lists = pl.Series([[0, 0, 1], [], [2]], dtype=pl.List(pl.UInt16))
    assert hashing.means(lists, pl.Series([1.0, 4.0, -1.0])).to_list() == [2.0, None, -1.0]
