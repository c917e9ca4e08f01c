"""What each method measured at its present version. If a figure moves, the remembered measures of every store are wrong: raise the
method's `version`, then enter the new figures beside it here."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from data4llm_assets.filtered.stage import METHODS
from data4llm_assets.method import Edit, Rule

TEXTS = [
    "The river rose in the night, and by morning the old bridge was gone.\n\nNobody had heard it fall...\n\n"
    "“We'll build another,” said Ana to the men who had come with ropes; that was at 6.30, on the 3rd of May.",
    "• Save 20%\n• Save 20%\n- more… #sale #now\nClick here to win, click here to win, click here to win, click here to win!",
    "数据质量决定模型质量。数据质量决定模型质量。\n写信给 lin@example.cn 或 8.8.4.4。",
    "Ask anna.k@uni.edu, or bob@work.co.uk at 10.1.2.3; the server is 151.101.1.69.",
]
GOLDEN: dict[tuple[str, str], list[list[Any]]] = {
    ("language", "1"): [["en", 0.9987], ["en", 0.4769], ["zh", 0.9638], ["en", 0.9187]],
    ("gopher_repetition", "1"): [
        [0.0, 0.0, 0.0, 0.0, 0.044335, 0.068966, 0.083744, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.25, 0.086207, 0.241379, 0.37931, 0.336207, 0.258621, 0.310345, 0.181034, 0.206897, 0.215517, 0.258621],
        [0.0, 0.0, 0.0, 0.0, 0.230769, 0.192308, 0.269231, 0.192308, 0.115385, 0.134615, 0.153846, 0.173077, 0.192308],
        [0.0, 0.0, 0.0, 0.0, 0.128205, 0.153846, 0.25641, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    ],
    ("gopher_quality", "1"): [
        [41, 3.658537, 0.0, 0.02, 0.0, 0.2, 0.8, 6],
        [23, 3.434783, 0.057143, 0.028571, 0.75, 0.0, 0.6, 1],
        [27, 1.62963, 0.0, 0.0, 0.0, 0.0, 0.83871, 0],
        [12, 5.333333, 0.0, 0.0, 0.0, 0.0, 0.588235, 1],
    ],
    ("email", "2"): [
        ["c", "数据质量决定模型质量。数据质量决定模型质量。\n写信给 email@example.com 或 8.8.4.4。", "27-41"],
        ["d", "Ask email@example.com, or firstname.lastname@example.org at 10.1.2.3; the server is 151.101.1.69.", "4-18 23-37"],
    ],
    ("public_ip", "1"): [
        ["c", "数据质量决定模型质量。数据质量决定模型质量。\n写信给 lin@example.cn 或 22.214.171.124。", "44-51"],
        ["d", "Ask anna.k@uni.edu, or bob@work.co.uk at 10.1.2.3; the server is 22.214.171.124.", "65-77"],
    ],
}


@pytest.mark.parametrize("name", METHODS)
def test_what_a_method_measures_moves_only_with_its_version(name: str) -> None:
    method = METHODS[name](method=name)
    documents = pl.DataFrame({"doc_id": ["a", "b", "c", "d"], "text_digest": ["a", "b", "c", "d"], "text": TEXTS})
    if isinstance(method, Rule):
        frame = method.signals(documents).with_columns(pl.selectors.float().round(6))
    else:
        assert isinstance(method, Edit)
        spans = (
            pl.col("spans").list.eval(pl.format("{}-{}", pl.element().struct["start"], pl.element().struct["end"])).list.join(" ")
        )
        frame = method.edits(documents).select("doc_id", "text", spans)
    assert [list(row) for row in frame.rows()] == GOLDEN[name, method.version]
