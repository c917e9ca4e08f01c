"""The rule against its definition: every pair compared in plain Python, on sets of words instead of hashes."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data4llm_assets.deduped.exact import Exact
from data4llm_assets.deduped.minhash import MinHash
from data4llm_assets.deduped.stage import Deduped

Row = tuple[str, str, str, str]
"""doc_id, shard, text, page_id."""
World = list[list[Row]]
SHARDS = (("books-0", 0), ("web-0", 1), ("web-1", 1))
WORDS = st.lists(st.sampled_from("abcdefgh"), max_size=9).map(" ".join)
"""Few words, so that texts often share most of their words, or all."""
EVERY_PAIR = MinHash(ngram=1, bands=24, rows=1, similarity=0.6, compare=64)
FEW_PAIRS = MinHash(ngram=1, bands=6, rows=2, similarity=0.6, compare=1)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    few = st.sampled_from([draw(WORDS) for _ in range(4)])
    rows = st.tuples(st.sampled_from([name for name, _ in SHARDS]), WORDS | few)
    snapshots = draw(st.lists(st.lists(rows, max_size=10), min_size=1, max_size=4))
    names = iter(draw(st.permutations(range(sum(map(len, snapshots))))))
    return [[(f"d{next(names):02}", shard, text, text[:1]) for shard, text in snapshot] for snapshot in snapshots]


def jaccard(left: str, right: str) -> float:
    a, b = set(left.split()) or {""}, set(right.split()) or {""}
    return len(a & b) / len(a | b)


@cache
def buckets(config: MinHash, text: str) -> frozenset[int]:
    return frozenset(config.signatures(pl.DataFrame({"text_digest": [""], "text": [text]}))["buckets"][0])


def definition(world: World, config: MinHash, scope: str = "corpus") -> dict[str, tuple[str, str, float, str]]:
    """Rule, action, similarity and partner of every document that matches an earlier kept one."""
    dropped: dict[str, tuple[str, str, float, str]] = {}
    kept: list[Row] = []
    gone: set[tuple[str, str]] = set()
    if scope == "shard":
        world = [[row for row in snapshot if row[1] == name] for snapshot in world for name, _ in SHARDS]
    for snapshot in world:
        if scope != "corpus":
            kept, gone = [], set()
        before, gone_here = list(kept), []
        compared_with: list[Row] = []
        members: dict[int, list[int]] = {}
        for row in [*kept, *sorted(snapshot, key=lambda row: (not row[1].startswith("books"), row[0]))]:
            doc_id, _, text, page = row
            mine = [place for place, other in enumerate(compared_with) if jaccard(other[2], text) == 1]
            place = mine[0] if mine else len(compared_with)
            if not mine:
                compared_with.append(row)
                for bucket in buckets(config, text):
                    members.setdefault(bucket, []).append(place)
            if row in before:
                continue
            earliest = {other for bucket in buckets(config, text) for other in members[bucket][: config.compare] if other < place}
            near = [compared_with[other] for other in sorted(earliest)]
            equal = [other for other in kept if other[2] == text]
            alike = [other for other in kept if jaccard(other[2], text) == 1]
            near = [other for other in near if other in kept and jaccard(other[2], text) >= config.similarity]
            if not equal + alike + near:
                kept.append(row)
                continue
            partner = (equal + alike + near)[0]
            rule = "exact.text" if equal else "minhash.similarity"
            carried = (equal and partner in before and partner[3] == page) or (page, text) in gone
            action = "carry" if carried else "drop"
            gone_here.append((page, text))
            dropped[doc_id] = (rule, action, jaccard(partner[2], text), partner[0])
        gone |= set(gone_here)
    return dropped


@pytest.fixture(scope="module")
def shop(build: Callable[..., Any], shard: Callable[..., Any]) -> Callable[..., Any]:
    """Build a world: every shard of every snapshot, also the empty ones."""

    def run(world: World, config: MinHash, scope: str = "corpus", rule: str = "first_kept", **options: Any) -> Any:
        held = {
            shard(number, name, priority): [(doc_id, text, page) for doc_id, where, text, page in snapshot if where == name]
            for number, snapshot in enumerate(world)
            for name, priority in SHARDS
        }
        return build(held, Deduped(methods=(Exact(), config), scope=scope, rule=rule), **options)

    return run


def verdicts(shop: Any) -> dict[str, tuple[str, str, float, str]]:
    rows = shop.verdicts().select("doc_id", "rule", "action", "value", "partner").rows()
    return {doc_id: tuple(rest) for doc_id, *rest in rows}


@given(world=worlds(), config=st.sampled_from([EVERY_PAIR, FEW_PAIRS]), scope=st.sampled_from(["corpus", "snapshot", "shard"]))
@settings(max_examples=40, deadline=None)
def test_verdicts_are_those_of_the_definition(shop: Callable[..., Any], world: World, config: MinHash, scope: str) -> None:
    assert verdicts(shop(world, config, scope)) == definition(world, config, scope)


def components(world: World, config: MinHash) -> dict[str, str]:
    """The first of everyone's component, whoever is not the first: over all pairs, in plain Python."""
    order = [row for snapshot in world for row in sorted(snapshot, key=lambda row: (not row[1].startswith("books"), row[0]))]
    first = {row[0]: row[0] for row in order}
    for left in order:
        for right in order:
            meet = buckets(config, left[2]) & buckets(config, right[2])
            if meet and jaccard(left[2], right[2]) >= config.similarity and first[left[0]] != first[right[0]]:
                ours, theirs = first[left[0]], first[right[0]]
                winner = next(row[0] for row in order if row[0] in (ours, theirs))
                first = {name: winner if root in (ours, theirs) else root for name, root in first.items()}
    return {name: root for name, root in first.items() if name != root}


@given(world=worlds(), every=st.booleans())
@settings(max_examples=40, deadline=None)
def test_components_are_those_of_the_definition(shop: Callable[..., Any], world: World, every: bool) -> None:
    config = EVERY_PAIR if every else FEW_PAIRS.model_copy(update={"compare": 64})
    built = shop(world, config, rule="components")
    assert {doc_id: partner for doc_id, (_, _, _, partner) in verdicts(built).items()} == components(world, config)
    assert shop(world, config, rule="components", memory=1 << 15, batch=2).verdicts().equals(built.verdicts())
    texts = {doc_id: text for snapshot in world for doc_id, _, text, _ in snapshot}
    told = {doc_id: value for doc_id, (_, _, value, _) in verdicts(built).items()}
    assert told == {doc_id: jaccard(texts[doc_id], texts[partner]) for doc_id, (_, _, _, partner) in verdicts(built).items()}


def test_a_chain_is_one_component_and_says_how_unlike_its_ends_are(build: Callable[..., Any], shard: Callable[..., Any]) -> None:
    chain = [(f"d{start}", " ".join("abcdefghijklmnop"[start : start + 8])) for start in range(4)]
    section = Deduped(methods=(MinHash(ngram=1, bands=24, rows=1, similarity=0.7),), rule="components")
    built = build({shard(number): [row] for number, row in enumerate(chain)}, section)
    assert built.kept() == ["d0"]
    assert built.verdicts().sort("doc_id")["value"].to_list() == [7 / 9, 6 / 10, 5 / 11]
    assert built.metrics["duplicates", "partition", ""].select("chained", "margin").row(0) == (2, None)


@pytest.mark.parametrize("config", [EVERY_PAIR, FEW_PAIRS.model_copy(update={"compare": 3})])
def test_verdicts_of_a_crowded_world_are_those_of_the_definition(shop: Callable[..., Any], config: MinHash) -> None:
    draw = random.Random(7)
    texts = [" ".join(draw.sample("abcdefghijkl", draw.randint(4, 8))) for _ in range(360)]
    names = draw.sample(range(360), 360)
    rows = [(f"d{name:03}", draw.choice(SHARDS)[0], text, text[:1]) for name, text in zip(names, texts, strict=True)]
    world = [rows[:120], rows[120:240], rows[240:]]
    expected = definition(world, config)
    assert 100 < len(expected) < 350
    assert verdicts(shop(world, config)) == expected


@given(world=worlds())
@settings(max_examples=15, deadline=None)
def test_no_two_kept_documents_match_and_every_partner_is_kept(shop: Callable[..., Any], world: World) -> None:
    built = shop(world, EVERY_PAIR)
    texts = {doc_id: text for snapshot in world for doc_id, _, text, _ in snapshot}
    kept = built.kept()
    pairs = [(a, b) for i, a in enumerate(kept) for b in kept[:i] if buckets(EVERY_PAIR, texts[a]) & buckets(EVERY_PAIR, texts[b])]
    assert [pair for pair in pairs if jaccard(*(texts[doc_id] for doc_id in pair)) >= 0.6] == []
    assert set(built.verdicts()["partner"]) <= set(kept)
    assert sorted([*kept, *built.verdicts()["doc_id"]]) == sorted(texts)


@given(world=worlds(), config=st.sampled_from([EVERY_PAIR, FEW_PAIRS]))
@settings(max_examples=15, deadline=None)
def test_one_snapshot_after_another_equals_all_at_once(shop: Callable[..., Any], world: World, config: MinHash) -> None:
    remembered: dict[str, Any] = {}
    for number in range(1, len(world)):
        shop(world[:number], config, remembered=remembered)
    last = shop(world, config, remembered=remembered)
    assert last.computed.count("step") == min(len(world), 1)
    assert last.verdicts().equals(shop(world, config).verdicts())


@given(world=worlds(), config=st.sampled_from([EVERY_PAIR, FEW_PAIRS]))
@settings(max_examples=15, deadline=None)
def test_verdicts_depend_neither_on_memory_nor_on_shards(shop: Callable[..., Any], world: World, config: MinHash) -> None:
    expected = shop(world, config)
    assert shop(world, config, memory=1 << 15, batch=2).verdicts().equals(expected.verdicts())
    other = {"books-0": "books-0", "web-0": "web-1", "web-1": "web-0"}
    moved = [[(doc_id, other[where], text, page) for doc_id, where, text, page in reversed(snapshot)] for snapshot in world]
    assert verdicts(shop(moved, config)) == verdicts(expected)


class Colliding(Exact):
    """Keys that say nothing: only verification tells texts apart."""

    def signatures(self, documents: pl.DataFrame) -> pl.DataFrame:
        return super().signatures(documents).with_columns(key=pl.col("size").cast(pl.UInt64) % 2)


@given(world=worlds())
@settings(max_examples=15, deadline=None)
def test_a_collision_of_digests_drops_nothing(build: Callable[..., Any], shard: Callable[..., Any], world: World) -> None:
    held = {shard(number): [(doc_id, text) for doc_id, _, text, _ in snapshot] for number, snapshot in enumerate(world)}
    honest, colliding = build(held, Deduped(methods=(Exact(),))), build(held, Deduped(methods=(Colliding(),)))
    assert colliding.verdicts().equals(honest.verdicts())
