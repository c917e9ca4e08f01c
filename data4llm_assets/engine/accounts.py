"""Accounts: every document that goes into a step comes out, or a decision says why not. Computed for every step, by the engine."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from data4llm_assets.node import Expectation, Node, between

FEW = 20
"""Documents of a slice under which a share is chance: three of three dropped is no source wiped out."""


def account(
    taken: pl.DataFrame, kept: pl.DataFrame, added: pl.Series, decisions: pl.DataFrame, overlay: pl.Series, *, whole: bool = True
) -> pl.DataFrame:
    """One row of counts in documents.

    Parameters
    ----------
    taken, kept : (doc_id, bytes?) before and after the step.
    added : doc_ids that the step made itself.
    decisions : (doc_id, action).
    overlay : doc_ids with an edited text.
    whole : whether the partition is all that its source delivered; of a slice, a few documents say nothing about the source.

    Returns
    -------
    documents_in, documents_out, dropped, carried, edited, added, unexplained, bytes_in, bytes_out (Int64), retention (Float64, null
    if nothing went in, or too little of a slice; carried documents are no loss and not counted in it). `unexplained` counts
    documents that vanished without a decision, came from nowhere, were both kept and dropped, or were edited without a decision.
    """
    before = taken["doc_id"].unique()
    after = kept["doc_id"].unique()
    gone = decisions.filter(pl.col("action") == "drop")["doc_id"].unique()
    carried = decisions.filter(pl.col("action") == "carry")["doc_id"].unique()
    edited = decisions.filter(pl.col("action") == "edit")["doc_id"].unique()
    left = pl.concat([gone, carried]).unique()
    come = pl.concat([before, added]).unique()
    both = after.is_in(left.implode()).sum()
    out = pl.concat([after, left]).unique()
    nowhere = (~out.is_in(come.implode())).sum()
    vanished = (~come.is_in(out.implode())).sum()
    silent_edits = (~overlay.is_in(edited.implode())).sum()
    basis = before.len() - carried.len()
    stayed = after.is_in(before.implode()).sum()
    return pl.DataFrame(
        {
            "documents_in": [before.len()],
            "documents_out": [after.len()],
            "dropped": [gone.is_in(before.implode()).sum()],
            "carried": [carried.len()],
            "edited": [edited.len()],
            "added": [added.n_unique()],
            "unexplained": [int(both) + int(nowhere) + int(vanished) + int(silent_edits)],
            "bytes_in": [_bytes(taken)],
            "bytes_out": [_bytes(kept)],
            "retention": [stayed / basis if basis >= (1 if whole else FEW) else None],
        },
        schema_overrides={"retention": pl.Float64},
    )


FIGURES = {
    "documents_in": "documents that came in",
    "documents_out": "documents that stay",
    "retention": "share of new documents that stay; `retention` in the recipe bounds it by source",
    "dropped": "documents that a rule dropped",
    "edited": "documents whose text a rule edited",
    "added": "documents that this step made",
    "carried": "documents that are an unchanged page of an earlier snapshot; no loss, and not counted in retention",
    "unexplained": "documents that vanished or changed without a decision: always 0, or the partition is refused",
    "bytes_in": "size of what came in",
    "bytes_out": "size of what stays",
}
"""What the columns of `account` mean, in the order in which a person asks for them."""


def reasons(decisions: pl.DataFrame) -> pl.DataFrame:
    """(rule, action, documents): every document under the first rule that dropped, carried or edited it, most frequent first."""
    told = decisions.filter(pl.col("action") != "keep").unique(["doc_id", "action"], keep="first", maintain_order=True)
    counts = told.group_by("rule", "action").agg(documents=pl.len().cast(pl.Int64))
    return counts.sort(["documents", "rule", "action"], descending=[True, False, False])


def expectations(node: Node, source: str, whose: str = "") -> tuple[Expectation, ...]:
    """The checks that every step gets: accounts balance, and the share kept lies within the recipe's bounds for the source.

    whose : several sources with the same bounds, in words.
    """
    if node.takes is None:
        return ()
    balance = between(
        "abundance", "unexplained", 0, 0, "Every document is kept or has a decision that says why not.", frame="accounts"
    )
    bounds: Mapping[str, tuple[float, float]] = node.retention
    low, high = bounds.get(source) or bounds.get("*") or (0.0, 1.0)
    whose = whose or source or "this source"
    kept = f"Between {low:.0%} and {high:.0%} of the documents of {whose} should survive this step (recipe: retention)."
    return balance, between("abundance", "retention", low, high, kept, frame="accounts")


def _bytes(frame: pl.DataFrame) -> int:
    size = next((name for name in ("bytes", "payload_bytes") if name in frame.columns), None)
    return 0 if size is None else int(frame.unique("doc_id")[size].sum())
