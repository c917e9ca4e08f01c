from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from data4llm_assets.deduped.bloom import Bloom, Size, sized

FULL = np.uint64(2**64 - 1)


def keys(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, FULL, count, np.uint64)


def test_bits_and_hashes_are_those_of_the_formula() -> None:
    assert sized(1_000_000, 0.01) == Size(1, 9_585_059, 7)  # with bits times eight once more, there would be 54 hashes
    assert sized(1_000_000, 1e-5, 14) == Size(14, 29_455_489, 21)
    assert sized(1, 0.5) == Size(1, 2, 2)
    assert sized(1_000_000, 0.01).bytes == 8 * math.ceil(9_585_059 / 64)
    for capacity, rate in ((1000, 0.1), (123_457, 3e-4), (10**9, 1e-9)):
        size = sized(capacity, rate)
        assert size.bits == pytest.approx(-capacity * math.log(rate) / math.log(2) ** 2, abs=1)
        assert size.hashes == math.ceil(size.bits / capacity * math.log(2))


def test_the_rate_is_of_all_filters_together() -> None:
    one, all_of_them = sized(10_000, 1 - (1 - 1e-3) ** (1 / 20)), sized(10_000, 1e-3, 20)
    assert one == Size(1, all_of_them.bits, all_of_them.hashes)


@pytest.mark.parametrize("rate", [0.2, 0.01, 1e-4])
@pytest.mark.parametrize("capacity", [1000, 20_000])
def test_no_key_is_missed_and_few_are_made_up(capacity: int, rate: float) -> None:
    bloom, held, asked = Bloom(sized(capacity, rate)), keys(capacity, 1), 1_000_000
    bloom.insert(held)
    assert bloom.contains(held).all()
    spread = rate * 2 / math.sqrt(capacity) * bloom.size.hashes
    wrong = bloom.contains(keys(asked, 2)).mean()
    assert wrong == pytest.approx(rate, abs=0.1 * rate + 4 * math.sqrt(rate / asked) + spread)
    assert bloom.rate() == pytest.approx(wrong, abs=4 * math.sqrt(rate / asked))


def test_neighbouring_keys_are_as_good_as_random_ones() -> None:
    bloom, numbers = Bloom(sized(20_000, 1e-3)), np.arange(2_000_000, dtype=np.uint64)
    bloom.insert(numbers[:20_000])
    assert bloom.contains(numbers[20_000:]).mean() == pytest.approx(1e-3, rel=0.1)


def test_a_key_counts_once() -> None:
    bloom = Bloom(sized(100, 1e-9, 2))
    assert [bloom.insert(keys(50, 1), 1) for _ in range(2)] == [50, 0]
    assert bloom.contains(keys(50, 1), 1).all()
    assert not bloom.contains(keys(50, 1), 0).any()
    assert bloom.insert(np.full(1000, 7, np.uint64)) == 1
    assert bloom.insert(np.array([0, FULL], np.uint64)) == 2


def test_order_does_not_matter_and_a_stored_filter_grows_on() -> None:
    size, some = sized(1000, 0.01, 2), keys(1000, 1)
    whole = Bloom(size)
    whole.insert(some[::-1], 1)
    first = Bloom(size)
    first.insert(some[:400], 1)
    stored = first.frame().clone()
    grown = Bloom(size, stored)
    grown.insert(some[400:], 1)
    assert grown.frame().equals(whole.frame())
    assert whole.frame().schema == pl.Schema({"words": pl.UInt64})
    assert Bloom(size, stored).frame().equals(first.frame())


def test_golden_filter() -> None:
    bloom = Bloom(sized(4, 0.1))
    bloom.insert(np.array([0, 1, 2**63, 2**64 - 1], np.uint64))
    assert bloom.size == Size(1, 20, 4)
    assert bloom.frame()["words"].to_list() == [523388]
