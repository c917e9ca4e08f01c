"""Rephrasing the web: WRAP, Maini et al., ACL 2024 (arXiv 2401.16380): a passage said again in one of four styles.

The wording of the prompts is ours, close to what small instruction-tuned models were taught to follow.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import polars as pl
from pydantic import Field

from data4llm_assets.document import unit_hash
from data4llm_assets.method import Decide, Measure
from data4llm_assets.synthesized.answer import bare
from data4llm_assets.synthesized.gates import WORD, Gates, first_failure, signals
from data4llm_assets.synthesized.synthesis import CALLS, JUDGEMENTS, MESSAGES, Synthesis

Style = Literal["simple", "wikipedia", "scholarly", "question_answer"]
_TASKS: dict[Style, str] = {
    "simple": "to make it simple enough for a small child, in short sentences and everyday words",
    "wikipedia": "in the neutral, clear style of an encyclopedia article",
    "scholarly": "to make it more concise and scholarly",
    "question_answer": 'as one or more questions, each with its answer. Begin with "Question:", then "Answer:"',
}
PROMPTS = {
    style: f"You rewrite texts. Rewrite the input text {task}, while keeping its facts and numbers."
    for style, task in _TASKS.items()
}
_BREAK = "\x1e"


class Rephrase(Synthesis):
    """One passage of each chosen document, in one of the styles, both by seeded hash."""

    version: ClassVar[str] = "1"
    prompt_version: ClassVar[str] = "1"

    method: Literal["rephrase"] = "rephrase"
    styles: Measure[tuple[Style, ...]] = Field(
        ("simple", "wikipedia", "scholarly", "question_answer"),
        min_length=1,
        description="for a toddler, like Wikipedia, terse and scholarly, questions and answers (arXiv 2401.16380, section 3.1)",
    )
    passage_words: Measure[int] = Field(
        80, ge=10, description="words of a passage, at most; WRAP takes up to 300 tokens, more than the embedded model can follow"
    )
    least_words: Measure[int] = Field(30, ge=1, description="words of a passage, at least: shorter ones invite invention")
    gates: Decide[Gates] = Field(Gates(), description="what an answer must pass")

    def calls(self, documents: pl.DataFrame, seed: int) -> pl.DataFrame:
        ids = documents["doc_id"].to_list()
        drawn = (unit_hash(seed, "rephrase.style", ids) * len(self.styles)).cast(pl.UInt32)
        style = pl.Series("style", self.styles, dtype=pl.String).gather(drawn)
        found = passages(documents["text"], unit_hash(seed, "rephrase.passage", ids), self.passage_words)
        asked = documents.select("doc_id").with_columns(style, found.alias("passage"))
        suitable = asked.filter(pl.col("passage").str.count_matches(WORD) >= self.least_words)
        system = pl.struct(role=pl.lit("system"), content=pl.col("style").replace_strict(PROMPTS, return_dtype=pl.String))
        user = pl.struct(role=pl.lit("user"), content="passage")
        return suitable.with_columns(messages=pl.concat_list(system, user).cast(MESSAGES)).select(CALLS.names())

    def judge(self, answers: pl.DataFrame) -> pl.DataFrame:
        trimmed = answers.with_columns(bare(answers))
        measured = signals(
            trimmed.select(
                "passage",
                "text",
                "finish_reason",
                instruction=pl.col("style").replace_strict(PROMPTS, return_dtype=pl.String),
                dialogue=pl.col("style") == "question_answer",
            )
        )
        failed = first_failure(measured, self.gates.limits())
        return pl.concat([trimmed.select("text"), failed], how="horizontal").cast(JUDGEMENTS)

    def style_names(self) -> tuple[str, ...]:
        return self.styles


def passages(texts: pl.Series, draws: pl.Series, words: int) -> pl.Series:
    """One passage of each text: whole sentences from the start of a paragraph, `words` words at most.

    Parameters
    ----------
    draws : Float64 in (0, 1), which of the paragraphs that have as many words from there on; of a shorter text, the first.

    Returns
    -------
    String, empty where the sentence to begin with is too long.
    """
    marked = (
        pl.col("text")
        .str.replace_all(r"\s*\n\s*", f"{_BREAK}\n")
        .str.replace_all(r"([.!?\u2026][\"'\u201D\u2019)\]]*)([ \t]+)", f"${{1}}{_BREAK}${{2}}")
        .str.replace_all(r"([\u3002\uFF01\uFF1F])", f"${{1}}{_BREAK}")
    )
    sentences = (
        pl.DataFrame({"text": texts, "draw": draws})
        .with_row_index("row")
        .select("row", "draw", marked.str.split(_BREAK).alias("sentence"))
        .explode("sentence")
        .filter(pl.col("sentence").str.strip_chars() != "")
        .with_columns(
            count=pl.col("sentence").str.count_matches(WORD).cast(pl.Int64),
            opens=pl.col("sentence").str.starts_with("\n") | (pl.int_range(pl.len()).over("row") == 0),
        )
        .with_columns(before=(pl.col("count").cum_sum() - pl.col("count")).over("row"), total=pl.col("count").sum().over("row"))
        .with_columns(may_begin=pl.col("opens") & ((pl.col("total") - pl.col("before") >= words) | (pl.col("before") == 0)))
        .with_columns(rank=pl.col("may_begin").cum_sum().over("row"), beginnings=pl.col("may_begin").sum().over("row"))
    )
    begins = pl.col("may_begin") & (pl.col("rank") == (pl.col("draw") * pl.col("beginnings")).floor().cast(pl.Int64) + 1)
    taken = (
        sentences.with_columns(start=pl.when(begins).then("before").max().over("row"))
        .filter((pl.col("before") >= pl.col("start")) & (pl.col("before") + pl.col("count") - pl.col("start") <= words))
        .group_by("row")
        .agg(pl.col("sentence").str.join("").alias("passage"))
    )
    rows = pl.DataFrame({"text": texts}).with_row_index("row")
    return rows.join(taken, on="row", how="left", maintain_order="left")["passage"].str.strip_chars().fill_null("")
