"""Rules applied in order to one batch of documents: who stays, what their text is then, and why the others went.

Pure: measuring is handed in, so that a run remembers what it measured and `data4llm try` does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from data4llm_assets.document import DECISIONS, KEPT, OVERLAY
from data4llm_assets.filtered.rules import Measuring, decisions, edit_decisions, measure_edit
from data4llm_assets.method import Edit, Rule

CARRIED = ("repeats", "phase")
"""Columns of a mixture that a filter after it hands on."""
STEPS = pl.Schema({"rule": pl.String, "action": pl.String, "documents": pl.Int64, "changed": pl.Int64})
"""How many documents a step looked at, and how many of them it dropped or edited."""


class Step(NamedTuple):
    """One rule at its place in the order."""

    name: str
    """What decisions call it."""
    rule: Rule | Edit
    where: pl.Expr | None = None
    """Which documents it looks at, by the columns of document.DOCUMENTS; all if None."""

    def applies(self) -> pl.Expr:
        return pl.lit(True) if self.where is None else self.where.fill_null(False)


class Sifted(NamedTuple):
    """What became of a batch."""

    documents: pl.DataFrame
    """Those that stay, in order, with their digest and size as edited; `text` is null where it was neither given nor edited."""
    decisions: pl.DataFrame
    """The columns of document.DECISIONS, by rule."""
    overlay: pl.DataFrame
    """Those that stay and were edited: the columns of document.OVERLAY."""
    removed: pl.DataFrame
    """(doc_id, characters) that each edit took from each document it changed; fewer than none if the text grew."""
    languages: pl.DataFrame
    """(doc_id, language, kept) of every document that no language rule dropped; the language is a rule's, else the document's."""
    steps: pl.DataFrame
    """The columns of STEPS, in order."""

    def kept(self, batch: pl.DataFrame) -> pl.DataFrame:
        """The rows of the batch that stay: the columns of document.KEPT, and those CARRIED that came in."""
        carried = [column for column in CARRIED if column in batch.columns]
        standing = self.documents.select(*KEPT)
        return batch.select("doc_id", *carried).join(standing, on="doc_id", maintain_order="left").select(*KEPT, *carried)


def sift(documents: pl.DataFrame, steps: Sequence[Step], measure: Measuring) -> Sifted:
    """Apply the steps in order. A rule measures only what the steps before let through, as they left its text.

    Parameters
    ----------
    documents : the columns of document.DOCUMENTS, `doc_id` unique. `text` may be absent or null if `measure` finds it.

    Raises
    ------
    ValueError
        If a rule does not return one row of signals for each document.
    """
    standing = documents if "text" in documents.columns else documents.with_columns(text=pl.lit(None, pl.String))
    admitted = documents.select("doc_id", "language")
    said = [pl.DataFrame(schema=DECISIONS)]
    removed = [pl.DataFrame(schema={"doc_id": pl.String, "characters": pl.Int64})]
    counts = []
    for step in steps:
        touched = standing.filter(step.applies())
        rows = said[0]
        if not touched.height:
            pass
        elif isinstance(step.rule, Edit):
            edited = measure_edit(step.rule, touched, measure)
            rows = edit_decisions(step.name, touched["doc_id"], edited)
            new = edited.with_columns(touched["doc_id"]).filter(pl.col("edited").is_not_null())
            removed.append(new.select("doc_id", characters="removed"))
            texts = new.select("doc_id", text="edited", text_digest="edited_digest", bytes="edited_bytes")
            standing = standing.update(texts, on="doc_id") if texts.height else standing
        else:
            signals = measured(step, touched, measure)
            rows = decisions(step.name, step.rule, touched["doc_id"], signals)
            if signals.schema.get("language") == pl.String:
                named = touched.select("doc_id", language=signals["language"])
                admitted = admitted.update(named, on="doc_id").join(rows, on="doc_id", how="anti", maintain_order="left")
            standing = standing.join(rows, on="doc_id", how="anti", maintain_order="left")
        said.append(rows)
        action = "edit" if isinstance(step.rule, Edit) else "drop"
        counts.append((step.name, action, touched.height, rows["doc_id"].n_unique()))
    before = documents.select("doc_id", digest_before="text_digest")
    changed = standing.join(before, on="doc_id", maintain_order="left").filter(pl.col("text_digest") != pl.col("digest_before"))
    return Sifted(
        documents=standing,
        decisions=pl.concat(said),
        overlay=changed.select(OVERLAY.names()),
        removed=pl.concat(removed),
        languages=admitted.with_columns(kept=pl.col("doc_id").is_in(standing["doc_id"].implode())),
        steps=pl.DataFrame(counts, STEPS, orient="row"),
    )


def measured(step: Step, documents: pl.DataFrame, measure: Measuring) -> pl.DataFrame:
    """The signals of a rule, one row for each of `documents`."""
    assert isinstance(step.rule, Rule)
    signals = measure(step.rule, documents.select("doc_id", "text_digest", "text"), step.rule.signals)
    if signals.height != documents.height:
        msg = f"{step.name} returned {signals.height} rows of signals for {documents.height} documents"
        raise ValueError(msg)
    return signals
