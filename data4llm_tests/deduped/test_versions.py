"""One document for each URL: which one, and whom the others name."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from data4llm_assets.deduped.budget import NotEnoughMemory
from data4llm_assets.deduped.exact import Exact
from data4llm_assets.deduped.minhash import MinHash
from data4llm_assets.deduped.stage import Deduped
from data4llm_assets.deduped.url import Url
from data4llm_assets.document import DOCUMENTS, conform
from deduped.conftest import PLACE

Make = Callable[..., Any]
HOME, NEWS = "http://a.com/", "https://a.com/news?utm_source=x"
STORY = " ".join(f"word{number}" for number in range(120))
SIMILAR = STORY.replace("word60", "else60")
FIRST, NEWEST = Deduped(methods=(Url(), MinHash())), Deduped(methods=(Url(keep="newest"), MinHash()))


def told(shop: Any) -> list[tuple[str, str, str, str]]:
    return shop.verdicts().sort("doc_id").select("doc_id", "rule", "action", "partner").rows()


def test_the_first_version_stands_and_the_newest_if_asked(build: Make, shard: Make) -> None:
    held = {shard(0): [("a", "old text", "p", HOME)], shard(1): [("b", "new text", "p", "http://www.a.com")]}
    assert told(build(held, FIRST)) == [("b", "url.version", "drop", "a")]
    newest = build(held, NEWEST)
    assert told(newest) == [("a", "url.version", "carry", "b")]
    assert newest.verdicts()["key"].to_list() == ["web-0|s00"]
    assert newest.kept() == ["b"]


def test_an_unchanged_page_is_carried(build: Make, shard: Make) -> None:
    held = {
        shard(number): [(name, text, "p", HOME)]
        for number, (name, text) in enumerate([("a", "x"), ("b", "x"), ("c", "y"), ("d", "y")])
    }
    assert told(build(held, FIRST)) == [
        ("b", "url.version", "carry", "a"), ("c", "url.version", "drop", "a"), ("d", "url.version", "carry", "a"),
    ]  # fmt: skip
    assert told(build(held, NEWEST)) == [
        ("a", "url.version", "carry", "c"), ("b", "url.version", "carry", "c"), ("d", "url.version", "carry", "c"),
    ]  # fmt: skip


def test_who_loses_to_a_document_that_repeats_another_names_that_one(build: Make, shard: Make) -> None:
    held = {
        shard(0): [("a", STORY, "n", NEWS), ("b", "something else", "h", HOME)],
        shard(1): [("c", SIMILAR, "h", HOME)],
    }
    newest = build(held, NEWEST)
    assert told(newest) == [("b", "url.version", "carry", "a"), ("c", "minhash.similarity", "drop", "a")]
    assert newest.metrics["duplicates", "partition", ""].select("documents", "kept", "dropped", "versions").row(0) == (3, 1, 1, 1)
    assert newest.metrics["duplicates", "sources", ""].select("documents", "dropped").row(0) == (3, 1)


def test_documents_without_a_url_stand_for_themselves(build: Make, shard: Make) -> None:
    held = {shard(0): [("a", "one", "p"), ("b", "two", "p"), ("c", "three", "p", "no address")]}
    assert build(held, FIRST).kept() == ["a", "b", "c"]


def test_a_document_in_two_shards_is_no_version_of_itself(build: Make, shard: Make) -> None:
    held = {shard(0, "web-0"): [("a", "one", "p", HOME)], shard(0, "web-1"): [("a", "one", "p", HOME), ("b", "two", "p", HOME)]}
    assert told(build(held, FIRST)) == [("a", "identity.doc_id", "drop", "a"), ("b", "url.version", "drop", "a")]


def test_urls_alone_compare_no_text(build: Make, shard: Make) -> None:
    shop = build({shard(0): [("a", "same", "p", HOME), ("b", "same", "q", NEWS)]}, Deduped(methods=(Url(),)))
    assert (shop.kept(), shop.fetched) == (["a", "b"], 0)
    assert shop.metrics["deduped", "partition", "web-0|s00"]["repeated_texts"].to_list() == [None]


def test_a_smaller_scope_compares_no_snapshots(build: Make, shard: Make) -> None:
    held = {shard(0): [("a", "one", "p", HOME)], shard(1): [("b", "two", "p", HOME), ("c", "three", "p", HOME)]}
    assert told(build(held, Deduped(methods=(Url(),), scope="snapshot"))) == [("c", "url.version", "drop", "b")]
    with pytest.raises(ValidationError, match="keep: newest compares snapshots"):
        Deduped(methods=(Url(keep="newest"),), scope="snapshot")


PAGES = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["web-0", "web-1"]), st.sampled_from("xyz")), max_size=8)


@given(
    world=st.lists(PAGES, min_size=1, max_size=4),
    keep=st.sampled_from(["first", "newest"]),
    names=st.randoms(use_true_random=False),
)
@settings(max_examples=60, deadline=None)
def test_one_document_stands_for_each_url(build: Make, shard: Make, world: Any, keep: str, names: Any) -> None:
    order = names.sample(range(100), 100)
    rows = [[(f"d{order.pop():02}", where, text, page) for page, where, text in snapshot] for snapshot in world]
    held = {
        shard(number, name): [
            (doc_id, text, page, f"http://a.com/{page}") for doc_id, where, text, page in snapshot if where == name
        ]
        for number, snapshot in enumerate(rows)
        for name in ("web-0", "web-1")
    }
    shop = build(held, Deduped(methods=(Url(keep=keep), Exact())))
    winners: dict[str, tuple[str, str]] = {}
    for snapshot in rows:
        seen: set[str] = set()
        for doc_id, _, text, page in sorted(snapshot):
            replaces = keep == "newest" and page not in seen and page in winners and winners[page][1] != text
            if page not in winners or replaces:
                winners[page] = (doc_id, text)
            seen.add(page)
    standing = {doc_id for doc_id, _ in winners.values()}
    verdicts = shop.verdicts()
    assert {doc_id for doc_id, rule, _, _ in told(shop) if rule == "url.version"} == {
        row[0] for snapshot in rows for row in snapshot
    } - standing
    assert set(verdicts["partner"]) <= set(shop.kept()) <= standing


@pytest.mark.parametrize("keep", ["first", "newest"])
def test_the_least_memory_that_works_gives_the_same_verdicts(build: Make, shard: Make, keep: str) -> None:
    draw = random.Random(3)
    held = {
        shard(number): [
            (f"s{number}d{draw.getrandbits(30)}", " ".join(draw.choices("abcdefghij", k=8)), page, f"http://a.com/{page}")
            for page in map(str, draw.choices(range(60), k=40))
        ]
        for number in range(3)
    }
    section, memory = Deduped(methods=(Url(keep=keep), MinHash(ngram=1, bands=40, rows=1, similarity=0.7))), 1
    expected = build(held, section)
    while True:
        try:
            shop = build(held, section, memory=memory)
        except NotEnoughMemory as error:
            memory = error.needed
        else:
            break
    assert shop.verdicts().equals(expected.verdicts())
    assert expected.verdicts()["rule"].n_unique() == 2


@pytest.mark.parametrize(
    ("keep", "doc_id", "action", "note"),
    [
        ("first", "a", "keep", "stands for its URL before b"),
        ("first", "b", "drop", "a stands for this URL"),
        ("first", "new", "drop", "a stands for this URL"),
        ("newest", "a", "drop", "b stands for this URL"),
        ("newest", "new", "keep", "stands for its URL before a"),
    ],
)
def test_a_trial_says_who_stands_for_the_url(build: Make, shard: Make, keep: str, doc_id: str, action: str, note: str) -> None:
    section = Deduped(methods=(Url(keep=keep),))
    shop = build({shard(0): [("a", "old", "p", HOME)], shard(1): [("b", "new", "p", HOME)]}, section)
    row = pl.DataFrame([{"doc_id": doc_id, "text": "text", "url": HOME}])
    (verdict,) = section.trial(PLACE, conform(row, DOCUMENTS), shop).verdicts
    assert (verdict.action, verdict.note) == (action, note)
