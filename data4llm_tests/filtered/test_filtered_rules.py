from __future__ import annotations

from typing import Any, Literal

import polars as pl
import pytest

from data4llm_assets.document import DECISIONS, text_digest
from data4llm_assets.filtered.anonymise import Email, PublicIp
from data4llm_assets.filtered.gopher_quality import GopherQuality
from data4llm_assets.filtered.rules import apply_edits, decisions, failures
from data4llm_assets.method import DECIDE, MEASURE, Decide, Edit, Limit, Rule


class Between(Rule):
    method: Literal["between"] = "between"
    signal: str = "x"

    def limits(self) -> tuple[Limit, ...]:
        return (Limit(signal=self.signal, minimum=1, maximum=2), Limit(signal="flag", minimum=1))


def test_ends_pass_and_null_and_nan_pass() -> None:
    signals = pl.DataFrame({"x": [1.0, 2.0, 0.99, 2.01, None, float("nan")], "flag": [True, True, True, False, None, True]})
    assert failures(Between(), signals).select("row", "signal", "value", "threshold").rows() == [
        (2, "x", 0.99, 1.0),
        (3, "x", 2.01, 2.0),
        (3, "flag", 0.0, 1.0),
    ]


def test_a_decision_names_rule_and_signal_value_and_threshold() -> None:
    rows = decisions("mine", Between(), pl.Series(["a", "b"]), pl.DataFrame({"x": [1, 5], "flag": [1, 1]}))
    assert rows.schema == DECISIONS
    assert rows.rows() == [("b", "mine.x", "drop", 5.0, 2.0, None, None, None)]


def test_a_limit_on_a_signal_that_is_not_measured_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"between holds a limit against 'y', but measures only x, flag"):
        failures(Between(signal="y"), pl.DataFrame({"x": [1], "flag": [1]}))


def documents(*texts: str) -> pl.DataFrame:
    return pl.DataFrame(
        {"doc_id": [f"d{i}" for i in range(len(texts))], "text": texts, "text_digest": "old", "bytes": 0, "more": 1}
    )


def test_edits_follow_one_another_and_keep_digest_and_bytes_true() -> None:
    edits: tuple[Any, ...] = (Email(method="email"), PublicIp(method="public_ip"))
    out, rows = apply_edits(edits, documents("plain", "é a@b.org 8.8.8.8"))
    text = "é email@example.com 22.214.171.124"
    assert out["text"].to_list() == ["plain", text]
    assert out["text_digest"].to_list() == ["old", text_digest(text)]
    assert out["bytes"].to_list() == [0, len(text.encode())]
    assert out["more"].to_list() == [1, 1]
    assert rows.select("doc_id", "rule", "action", "value").rows() == [
        ("d1", "email", "edit", 1.0),
        ("d1", "public_ip", "edit", 1.0),
    ]
    # the second edit's span lies in the text that the first one left
    assert rows["spans"].to_list()[1] == [{"start": 20, "end": 27, "type": "public_ip"}]


def test_edits_need_no_more_than_an_id_and_a_text() -> None:
    out, _ = apply_edits((Email(method="email"),), documents("a@b.org").select("doc_id", "text"))
    assert out.rows() == [("d0", "email@example.com")]


def test_every_parameter_of_an_edit_belongs_to_what_is_remembered() -> None:
    class Cut(Edit):
        method: Literal["cut"] = "cut"
        at: Decide[int] = 3

    assert (Cut().parameters(MEASURE), Cut().parameters(DECIDE), Cut().parameters()) == ({"at": 3}, {}, {"at": 3})


def test_only_edits_can_be_applied() -> None:
    with pytest.raises(TypeError, match="gopher_quality is not an Edit"):
        apply_edits((GopherQuality(method="gopher_quality"),), documents("a"))
