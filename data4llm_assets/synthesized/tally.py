"""Metric frames of the step, for its checks: deterministic, null where too little was generated to say."""

from __future__ import annotations

import polars as pl

from data4llm_assets.synthesized.gates import distinct_ngrams
from data4llm_assets.synthesized.synthesis import Synthesis

LEAST_FOR_RATES = 50
"""Answers below which an accept rate says nothing: a model that passes one answer in five fails 50 in a row once in 70,000."""
LEAST_PER_STYLE = 5
_PARENTS = pl.element().filter(pl.element().struct.field("key") == "parents").struct.field("value")
_RATES = ("accept_rate", "unanswered_share", "largest_style_share", "least_distinct_ngrams", "share")


def totals(
    answers: pl.DataFrame,
    staying: pl.DataFrame,
    parents: pl.DataFrame,
    methods: tuple[Synthesis, ...],
    people_bytes: int,
    model_bytes: int,
) -> pl.DataFrame:
    """One row.

    Parameters
    ----------
    answers : `publication.ANSWERS`.
    staying : `document.DOCUMENTS`, the new documents that are kept.
    parents : (doc_id, license) of the documents chosen.
    people_bytes, model_bytes : bytes that came in, repeats counted.
    """
    generated, accepted = answers.height, staying.height
    above = staying.select("license", doc_id=pl.col("meta").list.eval(_PARENTS).list.first()).join(
        parents.select("doc_id", parent_license="license"), on="doc_id", how="left", maintain_order="left"
    )
    orphans = staying.height - above["doc_id"].is_in(parents["doc_id"].implode()).sum()
    distinct = distinct_ngrams(staying["text"]).min()
    refused = (answers["finish_reason"] == "refused").sum()
    written = model_bytes + int(staying["bytes"].sum())
    everything = people_bytes + written
    per_style = _per_style(answers, staying["doc_id"])
    offered = sum(len(method.style_names()) for method in methods)
    largest = max(per_style["accepted"].to_list(), default=0)
    return pl.DataFrame(
        {
            "chosen": parents.height,
            "generated": generated,
            "accepted": accepted,
            "accept_rate": accepted / generated if generated >= LEAST_FOR_RATES else None,
            "unanswered_share": refused / generated if generated >= LEAST_PER_STYLE else None,
            "silent_styles": per_style.filter((pl.col("generated") >= LEAST_PER_STYLE) & (pl.col("accepted") == 0)).height,
            "largest_style_share": largest / accepted if offered > 1 and accepted >= LEAST_PER_STYLE * offered else None,
            "least_distinct_ngrams": distinct,
            "empty": (staying["text"].str.strip_chars() == "").sum(),
            "orphans": orphans,
            "relicensed": (~above["license"].eq_missing(above["parent_license"])).sum(),
            "people_bytes": people_bytes,
            "synthetic_bytes": written,
            "share": written / everything if everything else None,
        },
        schema_overrides=dict.fromkeys(_RATES, pl.Float64),
    )


def styles(answers: pl.DataFrame, drops: pl.DataFrame) -> pl.DataFrame:
    """(style: String, generated: Int64, accepted: Int64), by style."""
    return _per_style(answers, answers.join(drops, on="doc_id", how="anti")["doc_id"])


def _per_style(answers: pl.DataFrame, staying: pl.Series) -> pl.DataFrame:
    stays = pl.col("doc_id").is_in(staying.implode())
    counts = answers.group_by("style").agg(generated=pl.len().cast(pl.Int64), accepted=stays.sum().cast(pl.Int64))
    return counts.sort("style")
