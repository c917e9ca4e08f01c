from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from data4llm_assets.deduped.exact import Exact


def keys(*texts: str, config: Exact | None = None) -> list[int]:
    documents = pl.DataFrame({"text_digest": [str(i) for i in range(len(texts))], "text": list(texts)})
    return (config or Exact()).signatures(documents)["key"].to_list()


@pytest.mark.parametrize(
    ("left", "right"),
    [("a b", " a \n\t b\u2003"), ("caf\u00e9", "cafe\u0301"), ("", "  \n"), ("a\u00a0b", "a b")],
)
def test_white_space_and_composition_are_folded(left: str, right: str) -> None:
    first, second = keys(left, right)
    assert first == second


@pytest.mark.parametrize(("left", "right"), [("a b", "ab"), ("a b", "A b"), ("a.", "a"), ("cafe", "caf\u00e9")])
def test_case_marks_and_punctuation_are_kept(left: str, right: str) -> None:
    first, second = keys(left, right)
    assert first != second


def test_parameters_widen_or_narrow_what_is_equal() -> None:
    first, second = keys("Straße A", "straße a", config=Exact(fold_case=True))
    assert first == second
    first, second = keys("a  b", "a b", config=Exact(fold_whitespace=False))
    assert first != second


def test_similarity_is_that_of_the_texts_and_not_of_the_digests() -> None:
    exact = Exact()
    features = exact.features(pl.Series(["a  b", "a", "a b", "b"]))
    assert exact.similarities(features, np.array([0, 1]), np.array([2, 3])).tolist() == [1.0, 0.0]


def test_golden_signatures() -> None:
    documents = pl.DataFrame({"text_digest": ["1", "2", "3"], "text": ["", " One\ttwo ", "E\u0301tude 雨"]})
    signatures = Exact().signatures(documents)
    assert Exact.version == "1"
    assert signatures["key"].to_list() == [1449310910991872227, 10850500785753113778, 14357303221073670300]
    assert signatures["size"].to_list() == [0, 7, 10]
    assert signatures["buckets"].to_list() == [[], [], []]
