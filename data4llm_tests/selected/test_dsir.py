from __future__ import annotations

import math

import polars as pl
import pytest
from pydantic import ValidationError

from data4llm_assets.method import DECIDE, MEASURE
from data4llm_assets.selected.dsir import Dsir, divergence
from data4llm_assets.selected.selection import HISTOGRAM

DSIR = Dsir(target={"domains": ["books"]}, bucket_count=4, window=3)


def histogram(**domains):
    rows = [(domain, bucket, count) for domain, counts in domains.items() for bucket, count in counts.items()]
    return pl.DataFrame(rows, schema=HISTOGRAM, orient="row")


def test_weight_is_the_log_ratio_of_target_to_corpus():
    weights = DSIR.weights(histogram(books={0: 3, 1: 1}, web={1: 3, 2: 1}))["weight"].to_list()
    assert weights[0] == pytest.approx(math.log(0.75 / 0.375))
    assert weights[1] == pytest.approx(math.log(0.25 / 0.5))
    assert weights[2] == pytest.approx(math.log(1e-8 / 0.125), abs=1e-6)
    assert weights[3] == 0.0


def test_target_equal_to_corpus_weighs_nothing():
    weights = DSIR.weights(histogram(books={0: 3, 1: 1}, web={0: 6, 1: 2}))
    assert weights["weight"].abs().max() < 1e-12


def test_score_is_that_of_a_window_whatever_the_length():
    weights = pl.DataFrame({"bucket": range(4), "weight": [1.0, 0.0, -1.0, 0.0]})
    short, long = [0, 1], [0, 1] * 100
    scores = DSIR.scores(pl.Series([short, long, []], dtype=pl.List(pl.UInt16)), weights).to_list()
    # A window of three words has five n-grams, each worth a half on average.
    assert scores == [2.5, 2.5, None]


def test_absent_target_is_an_error_that_names_the_domains():
    with pytest.raises(ValueError, match="target domain books; the corpus has papers, web"):
        DSIR.weights(histogram(web={0: 1}, papers={1: 1}))
    assert DSIR.weights(histogram())["weight"].to_list() == [0.0] * 4


def test_only_the_hashing_is_measured():
    assert set(DSIR.parameters(MEASURE)) == {"bucket_count"}
    assert set(DSIR.parameters(DECIDE)) == {"target", "keep", "min_words", "smoothing", "window"}


@pytest.mark.parametrize("wrong", [{"keep": 0}, {"keep": 1.1}, {"bucket_count": 70_000}, {"target": {"domains": []}}, {"typo": 1}])
def test_wrong_parameters_are_refused(wrong):
    with pytest.raises(ValidationError):
        Dsir(**{"target": {"domains": ["books"]}, **wrong})


def test_divergence_of_equal_counts_is_zero():
    counts = pl.DataFrame({"bucket": [0, 1], "count": [1, 3]})
    other = pl.DataFrame({"bucket": [0, 1], "count": [3, 1]})
    assert divergence(counts, counts, 1e-8) == pytest.approx(0, abs=1e-7)
    assert divergence(counts, other, 1e-8) == pytest.approx(0.25 * math.log(1 / 3) + 0.75 * math.log(3), abs=1e-6)
    assert divergence(counts, counts.clear(), 1e-8) is None
