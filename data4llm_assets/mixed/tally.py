"""What the checks of `mixed` look at: what a partition gives to training, beside what it could give.

Figures of few documents say nothing, and are null.
"""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

ENOUGH = 100
"""Documents: a share or a mean of fewer is null."""

STANDING = pl.Schema({"doc_id": pl.String, "domain": pl.String, "tokens": pl.Int64})
"""One row for each document that came in; `tokens` is null where they were not counted."""

GIVEN = pl.Schema({**STANDING, "repeats": pl.Int64(), "phase": pl.Int64()})
"""One row for each document that stays and phase it is seen in."""

_SPENT = (pl.col("repeats") * pl.col("tokens")).sum()
_COUNT = pl.len().cast(pl.Int64)


def totals(standing: pl.DataFrame, given: pl.DataFrame, weighted: Collection[str]) -> pl.DataFrame:
    """One row.

    Parameters
    ----------
    standing : STANDING.
    given : GIVEN.
    weighted : domains with a weight.

    Returns
    -------
    documents, kept, copies, tokens_given; empty_documents: kept without tokens; doubled_rows: rows of a document that stands twice
    in one phase; unweighted_kept: documents kept of a domain without weight; domains_unused: domains with a weight that have ENOUGH
    documents here and give none; max_repeats: copies of the document seen most often; dominance: largest share of one document in
    the tokens given.
    """
    by_document = given.group_by("doc_id").agg(pl.col("domain", "tokens").first(), pl.col("repeats").sum(), spent=_SPENT)
    spent = int(by_document["spent"].sum())
    known, used = standing.filter(pl.col("domain").is_in(list(weighted))), set(given["domain"])
    row = {
        "documents": standing.height,
        "kept": by_document.height,
        "copies": int(by_document["repeats"].sum()),
        "tokens_given": spent,
        "empty_documents": by_document.filter(tokens=0).height,
        "doubled_rows": int(given.select("doc_id", "phase").is_duplicated().sum()),
        "unweighted_kept": by_document.filter(~pl.col("domain").is_in(list(weighted))).height,
        "domains_unused": known.group_by("domain").len().filter(pl.col("len") >= ENOUGH, ~pl.col("domain").is_in(used)).height,
    }
    largest = by_document.select(pl.col("spent").max()).item()
    # Of few documents one is always large.
    dominance = largest / spent if by_document.height >= ENOUGH and spent else None
    extra = {"max_repeats": pl.lit(by_document["repeats"].max(), pl.Int64), "dominance": pl.lit(dominance, pl.Float64)}
    return pl.DataFrame([row]).with_columns(**extra)


def domains(standing: pl.DataFrame, given: pl.DataFrame) -> pl.DataFrame:
    """(domain, documents, kept, tokens, tokens_given, epochs, length_ratio), by domain.

    `epochs` is how often the domain's tokens in this partition are seen. `length_ratio` is the mean length of the documents kept
    by that of all; null if fewer than ENOUGH are kept.
    """
    there = standing.group_by("domain").agg(documents=_COUNT, tokens=pl.col("tokens").sum())
    once = given.unique("doc_id").group_by("domain").agg(kept=_COUNT, kept_tokens=pl.col("tokens").sum())
    spent = given.group_by("domain").agg(tokens_given=_SPENT)
    table = there.join(once, on="domain", how="left").join(spent, on="domain", how="left")
    table = table.with_columns(pl.col("kept", "kept_tokens", "tokens_given").fill_null(0)).sort("domain")
    known, enough = pl.col("tokens") > 0, pl.col("kept") >= ENOUGH
    mean_kept, mean = pl.col("kept_tokens") / pl.col("kept"), pl.col("tokens") / pl.col("documents")
    return table.select(
        "domain", "documents", "kept", "tokens", "tokens_given",
        epochs=pl.when(known).then(pl.col("tokens_given") / pl.col("tokens")).cast(pl.Float64),
        length_ratio=pl.when(known & enough).then(mean_kept / mean).cast(pl.Float64),
    )  # fmt: skip


def phases(given: pl.DataFrame) -> pl.DataFrame:
    """(phase, documents, copies, tokens) of each phase that this partition gives to."""
    return given.group_by("phase").agg(documents=_COUNT, copies=pl.col("repeats").sum(), tokens=_SPENT).sort("phase")
