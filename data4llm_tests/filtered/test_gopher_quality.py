from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from data4llm_assets.filtered.gopher_quality import GopherQuality
from data4llm_assets.filtered.rules import failures

OFF: dict[str, Any] = dict.fromkeys(name for name in GopherQuality.model_fields if name.startswith(("min_", "max_")))


def failed(text: str, **limits: Any) -> list[str]:
    rule = GopherQuality(method="gopher_quality", **{**OFF, **limits})
    documents = pl.DataFrame({"text_digest": ["d"], "text": [text]})
    return failures(rule, rule.signals(documents))["signal"].to_list()


@pytest.mark.parametrize(
    ("limit", "passes", "fails", "signal"),
    [
        ({"min_words": 3}, "one two three !", "one two ! ! !", "words"),
        ({"max_words": 3}, "one two three ! !", "one two three four", "words"),
        ({"min_mean_word_length": 3}, "abc abc !", "abc ab !", "mean_word_length"),
        ({"max_mean_word_length": 3}, "abc abc", "abc abcd", "mean_word_length"),
        ({"max_hash_ratio": 0.1}, "# a b c d e f g h i", "# a b c d e f g h", "hash_ratio"),
        ({"max_ellipsis_ratio": 0.1}, "a... b c d e f g h i", "a... b c d e f g h", "ellipsis_ratio"),
        ({"max_ellipsis_ratio": 0.1}, "a… b c d e f g h i", "a… b c d e f g h", "ellipsis_ratio"),
        ({"max_bullet_lines": 0.5}, "• a\nb", "• a\n- b\nc", "bullet_lines"),
        ({"max_ellipsis_lines": 0.5}, "a...\nb", "a...\nb… \nc", "ellipsis_lines"),
        ({"min_alphabetic_words": 0.8}, "a b c d 1", "a b c d 1 2", "alphabetic_words"),
        ({"min_stop_words": 2}, "the of", "the the The", "stop_words"),
    ],
)
def test_a_limit_lets_its_own_value_pass_and_fails_the_next(limit: dict[str, Any], passes: str, fails: str, signal: str) -> None:
    assert failed(passes, **limit) == []
    assert failed(fails, **limit) == [signal]


def test_published_defaults() -> None:
    rule = GopherQuality(method="gopher_quality")
    assert [(limit.signal, limit.minimum, limit.maximum) for limit in rule.limits()] == [
        ("words", 50, 100_000),
        ("mean_word_length", 3, 10),
        ("hash_ratio", None, 0.1),
        ("ellipsis_ratio", None, 0.1),
        ("bullet_lines", None, 0.9),
        ("ellipsis_lines", None, 0.3),
        ("alphabetic_words", 0.8, None),
        ("stop_words", 2, None),
    ]


def test_an_empty_text_has_no_ratios_but_no_words_either() -> None:
    assert failed("", **dict.fromkeys(OFF, 1)) == ["words", "stop_words"]


def test_limits_are_decided_and_stop_words_measured() -> None:
    assert set(GopherQuality(method="gopher_quality").parameters("measure")) == {"stop_words"}
