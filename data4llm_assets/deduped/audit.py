"""What MinHash promises, held against texts of the corpus: how often pairs of a known similarity are found, and that what was
dropped is as similar as it was said to be. Both are counted on sets of strings (`reference.py`), without the hashes they judge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from data4llm_assets.deduped import flat
from data4llm_assets.deduped.arrivals import read_texts
from data4llm_assets.deduped.matching import Matching
from data4llm_assets.deduped.minhash import MinHash
from data4llm_assets.deduped.planting import Planted, passage_size, plant
from data4llm_assets.deduped.reference import jaccard, shingle_sets
from data4llm_assets.deduped.tables import FEW, TOLERANCE
from data4llm_assets.node import Work

DETECTION = pl.Schema(
    {name: pl.Int64 if name == "pairs" else pl.Float64 for name in ("from", "to", "pairs", "similarity", "detected", "theory")}
    | {"difference": pl.Float64()}
)
"""Of a bin of similarities: how many pairs, their mean similarity, the share of them that shares a bucket, what theory says of just
these pairs, and the difference; null where there are too few pairs for it to mean anything."""
VERIFIED = pl.Schema({"snapshot": pl.String, "pairs": pl.Int64, "verified_precision": pl.Float64})
"""Of a snapshot: how many dropped documents were compared again, and the share of them that is as similar as the threshold asks."""

EDGES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Of the bins of similarities in a run; narrower ones ask for more pairs, of longer passages."""
_DEVIATIONS = 4
"""Standard deviations of the share found in a bin that make up the tolerance: chance alone passes it in one of 16,000."""
_PAIRS = 300
"""Of a bin, at least."""
_EVALUATIONS = 8e9
"""Of hash functions, at most: some ten seconds. A signature of 112 functions needs a fiftieth of them."""
_TEXTS = 150
_PLACES = 32
"""Partitions at most that texts are read from to plant edits into."""
_VERIFIED = 500
_REREAD = 4
"""Partitions at most that texts are read from to compare a snapshot's dropped documents again."""
_LONGEST, _TOGETHER = 100_000, 4_000_000
"""Shingles at most, of a text and of all together, that are made into sets of strings; some hundred bytes each."""
_TURN = pl.int_range(pl.len()).over("source")
_SEED = 1


def theory(method: MinHash, similarities: np.ndarray) -> np.ndarray:
    """The probability that a pair of such a Jaccard similarity shares a band."""
    return np.asarray(1 - (1 - similarities**method.rows) ** method.bands)


def pairs_wanted(method: MinHash, edges: Sequence[float], deviations: float = _DEVIATIONS) -> list[int]:
    """For each bin so many pairs that `TOLERANCE` is so many standard deviations of the share found among them."""
    bounds = np.array(edges)
    within = bounds[:-1, None] + (bounds[1:] - bounds[:-1])[:, None] * np.linspace(0, 1, 21)
    chances = theory(method, within)
    wanted = np.maximum((chances * (1 - chances)).mean(axis=1) * (deviations / TOLERANCE) ** 2, _PAIRS)
    evaluations = wanted.sum() * passage_size(method, edges) * method.bands * method.rows
    return [int(count) for count in np.ceil(wanted * min(_EVALUATIONS / evaluations, 1))]


def found(method: MinHash, planted: Planted) -> pl.Series:
    """Whether the two texts of each pair share a bucket (Boolean)."""
    passages, texts = (method.signatures(_signable(column))["buckets"] for column in (planted.passages, planted.pairs["text"]))
    return passages.gather(planted.pairs["passage"]).list.set_intersection(texts).list.len() > 0


def by_bin(method: MinHash, planted: Planted, detected: pl.Series) -> pl.DataFrame:
    """`DETECTION`, one row for each bin."""
    pairs = planted.pairs
    chances = pl.Series("theory", theory(method, pairs["similarity"].to_numpy()), dtype=pl.Float64)
    edges = pl.DataFrame({"from": planted.edges[:-1], "to": planted.edges[1:]}).with_row_index("bin")
    counted = (
        pairs.with_columns(detected.cast(pl.Float64).alias("detected"), chances)
        .group_by("bin")
        .agg(pl.len().alias("pairs"), pl.col("similarity", "detected", "theory").mean())
    )
    chance = pl.col("theory")
    enough = (pl.col("pairs") >= FEW) & (len(planted.passages) >= FEW)
    sure = enough & (3 * (chance * (1 - chance) / pl.col("pairs")).sqrt() <= TOLERANCE)
    difference = pl.when(sure).then(pl.col("detected") - chance).alias("difference")
    joined = edges.join(counted, on="bin", how="left").sort("bin").with_columns(pl.col("pairs").fill_null(0), difference)
    return joined.select(pl.col(name).cast(dtype) for name, dtype in DETECTION.items())


def detection(method: MinHash, texts: pl.Series, edges: Sequence[float] = EDGES, seed: int = _SEED) -> pl.DataFrame:
    """Plant edits into texts (String), and count how many are found (`DETECTION`)."""
    planted = plant(texts, method, edges, pairs_wanted(method, edges), seed)
    return by_bin(method, planted, found(method, planted))


def verified(
    work: Work, methods: Sequence[Matching], snapshot: str, state: str, kept: pl.DataFrame, mine: pl.DataFrame, drops: pl.DataFrame
) -> pl.DataFrame:
    """Compare some documents that a snapshot dropped by MinHash with their partners again, on strings (`VERIFIED`).

    Parameters
    ----------
    state : digest of all that these verdicts are a function of.
    kept, mine : all documents kept by now, and those of the snapshot: `partition`, `doc_id`, `<label>_key`.
    drops : `tables.DROPS` over `mine`, with partners among `kept`.
    """
    method = _minhash(methods)
    none = pl.DataFrame({"snapshot": [snapshot], "pairs": [0], "verified_precision": [None]}, schema=VERIFIED)
    if method is None:
        return none.clear()
    # What components chain together is not said to be like its partner, and is counted on its own.
    alike = (pl.col("rule") == method.rule) & (pl.col("action") == "drop") & (pl.col("value") >= pl.col("threshold"))
    compared = drops.filter(alike).select("position", "partner")
    for other in methods[: methods.index(method)]:
        # What it holds equal shares the verdict of its first document, whose text was compared.
        first = mine[f"{other.label}_key"].is_first_distinct()
        compared = compared.filter(first.gather(compared["position"]))
    pairs = _some(method, compared, mine, kept)
    if pairs.is_empty():
        return none

    def compare() -> Mapping[str, pl.DataFrame]:
        sides = (pairs.select("doc_id", "partition"), pairs.select(doc_id="partner_doc_id", partition="partner_partition"))
        sets = list(shingle_sets(read_texts(work, pl.concat(sides)), method))
        left, right = sets[: len(pairs)], sets[len(pairs) :]
        similar = np.array(jaccard(left, right)) >= method.threshold
        return {"verified": pl.DataFrame([(snapshot, len(similar), similar.mean())], schema=VERIFIED, orient="row")}

    return work.remember("verified", {"state": state, "snapshot": snapshot}, compare)["verified"]


def tell(work: Work, methods: Sequence[Matching], kept: pl.DataFrame | None, verified: Sequence[pl.DataFrame]) -> None:
    """Write the frames `audit` and `detection`; nothing stands in the latter if the texts are too few, or MinHash is not used.

    kept : documents in order of arrival: `partition`, `doc_id`, `text`, `<label>_size`.
    """
    work.metric("audit", pl.concat([pl.DataFrame(schema=VERIFIED), *verified]))
    method = _minhash(methods)
    texts = None if method is None or kept is None else _long_enough(work, method, kept)
    if method is None or texts is None or len(texts) < FEW:
        work.metric("detection", pl.DataFrame(schema=DETECTION))
        return

    def planted() -> Mapping[str, pl.DataFrame]:
        return {"detection": detection(method, read_texts(work, texts))}

    work.metric("detection", work.remember("audit", {"texts": flat.digest(texts.select("text"))}, planted)["detection"])


def _minhash(methods: Sequence[Matching]) -> MinHash | None:
    return next((method for method in methods if isinstance(method, MinHash)), None)


def _signable(texts: pl.Series) -> pl.DataFrame:
    return pl.DataFrame({"text_digest": texts, "text": texts})


def _some(method: MinHash, compared: pl.DataFrame, mine: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    """Dropped documents and their partners, of few partitions: (doc_id, partition, partner_doc_id, partner_partition) and sizes."""
    names = {"doc_id": "doc_id", "partition": "partition", f"{method.label}_size": "size"}
    dropped = mine.select(list(names))[compared["position"]].rename(names)
    partners = kept.select(list(names))[compared["partner"]].rename({name: f"partner_{new}" for name, new in names.items()})
    pairs = dropped.hstack(partners).filter(pl.max_horizontal("size", "partner_size") <= _LONGEST)
    pairs = pairs.sort("doc_id")  # they are digests: this is chance
    named = pairs.head(_VERIFIED).select(pl.concat_list("partition", "partner_partition").explode(empty_as_null=True)).to_series()
    places = named.unique(maintain_order=True).head(_REREAD)
    pairs = pairs.filter(pl.all_horizontal(pl.col("partition", "partner_partition").is_in(places.implode()))).head(_VERIFIED)
    return pairs.filter((pl.col("size").cast(pl.Int64) + pl.col("partner_size")).cum_sum() <= _TOGETHER)


def _long_enough(work: Work, method: MinHash, kept: pl.DataFrame) -> pl.DataFrame:
    """Documents to plant edits into: as many of each source as there are, from few partitions, and of the first ones, so that
    later arrivals change nothing.
    """
    long = pl.col(f"{method.label}_size").is_between(passage_size(method, EDGES), _LONGEST)
    counts = kept.lazy().filter(long).group_by("partition", maintain_order=True).len().collect()
    names = pl.Series("source", [partition.source for partition in work.partitions], dtype=pl.String)
    counts = counts.with_columns(names.gather(counts["partition"]))
    places = counts.with_columns(turn=_TURN).sort("turn", maintain_order=True)
    before = pl.col("len").cum_sum() - pl.col("len")
    places = places.filter((pl.col("turn") == 0) | (before < _TEXTS)).head(_PLACES)
    here = kept.lazy().filter(long).select("partition", "doc_id", "text").join(places.lazy(), on="partition").collect()
    here = here.sort("doc_id").with_columns(turn=_TURN)  # they are digests: this is chance
    return here.sort("turn", "doc_id").head(_TEXTS).select("partition", "doc_id", "text")
