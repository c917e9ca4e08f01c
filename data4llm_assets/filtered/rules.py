"""What turns measures into verdicts: signals held against limits, and edits applied to text.

Here: whole columns in, decisions out, for any rule. Not here: the rules themselves, or the order they stand in (`sift`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol, TypeAlias, runtime_checkable

import polars as pl

from data4llm_assets.document import DECISIONS, SPAN, conform, text_digests
from data4llm_assets.method import Edit, Method, Rule

FAILURES = pl.Schema({"row": pl.UInt32, "signal": pl.String, "value": pl.Float64, "threshold": pl.Float64, "reason": pl.String})
"""One limit that one document failed; `row` is the document's place in the table of signals."""

EDITED = pl.Schema(
    {"edited": pl.String(), "edited_digest": pl.String(), "edited_bytes": pl.Int64(), "removed": pl.Int64(), "spans": pl.List(SPAN)}
)
"""What an edit makes of one text; null if it leaves it. `removed` is how many characters shorter the text became."""

Measuring: TypeAlias = Callable[[Method, pl.DataFrame, Callable[[pl.DataFrame], pl.DataFrame]], pl.DataFrame]
"""`Work.measure`, or `measure_now`."""


@runtime_checkable
class Judge(Protocol):
    """A rule whose verdict takes more than limits on numbers. It overrides `over_limits`, which it may still call."""

    def failures(self, signals: pl.DataFrame) -> pl.DataFrame:
        """What every document failed: the columns of FAILURES."""


def rule_name(method: Method) -> str:
    """What decisions call a method if the recipe gives its rule no name: a class path is named after its class."""
    return method.method.rpartition(":")[2]


def failures(rule: Rule, signals: pl.DataFrame) -> pl.DataFrame:
    """Every limit that a document fails: the columns of FAILURES, by limit, then by document."""
    return conform(rule.failures(signals) if isinstance(rule, Judge) else over_limits(rule, signals), FAILURES)


def over_limits(rule: Rule, signals: pl.DataFrame) -> pl.DataFrame:
    """Hold every signal against its limits, ends included. Null and NaN pass: the signal does not apply to that document.

    Raises
    ------
    ValueError
        If a limit names a signal that the rule does not measure.
    """
    numbered = signals.with_row_index("row")
    found = [pl.DataFrame(schema=FAILURES)]
    for limit in rule.limits():
        if limit.signal not in signals.columns:
            msg = f"{rule_name(rule)} holds a limit against {limit.signal!r}, but measures only {', '.join(signals.columns)}"
            raise ValueError(msg)
        measured = numbered.select("row", signal=pl.lit(limit.signal), value=pl.col(limit.signal).cast(pl.Float64).fill_nan(None))
        if limit.minimum is not None:
            found.append(_failed(measured.filter(pl.col("value") < limit.minimum), limit.minimum))
        if limit.maximum is not None:
            found.append(_failed(measured.filter(pl.col("value") > limit.maximum), limit.maximum))
    return pl.concat(found)


def decisions(name: str, rule: Rule, doc_ids: pl.Series, signals: pl.DataFrame) -> pl.DataFrame:
    """One `drop` row for each limit that a document fails.

    Parameters
    ----------
    name : what the decisions call the rule; `rule` becomes `name.signal`.
    doc_ids, signals : row by row the same documents.

    Returns
    -------
    The columns of document.DECISIONS; documents without a row stay.
    """
    failed = failures(rule, signals)
    return conform(
        failed.with_columns(
            doc_id=doc_ids.gather(failed["row"]),
            rule=pl.format("{}.{}", pl.lit(name), pl.col("signal")),
            action=pl.lit("drop"),
        ),
        DECISIONS,
    )


def measure_now(method: Method, documents: pl.DataFrame, compute: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.DataFrame:
    return compute(documents)


def measure_edit(edit: Edit, documents: pl.DataFrame, measure: Measuring) -> pl.DataFrame:
    """What an edit makes of every document, row by row: the columns of EDITED."""
    return measure(edit, documents, partial(_edited, edit))


def edit_decisions(name: str, doc_ids: pl.Series, edited: pl.DataFrame) -> pl.DataFrame:
    """One `edit` row of document.DECISIONS for each changed document: `value` is the number of spans, in the text before this edit.

    Parameters
    ----------
    doc_ids, edited : row by row the same documents; `edited` has the columns of EDITED.
    """
    rows = edited.with_columns(doc_ids, rule=pl.lit(name), action=pl.lit("edit"), value=pl.col("spans").list.len().cast(pl.Float64))
    return conform(rows.filter(pl.col("edited").is_not_null()), DECISIONS)


def apply_edit(name: str, edit: Edit, documents: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Edit texts, and say where.

    Parameters
    ----------
    documents : `doc_id` and `text` beside any other columns.

    Returns
    -------
    The documents, in order, with `text` edited and, where they have them, `text_digest` and `bytes` to match; `edit_decisions`.
    """
    edited = measure_edit(edit, documents, measure_now)
    new = {"text": edited["edited"], "text_digest": edited["edited_digest"], "bytes": edited["edited_bytes"]}
    columns = {name: pl.coalesce(values, pl.col(name)) for name, values in new.items() if name in documents.columns}
    return documents.with_columns(**columns), edit_decisions(name, documents["doc_id"], edited)


def apply_edits(edits: Iterable[Method], documents: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Apply edits in order, each to the text the one before left: how a step that makes text keeps the recipe's privacy rules.

    Parameters
    ----------
    edits : `Place.guards`, or what `stage.sanitization_rules` returns.
    documents : `doc_id` (unique) and `text`, beside any other columns.

    Returns
    -------
    The documents, in order, with `text`, and `text_digest` and `bytes` if they have them, as edited; the `edit` decisions.

    Raises
    ------
    TypeError
        If one of `edits` is no Edit.
    """
    found = [pl.DataFrame(schema=DECISIONS)]
    for edit in edits:
        if not isinstance(edit, Edit):
            msg = f"{rule_name(edit)} is not an Edit"
            raise TypeError(msg)
        documents, rows = apply_edit(rule_name(edit), edit, documents)
        found.append(rows)
    return documents, pl.concat(found)


def _failed(rows: pl.DataFrame, threshold: float) -> pl.DataFrame:
    return conform(rows.with_columns(threshold=pl.lit(threshold)), FAILURES)


def _edited(edit: Edit, documents: pl.DataFrame) -> pl.DataFrame:
    """The columns of EDITED for each of (text: String)."""
    numbered = documents.select(pl.int_range(pl.len()).cast(pl.String).alias("doc_id"), "text")
    found = edit.edits(numbered).select("doc_id", "spans", edited="text")
    joined = numbered.join(found, on="doc_id", how="left", maintain_order="left")
    changed = pl.col("edited").is_not_null() & (pl.col("edited") != pl.col("text"))
    new = joined.filter(changed)
    shorter = pl.col("text").str.len_chars().cast(pl.Int64) - pl.col("edited").str.len_chars().cast(pl.Int64)
    size = pl.col("edited").str.len_bytes().cast(pl.Int64)
    new = new.select(
        "doc_id", "edited", "spans", text_digests(new["edited"]).alias("edited_digest"), edited_bytes=size, removed=shorter
    )
    return conform(numbered.select("doc_id").join(new, on="doc_id", how="left", maintain_order="left"), EDITED)
