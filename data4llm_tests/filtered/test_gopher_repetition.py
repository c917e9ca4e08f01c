from __future__ import annotations

import re
from collections import Counter
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data4llm_assets.filtered.gopher_repetition import GopherRepetition
from data4llm_assets.filtered.rules import failures
from data4llm_assets.filtered.words import WORD, repetition_counts

OFF: dict[str, Any] = dict.fromkeys(name for name in GopherRepetition.model_fields if name.startswith("max_"))
FILLER = "Everything else here differs from what stood before: " + " ".join(f"word{number}" for number in range(30))


def signals(text: str) -> dict[str, float | None]:
    rule = GopherRepetition(method="gopher_repetition")
    return rule.signals(pl.DataFrame({"text_digest": ["d"], "text": [text]})).row(0, named=True)


@pytest.mark.parametrize("name", OFF)
def test_a_limit_lets_its_own_value_pass_and_fails_anything_above(name: str) -> None:
    sentence = "so it goes on and on and on again as before we began."
    text = f"{sentence}\n\n{sentence}\n\n{sentence}\n{FILLER}"
    value = signals(text)[name.removeprefix("max_")]
    assert value is not None
    assert 0 < value < 1
    documents = pl.DataFrame({"text_digest": ["d"], "text": [text]})
    for limit, expected in ((value, []), (value - 1e-9, [name.removeprefix("max_")])):
        rule = GopherRepetition(method="gopher_repetition", **{**OFF, name: limit})
        assert failures(rule, rule.signals(documents))["signal"].to_list() == expected


def test_published_defaults() -> None:
    limits = {limit.signal: limit.maximum for limit in GopherRepetition(method="gopher_repetition").limits()}
    assert limits == {
        "duplicate_paragraphs": 0.30, "duplicate_paragraph_characters": 0.20, "duplicate_lines": 0.30,
        "duplicate_line_characters": 0.20, "top_2_gram": 0.20, "top_3_gram": 0.18, "top_4_gram": 0.16,
        "duplicated_5_grams": 0.15, "duplicated_6_grams": 0.14, "duplicated_7_grams": 0.13, "duplicated_8_grams": 0.12,
        "duplicated_9_grams": 0.11, "duplicated_10_grams": 0.10,
    }  # fmt: skip


def test_lines_and_paragraphs_that_stood_before() -> None:
    found = signals("ab\nab\n\nab\n\nab\nab")
    assert found["duplicate_paragraphs"] == 1 / 3
    assert found["duplicate_paragraph_characters"] == 5 / 16
    assert found["duplicate_lines"] == 4 / 5
    assert found["duplicate_line_characters"] == 8 / 16


def test_the_most_frequent_n_gram_counts_with_its_spaces() -> None:
    assert signals("a b a b a")["top_2_gram"] == 2 * 3 / 9


def test_duplicated_n_grams_skip_after_a_hit() -> None:
    # the second "a b c d e" is a hit; reading goes on after it, so the overlapping repeats are not counted again
    assert signals("a b c d e a b c d e")["duplicated_5_grams"] == 5 / 19


def test_an_empty_text_passes() -> None:
    assert set(signals("").values()) <= {None, 0.0}


def oracle(text: str) -> dict[str, int]:
    """The counts, naively, as the definition reads."""

    def duplicates(parts: list[Any], size: int) -> tuple[int, int]:
        seen: set[Any] = set()
        hits = characters = at = 0
        while at < len(parts):
            if parts[at] in seen:
                hits, characters, at = hits + 1, characters + len("".join(parts[at])), at + size
            else:
                seen.add(parts[at])
                at += 1
        return hits, characters

    words = pl.Series([text], dtype=pl.String).str.extract_all(WORD).to_list()[0]
    grams = {n: [tuple(words[i : i + n]) for i in range(len(words) - n + 1)] for n in range(2, 11)}
    paragraphs, lines = re.split(r"\n{2,}", text.strip()), re.split(r"\n+", text)
    found = {"characters": len(text), "paragraphs": len(paragraphs), "lines": len(lines)}
    found["duplicate_paragraphs"], found["duplicate_paragraph_characters"] = duplicates(paragraphs, 1)
    found["duplicate_lines"], found["duplicate_line_characters"] = duplicates(lines, 1)
    for n in (2, 3, 4):
        top = Counter(grams[n]).most_common(1)
        found[f"top_{n}"] = len(" ".join(top[0][0])) * top[0][1] if top else -1
    for n in range(5, 11):
        found[f"duplicated_{n}"] = duplicates(grams[n], n)[1]
    return found


@given(st.lists(st.text("ab .\n\x1c中é", max_size=80), min_size=1, max_size=5))
@settings(max_examples=150, deadline=None)
def test_counts_equal_a_naive_oracle(texts: list[str]) -> None:
    counts = repetition_counts(pl.Series(texts, dtype=pl.String))
    for row, text in enumerate(texts):
        assert {name: int(values[row]) for name, values in counts.items()} == oracle(text)


def test_counts_equal_the_oracle_beyond_the_first_buffers() -> None:
    texts = [" ".join(str(number * number % 97) for number in range(6000)), "a\n" * 5000, "a b " * 10]
    counts = repetition_counts(pl.Series(texts))
    for row, text in enumerate(texts):
        assert {name: int(values[row]) for name, values in counts.items()} == oracle(text)
