from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data4llm_assets.extracted_text.selection import select

BLOCKS = st.lists(st.tuples(st.integers(1, 50), st.sampled_from([0.001, 0.1, 0.25, 0.5, 0.75, 0.9, 0.999])), min_size=1, max_size=9)
STRICTNESS = st.sampled_from([0.1, 0.5, 1.0, 1.7, 4.0, 10.0])


def arrays(blocks: list[tuple[int, float]]) -> tuple[np.ndarray, np.ndarray]:
    words, probabilities = zip(*blocks, strict=True)
    return np.array(words, np.float32), np.array(probabilities, np.float32)


def score(words: np.ndarray, probabilities: np.ndarray, kept: np.ndarray, strictness: float) -> float:
    true = (words * probabilities.astype(np.float64)).sum()
    return float(2 * (words * probabilities)[kept].sum(dtype=np.float64) / (strictness * words[kept].sum() + true))


@given(BLOCKS, STRICTNESS)
def test_no_threshold_is_better(blocks: list[tuple[int, float]], strictness: float) -> None:
    words, probabilities = arrays(blocks)
    found = select(words, probabilities, strictness)
    every = [score(words, probabilities, probabilities >= threshold, strictness) for threshold in set(probabilities.tolist())]
    assert score(words, probabilities, found.kept, strictness) == pytest.approx(max(every))
    assert found.kept.tolist() == (probabilities >= np.float32(found.threshold)).tolist()
    assert found.kept.any()
    assert found.expected == pytest.approx(score(words, probabilities, found.kept, 1))


@given(st.lists(st.tuples(st.integers(1, 50), st.floats(0.001, 0.999)), min_size=1, max_size=7))
def test_no_other_choice_of_blocks_is_better_than_the_best_threshold(blocks: list[tuple[int, float]]) -> None:
    words, probabilities = arrays(blocks)
    every = [np.array([number >> block & 1 for block in range(len(words))], np.bool_) for number in range(1, 2 ** len(words))]
    best = max(score(words, probabilities, kept, 1) for kept in every)
    assert select(words, probabilities).expected == pytest.approx(best)


@given(BLOCKS, st.lists(STRICTNESS, min_size=2, max_size=2))
def test_more_strictness_never_keeps_more(blocks: list[tuple[int, float]], strictness: list[float]) -> None:
    words, probabilities = arrays(blocks)
    less, more = (select(words, probabilities, each).kept for each in sorted(strictness))
    assert not (more & ~less).any()


def test_literal_selections() -> None:
    words, probabilities = arrays([(10, 0.9), (10, 0.4), (10, 0.09)])
    # 2 * 9 / (10 + 13.9), 2 * 13 / (20 + 13.9) or 2 * 13.9 / (30 + 13.9).
    assert select(words, probabilities).kept.tolist() == [True, True, False]
    assert select(words, probabilities).expected == pytest.approx(26 / 33.9)
    assert select(words, probabilities, 2).kept.tolist() == [True, False, False]
    assert select(words, probabilities, 0.1).kept.tolist() == [True, True, True]


def test_a_page_without_blocks_has_none_to_keep() -> None:
    none = np.zeros(0, np.float32)
    found = select(none, none)
    assert (len(found.kept), found.kept.dtype, found.expected) == (0, np.bool_, 0.0)
