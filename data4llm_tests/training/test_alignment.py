from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data4llm_assets.training.alignment import START, START_OF_BLOCK, aligned


def mask(page: str, starts: list[bool], truth: str) -> list[bool]:
    """Words are letters."""
    ids = (np.array([ord(word) for word in text], np.int32) for text in (page, truth))
    return list(aligned(next(ids), np.array(starts, np.bool_), next(ids)).tolist())


def matchings(page: str, truth: str) -> Iterator[list[tuple[int, int]]]:
    """Every way to pair equal words in order."""
    for size in range(min(len(page), len(truth)) + 1):
        for ours in combinations(range(len(page)), size):
            for theirs in combinations(range(len(truth)), size):
                if all(page[one] == truth[other] for one, other in zip(ours, theirs, strict=True)):
                    yield list(zip(ours, theirs, strict=True))


def score(pairs: list[tuple[int, int]], starts: list[bool]) -> float:
    begun = [one for one, other in pairs if (one - 1, other - 1) not in pairs]
    return len(pairs) - sum(float(START_OF_BLOCK if starts[place] else START) for place in begun)


@settings(deadline=None)
@given(st.text("abc", max_size=6), st.text("abc", max_size=6), st.lists(st.booleans(), min_size=6, max_size=6))
def test_no_other_alignment_is_better(page: str, truth: str, starts: list[bool]) -> None:
    best: dict[tuple[int, ...], float] = {}
    for pairs in matchings(page, truth):
        ours = tuple(one for one, _ in pairs)
        best[ours] = max(best.get(ours, -1e9), score(pairs, starts))
    found = mask(page, starts[: len(page)], truth)
    assert len(found) == len(page)
    assert best[tuple(np.flatnonzero(found).tolist())] == pytest.approx(max(best.values()), abs=1e-5)


@pytest.mark.parametrize(
    ("page", "starts", "truth", "expected"),
    [
        ("menu the cat sat menu", [True, True, False, False, True], "the cat sat", [0, 1, 1, 1, 0]),
        # A word alone is chance, unless it opens a block; two words in a row are worth their beginning.
        ("x cat y", [True, False, False], "a cat b", [0, 0, 0]),
        ("x cat y", [True, True, False], "a cat b", [0, 1, 0]),
        ("x the cat y", [True, False, False, False], "the cat", [0, 1, 1, 0]),
        # Where a passage stands twice, it is the one that goes on.
        ("the cat x the cat sat", [True] + [False] * 5, "the cat sat", [0, 0, 0, 1, 1, 1]),
        ("", [], "the cat", []),
        ("the cat", [True, False], "", [0, 0]),
    ],
)
def test_literal_alignments(page: str, starts: list[bool], truth: str, expected: list[int]) -> None:
    numbers = {word: chr(97 + number) for number, word in enumerate(dict.fromkeys(f"{page} {truth}".split()))}
    one, other = ("".join(numbers[word] for word in text.split()) for text in (page, truth))
    assert mask(one, starts, other) == [bool(each) for each in expected]
