from __future__ import annotations

import polars as pl
import pytest

from data4llm_assets.engine.accounts import account, reasons


def balance(
    before: str, after: str, dropped: str = "", *, added: str = "", edits: str = "", told: str = "", whole: bool = True
) -> dict[str, object]:
    """Accounts of documents named by one letter each."""
    rows = [(i, "drop") for i in dropped] + [(i, "edit") for i in told]
    decisions = pl.DataFrame(rows, schema={"doc_id": pl.String, "action": pl.String}, orient="row")
    taken, kept = (
        pl.DataFrame({"doc_id": list(ids), "bytes": [10] * len(ids)}, schema={"doc_id": pl.String, "bytes": pl.Int64})
        for ids in (before, after)
    )
    series = [pl.Series("doc_id", list(ids), dtype=pl.String) for ids in (added, edits)]
    return account(taken, kept, series[0], decisions, series[1], whole=whole).row(0, named=True)


def test_what_is_kept_or_dropped_balances() -> None:
    found = balance("abcd", "abx", "cd", added="x", edits="a", told="a")
    assert (found["unexplained"], found["documents_in"], found["documents_out"], found["dropped"], found["edited"]) == (
        0,
        4,
        3,
        2,
        1,
    )
    assert found["retention"] == 0.5
    assert (found["bytes_in"], found["bytes_out"]) == (40, 30)


@pytest.mark.parametrize(
    ("before", "after", "dropped", "edits"),
    [("abc", "a", "b", ""), ("a", "ab", "", ""), ("ab", "ab", "b", ""), ("ab", "ab", "", "a")],
    ids=["vanished without a decision", "came from nowhere", "kept and dropped", "edited without a decision"],
)
def test_what_does_not_balance_is_counted(before: str, after: str, dropped: str, edits: str) -> None:
    assert balance(before, after, dropped, edits=edits)["unexplained"] == 1


def test_a_share_of_a_few_documents_of_a_slice_is_no_retention() -> None:
    assert balance("abc", "", "abc")["retention"] == 0
    assert balance("abc", "", "abc", whole=False)["retention"] is None
    assert balance("", "")["retention"] is None


def test_a_document_counts_under_the_first_rule_that_dropped_it() -> None:
    decisions = pl.DataFrame(
        {"doc_id": ["a", "a", "b", "b"], "rule": ["x", "y", "y", "z"], "action": ["drop", "drop", "drop", "edit"]}
    )
    assert reasons(decisions).rows() == [("x", "drop", 1), ("y", "drop", 1), ("z", "edit", 1)]
