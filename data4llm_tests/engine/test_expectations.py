from __future__ import annotations

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from data4llm_assets.engine.expectations import BrokenCheck, by_quality, import_great_expectations, judge, refused, sentence
from data4llm_assets.node import Expectation, between

FRAMES = {
    "partition": pl.DataFrame({"share": [0.5], "missing": [None]}),
    "rules": pl.DataFrame({"left": [0, 0, 3], "name": ["a", "b", "c"]}),
    "nothing": pl.DataFrame(schema={"left": pl.Int64}),
}


def test_each_frame_is_judged_by_its_own_bounds() -> None:
    asked = (
        between("abundance", "share", 0.1, 0.9, "Half is right."),
        between("sanitization", "left", 0, 0, "Nothing is left.", frame="rules"),
        between("sanitization", "left", 0, 0, "Nothing is left.", frame="nothing"),
        between("articulation", "missing", 1, 2, "Undefined passes."),
    )
    assert [result["passed"] for result in judge(asked, FRAMES)] == [True, False, True, True]


def test_what_failed_is_told_with_the_offending_value_and_its_bounds() -> None:
    (result,) = judge((between("sanitization", "left", 0, 0, "Nothing is left.", frame="rules"),), FRAMES)
    assert result["observed"] == 3
    assert sentence(result) == "left is 3, not 0. Nothing is left."


def test_only_critical_failures_refuse() -> None:
    asked = (
        between("abundance", "share", 0.6, 1, "More, please.", severity="warning"),
        between("abundance", "share", 0.7, 1, "More, really."),
    )
    results = judge(asked, FRAMES)
    assert [result["why"] for result in refused(results)] == ["More, really."]
    assert by_quality(results)["abundance"]["severity"] == "critical"
    assert by_quality(judge(asked[:1], FRAMES))["abundance"] == {
        "passed": False, "severity": "warning", "expectations": judge(asked[:1], FRAMES),
    }  # fmt: skip


@pytest.mark.parametrize(
    "broken",
    [
        between("abundance", "shar", 0, 1, "A typo in the column."),
        between("abundance", "share", 0, 1, "A typo in the frame.", frame="partitions"),
        between("abundance", "name", 0, 1, "A column of text.", frame="rules"),
        Expectation("abundance", "ExpectColumnValuesToBeBetwixt", {"column": "share"}, "A typo in the kind."),
    ],
)
def test_a_broken_check_is_an_error_and_never_a_verdict(broken: Expectation) -> None:
    with pytest.raises(BrokenCheck):
        judge((broken,), FRAMES)


def test_expectations_on_the_whole_frame_see_its_own_rows() -> None:
    rows = Expectation("abundance", "ExpectTableRowCountToEqual", {"value": 3}, "Three rules.", frame="rules")
    assert judge((between("abundance", "share", 0, 1, "Fine."), rows), FRAMES)[1]["passed"]


@settings(deadline=None, max_examples=20)
@given(
    values=st.lists(st.none() | st.integers(-5, 5) | st.floats(-5, 5) | st.just(float("nan")), max_size=5),
    low=st.none() | st.integers(-4, 0),
    high=st.none() | st.integers(1, 4),
)
def test_bounds_are_judged_as_great_expectations_judges_them(values: list[float | None], low: int | None, high: int | None) -> None:
    """Ours resolves one metric where GX's own resolves fifty; verdict and offending values are the same."""
    assume(low is not None or high is not None)
    gx, _, batch_definition = import_great_expectations()
    frame = pl.DataFrame({"value": values}, schema={"value": pl.Float64}, strict=False)
    (ours,) = judge((between("abundance", "value", low, high, "Fine."),), {"partition": frame})
    theirs = batch_definition.get_batch({"dataframe": frame.to_pandas()}).validate(
        gx.expectations.ExpectColumnValuesToBeBetween(column="value", min_value=low, max_value=high)
    )
    assert ours["passed"] == theirs.success
    offending = theirs.result["partial_unexpected_list"]
    if offending:
        assert ours["observed"] == (offending[0] if len(offending) == 1 else offending[:5])
