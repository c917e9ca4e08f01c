from __future__ import annotations

import polars as pl
import pytest

from data4llm_assets.synthesized.answer import bare


def trimmed(text: str, finish_reason: str = "stop") -> tuple[str, str]:
    return bare(pl.DataFrame({"text": [text], "finish_reason": [finish_reason]})).row(0)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Here is the rewritten text:\n\nA bridge opened.", "A bridge opened."),
        ("Sure! Here's a simpler version:\nA bridge opened.", "A bridge opened."),
        ("  A bridge opened.\n", "A bridge opened."),
        ("A bridge opened.\n\nI made a few minor changes to the text.", "A bridge opened."),
        ("A bridge opened.\n\nThe revised text aims to be clear.\n\nSo there.", "A bridge opened."),
        ('"A bridge opened."', "A bridge opened."),
        ("\u201cA bridge opened.\u201d", "A bridge opened."),
        ('"Yes," she said, "it opened."', '"Yes," she said, "it opened."'),
        ("The bridge has two parts:\n\nan arch and a road.", "The bridge has two parts:\n\nan arch and a road."),
        ("Sure, a bridge opened.", "Sure, a bridge opened."),
        ("", ""),
    ],
)
def test_what_stands_apart_from_the_answer_is_taken_off(answer: str, expected: str) -> None:
    assert trimmed(answer) == (expected, "stop")


def test_an_answer_cut_off_in_its_afterword_is_complete() -> None:
    assert trimmed("A bridge opened.\n\nI made a few changes to", "length") == ("A bridge opened.", "stop")
    assert trimmed("A bridge opened in", "length") == ("A bridge opened in", "length")


def test_a_refusal_stays_one() -> None:
    assert trimmed("", "refused") == ("", "refused")
