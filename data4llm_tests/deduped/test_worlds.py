"""Whatever happens to a corpus step by step, it is the corpus that would have been built from scratch, table by table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data4llm_assets.deduped.bff import Bff
from data4llm_assets.deduped.exact import Exact
from data4llm_assets.deduped.lines import Lines
from data4llm_assets.deduped.matching import Matching
from data4llm_assets.deduped.minhash import MinHash
from data4llm_assets.deduped.minhash_bloom import MinHashBloom
from data4llm_assets.deduped.paragraphs import Paragraphs
from data4llm_assets.deduped.stage import METHODS, Deduped
from data4llm_assets.deduped.substring import Substring
from data4llm_assets.deduped.url import Url
from data4llm_assets.document import DECISIONS
from data4llm_assets.node import Ref

NEAR = MinHash(ngram=1, bands=12, rows=1, similarity=0.7)
SECTIONS = {
    "compared": Deduped(methods=(Url(), Exact(), NEAR)),
    "newest": Deduped(methods=(Url(keep="newest"), Exact(), NEAR)),
    "components": Deduped(methods=(Exact(), NEAR), rule="components"),
    "within snapshots": Deduped(methods=(Url(), Exact(), NEAR), scope="snapshot"),
    "within shards": Deduped(methods=(Exact(), NEAR), scope="shard"),
    "spans of sentences": Deduped(methods=(Lines(span=2),)),
    "spans of sentences in no copy": Deduped(methods=(Lines(span=2, keep="none"),)),
    "paragraphs": Deduped(methods=(Paragraphs(),)),
    "substrings": Deduped(methods=(Substring(length=12),)),
    "substrings in no copy": Deduped(methods=(Substring(length=12, keep="none"),)),
    "bands seen before": Deduped(methods=(MinHashBloom(ngram=1, bands=12, rows=1, capacity=100),)),
    "n-grams seen before": Deduped(methods=(Bff(ngram=3, min_ngram=1, capacity=1000),)),
    "n-grams of a snapshot": Deduped(methods=(Bff(ngram=3, min_ngram=1, capacity=1000),), scope="snapshot"),
}
SHARDS = ("books-0", "web-0", "web-1")
SENTENCES = [
    "Here it begins.",
    "Then we went on!",
    "Was it late? ",
    "Nobody came, ",
    "雨が降る。",
    "An end.\n",
    "\n",
    "More of it; ",
]
TEXTS = st.lists(st.sampled_from(SENTENCES), max_size=8).map("".join)
ROWS = st.lists(st.tuples(st.sampled_from(SHARDS), TEXTS, st.sampled_from("abc")), max_size=6)
CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("arrive"), ROWS),
        st.tuples(st.just("withdraw"), st.integers(0, 9)),
        st.tuples(st.just("extract anew"), st.tuples(st.integers(0, 9), TEXTS)),
    ),
    min_size=1,
    max_size=5,
)
Snapshots = dict[int, list[tuple[str, str, str, str]]]
"""By arrival: (doc_id, shard, text, page)."""


def after(world: Snapshots, change: tuple[str, Any], names: Any) -> Snapshots:
    kind, what = change
    if kind == "arrive":
        number = max(world, default=-1) + 1
        return {**world, number: [(f"{names.getrandbits(40):010x}-{number}-{place}", *row) for place, row in enumerate(what)]}
    if not world:
        return world
    number = list(world)[(what if kind == "withdraw" else what[0]) % len(world)]
    if kind == "withdraw":
        return {arrival: rows for arrival, rows in world.items() if arrival != number}
    return {**world, number: [(doc_id, where, what[1], page) for doc_id, where, _, page in world[number]]}


def tables(shop: Any) -> dict[tuple[str, str, str], list[Any]]:
    return {where: pl.concat(frames).rows() for where, frames in shop.tables.items()}


@pytest.fixture(scope="module")
def world_of(build: Callable[..., Any], shard: Callable[..., Any]) -> Callable[..., Any]:
    def run(world: Snapshots, section: Deduped, order: tuple[str, ...] = SHARDS, **options: Any) -> Any:
        held = {
            shard(number, name, int(not name.startswith("books"))): [
                (doc_id, text, page, f"http://a.com/{page}") for doc_id, where, text, page in rows if where == name
            ]
            for number, rows in world.items()
            for name in order
        }
        return build(held, section, **options)

    return run


@pytest.mark.parametrize("name", SECTIONS)
@given(changes=CHANGES, names=st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_step_by_step_is_from_scratch(world_of: Callable[..., Any], name: str, changes: list[tuple[str, Any]], names: Any) -> None:
    section, world, remembered = SECTIONS[name], Snapshots(), {}
    for change in changes:
        world = after(world, change, names)
        grown = world_of(world, section, remembered=remembered)
    little = 1 << 25 if isinstance(section.methods[0], Substring) else 1 << 17
    scratch = world_of(world, section, SHARDS[::-1], memory=little, batch=2)
    assert tables(grown) == tables(scratch)
    assert grown.metrics.keys() == scratch.metrics.keys()
    assert all(frame.equals(scratch.metrics[where]) for where, frame in grown.metrics.items())


@pytest.mark.parametrize("name", SECTIONS)
@given(changes=CHANGES, names=st.randoms(use_true_random=False))
@settings(max_examples=10, deadline=None)
def test_who_is_dropped_names_somebody_who_stands(
    world_of: Callable[..., Any], name: str, changes: list[tuple[str, Any]], names: Any
) -> None:
    world = Snapshots()
    for change in changes:
        world = after(world, change, names)
    shop = world_of(world, SECTIONS[name])
    decisions = pl.concat([pl.DataFrame(schema=DECISIONS), *(table for _, table in shop.read_all(Ref("deduped", "decisions")))])
    gone, kept = decisions.filter(pl.col("action") != "edit"), set(shop.kept())
    documents = {row[0] for rows in world.values() for row in rows}
    assert sorted([*kept, *gone["doc_id"]]) == sorted(documents)
    if all(isinstance(method, (Url, Matching)) for method in SECTIONS[name].methods):
        assert set(gone["partner"]) <= kept


def test_every_method_is_tried() -> None:
    assert {method.method for section in SECTIONS.values() for method in section.methods} == set(METHODS)
