"""Cases by hand: what a person would expect of deduplication."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import polars as pl

from data4llm_assets.deduped.matching import SIGNATURE, Matching
from data4llm_assets.deduped.minhash import MinHash
from data4llm_assets.deduped.stage import Deduped
from data4llm_assets.node import Ref

Make = Callable[..., Any]
STORY = " ".join(f"word{number}" for number in range(120))
NEARLY = STORY.replace("word60", "else60")


def rows(shop: Any) -> list[tuple[str, str, str, str]]:
    return shop.verdicts().select("doc_id", "rule", "action", "partner").rows()


def test_the_first_stays_and_repeats_name_it(build: Make, shard: Make) -> None:
    shop = build({shard(0): [("c", STORY), ("b", NEARLY), ("a", "Other text"), ("d", "Other  text")]})
    assert rows(shop) == [("c", "minhash.similarity", "drop", "b"), ("d", "exact.text", "drop", "a")]
    assert shop.kept() == ["b", "a"]
    value, threshold = shop.verdicts().row(0)[3:5]
    assert (value, threshold) == (111 / 121, 0.8)


def test_a_source_of_lower_rank_stays(build: Make, shard: Make) -> None:
    shop = build({shard(0, "web-0", 1): [("a", STORY)], shard(0, "books-0", 0): [("z", STORY)]})
    assert rows(shop) == [("a", "exact.text", "drop", "z")]


def test_an_unchanged_page_is_carried_and_a_copy_elsewhere_is_dropped(build: Make, shard: Make) -> None:
    shop = build(
        {
            shard(0): [("a", STORY, "home")],
            shard(1): [("b", STORY, "home"), ("c", STORY, "mirror"), ("d", STORY + " ", "home")],
            shard(2): [("e", STORY, "home"), ("f", STORY, "mirror")],
        }
    )
    assert rows(shop) == [
        ("b", "exact.text", "carry", "a"),
        ("c", "exact.text", "drop", "a"),
        ("d", "exact.text", "drop", "a"),
        ("e", "exact.text", "carry", "a"),
        ("f", "exact.text", "carry", "a"),
    ]


def test_a_page_repeated_within_its_snapshot_is_no_carry(build: Make, shard: Make) -> None:
    assert rows(build({shard(0): [("a", STORY, "home"), ("b", STORY, "home")]})) == [("b", "exact.text", "drop", "a")]


def test_one_document_in_two_shards_stays_in_the_first(build: Make, shard: Make) -> None:
    shop = build({shard(0, "web-0"): [("a", STORY)], shard(0, "web-1"): [("a", STORY), ("b", "more")]})
    assert shop.verdicts().select("doc_id", "rule", "action", "partner", "key").rows() == [
        ("a", "identity.doc_id", "drop", "a", "web-1|s00")
    ]
    assert shop.kept() == ["a", "b"]


def test_one_document_in_two_shards_shares_the_fate_of_the_first(build: Make, shard: Make) -> None:
    shop = build({shard(0, "web-0"): [("0", STORY), ("a", NEARLY)], shard(0, "web-1"): [("a", NEARLY)]})
    assert rows(shop) == [("a", "minhash.similarity", "drop", "0"), ("a", "minhash.similarity", "drop", "0")]


def test_a_copy_of_a_dropped_document_names_the_kept_one(build: Make, shard: Make) -> None:
    shop = build({shard(0): [("a", STORY), ("b", NEARLY), ("c", NEARLY), ("d", NEARLY.upper())]})
    assert rows(shop) == [(doc_id, "minhash.similarity", "drop", "a") for doc_id in "bcd"]


def test_scope_snapshot_looks_at_no_earlier_one(build: Make, shard: Make) -> None:
    held = {shard(0): [("a", STORY, "home")], shard(1): [("b", STORY, "home"), ("c", STORY, "home")]}
    assert rows(build(held, Deduped(scope="snapshot"))) == [("c", "exact.text", "drop", "b")]


def test_a_drifting_page_never_disappears(build: Make, shard: Make) -> None:
    words, held, versions = STORY.split(), {}, []
    for snapshot in range(30):
        words[4 * snapshot : 4 * snapshot + 4] = [f"edit{snapshot}x{place}" for place in range(4)]
        versions.append(" ".join(words))
        held[shard(snapshot)] = [(f"v{snapshot:02}", versions[-1], "page")]
    kept, config = build(held).kept(), MinHash()
    assert kept == [f"v{number:02}" for number in range(0, 30, 3)]
    features = config.features(pl.Series(versions))
    for newest in range(30):
        old = np.array([number for number in range(newest + 1) if f"v{number:02}" in kept])
        assert config.similarities(features, np.full(len(old), newest), old).max() >= 0.8


def test_a_withdrawn_snapshot_repeats_the_fold_only_from_there(build: Make, shard: Make) -> None:
    remembered: dict[str, Any] = {}
    held = {shard(number): [(f"d{number}", f"{STORY} {number}")] for number in range(5)}
    assert build(held, remembered=remembered).computed.count("step") == 5
    assert build(held, remembered=remembered).computed == []
    less = {some: text for some, text in held.items() if some.arrival != 3}
    shop = build(less, remembered=remembered)
    assert shop.computed.count("step") == 1
    assert rows(shop) == rows(build(less))


def test_crowds_of_equal_documents_cost_no_comparison(build: Make, shard: Make) -> None:
    crowd = [(f"a{number:05}", STORY) for number in range(3000)] + [(f"b{number:05}", "") for number in range(3000)]
    shop = build({shard(0): crowd, shard(1): [(f"c{number:05}", STORY) for number in range(3000)]})
    assert shop.kept() == ["a00000", "b00000"]
    assert shop.fetched == 0
    assert shop.metrics["duplicates", "partition", ""]["compared"][0] == 0


def test_crowds_of_similar_documents_are_compared_with_their_first(build: Make, shard: Make) -> None:
    crowd = [(f"a{number:04}", STORY.replace("word0", f"n{number}")) for number in range(1500)]
    shop = build({shard(0): crowd}, Deduped(methods=(MinHash(similarity=0.7, bands=20, rows=4),)))
    assert shop.kept() == ["a0000"]
    assert shop.metrics["duplicates", "partition", ""]["compared"][0] == 1499
    assert shop.fetched == 1500 + 501  # once more for the audit: 500 of them, and their partner
    assert shop.table(Ref("duplicates", "clusters"), "").rows() == [(1500, 1)]


class Planned(Matching):
    """Texts that say what they are: "buckets|features"."""

    method: Literal["planned"] = "planned"

    @property
    def threshold(self) -> float:
        return 0.5

    @property
    def comparisons(self) -> int:
        return 2

    def signatures(self, documents: pl.DataFrame) -> pl.DataFrame:
        parts = documents["text"].str.split("|")
        buckets = parts.list.first().str.split(",").list.eval(pl.element().str.to_integer(dtype=pl.UInt64))
        key = parts.list.last().rank("dense")
        return pl.DataFrame({"key": key, "size": pl.Series([1] * len(parts)), "buckets": buckets}).cast(SIGNATURE)  # type: ignore[arg-type]

    def features(self, texts: pl.Series) -> pl.Series:
        return texts.str.split("|").list.last().str.split(" ")

    def similarities(self, features: pl.Series, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        one, other = features.gather(left), features.gather(right)
        return (one.list.set_intersection(other).list.len() / one.list.set_union(other).list.len()).to_numpy()


def test_a_match_waits_for_the_verdict_over_an_earlier_match(build: Make, shard: Make) -> None:
    """Document p looks into many buckets before it is known to stay; r matches p and q, and must name p."""
    others = [(f"{number}", f"{number}|o{number}") for number in range(6)]
    texts = [*others, ("p", "0,1,2,3,4,5,9|a b"), ("q", "9|c d"), ("r", "9|a b c d")]
    shop = build({shard(0): texts}, Deduped(methods=(Planned(),)))
    assert rows(shop) == [("r", "planned.similarity", "drop", "p")]


def test_a_full_bucket_is_compared_with_its_earliest_and_the_rest_is_counted(build: Make, shard: Make) -> None:
    texts = [("a", "1|a"), ("b", "1|b"), ("c", "1|c"), ("d", "1|c c2"), ("e", "1|b b2")]
    shop = build({shard(0): texts}, Deduped(methods=(Planned(),)))
    assert rows(shop) == [("e", "planned.similarity", "drop", "b")]
    totals = shop.metrics["duplicates", "partition", ""].row(0, named=True)
    assert (totals["compared"], totals["skipped"], totals["kept_after_skipping"]) == (6 + 1, 3, 1)
