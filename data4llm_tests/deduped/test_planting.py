from __future__ import annotations

import random
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data4llm_assets.deduped.minhash import MinHash
from data4llm_assets.deduped.planting import passage_words, plant
from data4llm_assets.deduped.reference import jaccard, shingle_sets

EDGES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


def prose(texts: int, words: int, alphabet: str = "etaoinshrdlu", between: str = " ") -> pl.Series:
    """Texts of made-up words that come again, as words do."""
    draw = random.Random(7)
    vocabulary = ["".join(draw.choices(alphabet, k=draw.randint(2, 7))) for _ in range(3000)]
    weights = [1 / (rank + 10) for rank in range(3000)]
    return pl.Series([between.join(draw.choices(vocabulary, weights, k=words)) for _ in range(texts)])


def sets(text: str, ngram: int) -> frozenset[tuple[str, ...]]:
    return next(shingle_sets(pl.Series([text]), MinHash(ngram=ngram)))


def test_shingles_are_tuples_of_words() -> None:
    assert sets("One, two: THREE four.", 3) == {("one", "two", "three"), ("two", "three", "four")}
    assert sets("one", 3) == {("one",)}
    assert sets("...", 3) == {()}
    assert sets("Été à 東京", 2) == {("ete", "a"), ("a", "東"), ("東", "京")}


def test_shingles_of_characters_keep_punctuation_and_single_spaces() -> None:
    (shingles,) = shingle_sets(pl.Series([" Été,\n\tA "]), MinHash(unit="characters", ngram=2))
    assert shingles == {("e", "t"), ("t", "e"), ("e", ","), (",", " "), (" ", "a")}


@given(st.lists(st.text(max_size=40), min_size=2, max_size=2), st.integers(1, 3), st.sampled_from(["words", "characters"]))
@settings(max_examples=200, deadline=None)
def test_strings_and_hashes_agree_on_every_similarity(pair: list[str], ngram: int, unit: Any) -> None:
    method, texts = MinHash(unit=unit, ngram=ngram), pl.Series(pair)
    hashed = method.similarities(method.features(texts), np.array([0]), np.array([1]))
    left, right = shingle_sets(texts, method)
    assert jaccard([left], [right]) == hashed.tolist()


@pytest.mark.parametrize("unit", ["words", "characters"])
def test_no_character_is_read_in_two_ways(unit: Any) -> None:
    method = MinHash(unit=unit, ngram=1)
    every = pl.Series([f"a{chr(code)}b" for code in range(0x110000) if not 0xD800 <= code < 0xE000])
    assert [len(shingles) for shingles in shingle_sets(every, method)] == method.features(every).list.len().to_list()


@pytest.mark.parametrize(
    ("unit", "ngram"), [("words", 1), ("words", 2), ("words", 5), ("words", 13), ("characters", 5), ("characters", 24)]
)
def test_every_bin_is_filled_with_pairs_of_similarities_within_it(unit: Any, ngram: int) -> None:
    method = MinHash(unit=unit, ngram=ngram)
    planted = plant(prose(40, 700), method, EDGES, [50, 40, 30, 20, 10], seed=1)
    pairs = planted.pairs
    assert pairs["bin"].value_counts().sort("bin")["count"].to_list() == [50, 40, 30, 20, 10]
    low, high = (pl.Series(bounds).gather(pairs["bin"]) for bounds in (EDGES[:-1], EDGES[1:]))
    assert ((pairs["similarity"] >= low) & (pairs["similarity"] <= high)).all()
    originals = shingle_sets(planted.passages.gather(pairs["passage"]), method)
    assert jaccard(originals, shingle_sets(pairs["text"], method)) == pairs["similarity"].to_list()


def test_passages_are_as_long_as_bins_are_narrow() -> None:
    assert passage_words(MinHash(), EDGES) == 105
    assert passage_words(MinHash(), (0.5, 0.55, 1.0)) == 205
    assert passage_words(MinHash(ngram=1), EDGES) == 100
    planted = plant(prose(3, 250), MinHash(), EDGES, [1] * 5, seed=1)
    assert [len(text.split()) for text in planted.passages] == [105] * 6


def test_an_edit_replaces_words_and_leaves_the_rest_as_it_stands() -> None:
    text = prose(1, 210)[0].replace(" ", ",\n  ", 50)
    planted = plant(pl.Series([text]), MinHash(), EDGES, [3] * 5, seed=1)
    assert all(edited.count(",\n  ") >= 45 for edited, n in planted.pairs.select("text", "passage").rows() if n == 0)
    assert "".join(planted.passages).count(",\n") == 50


def test_scripts_without_spaces_are_planted_into_too() -> None:
    texts = prose(20, 250, alphabet="的一是在不了有和人这中大为上个国", between="")
    assert plant(texts, MinHash(), EDGES, [10] * 5, seed=1).pairs["bin"].value_counts().sort("bin")["count"].to_list() == [10] * 5


def test_planting_depends_on_the_seed_alone() -> None:
    texts = prose(5, 300)
    one, same, other = (plant(texts, MinHash(), EDGES, [5] * 5, seed).pairs for seed in (1, 1, 2))
    assert one.equals(same)
    assert not one.equals(other)
    assert one["text"].str.len_bytes().sum() == 14074


@pytest.mark.parametrize("texts", [[], [""], ["too short"], ["word " * 104]])
def test_what_is_too_short_is_passed_over(texts: list[str]) -> None:
    planted = plant(pl.Series(texts, dtype=pl.String), MinHash(), EDGES, [5] * 5, seed=1)
    assert (len(planted.passages), planted.pairs.height) == (0, 0)


def test_texts_that_cannot_fill_a_bin_end_the_search() -> None:
    planted = plant(pl.Series(["word " * 200]), MinHash(), EDGES, [5] * 5, seed=1)
    assert planted.pairs.filter(pl.col("similarity") < 1).is_empty()
