from __future__ import annotations

from data4llm_assets.evaluation.bootstrap import Interval
from data4llm_assets.evaluation.extraction import EVERY, OTHERS, Summary
from data4llm_assets.evaluation.extraction_bars import bars


def summary(name: str, difference: float, low: float = 0.0, times: float = 1.0, **groups: float) -> Summary:
    differences = {EVERY: Interval(difference, low, 1), **{key: Interval(value, 0, 0) for key, value in groups.items()}}
    return Summary(name, {}, 0, 0, None, None, 1, times, {}, differences)


def test_bars_are_met_missed_or_not_measured() -> None:
    base = summary("trafilatura", 0, article=0)
    good = [summary("auto", 0.04, 0.001, article=-0.02, **{OTHERS: 0.1}), summary("blocks", -0.005, times=8)]
    bad = [summary("auto", 0.039, 0.0, article=-0.021), summary("blocks", -0.006, times=7.9)]
    assert [bar.met for bar in bars("wcxb", {each.engine: each for each in [base, *good]})] == [True] * 6
    missed = [bar.met for bar in bars("own", {each.engine: each for each in [base, *bad]})]
    assert missed == [False, False, False, None, False, False]
    assert [bar.met for bar in bars("wcxb", {"trafilatura": base})] == [None] * 6
    assert bars("wcxb", {"trafilatura": base})[0].measured == "not measured: auto did not run"
    assert bars("wcxb", {"auto": good[0]})[0].measured == "not measured: trafilatura did not run"
    assert [bar.met for bar in bars("readability", {"trafilatura": base, "auto": summary("auto", 0.0)})] == [True]
    assert [bar.met for bar in bars("readability", {"trafilatura": base, "auto": summary("auto", -0.001)})] == [False]
