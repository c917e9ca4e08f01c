"""Equality with datatrove's own test vectors, where the folder named by DATA4LLM_EVAL_DATA holds them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from data4llm_assets.filtered.anonymise import Email, PublicIp
from data4llm_assets.filtered.gopher_quality import GopherQuality
from data4llm_assets.filtered.gopher_repetition import GopherRepetition
from data4llm_assets.filtered.language import Language
from data4llm_assets.filtered.rules import apply_edits, failures
from data4llm_assets.method import Rule

FILE = Path(os.environ.get("DATA4LLM_EVAL_DATA", "")) / "filter-vectors" / "datatrove.json"
pytestmark = pytest.mark.skipif(not FILE.is_file(), reason="DATA4LLM_EVAL_DATA names no folder with filter-vectors/datatrove.json")

REASONS = {
    "dup_line_frac": "duplicate_lines",
    "dup_para_frac": "duplicate_paragraphs",
    "dup_para_char_frac": "duplicate_paragraph_characters",
    "dup_line_char_frac": "duplicate_line_characters",
    "top_2_gram": "top_2_gram",
    "top_3_gram": "top_3_gram",
    "duplicated_5_n_grams": "duplicated_5_grams",
    "gopher_short_doc": "words",
    "gopher_below_avg_threshold": "mean_word_length",
    "gopher_above_avg_threshold": "mean_word_length",
    "gopher_too_many_hashes": "hash_ratio",
    "gopher_too_many_ellipsis": "ellipsis_ratio",
    "gopher_below_alpha_threshold": "alphabetic_words",
}


def vectors(name: str) -> list[list[str]]:
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return next(cases for key, cases in found.items() if key.startswith(name))


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("gopher_repetition", GopherRepetition(method="gopher_repetition")),
        ("gopher_quality", GopherQuality(method="gopher_quality", min_words=10, max_words=1000)),
    ],
)
def test_the_first_limit_that_fails_is_the_one_datatrove_names(name: str, rule: Rule) -> None:
    for text, reason in vectors(name):
        failed = failures(rule, rule.signals(pl.DataFrame({"text": [text]})))["signal"].to_list()
        assert failed[:1] == ([] if reason == "keep" else [REASONS[reason]])


def test_languages_are_those_of_lid_176() -> None:
    cases = vectors("language")
    signals = Language(method="language").signals(pl.DataFrame({"text": [text for text, _ in cases]}))
    assert signals["language"].to_list() == [language for _, language in cases]
    assert (signals["score"] > 0.65).all()


def test_addresses_are_replaced_where_datatrove_replaces_them() -> None:
    edits = (Email(method="email", replacements=("EMAIL",)), PublicIp(method="public_ip", replacements=("IP",)))
    for text, expected in vectors("pii"):
        edited, _ = apply_edits(edits, pl.DataFrame({"doc_id": ["d"], "text": [text]}))
        assert edited["text"].item() == expected
