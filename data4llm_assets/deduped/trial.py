"""What deduplication would say of one document, against what stands now: for `data4llm try`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import polars as pl

from data4llm_assets.deduped.deduplication import Deduplication
from data4llm_assets.deduped.matching import Matching
from data4llm_assets.deduped.url import Url
from data4llm_assets.node import Bench, Partition, Place, Ref, Trial, Verdict

_MOST = 256
"""Candidates compared for one document and method: those with most buckets in common."""


def compare(methods: Sequence[Deduplication], place: Place, document: pl.DataFrame, bench: Bench) -> Trial:
    """By each method, the kept document that is most like this one, and what would follow."""
    verdicts = [_version(method, place, document, bench) for method in methods if isinstance(method, Url)]
    verdicts += [_verdict(method, place, document, bench) for method in methods if isinstance(method, Matching)]
    return Trial(tuple(verdicts))


def _version(method: Url, place: Place, document: pl.DataFrame, bench: Bench) -> Verdict:
    """Whether another document stands for the same URL: of the first snapshot that has it, or the last; a new one arrives last."""
    low, high, size = method.signatures(document.select("url")).row(0)
    known = (
        (pl.col("url_size") > 0)
        & (pl.col("url_low") == low)
        & (pl.col("url_high") == high)
        & (pl.col("doc_id") != document["doc_id"][0])
    )
    found, mine, arrival = [], (0, document["doc_id"][0]), -1
    for partition, frame in bench.read_all(Ref(place.sub("signatures"), "signatures")):
        found += [(partition.arrival, partition.priority, doc_id) for doc_id in frame.filter(known)["doc_id"]]
        if document["doc_id"][0] in frame["doc_id"]:
            arrival, mine = partition.arrival, (partition.priority, document["doc_id"][0])
    if not size or not found:
        return Verdict(method.rule, None, None, None, "keep", "no other document has this URL" if size else "no URL")
    if arrival < 0:
        arrival = max(found)[0] + 1
    versions = [*found, (arrival, *mine)]
    chosen = max(versions)[0] if method.keep == "newest" else min(versions)[0]
    stands = min(each for each in versions if each[0] == chosen)[2]
    if stands == document["doc_id"][0]:
        return Verdict(method.rule, None, None, None, "keep", f"stands for its URL before {min(found)[2]}")
    return Verdict(method.rule, None, None, None, "drop", f"{stands} stands for this URL")


def _verdict(method: Matching, place: Place, document: pl.DataFrame, bench: Bench) -> Verdict:
    found = _candidates(method, place, document, bench)
    if not found:
        return Verdict(method.rule, None, None, method.threshold, "keep", "no kept document is a candidate")
    compared = []
    for partition, some in found:
        candidates = some.join(bench.texts(place.view, partition, some["doc_id"]), on="doc_id", how="inner", maintain_order="left")
        features = method.features(pl.concat([document["text"], candidates["text"]]))
        rows = np.arange(1, len(features))
        similarity = pl.Series("similarity", method.similarities(features, np.zeros_like(rows), rows))
        compared.append(candidates.select("doc_id", "page_id", "text_digest", similarity, snapshot=pl.lit(partition.snapshot)))
    best = pl.concat(compared).sort("similarity", descending=True, maintain_order=True).row(0, named=True)
    action: Literal["keep", "drop", "carry"] = "keep" if best["similarity"] < method.threshold else "drop"
    same = all(best[name] == document[name][0] for name in ("page_id", "text_digest"))
    if same and best["snapshot"] != document["snapshot"][0]:
        action = "carry"
    return Verdict(method.rule, best["similarity"], None, method.threshold, action, f"most like {best['doc_id']}")


def _candidates(method: Matching, place: Place, document: pl.DataFrame, bench: Bench) -> list[tuple[Partition, pl.DataFrame]]:
    """Kept documents of equal key or with a bucket in common, by partition; the document itself is none."""
    signature = method.signatures(document.select("text_digest", "text"))
    key, buckets = f"{method.label}_key", f"{method.label}_buckets"
    found = []
    for partition, frame in bench.read_all(Ref(place.sub("signatures"), "signatures")):
        shared = pl.col(buckets).list.set_intersection(pl.lit(signature["buckets"])).list.len()
        equal = pl.col(key) == signature["key"][0]
        some = frame.filter(pl.col("doc_id") != document["doc_id"][0]).with_columns(
            shared=pl.when(equal).then(pl.lit(1 << 30)).otherwise(shared.cast(pl.Int64))
        )
        found.append((partition, some.filter(pl.col("shared") > 0)))
    kept = {partition.key: kept["doc_id"] for partition, kept in bench.read_all(Ref(place.name, "kept"))}
    standing = [
        (partition, some.filter(pl.col("doc_id").is_in(kept.get(partition.key, some["doc_id"]).implode())))
        for partition, some in found
    ]
    least = pl.concat([pl.Series([1 << 30]), *(some["shared"] for _, some in standing)]).top_k(_MOST).min()
    return [(partition, some.filter(pl.col("shared") >= least)) for partition, some in standing if len(some)]
