"""Gopher's quality heuristics: Rae et al. 2021 (arXiv 2112.11446, A1.1), with the details of datatrove's filter."""

from __future__ import annotations

from typing import ClassVar, Literal

import polars as pl
from pydantic import Field

from data4llm_assets.method import Decide, Limit, Measure, Rule

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")


class GopherQuality(Rule):
    """Too short, too long, odd words, too many symbols, mostly bullets or ellipses, no English stop words.

    A limit of null is switched off. Signals of a text without words or lines are null and pass, except `words` and
    `stop_words`, which are 0.

    Words are those of `words.WORD`: Unicode word characters, `.` and apostrophes inside allowed; web addresses; every other
    visible character, and every letter of a script without spaces (Han, kana, Thai, Lao, Khmer, Myanmar), alone. datatrove has
    spaCy's tokens, which split contractions (do|n't) and keep `1,000`, `12:30` and `-o` whole; its symbols are a list of about
    170 characters, here all punctuation (Unicode P), controls, and the ASCII symbols. As there, symbols count neither as `words`
    nor in their length, but do in the denominators of the ratios. On 581 web pages in Markdown, full of links and tables, both
    keep or drop the same 94 % (98 % by `GopherRepetition`); most of the others lie close to 0.8 `alphabetic_words`.
    """

    version: ClassVar[str] = "1"
    uses: ClassVar[tuple[str, ...]] = ("polars",)  # whose regular expressions bring the Unicode tables; numba only counts

    method: Literal["gopher_quality"] = "gopher_quality"
    stop_words: Measure[tuple[str, ...]] = Field(STOP_WORDS, description="case matters. Gopher: these eight")
    min_words: Decide[int | None] = Field(50, ge=0, description="words that are not symbols only. Gopher: 50")
    max_words: Decide[int | None] = Field(100_000, ge=0, description="words that are not symbols only. Gopher: 100,000")
    min_mean_word_length: Decide[float | None] = Field(3, ge=0, description="characters a word. Gopher: 3")
    max_mean_word_length: Decide[float | None] = Field(10, ge=0, description="characters a word. Gopher: 10")
    max_hash_ratio: Decide[float | None] = Field(0.1, ge=0, description="`#` for each word or symbol. Gopher: 0.1")
    max_ellipsis_ratio: Decide[float | None] = Field(0.1, ge=0, description="`...` and `…` for each word or symbol. Gopher: 0.1")
    max_bullet_lines: Decide[float | None] = Field(0.9, ge=0, le=1, description="of lines, starting in `•` or `-`. Gopher: 0.9")
    max_ellipsis_lines: Decide[float | None] = Field(0.3, ge=0, le=1, description="of lines, ending in an ellipsis. Gopher: 0.3")
    min_alphabetic_words: Decide[float | None] = Field(
        0.8, ge=0, le=1, description="share of words and symbols that hold a letter. Gopher: 0.8"
    )
    min_stop_words: Decide[int | None] = Field(2, ge=0, description="distinct stop words. Gopher: 2")

    def signals(self, documents: pl.DataFrame) -> pl.DataFrame:
        from data4llm_assets.filtered.words import quality_counts

        return pl.DataFrame(quality_counts(documents["text"], self.stop_words)).select(
            "words",
            mean_word_length=_ratio("word_characters", "words"),
            hash_ratio=_ratio("hashes", "tokens"),
            ellipsis_ratio=_ratio("ellipses", "tokens"),
            bullet_lines=_ratio("bullets", "lines"),
            ellipsis_lines=_ratio("ellipsis_lines", "lines"),
            alphabetic_words=_ratio("alphabetic", "tokens"),
            stop_words="stop_words",
        )

    def limits(self) -> tuple[Limit, ...]:
        return (
            Limit(signal="words", minimum=self.min_words, maximum=self.max_words),
            Limit(signal="mean_word_length", minimum=self.min_mean_word_length, maximum=self.max_mean_word_length),
            Limit(signal="hash_ratio", maximum=self.max_hash_ratio),
            Limit(signal="ellipsis_ratio", maximum=self.max_ellipsis_ratio),
            Limit(signal="bullet_lines", maximum=self.max_bullet_lines),
            Limit(signal="ellipsis_lines", maximum=self.max_ellipsis_lines),
            Limit(signal="alphabetic_words", minimum=self.min_alphabetic_words),
            Limit(signal="stop_words", minimum=self.min_stop_words),
        )


def _ratio(part: str, whole: str) -> pl.Expr:
    return pl.when(pl.col(whole) > 0).then(pl.col(part) / pl.col(whole))
