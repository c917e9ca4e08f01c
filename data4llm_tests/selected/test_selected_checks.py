from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from data4llm_assets.node import QUALITIES
from data4llm_assets.selected import checks, tally
from data4llm_assets.selected.stage import Selected
from mixed.in_memory_work import broken, guards, place

SECTION = Selected(by={"method": "dsir", "target": {"domains": ["web"]}})


def judged(count: int, **columns: Any) -> pl.DataFrame:
    """Documents of which nine in ten stay, the better ones; `columns` are expressions that change them."""
    number = pl.int_range(count, dtype=pl.Int64)
    frame = pl.select(
        domain=pl.repeat("web", count), language=pl.repeat("en", count), license=pl.repeat("MIT", count),
        bytes=500 + number % 7, words=100 + number % 7, score=(number % 10) / 10, key=(number % 10) / 10,
        cutoff=pl.repeat(0.1, count), kept=number % 10 > 0,
    )  # fmt: skip
    return frame.with_columns(**columns).cast(dict(tally.JUDGED))


def failed(rows: pl.DataFrame, min_words: int = 50) -> list[str]:
    frames = {"partition": tally.totals(rows, min_words)}
    frames |= {f"{group}s": tally.shares(rows, group) for group in ("domain", "language")}
    return broken(checks.selected(), frames)


NUMBER = pl.int_range(pl.len())


def test_every_quality_is_guarded_twice() -> None:
    node = SECTION.nodes(place("selected"))[-1]
    assert all(guards(node)[quality] >= 2 for quality in QUALITIES)
    assert {each.quality for each in node.expectations if each.severity == "critical"} >= set(QUALITIES) - {"abundance"}


@pytest.mark.parametrize("count", [0, 1, 10, 500])
def test_empty_tiny_and_good_partitions_pass(count: int) -> None:
    assert failed(judged(count)) == []


def test_a_partition_of_which_nothing_stays_is_not_a_domain_wiped_out_if_it_is_small() -> None:
    assert failed(judged(99, kept=pl.lit(False))) == []
    assert failed(judged(100, kept=pl.lit(False))) == ["kept_share", "kept_share"]


def test_a_language_that_vanishes_is_seen() -> None:
    german = NUMBER % 2 == 0
    rows = judged(400, language=pl.when(german).then(pl.lit("de")).otherwise(pl.lit("en")), kept=~german)
    assert failed(rows) == ["kept_share"]
    assert tally.shares(rows, "language").rows() == [("de", 200, 0, 0.0), ("en", 200, 200, 1.0)]


def test_documents_that_stay_without_a_score_are_refused() -> None:
    assert failed(judged(5, score=None)) == ["kept_without_score"]
    assert failed(judged(5, key=float("inf"))) == ["kept_without_score"]


def test_documents_that_stay_below_the_limits_are_refused() -> None:
    assert failed(judged(5, kept=pl.lit(True))) == ["kept_below_cutoff"]
    assert failed(judged(5), min_words=102) == ["kept_below_cutoff"]


def test_weights_turned_upside_down_are_seen() -> None:
    assert failed(judged(400, kept=NUMBER % 10 < 5, cutoff=-9.0)) == ["score_gain"]
    assert tally.totals(judged(400, score=0.7), 50)["score_gain"].item() == 0.0


def test_a_draw_that_favours_unlicensed_text_is_seen() -> None:
    unlicensed = pl.when(NUMBER % 10 < 5).then(pl.lit("MIT"))
    assert failed(judged(400, license=unlicensed)) == ["licensed_change"]
    assert failed(judged(400, license=pl.lit(None))) == []


def test_verdicts_of_other_texts_are_refused() -> None:
    assert failed(judged(5, bytes=40)) == ["impossible_lengths"]


def test_a_draw_by_length_is_seen() -> None:
    words = pl.when(NUMBER % 10 > 0).then(60).otherwise(9000)
    assert failed(judged(400, words=words, bytes=40_000 // 100)) == ["length_ratio"]


@pytest.mark.parametrize("size", [120, 5000])
def test_what_is_no_words_is_seen(size: int) -> None:
    assert failed(judged(400, bytes=size)) == ["bytes_per_word"]


def test_figures_do_not_depend_on_batches() -> None:
    rows = judged(300, score=(NUMBER * 7919 % 300) / 7)
    cut = pl.concat([rows[start : start + 13] for start in range(0, 300, 13)])
    assert tally.totals(rows, 50).equals(tally.totals(cut, 50))
