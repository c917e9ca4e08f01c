from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data4llm_assets.synthesized.quantities import quantities, unmatched


def found(text: str) -> list[tuple[float, str | None]]:
    return quantities(pl.Series([text])).select("value", "unit").rows()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$2.11, about 11 percent", [(2.11, "dollar"), (11.0, "percent")]),
        ("11 cents", [(11.0, "cent")]),
        ("a 45% rise", [(45.0, "percent")]),
        ("3,000 passengers", [(3000.0, None)]),
        ("$3 million", [(3e6, "dollar")]),
        ("3.1 million dollars", [(3.1e6, "dollar")]),
        ("a 10-percent cut of €5", [(10.0, "percent"), (5.0, "euro")]),
        ("Two of Twelve", [(2.0, None), (12.0, None)]),
        ("someone tended often", []),
        ("the 1980s", [(1980.0, None)]),
        ("version 1.2.3", [(1.2, None), (3.0, None)]),
        ("7 and 7", [(7.0, None)]),
        ("", []),
    ],
)
def test_numbers_come_with_their_unit(text: str, expected: list[tuple[float, str | None]]) -> None:
    assert found(text) == expected


def test_key_numbers_carry_a_unit_a_fraction_or_ten_or_more() -> None:
    keys = quantities(pl.Series(["3 dogs, 10 cats, 2.5 litres, 4%"]))["key"].to_list()
    assert keys == [False, True, True, True]


def test_a_number_matches_only_in_its_own_text_and_with_no_other_unit() -> None:
    given_, stated = pl.Series(["11 percent", "11"]), pl.Series(["11 cents", "11 percent and 12"])
    left = unmatched(quantities(stated), quantities(given_))
    assert left.select("row", "value", "unit").rows() == [(0, 11.0, "cent"), (1, 12.0, None)]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10**9), st.sampled_from(["", " percent", " million", " cents"])), max_size=5))
def test_a_text_states_its_own_numbers(numbers: list[tuple[int, str]]) -> None:
    text = pl.Series([" and ".join(f"{number:,}{unit}" for number, unit in numbers)])
    assert unmatched(quantities(text), quantities(text)).is_empty()
