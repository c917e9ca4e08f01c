"""What the checks of `selected` look at: who stayed of a partition, beside who could have.

Figures of few documents say nothing, and are null. All are taken over the whole partition at once, however it came in batches.
"""

from __future__ import annotations

import polars as pl

ENOUGH = 100
"""Documents: a share or a mean of fewer is null."""

JUDGED = pl.Schema(
    {
        "domain": pl.String,
        "language": pl.String,
        "license": pl.String,
        "bytes": pl.Int64,
        "words": pl.Int64,
        "score": pl.Float64,
        "key": pl.Float64,
        "cutoff": pl.Float64,
        "kept": pl.Boolean,
    }
)
"""One row for each document that came in, beside its verdict; the verdict's columns are null where it has none."""


def totals(judged: pl.DataFrame, min_words: int) -> pl.DataFrame:
    """One row of counts, and ratios (Float64) of what is kept.

    Parameters
    ----------
    judged : JUDGED.
    min_words : documents with fewer words were not eligible.

    Returns
    -------
    documents, kept, without_verdict; kept_below_cutoff: too short or below the cutoff; kept_without_score: no finite score or key;
    impossible_lengths: more words than bytes, so that the verdict is another text's; words (of eligible documents), words_kept;
    length_ratio: mean words of kept by eligible documents; bytes_per_word; score_gain: how far the mean score of kept lies above
    that of eligible documents, in their standard deviations, 0 if all score the same; licensed_change: share with a licence of
    kept less that of all documents.
    """
    kept, eligible = judged.filter("kept"), judged.filter(pl.col("words") >= min_words)
    row = {
        "documents": judged.height,
        "kept": kept.height,
        "without_verdict": judged["kept"].null_count(),
        "kept_below_cutoff": kept.filter((pl.col("key") < pl.col("cutoff")) | (pl.col("words") < min_words)).height,
        "kept_without_score": kept.filter(~pl.all_horizontal(pl.col("score", "key").is_finite().fill_null(False))).height,
        "impossible_lengths": kept.filter(pl.col("words") > pl.col("bytes")).height,
        "words": int(eligible["words"].sum()),
        "words_kept": int(kept["words"].sum()),
    }
    ratios: dict[str, float | None] = dict.fromkeys(("length_ratio", "bytes_per_word", "score_gain", "licensed_change"))
    if kept.height >= ENOUGH and row["words_kept"]:
        mean = row["words"] / eligible.height if row["words"] else None
        ratios["length_ratio"] = row["words_kept"] / kept.height / mean if mean else None
        ratios["bytes_per_word"] = int(kept["bytes"].sum()) / row["words_kept"]
        ratios["score_gain"] = _gain(kept, eligible)
        ratios["licensed_change"] = _licensed(kept) - _licensed(judged)
    return pl.DataFrame([row]).with_columns(**{name: pl.lit(value, pl.Float64) for name, value in ratios.items()})


def shares(judged: pl.DataFrame, group: str) -> pl.DataFrame:
    """(`group`, documents, kept, kept_share) by domain or language; the share of a group of fewer than ENOUGH is null."""
    stays = pl.col("kept").fill_null(False).sum().cast(pl.Int64).alias("kept")
    counts = judged.group_by(pl.col(group).fill_null("unknown")).agg(documents=pl.len().cast(pl.Int64), kept=stays).sort(group)
    share = pl.when(pl.col("documents") >= ENOUGH).then(pl.col("kept") / pl.col("documents"))
    return counts.with_columns(kept_share=share.cast(pl.Float64))


def _gain(kept: pl.DataFrame, eligible: pl.DataFrame) -> float | None:
    # In one chunk: sums of floats must not hang on how the partition came in batches.
    above = kept.rechunk().select(pl.col("score").mean()).item()
    mean, spread = eligible.rechunk().select(pl.col("score").mean(), spread=pl.col("score").std()).row(0)
    if above is None or spread is None:
        return None
    # Scores that differ by rounding alone are equal: 1e-6 nats change no draw.
    return (above - mean) / spread if spread > 1e-6 else 0.0


def _licensed(documents: pl.DataFrame) -> float:
    return float((documents["license"].str.strip_chars().fill_null("") != "").sum()) / documents.height
