"""How well MinHash finds near-duplicates: edits of known similarity in real texts, ours beside theory and beside datasketch.

Planting and theory are those of the audit within a run (`deduped/audit.py`). Here bins are narrower, what was found is verified as
a run verifies it, and the same shingles go through another implementation, which verifies nothing.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import polars as pl

from data4llm_assets.deduped.audit import by_bin, found, pairs_wanted
from data4llm_assets.deduped.minhash import MinHash
from data4llm_assets.deduped.planting import Planted, passage_words, plant
from data4llm_assets.deduped.reference import Shingles, shingle_sets
from data4llm_assets.deduped.tables import FEW, TOLERANCE

EDGES = tuple(round(0.5 + 0.05 * step, 2) for step in range(11))
"""Of the bins of similarities; the last holds both its ends."""
_DEVIATIONS = 5
"""As `audit.pairs_wanted` takes them: chance alone fails one bin in a million."""


class Evaluation(NamedTuple):
    """What came of it.

    bins : one row for each: the columns of `audit.DETECTION`; `datasketch` (Float64), the share of pairs that it finds; `dropped`
        (Int64), how many ours finds and verifies; `precision` and `recall` (Float64) of these, null where nothing counts.
    totals : over all pairs; `similar` ones have the method's `similarity`.
    failures : what is not as it should be, a sentence each.
    """

    bins: pl.DataFrame
    totals: dict[str, Any]
    failures: tuple[str, ...]


def least_words(method: MinHash) -> int:
    """Words that a text must have to be planted into."""
    return passage_words(method, EDGES)


def evaluate(method: MinHash, texts: pl.Series, seed: int = 1) -> Evaluation:
    """Plant edits into texts (String), look for them, verify what was found.

    Raises
    ------
    LookupError
        If too few of the texts have `least_words`.
    """
    planted = plant(texts, method, EDGES, pairs_wanted(method, EDGES, _DEVIATIONS), seed)
    if len(planted.passages) < FEW:
        msg = (
            f"edits are planted into passages of {least_words(method)} words, and the {len(texts):,} texts have "
            f"{len(planted.passages)} of them: at least {FEW} are needed"
        )
        raise LookupError(msg)
    detected = found(method, planted)
    verdicts = planted.pairs.select(
        "bin",
        detected=detected,
        datasketch=_datasketch_finds(method, planted, seed),
        dropped=detected & (_similarities(method, planted) >= method.similarity),
        similar=pl.col("similarity") >= method.similarity,
    )
    rates = [pl.len().alias("pairs"), pl.col("similar").sum(), *(rate for name in _FINDERS for rate in _rates(name))]
    in_bins = verdicts.group_by("bin").agg(rates).sort("bin")
    in_bins = in_bins.select(
        "bin",
        datasketch=pl.col("datasketch") / pl.col("pairs"),
        dropped=pl.col("dropped").cast(pl.Int64),
        precision="dropped_precision",
        recall="dropped_recall",
    )
    bins = by_bin(method, planted, detected).with_row_index("bin").join(in_bins, on="bin", how="left").sort("bin").drop("bin")
    totals = {"passages": len(planted.passages), **verdicts.select(rates).row(0, named=True)}
    return Evaluation(bins, totals, tuple(_failures(bins, totals)))


_FINDERS = ("detected", "datasketch", "dropped")


def _rates(name: str) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """How many pairs it found; the share of them that is similar; the share of similar ones that it found."""
    hits, similar = pl.col(name).sum(), pl.col("similar").sum()
    both = (pl.col(name) & pl.col("similar")).sum()
    precision = pl.when(hits > 0).then(both / hits).alias(f"{name}_precision")
    return hits, precision, pl.when(similar > 0).then(both / similar).alias(f"{name}_recall")


def _similarities(method: MinHash, planted: Planted) -> pl.Series:
    """As a run verifies them: on the hashes of the shingles."""
    features = method.features(pl.concat([planted.passages, planted.pairs["text"]]))
    left = planted.pairs["passage"].to_numpy().astype(np.int64)
    return pl.Series(method.similarities(features, left, np.arange(len(left)) + len(planted.passages)))


def _datasketch_finds(method: MinHash, planted: Planted, seed: int) -> pl.Series:
    """Whether datasketch's index of all passages gives each edited text the passage that it was made from."""
    from datasketch import MinHash as Sketch
    from datasketch import MinHashLSH

    count = method.bands * method.rows

    def sketch(shingles: Shingles) -> Sketch:
        sketched = Sketch(num_perm=count, seed=seed)
        sketched.update_batch([" ".join(shingle).encode() for shingle in shingles])
        return sketched

    index = MinHashLSH(num_perm=count, params=(method.bands, method.rows))
    for number, shingles in enumerate(shingle_sets(planted.passages, method)):
        index.insert(number, sketch(shingles))
    texts = shingle_sets(planted.pairs["text"], method)
    finds = (number in index.query(sketch(shingles)) for number, shingles in zip(planted.pairs["passage"], texts, strict=True))
    return pl.Series(list(finds), dtype=pl.Boolean)


def _failures(bins: pl.DataFrame, totals: dict[str, Any]) -> list[str]:
    wide = bins.filter(pl.col("difference").abs() > TOLERANCE).iter_rows(named=True)
    told = [
        f"of pairs from {row['from']} to {row['to']}, {row['detected']:.1%} are found, and theory says {row['theory']:.1%}"
        for row in wide
    ]
    if totals["dropped"] and totals["dropped_precision"] < 1:
        told.append(f"{1 - totals['dropped_precision']:.2%} of the dropped texts are less similar than the threshold asks")
    return told
