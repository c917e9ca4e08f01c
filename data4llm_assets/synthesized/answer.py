"""What a model says around its answer, taken off where it stands apart: "Here is the rewritten text:", "I made a few changes"."""

from __future__ import annotations

import polars as pl

_OPENERS = (
    r"(?:sure|certainly|of course|okay|absolutely|hey there)\b",
    r"here(?:['\u2019]s| is| are)\b",
    r"dear \w+,",
    r"i(?:['\u2019]m| am) (?:so |not )?(?:glad|happy|delighted|pleased|excited|thrilled|sorry|sure|unable)\b",
    r"i(?:['\u2019]ve| have)? (?:made|rewritten|rewrote|revised|rephrased|reorgani[sz]ed)\b",
    r"i(?:['\u2019]ll| will) (?:make|rewrite|rephrase)\b",
    r"(?:i cannot|i can['\u2019]t|as an ai|you['\u2019]re right)\b",
    r"(?:your|from the original|from the input|to make this|to make the) (?:text|input)\b",
    r"(?:the )?(?:rewritten|revised) (?:text|version|passage)\b",
)
OPENER = r"(?i)^[\s\"\u201C*_#]*(?:" + "|".join(_OPENERS) + ")"
"""How models begin when they speak about the task instead of doing it."""

_LEAD = r"(?s)^[^\n]{1,200}:[ \t]*\n+"
_CLOSERS = (
    r"i(?:['\u2019]ve| have)? (?:made|added|removed|changed|rephrased|revised|rewrote|tried|hope)\b",
    r"(?:the )?(?:original|revised|rewritten) (?:text|version|passage)\b",
    r"(?:these changes|the changes|changes made|let me know)\b",
    r"note:",
)
_AFTERWORD = r"(?is)\n\s*\n[*_(]*(?:" + "|".join(_CLOSERS) + ").*$"


def bare(answers: pl.DataFrame) -> pl.DataFrame:
    """The answers without what was said around them.

    Parameters
    ----------
    answers : (text: String, finish_reason: String).

    Returns
    -------
    The same columns. A leading line that opens like `OPENER` and ends in a colon goes, so does a closing paragraph about the
    changes made, and quotation marks around the whole. An answer that was cut off inside such a closing paragraph is complete
    without it.
    """
    text = pl.col("text").str.strip_chars()
    text = pl.when(text.str.contains(OPENER)).then(text.str.replace(_LEAD, "")).otherwise(text)
    shorter = text.str.replace(_AFTERWORD, "").str.strip_chars()
    parted = shorter.str.len_bytes() < text.str.strip_chars().str.len_bytes()
    unquoted = shorter.str.replace(r"(?s)^[\"\u201C](.*[.!?])[\"\u201D]?$", "$1")
    quoted = shorter.str.contains(r"(?s)^[\"\u201C][^\"\u201D]*[\"\u201D]?$")
    return answers.select(
        text=pl.when(quoted).then(unquoted).otherwise(shorter),
        finish_reason=pl.when(parted & (pl.col("finish_reason") == "length")).then(pl.lit("stop")).otherwise("finish_reason"),
    )
