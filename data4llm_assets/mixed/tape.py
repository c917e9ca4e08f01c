"""The tape: a domain's documents in seeded order, again and again, cut into phases.

Every document has a place in (0, 1), a pure function of (seed, doc_id). The tape runs through the places once an epoch. A phase is
the stretch of tape that holds its quota of tokens: whole epochs first, then documents in order, and the next phase goes on where it
ended, so that no document is seen twice more often than another. A cut is a pair (epoch, place); a copy of a document belongs to
the phase in which its middle token lies, so each stretch is within one document of its quota.

To find a cut takes a histogram of tokens over places, and the documents of the one bin that the cut falls in: memory does not grow
with the corpus.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import polars as pl

BINS = 1 << 16
BIN = (pl.col("place") * BINS).cast(pl.Int32).alias("bin")
HISTOGRAM = pl.Schema({"domain": pl.String, "bin": pl.Int32, "tokens": pl.Int64, "documents": pl.Int64, "largest": pl.Int64})


class Cut(NamedTuple):
    epoch: int
    place: float


def histogram(placed: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Tokens by (domain, bin), from frames (domain, place: Float64 in (0, 1), tokens: Int64)."""
    sums = pl.DataFrame(schema=HISTOGRAM)
    for frame in placed:
        counted = frame.select("domain", BIN, "tokens", pl.lit(1, pl.Int64).alias("documents"), pl.col("tokens").alias("largest"))
        grouped = pl.concat([sums, counted]).group_by("domain", "bin")
        sums = grouped.agg(pl.col("tokens", "documents").sum(), pl.col("largest").max())
    return sums.sort("domain", "bin")


class Located(NamedTuple):
    """A cut before it is exact: `rest` tokens into an epoch, in the bin before which `before` tokens lie; no bin at its start."""

    epoch: int
    rest: int
    before: int = 0
    bin: int | None = None


def bins_of(counts: pl.DataFrame, ends: Sequence[int]) -> list[Located]:
    """The bin of each end, given in tokens from the start of the tape. `counts` is one domain's part of the histogram."""
    available = int(counts["tokens"].sum())
    sums = counts["tokens"].cum_sum()
    found = []
    for end in ends:
        epoch, rest = divmod(end, available) if available else (0, 0)
        if rest:
            row = int(sums.search_sorted(rest, side="left"))
            found.append(Located(epoch, rest, int(sums[row - 1]) if row else 0, int(counts["bin"][row])))
        else:
            found.append(Located(epoch, rest))
    return found


def cut(documents: pl.DataFrame, located: Located) -> Cut:
    """The exact cut, from (place, tokens, bin) of the domain's documents, of its bin at least, in any order."""
    if located.bin is None:
        return Cut(located.epoch, 0.0)
    ordered = documents.filter(bin=located.bin).sort("place").with_columns(end=located.before + pl.col("tokens").cum_sum())
    # Twice the position of the middle, to stay in whole numbers.
    beyond = ordered.filter(2 * pl.col("end") - pl.col("tokens") >= 2 * located.rest)
    # After the last document of its bin the cut is where the next bin begins.
    return Cut(located.epoch, float(beyond["place"][0]) if beyond.height else (located.bin + 1) / BINS)


def copies(begin: Cut, end: Cut) -> pl.Expr:
    """How often the tape between two cuts passes over `place`: (repeats: Int64)."""
    place = pl.col("place")
    partly = (place < end.place).cast(pl.Int64) - (place < begin.place).cast(pl.Int64)
    return (partly + (end.epoch - begin.epoch)).alias("repeats")
