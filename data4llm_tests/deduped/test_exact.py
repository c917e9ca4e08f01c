from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from data4llm_assets.deduped.exact import Exact
from data4llm_assets.deduped.stage import Deduped


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


def character_sums(texts: pl.Series) -> pl.Series:
    """The additive hash of textbooks."""
    return pl.Series("key", [sum(map(ord, text)) for text in texts], dtype=pl.UInt64)


class Additive(Exact):
    """Keys that all anagrams share."""

    def signatures(self, documents: pl.DataFrame) -> pl.DataFrame:
        return super().signatures(documents).with_columns(character_sums(self.features(documents["text"])))


ANAGRAMS = ["ab", "ba", "c`", "a b", "b a", "listen to me", "me to listen", "tinsel to me", "ab"]


def test_sums_of_characters_alone_would_drop_anagrams() -> None:
    by_key = pl.DataFrame({"text": ANAGRAMS, "key": character_sums(pl.Series(ANAGRAMS))}).unique(
        "key", keep="first", maintain_order=True
    )
    assert by_key["text"].to_list() == ["ab", "a b", "listen to me"]


def test_sums_of_characters_drop_nothing_that_is_not_repeated(build: Callable[..., Any], shard: Callable[..., Any]) -> None:
    held = {shard(0): [(f"a{place}", text) for place, text in enumerate(ANAGRAMS)], shard(1): [("b0", "ba"), ("b1", "abc")]}
    shop = build(held, Deduped(methods=(Additive(),)))
    assert shop.verdicts().select("doc_id", "rule", "value", "partner").rows() == [
        ("a8", "exact.text", 1.0, "a0"),
        ("b0", "exact.text", 1.0, "a1"),
    ]
    assert shop.verdicts().equals(build(held, Deduped(methods=(Exact(),))).verdicts())
