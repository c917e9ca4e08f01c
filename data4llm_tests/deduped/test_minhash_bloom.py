from __future__ import annotations

import json
import math
import pickle
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest
from datasketch import LeanMinHash, MinHashLSH
from test_deduped_stage import PLACE, expectations_broken

from data4llm_assets.deduped import flat
from data4llm_assets.deduped.bloom import Bloom
from data4llm_assets.deduped.budget import NotEnoughMemory
from data4llm_assets.deduped.deduplication import Promises
from data4llm_assets.deduped.minhash import sketch
from data4llm_assets.deduped.minhash_bloom import MinHashBloom
from data4llm_assets.deduped.stage import Deduped

Make = Callable[..., Any]
FABLE = "A Fox one day spied a beautiful bunch of ripe grapes hanging from a vine trained along the branches of a tree."


def step(**options: Any) -> Deduped:
    return Deduped(methods=(MinHashBloom(**{"capacity": 1000, **options}),))


def variants(count: int, seed: int = 0, words: int = 30) -> list[str]:
    """Texts of which about half are others with a few words changed, some of them none."""
    draw = random.Random(seed)
    texts: list[str] = []
    for _ in range(count):
        fresh = not texts or draw.random() < 0.5
        text = [f"{draw.getrandbits(30):x}" for _ in range(words)] if fresh else draw.choice(texts).split()
        for _ in range(0 if fresh else draw.choice([0, 1, 1, 2, 3])):
            text[draw.randrange(words)] = f"{draw.getrandbits(30):x}"
        texts.append(" ".join(text))
    return texts


def sifted(method: MinHashBloom, texts: Sequence[str]) -> list[int]:
    """Positions of what does not stay."""
    documents = method.signatures(pl.DataFrame({"text": texts}, schema={"text": pl.String}))
    bloom = Bloom(method.size())
    return method.sift(None, documents.select(pl.all().name.prefix("minhash_bloom_")), bloom).verdicts["position"].to_list()  # type: ignore[arg-type]


def among_sets(method: MinHashBloom, texts: Sequence[str]) -> list[int]:
    """The same by sets of all band keys, which never err."""
    seen: list[set[int]] = [set() for _ in range(method.bands)]
    dropped = []
    for position, keys in enumerate(method.signatures(pl.DataFrame({"text": texts}))["buckets"].to_list()):
        hit = any(key in held for key, held in zip(keys, seen, strict=True))
        if hit:
            dropped.append(position)
        if not hit or method.insert == "always":
            for key, held in zip(keys, seen, strict=True):
                held.add(key)
    return dropped


def among_datasketch(method: MinHashBloom, texts: Sequence[str]) -> tuple[list[int], MinHashLSH]:
    """The same by datasketch's index, of the same minima."""
    index = MinHashLSH(num_perm=method.bands * method.rows, params=(method.bands, method.rows))
    dropped = []
    for position, minima in enumerate(sketch(pl.Series(texts), method)[0].astype(np.uint64)):
        signed = LeanMinHash(seed=1, hashvalues=minima, scheme="affine32")
        hit = bool(index.query(signed))
        if hit:
            dropped.append(position)
        if not hit or method.insert == "always":
            index.insert(position, signed)
    return dropped, index


@pytest.mark.parametrize("insert", ["kept", "always"])
def test_no_document_is_missed_and_few_are_made_up(insert: Any) -> None:
    texts = variants(20_000)
    method = MinHashBloom(insert=insert, capacity=20_000)
    ours, exact = sifted(method, texts), among_sets(method, texts)
    theirs, index = among_datasketch(method, texts)
    assert len(exact) == pytest.approx(4700, abs=300)
    assert theirs == exact
    if insert == "always":  # under `kept`, what one mistake kept out may be missed later
        assert set(exact) <= set(ours)
    expected = 1e-5 * len(texts)
    assert len(set(ours) ^ set(exact)) <= expected + 4 * math.sqrt(expected) + 1
    filters = method.model_copy(update={"capacity": len(index.keys)}).size()
    assert 10 * filters.bytes < len(pickle.dumps(index))  # in memory, the index takes several times its pickle


def test_filters_that_err_often_err_as_often_as_declared() -> None:
    texts = [f"{number} {number + 0.5} story" for number in range(20_000)]
    method = MinHashBloom(ngram=1, insert="always", capacity=20_000, false_positives=0.02)
    exact, ours = among_sets(method, texts), sifted(method, texts)
    assert set(exact) <= set(ours)
    # The filters fill as documents come: on average over the fill, far fewer are wrong than at capacity.
    assert 0 < len(ours) - len(exact) < 0.02 * 20_000


def test_a_band_seen_before_drops_a_document_and_names_no_partner(build: Make, shard: Make) -> None:
    near = FABLE.replace("ripe", "sour")
    held = {shard(0): [("a", FABLE), ("b", FABLE), ("c", "something else"), ("d", near)]}
    verdicts = build(held, step(ngram=1, rows=2)).verdicts()
    assert verdicts.select("doc_id", "rule", "action", "threshold", "partner").rows() == [
        (doc_id, "minhash_bloom.band", "drop", 1 / 14, None) for doc_id in "bd"
    ]
    assert verdicts["value"][0] == 1
    assert 1 / 14 <= verdicts["value"][1] <= 1


def test_a_page_that_drifts_stays_unless_all_are_inserted(build: Make, shard: Make) -> None:
    words = [f"word{number}" for number in range(40)]
    held: dict[Any, Any] = {}
    for snapshot in range(40):
        words[snapshot] = f"new{snapshot}"
        held[shard(snapshot)] = [(f"d{snapshot:02}", " ".join(words), "page")]
    assert build(held, step(ngram=1, rows=2, insert="always")).kept() == ["d00"]
    assert 1 < len(build(held, step(ngram=1, rows=2)).kept()) < 40


def test_a_page_unchanged_since_an_earlier_snapshot_is_carried(build: Make, shard: Make) -> None:
    held = {
        shard(0): [("a", FABLE, "p"), ("b", FABLE, "p")],
        shard(1): [("c", FABLE, "p"), ("d", FABLE, "q"), ("e", FABLE + " x", "p")],
    }
    shop = build(held, step(ngram=1, rows=2))
    assert shop.verdicts().select("doc_id", "action").rows() == [("b", "drop"), ("c", "carry"), ("d", "drop"), ("e", "drop")]
    assert shop.metrics["duplicates", "partition", ""].select("documents", "carried", "dropped").row(0) == (5, 1, 3)


def test_scopes_forget_what_came_before(build: Make, shard: Make) -> None:
    held = {shard(0): [("a", FABLE)], shard(0, "web-1"): [("b", FABLE)], shard(1): [("c", FABLE)]}
    section = step()
    kept = {scope: build(held, section.model_copy(update={"scope": scope})).kept() for scope in ("corpus", "snapshot", "shard")}
    assert kept == {"corpus": ["a"], "snapshot": ["a", "c"], "shard": ["a", "b", "c"]}


def world(shard: Make, seed: int = 1) -> dict[Any, list[tuple[str, str]]]:
    texts = variants(90, seed)
    places = [(snapshot, name) for snapshot in range(3) for name in ("web-0", "web-1")]
    return {
        shard(snapshot, name): [(f"{number:03}", texts[number]) for number in range(place, 90, 6)]
        for place, (snapshot, name) in enumerate(places)
    }


def stored(shop: Any) -> list[dict[str, pl.DataFrame]]:
    return [tables for key, tables in shop.remembered.items() if json.loads(key)[1] == "filters"]


def test_growing_is_building_from_scratch_and_reads_one_filter(build: Make, shard: Make) -> None:
    held, section = world(shard), step(ngram=1)
    shop = build(dict(list(held.items())[:4]), section)
    grown = build(held, section, remembered=dict(shop.remembered))
    scratch = build(held, section)
    assert 10 < len(scratch.verdicts()) < 80
    assert grown.verdicts().equals(scratch.verdicts())
    assert stored(grown)[-1]["filters"].equals(stored(scratch)[-1]["filters"])
    assert shop.computed == ["step", "filters"] * 2
    assert grown.computed == ["step", "filters"]
    assert build(held, section, remembered=dict(grown.remembered)).computed == []


def test_filters_that_are_gone_are_folded_again(build: Make, shard: Make) -> None:
    held, section = world(shard), step(ngram=1)
    shop = build(dict(list(held.items())[:4]), section)
    steps = {key: tables for key, tables in shop.remembered.items() if json.loads(key)[1] == "step"}
    assert build(dict(list(held.items())[:4]), section, remembered=dict(steps)).computed == []
    again = build(held, section, remembered=dict(steps))
    assert again.computed == ["step", "filters", "filters"]
    assert again.verdicts().equals(build(held, section).verdicts())


def test_a_withdrawn_snapshot_is_as_if_it_had_never_been(build: Make, shard: Make) -> None:
    held, section = world(shard), step(ngram=1)
    shop = build(held, section)
    left = {some: rows for some, rows in held.items() if some.arrival != 1}
    without = build(left, section, remembered=dict(shop.remembered))
    assert without.verdicts().equals(build(left, section).verdicts())
    assert without.computed == ["step", "filters"]
    assert MinHashBloom.promises == Promises(incremental=True, withdrawable="refold", names_partner=False)


def test_shards_batches_and_memory_do_not_matter(build: Make, shard: Make) -> None:
    held, section = world(shard), step(ngram=1)
    expected = sorted(build(held, section).verdicts()["doc_id"])
    whole: dict[Any, list[tuple[str, str]]] = {}
    for some, rows in held.items():
        whole.setdefault(shard(some.arrival), []).extend(reversed(rows))
    shop = build(whole, section, batch=7, memory=200_000)
    assert sorted(shop.verdicts()["doc_id"]) == expected


def test_more_documents_than_the_capacity_fail_a_check_that_says_what_is_needed(build: Make, shard: Make) -> None:
    held = {shard(0): [(f"{number:03}", f"text {number}") for number in range(99)]}
    assert expectations_broken(build(held, step(capacity=99)), step(capacity=99)) == []
    small = step(capacity=40)
    shop = build(held, small)
    assert expectations_broken(shop, small)[:1] == ["capacity_needed"]
    assert shop.metrics["duplicates", "partition", ""]["capacity_needed"][0] == 99
    critical = [one for one in small.nodes(PLACE)[1].expectations if one.arguments["column"] == "capacity_needed"]
    assert critical[0].severity == "critical"
    assert "capacity of 40" in critical[0].why


def test_filters_over_half_of_the_memory_say_how_much_they_need(build: Make, shard: Make) -> None:
    with pytest.raises(NotEnoughMemory, match=r"capacity of 10,000,000 needs 1,031 MB"):
        build({shard(0): [("a", FABLE)]}, step(capacity=10_000_000))
    size = MinHashBloom(capacity=1000).size()
    with pytest.raises(NotEnoughMemory):
        build({shard(0): [("a", FABLE)]}, step(), memory=2 * size.bytes - 1)
    assert build({shard(0): [("a", FABLE)]}, step(), memory=2 * size.bytes).kept() == ["a"]


def test_empty_short_and_foreign_documents(build: Make, shard: Make) -> None:
    texts = ["", "...", "one", "One!", "東京タワー", "東京タワー。", "مرحبا يا عالم", "สวัสดี"]
    shop = build({shard(0): list(zip("abcdefgh", texts, strict=True)), shard(1): []}, step())
    assert shop.kept() == ["a", "c", "e", "g", "h"]
    assert build({shard(0): []}, step()).kept() == []


def test_golden_verdicts() -> None:
    method = MinHashBloom(ngram=1, capacity=200)
    documents = method.signatures(pl.DataFrame({"text": variants(200, 3)})).select(pl.all().name.prefix("minhash_bloom_"))
    bloom = Bloom(method.size())
    found = method.sift(None, documents, bloom)  # type: ignore[arg-type]
    assert MinHashBloom.version == "1"
    told = found.verdicts.select("position", bands=(pl.col("value") * 14).round().cast(pl.UInt64))
    assert (len(told), flat.digest(told), flat.digest(bloom.frame())) == (
        84, "d22741281a2cfc3ab2013bb186128dbc", "6cd4ca50ef5bbbd2c6fdd9827ec33392",
    )  # fmt: skip


def test_a_band_is_met_only_by_itself() -> None:
    method = MinHashBloom(bands=2, capacity=100)
    keys = [[1, 2], [2, 1], [3, 2], [3, 4], [0, 2**64 - 1], [0, 2**64 - 1]]
    column = pl.Series("minhash_bloom_buckets", keys, dtype=pl.List(pl.UInt64))
    for insert, dropped in (("kept", [(2, 0.5), (5, 1.0)]), ("always", [(2, 0.5), (3, 0.5), (5, 1.0)])):
        some = method.model_copy(update={"insert": insert})
        found = some.sift(None, column.to_frame(), Bloom(some.size()))  # type: ignore[arg-type]
        assert found.verdicts.rows() == dropped
        assert (found.inserted, found.offered) == (4 + (insert == "always"), 6)
