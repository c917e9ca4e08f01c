"""Taking spans out of texts."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data4llm_assets.deduped.excision import excise
from data4llm_assets.deduped.tables import SPANS


def spans(*rows: tuple[str, int, int, str | None]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SPANS, orient="row")


def test_what_is_left_and_where_it_was_in_characters() -> None:
    documents = pl.DataFrame({"doc_id": ["a", "b"], "text": ["eins zwei drei", "äö üß"]})
    texts, told = excise(documents, spans(("b", 2, 5, "a"), ("a", 5, 10, "x"), ("a", 0, 2, "y"), ("c", 0, 1, "x")), "lines")
    assert texts.rows() == [("a", "ns drei"), ("b", "äüß")]
    assert told.rows() == [
        ("a", "y", [{"start": 0, "end": 2, "type": "lines"}]),
        ("a", "x", [{"start": 5, "end": 10, "type": "lines"}]),
        ("b", "a", [{"start": 1, "end": 3, "type": "lines"}]),
    ]


@pytest.mark.parametrize(("start", "end"), [(1, 3), (0, 1), (2, 2), (-1, 2), (3, 9)])
def test_a_span_of_another_text_is_refused(start: int, end: int) -> None:
    with pytest.raises(ValueError, match=f"the span {start}:{end} does not fit the text of document a"):
        excise(pl.DataFrame({"doc_id": ["a"], "text": ["äö b"]}), spans(("a", start, end, None)), "lines")


def test_overlapping_spans_are_refused() -> None:
    with pytest.raises(ValueError, match="the span 2:4 does not fit"):
        excise(pl.DataFrame({"doc_id": ["a"], "text": ["abcdef"]}), spans(("a", 0, 3, None), ("a", 2, 4, None)), "lines")


@settings(deadline=None)
@given(st.lists(st.tuples(st.text(max_size=12), st.lists(st.booleans(), min_size=12, max_size=12)), max_size=5))
def test_any_characters_of_any_texts(cases: list[tuple[str, list[bool]]]) -> None:
    documents = pl.DataFrame(
        {"doc_id": [str(row) for row in range(len(cases))], "text": [text for text, _ in cases]},
        schema={"doc_id": pl.String, "text": pl.String},
    )
    rows, left = [], []
    for row, (text, chosen) in enumerate(cases):
        bounds = [len(text[:place].encode()) for place in range(len(text) + 1)]
        rows += [(str(row), bounds[place], bounds[place + 1], None) for place in range(len(text)) if chosen[place]]
        left.append("".join(character for place, character in enumerate(text) if not chosen[place]))
    texts, told = excise(documents, spans(*rows), "lines")
    assert texts["text"].to_list() == left
    assert told["spans"].list.len().sum() == len(rows)
