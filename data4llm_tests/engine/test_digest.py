from __future__ import annotations

from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data4llm_assets.engine.digest import TableDigester, json_digest, table_digest

ROWS = pl.DataFrame(
    {
        "text": ["x", None, "zürich"],
        "number": [1, 2, None],
        "list": [["a", "b"], [], None],
        "nested": [{"k": "a", "v": [1.0]}, None, {"k": None, "v": []}],
        "flag": [True, None, False],
    }
)


def test_digest_is_pinned_so_that_a_new_library_version_cannot_move_it() -> None:
    assert table_digest(ROWS) == "401951ec47173ca895643a8d67baa757"


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(0, 3), max_size=4))
def test_digest_does_not_depend_on_batches(cuts: list[int]) -> None:
    digester = TableDigester()
    edges = sorted({0, 3, *cuts})
    for start, end in pairwise(edges):
        digester.update(ROWS[start:end])
    assert digester.hexdigest() == table_digest(ROWS)


@pytest.mark.parametrize(
    "other",
    [
        ROWS.reverse(),
        ROWS.rename({"text": "texts"}),
        ROWS[:2],
        ROWS.with_columns(number=pl.col("number").fill_null(0)),
        ROWS.with_columns(pl.col("number").cast(pl.Int32)),
        ROWS.with_columns(list=pl.col("list").fill_null([])),
    ],
)
def test_digest_moves_with_order_names_rows_nulls_and_dtypes(other: pl.DataFrame) -> None:
    assert table_digest(other) != table_digest(ROWS)


def test_bytes_cannot_slip_from_one_value_to_the_next() -> None:
    assert table_digest(pl.DataFrame({"a": ["ab", "c"]})) != table_digest(pl.DataFrame({"a": ["a", "bc"]}))


def test_what_lies_behind_a_null_does_not_count() -> None:
    hidden = pl.Series("a", ["x", "secret"]).to_frame().with_columns(a=pl.when(pl.col("a") == "x").then("a"))
    assert table_digest(hidden) == table_digest(pl.DataFrame({"a": ["x", None]}))


def test_zeros_and_nans_have_one_pattern() -> None:
    assert table_digest(pl.DataFrame({"a": [0.0, float("nan")]})) == table_digest(pl.DataFrame({"a": [-0.0, -float("nan")]}))


def test_json_digest_ignores_key_order() -> None:
    assert json_digest({"a": 1, "b": 2}) == json_digest({"b": 2, "a": 1})


def test_batches_of_one_table_have_one_schema() -> None:
    digester = TableDigester()
    digester.update(pl.DataFrame({"a": [1]}))
    with pytest.raises(ValueError, match="differ in schema"):
        digester.update(pl.DataFrame({"a": ["x"]}))
