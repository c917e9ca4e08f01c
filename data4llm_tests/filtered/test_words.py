from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data4llm_assets.filtered import scan
from data4llm_assets.filtered.words import WORD, character_classes, flat, quality_counts

NASTY = "ab1_:/()\xad.'’…-•#!@ \t\n\r\x0b\x1c\x1f\x85\u2028 é\u0301ด\u0e34中のカ\u200dß😀\U0001d400\x00"


def kernel_words(texts: list[str]) -> list[list[int]]:
    """Lengths of the words that the kernel finds."""
    data, offsets = flat(pl.Series(texts, dtype=pl.String))
    found = []
    for start, stop in pairwise(offsets):
        lengths = np.empty(stop - start, np.int64)
        hashes, kinds = np.empty(stop - start, np.uint64), np.empty(stop - start, np.uint8)
        count = scan._words(data, start, stop, character_classes(), lengths, hashes, kinds)
        found.append(lengths[:count].tolist())
    return found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It didn't cost $3.14, no!", ["It", "didn't", "cost", "$", "3.14", ",", "no", "!"]),
        ("wait... --what?!", ["wait", "...", "--", "what", "?", "!"]),
        ("well-known example.com", ["well", "-", "known", "example.com"]),
        ("(see https://a.org/b?c=d-e). x:// y", ["(", "see", "https://a.org/b?c=d-e", ")", ".", "x", ":", "/", "/", "y"]),
        ("finan\xadcial", ["finan\xadcial"]),
        ("数据 と test", ["数", "据", "と", "test"]),
        ("ดี", ["ดี"]),
        ("end. 'quoted'", ["end", ".", "'", "quoted", "'"]),
        (" \n\t", []),
    ],
)
def test_a_word_is(text: str, words: list[str]) -> None:
    assert pl.Series([text]).str.extract_all(WORD).to_list() == [words]
    assert kernel_words([text]) == [[len(word) for word in words]]


@given(st.lists(st.text(NASTY, max_size=40), max_size=4))
@settings(max_examples=200, deadline=None)
def test_the_kernel_splits_as_the_regular_expression_does(texts: list[str]) -> None:
    expected = pl.Series(texts, dtype=pl.String).str.extract_all(WORD).list.eval(pl.element().str.len_chars()).to_list()
    assert kernel_words(texts) == expected


@given(st.text(NASTY, max_size=60))
@settings(max_examples=200, deadline=None)
def test_lines_bullets_and_ellipses_are_those_of_python(text: str) -> None:
    counts = {name: values.item() for name, values in quality_counts(pl.Series([text], dtype=pl.String), ()).items()}
    lines = text.splitlines()
    assert counts["lines"] == len(lines)
    assert counts["bullets"] == sum(line.lstrip().startswith(("•", "-")) for line in lines)
    assert counts["ellipsis_lines"] == sum(line.rstrip().endswith(("...", "…")) for line in lines)
    assert counts["hashes"] == text.count("#")
    assert counts["ellipses"] == text.count("...") + text.count("…")


def test_more_words_than_the_first_buffer_holds_are_all_counted() -> None:
    counts = quality_counts(pl.Series(["a " * 5000, "b"]), ("a", "b", "c"))
    assert counts["words"].tolist() == [5000, 1]
    assert counts["stop_words"].tolist() == [1, 1]


def test_no_texts_give_no_counts() -> None:
    assert quality_counts(pl.Series([], dtype=pl.String), ("the",))["words"].tolist() == []
