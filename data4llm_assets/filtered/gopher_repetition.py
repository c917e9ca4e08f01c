"""Gopher's repetition heuristics: Rae et al. 2021 (arXiv 2112.11446, table A1), with the details of datatrove's filter."""

from __future__ import annotations

from typing import ClassVar, Literal

import polars as pl
from pydantic import Field

from data4llm_assets.method import Decide, Limit, Rule


class GopherRepetition(Rule):
    """Repeated lines, paragraphs and n-grams, each as a share; a limit of null is switched off.

    As in datatrove: paragraphs are parted by two or more newlines, after white space at both ends is gone; lines by one or
    more, so that a closing newline leaves an empty last line; a line or paragraph is a duplicate if it stood before. Every
    share of characters is one of all characters of the text, white space included.

    top_n_gram: characters of the most frequent n-gram, spaces between words included, times its count; null if the text has
    fewer than n words. duplicated_n_grams: characters, without spaces, of the n-grams that stood before, read from left to
    right and skipping n words after each hit. N-grams are compared word by word (datatrove: joined without spaces, so that
    "ab c" equals "a bc"). Words are those of `words.WORD`, see `GopherQuality`. All signals of an empty text are null or 0.
    """

    version: ClassVar[str] = "1"
    uses: ClassVar[tuple[str, ...]] = ("polars",)  # whose regular expressions bring the Unicode tables; numba only counts

    method: Literal["gopher_repetition"] = "gopher_repetition"
    max_duplicate_paragraphs: Decide[float | None] = Field(0.30, ge=0, le=1, description="of paragraphs. Gopher: 0.30")
    max_duplicate_paragraph_characters: Decide[float | None] = Field(0.20, ge=0, le=1, description="of characters. Gopher: 0.20")
    max_duplicate_lines: Decide[float | None] = Field(0.30, ge=0, le=1, description="of lines. Gopher: 0.30")
    max_duplicate_line_characters: Decide[float | None] = Field(0.20, ge=0, le=1, description="of characters. Gopher: 0.20")
    max_top_2_gram: Decide[float | None] = Field(0.20, ge=0, description="of characters. Gopher: 0.20")
    max_top_3_gram: Decide[float | None] = Field(0.18, ge=0, description="of characters. Gopher: 0.18")
    max_top_4_gram: Decide[float | None] = Field(0.16, ge=0, description="of characters. Gopher: 0.16")
    max_duplicated_5_grams: Decide[float | None] = Field(0.15, ge=0, le=1, description="of characters. Gopher: 0.15")
    max_duplicated_6_grams: Decide[float | None] = Field(0.14, ge=0, le=1, description="of characters. Gopher: 0.14")
    max_duplicated_7_grams: Decide[float | None] = Field(0.13, ge=0, le=1, description="of characters. Gopher: 0.13")
    max_duplicated_8_grams: Decide[float | None] = Field(0.12, ge=0, le=1, description="of characters. Gopher: 0.12")
    max_duplicated_9_grams: Decide[float | None] = Field(0.11, ge=0, le=1, description="of characters. Gopher: 0.11")
    max_duplicated_10_grams: Decide[float | None] = Field(0.10, ge=0, le=1, description="of characters. Gopher: 0.10")

    def signals(self, documents: pl.DataFrame) -> pl.DataFrame:
        from data4llm_assets.filtered.words import DUPLICATED, TOP, repetition_counts

        return pl.DataFrame(repetition_counts(documents["text"])).select(
            duplicate_paragraphs=pl.col("duplicate_paragraphs") / pl.col("paragraphs"),
            duplicate_paragraph_characters=_share("duplicate_paragraph_characters"),
            duplicate_lines=pl.col("duplicate_lines") / pl.col("lines"),
            duplicate_line_characters=_share("duplicate_line_characters"),
            **{f"top_{n}_gram": _share(f"top_{n}") for n in TOP},
            **{f"duplicated_{n}_grams": _share(f"duplicated_{n}") for n in DUPLICATED},
        )

    def limits(self) -> tuple[Limit, ...]:
        """One for each `max_` field, in datatrove's order."""
        fields = (name for name in type(self).model_fields if name.startswith("max_"))
        return tuple(Limit(signal=name.removeprefix("max_"), maximum=getattr(self, name)) for name in fields)


def _share(count: str) -> pl.Expr:
    """Of the text's characters; null for an empty text, and where there is nothing to count (-1)."""
    return pl.when(pl.col("characters") > 0, pl.col(count) >= 0).then(pl.col(count) / pl.col("characters"))
