"""What the checks of `filtered` look at: totals over all batches of a partition, and each edit sought for once more.

Whole numbers are added up and divided once, so that no figure depends on how a partition was cut into batches.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

import polars as pl
from pydantic import Field

from data4llm_assets.filtered.anonymise import EMAILS
from data4llm_assets.filtered.rules import Measuring, measure_edit
from data4llm_assets.filtered.sift import STEPS, Sifted, Step
from data4llm_assets.method import Edit, Measure, Method

ENOUGH = 50
"""Documents below which a share says nothing; it is null then."""
LONGEST_MEAN_WORD = 20
"""Characters a word, on average, above which a text is not made of words: base64, minified code."""
EMAIL_LIKE = r"[^\s@<>]+@[^\s@<>]+\.[A-Za-z]{2,}"
"""Wider than the `email` rule on purpose: what slipped past it is seen here."""
INTEGERS = ("documents", "kept", "languages", "languages_lost")
"""Columns of the frame `partition` that count; the others are shares and averages."""


class Figures(Method):
    """What is counted in every text that stays. The step's own, in no recipe: a new version is a new version of the step too."""

    version: ClassVar[str] = "1"

    method: str = "figures"
    placeholders: Measure[tuple[str, ...]] = Field(description="strings with an e-mail address that is none")

    def measure(self, documents: pl.DataFrame) -> pl.DataFrame:
        """(words, word_characters, characters, broken, emails: Int64) of each of (text: String): words and their characters as in
        `gopher_quality`, all characters, unreadable ones, and what looks like an e-mail address and is no placeholder."""
        from data4llm_assets.filtered.words import quality_counts

        texts = documents["text"]
        return pl.DataFrame(quality_counts(texts, ())).select("words", "word_characters").with_columns(
            characters=texts.str.len_chars().cast(pl.Int64),
            broken=texts.str.count_matches("\ufffd", literal=True).cast(pl.Int64),
            emails=_emails(texts, self.placeholders),
        )  # fmt: skip


class Tally:
    """Collects batches, then gives the metric frames `partition`, `rules`, `limits`, `languages`."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = steps
        edits = [step.rule for step in steps if isinstance(step.rule, Edit)]
        replacements = {text for edit in edits for text in getattr(edit, "replacements", ()) if text}
        self._figures = Figures(placeholders=tuple(sorted(replacements.union(EMAILS))))
        self._total: Counter[str] = Counter()
        self._rules = [pl.DataFrame(schema=STEPS)]
        self._left: Counter[str] = Counter()
        self._limits = [pl.DataFrame(schema={"rule": pl.String, "documents": pl.Int64})]
        self._languages = [pl.DataFrame(schema={"language": pl.String, "documents": pl.Int64, "kept": pl.Int64})]

    def add(self, before: pl.DataFrame, sifted: Sifted, measure: Measuring) -> None:
        """Count one batch: the documents that came in, and what became of them. Texts are looked at only through `measure`."""
        kept = sifted.documents
        self._total["documents"] += before.height
        self._total["kept"] += kept.height
        self._rules.append(sifted.steps)
        self._limits.append(
            sifted.decisions.group_by("rule").agg(documents=pl.col("doc_id").n_unique().cast(pl.Int64)).select("rule", "documents")
        )
        self._languages.append(
            sifted.languages.group_by(pl.col("language").fill_null("unknown")).agg(
                documents=pl.len().cast(pl.Int64), kept=pl.col("kept").sum().cast(pl.Int64)
            )
        )
        for step in self._steps:
            if isinstance(step.rule, Edit):
                again = measure_edit(step.rule, kept.filter(step.applies()), measure)
                self._left[step.name] += again.height - again["edited"].null_count()
        if kept.height:
            self._read(measure(self._figures, kept, self._figures.measure))
        taken = sifted.removed.join(sifted.overlay, on="doc_id", how="semi").group_by("doc_id").agg(pl.col("characters").sum())
        self._total["edited_away"] += int(taken["characters"].clip(0).sum())

    def _read(self, figures: pl.DataFrame) -> None:
        legible = (pl.col("word_characters") <= LONGEST_MEAN_WORD * pl.col("words")) & (pl.col("words") > 0)
        sums = figures.select(
            "words", "word_characters", "characters",
            legible=(legible & (1000 * pl.col("broken") <= pl.col("characters"))).cast(pl.Int64),
            with_email=(pl.col("emails") > 0).cast(pl.Int64),
        ).sum()  # fmt: skip
        self._total.update(sums.row(0, named=True))

    def frames(self) -> dict[str, pl.DataFrame]:
        """The metric frames.

        partition: one row. documents, kept (counts); share_kept; languages, language_bits (entropy) of what is kept;
        languages_lost: of ENOUGH documents or more in a language that the language rules let through, none kept;
        language_shift: half the sum of differences in the languages' shares before and after; edited_away: share of characters
        that edits took; legible: share of kept documents made of words, at most one character in a thousand unreadable;
        mean_word_length; email_share: documents with an address that is no replacement. Shares of fewer than ENOUGH are null.
        rules: (rule, action, documents, changed, left), in order; `left` counts documents that an edit would still change.
        limits: (rule, documents) for everything decisions name. languages: (language, documents, kept).
        """
        total = self._total
        languages = pl.concat(self._languages).group_by("language").sum().sort("language")
        kept_of = languages["kept"].to_list()
        admitted_of = languages["documents"].to_list()
        shares = ((_share(a, sum(kept_of)), _share(b, sum(admitted_of))) for a, b in zip(kept_of, admitted_of, strict=True))
        enough = total["kept"] >= ENOUGH
        row = {
            "documents": total["documents"],
            "kept": total["kept"],
            "share_kept": total["kept"] / total["documents"] if total["documents"] >= ENOUGH else None,
            "languages": sum(count > 0 for count in kept_of),
            "language_bits": sum(-share * math.log2(share) for count in kept_of if (share := _share(count, sum(kept_of))) > 0),
            "languages_lost": languages.filter(pl.col("documents") >= ENOUGH, pl.col("kept") == 0).height,
            "language_shift": sum(abs(after - before) for after, before in shares) / 2 if enough else None,
            "edited_away": total["edited_away"] / total["characters"] if enough and total["characters"] else None,
            "legible": total["legible"] / total["kept"] if enough else None,
            "mean_word_length": total["word_characters"] / total["words"] if enough and total["words"] else None,
            "email_share": total["with_email"] / total["kept"] if enough else None,
        }
        schema = {name: pl.Int64 if name in INTEGERS else pl.Float64 for name in row}
        return {
            "partition": pl.DataFrame([row], schema=schema),
            "rules": self._rule_frame(),
            "limits": pl.concat(self._limits).group_by("rule").sum().sort("rule"),
            "languages": languages,
        }

    def _rule_frame(self) -> pl.DataFrame:
        order = pl.DataFrame(
            {
                "rule": [step.name for step in self._steps],
                "action": ["edit" if isinstance(step.rule, Edit) else "drop" for step in self._steps],
                "left": [self._left[step.name] if isinstance(step.rule, Edit) else None for step in self._steps],
            },
            schema={"rule": pl.String, "action": pl.String, "left": pl.Int64},
        )
        sums = pl.concat(self._rules).group_by("rule").agg(pl.col("documents", "changed").sum())
        joined = order.join(sums, on="rule", how="left", maintain_order="left")
        return joined.select("rule", "action", pl.col("documents", "changed").fill_null(0), "left")


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _emails(texts: pl.Series, placeholders: Sequence[str]) -> pl.Series:
    """How many strings in each text look like an e-mail address and are no placeholder."""
    likely = texts.str.contains("@", literal=True)
    found = texts.filter(likely).str.extract_all(EMAIL_LIKE)
    real = found.list.eval(pl.element().filter(~pl.element().str.contains_any(list(placeholders)))).list.len()
    return pl.Series("emails", [0], dtype=pl.Int64).new_from_index(0, len(texts)).scatter(likely.arg_true(), real.cast(pl.Int64))
