"""What a generated text must pass before it counts as a document: faithful to its passage, finished, and no babble.

Here: signals over whole batches, and the limits they are held against. The limits without a source are ours.
"""

from __future__ import annotations

import polars as pl
from pydantic import Field

from data4llm_assets.method import Decide, Limit, Parameters
from data4llm_assets.synthesized.answer import OPENER
from data4llm_assets.synthesized.quantities import quantities, unmatched

_SPACELESS = r"\p{Han}\p{Hiragana}\p{Katakana}"
WORD = rf"[{_SPACELESS}]|[\p{{L}}\p{{N}}--[{_SPACELESS}]]+(?:['\u2019-][\p{{L}}\p{{N}}--[{_SPACELESS}]]+)*"
"""A word, or one character of a script that writes without spaces."""
_FINISHED = r"[.!?\u2026\u3002\uFF01\uFF1F][\"'\u201D\u2019)\]*_]*$"
_QUESTION_AND_ANSWER = r"(?is)question:.*?\?.*?answer:\s*\S"
LOOP_NGRAM, COPY_NGRAM, ECHO_NGRAM = 4, 5, 5


class Gates(Parameters):
    """Limits of the gates. Each rejected text names the first gate that it failed, in the order of `limits`."""

    length_ratio: Decide[tuple[float, float]] = Field((0.5, 2.0), description="words of the text per word of the passage")
    distinct_ngrams: Decide[float] = Field(0.5, ge=0, le=1, description="least share of distinct word 4-grams; below, it loops")
    copied: Decide[float] = Field(0.8, ge=0, le=1, description="most of the word 5-grams that the passage holds")
    echoed: Decide[float] = Field(0.1, ge=0, le=1, description="most of the word 5-grams that the instruction holds")
    numbers_invented: Decide[int] = Field(0, ge=0, description="most numbers, with their unit, that the passage does not state")
    numbers_kept: Decide[float] = Field(1.0, ge=0, le=1, description="least share of the passage's key numbers that it states")
    names_invented: Decide[int | None] = Field(0, ge=0, description="most capitalised words the passage lacks; null for German")
    grounded: Decide[float] = Field(0.4, ge=0, le=1, description="least share of longer words whose stem the passage holds")

    def limits(self) -> tuple[Limit, ...]:
        return (
            Limit(signal="refused", maximum=0),
            Limit(signal="empty", maximum=0),
            Limit(signal="preamble", maximum=0),
            Limit(signal="echo", maximum=self.echoed),
            Limit(signal="loop", minimum=self.distinct_ngrams),
            Limit(signal="truncated", maximum=0),
            Limit(signal="form", minimum=1),
            Limit(signal="copy", maximum=self.copied),
            Limit(signal="numbers", maximum=self.numbers_invented),
            Limit(signal="numbers_kept", minimum=self.numbers_kept),
            Limit(signal="names", maximum=self.names_invented),
            Limit(signal="length", minimum=self.length_ratio[0], maximum=self.length_ratio[1]),
            Limit(signal="grounded", minimum=self.grounded),
        )


def signals(answers: pl.DataFrame) -> pl.DataFrame:
    """What the gates look at.

    Parameters
    ----------
    answers : (passage: String, instruction: String, dialogue: Boolean, text: String, finish_reason: String), text as it would be
        published. `dialogue` marks texts that should be questions and answers.

    Returns
    -------
    Rows in the same order, Float64: refused, empty, preamble, truncated (0 or 1), form (0 or 1, null where no form is asked for),
    echo, copy, loop, numbers_kept, grounded (shares, null where there is nothing to compare), length (ratio), numbers and names
    (counts).
    """
    text, passage = answers["text"], answers["passage"]
    words = text.str.count_matches(WORD)
    speaks_of_task = pl.col("text").str.contains(OPENER) & ~pl.col("passage").str.contains(OPENER)
    plain = answers.select(
        refused=pl.col("finish_reason") == "refused",
        empty=words == 0,
        preamble=speaks_of_task,
        truncated=(pl.col("finish_reason") == "length") | ~pl.col("text").str.contains(_FINISHED),
        form=pl.when("dialogue").then(pl.col("text").str.contains(_QUESTION_AND_ANSWER)),
        length=words / passage.str.count_matches(WORD),
    )
    stated, given = quantities(text), quantities(passage)
    key = given.filter("key")
    rows = answers.with_row_index("row").select("row")
    strange = _names(text).join(_stems(passage, r"\p{L}+", 64), on=["row", "item"], how="anti")
    named = rows.with_columns(
        echo=_held(_ngrams(text, ECHO_NGRAM), _ngrams(answers["instruction"], ECHO_NGRAM), rows),
        copy=_held(_ngrams(text, COPY_NGRAM), _ngrams(passage, COPY_NGRAM), rows),
        loop=distinct_ngrams(text),
        numbers=_per_row(unmatched(stated, given), pl.len(), rows).fill_null(0),
        numbers_kept=1 - _per_row(unmatched(key, stated), pl.len(), rows).fill_null(0) / _per_row(key, pl.len(), rows),
        names=_per_row(strange, pl.len(), rows).fill_null(0),
        grounded=_held(_stems(text, r"\p{L}{4,}", 5), _stems(passage, r"\p{L}{4,}", 5), rows),
    ).drop("row")
    return pl.concat([plain, named], how="horizontal").select(pl.all().cast(pl.Float64))


def distinct_ngrams(texts: pl.Series) -> pl.Series:
    """Distinct word 4-grams per word 4-gram, Float64; null for a text of fewer than four words."""
    rows = pl.DataFrame({"text": texts}).with_row_index("row").select("row")
    return _per_row(_ngrams(texts, LOOP_NGRAM), pl.col("item").n_unique() / pl.len(), rows)


def first_failure(measured: pl.DataFrame, limits: tuple[Limit, ...]) -> pl.DataFrame:
    """The first limit that each row fails.

    Returns
    -------
    (gate: String or null, value: Float64, threshold: Float64), rows in the same order; nulls where every limit holds.
    """
    failures = []
    for limit in limits:
        value = pl.col(limit.signal)
        low, high = pl.lit(limit.minimum, pl.Float64), pl.lit(limit.maximum, pl.Float64)
        too_low, too_high = (value < low).fill_null(False), (value > high).fill_null(False)
        failure = pl.struct(gate=pl.lit(limit.signal), value=value, threshold=pl.when(too_low).then(low).otherwise(high))
        failures.append(pl.when(too_low | too_high).then(failure))
    nothing = pl.struct(gate=pl.lit(None, pl.String), value=pl.lit(None, pl.Float64), threshold=pl.lit(None, pl.Float64))
    return measured.select(pl.coalesce(*failures, nothing).alias("failure")).unnest("failure")


def _items(texts: pl.Series, pattern: str) -> pl.DataFrame:
    """(row, item): every match, in order."""
    frame = pl.DataFrame({"text": texts}).with_row_index("row")
    return frame.select("row", pl.col("text").str.extract_all(pattern).alias("item")).explode("item").drop_nulls("item")


def _ngrams(texts: pl.Series, size: int) -> pl.DataFrame:
    words = _items(texts.str.to_lowercase(), WORD)
    following = [pl.col("item").shift(-step).over("row") for step in range(size)]
    return words.select("row", pl.concat_str(following, separator=" ").alias("item")).drop_nulls("item")


def _stems(texts: pl.Series, pattern: str, letters: int) -> pl.DataFrame:
    """Distinct words by their first letters: a crude stem, the same for both sides."""
    return _items(texts.str.to_lowercase(), pattern).with_columns(pl.col("item").str.head(letters)).unique()


def _names(texts: pl.Series) -> pl.DataFrame:
    """Distinct capitalised words that do not begin a sentence, a line or a quotation."""
    inside = _items(texts, r"[^.!?:\u2026\n\"\u201C]\s\p{Lu}\p{L}+")
    return inside.with_columns(pl.col("item").str.slice(2).str.to_lowercase()).unique()


def _held(items: pl.DataFrame, others: pl.DataFrame, rows: pl.DataFrame) -> pl.Series:
    """The share of each row's items that stand among the same row's `others`."""
    marked = items.join(others.unique().with_columns(held=pl.lit(True)), on=["row", "item"], how="left")
    return _per_row(marked, pl.col("held").fill_null(False).mean(), rows)


def _per_row(items: pl.DataFrame, aggregate: pl.Expr, rows: pl.DataFrame) -> pl.Series:
    counted = items.group_by("row").agg(aggregate.cast(pl.Float64).alias("value"))
    return rows.join(counted, on="row", how="left", maintain_order="left")["value"]
