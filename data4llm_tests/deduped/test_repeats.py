"""Repeated windows against their definition: every window of every document compared in plain Python."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Literal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data4llm_assets.deduped.budget import NotEnoughMemory
from data4llm_assets.deduped.lines import Lines
from data4llm_assets.deduped.paragraphs import Paragraphs
from data4llm_assets.deduped.stage import Deduped
from data4llm_assets.deduped.windows import Windowed
from data4llm_assets.node import Partition, Ref

Text = list[tuple[str, str]]
"""Sentences, and what stands behind each."""
Row = tuple[str, str, Text]
"""doc_id, shard, text."""
World = list[list[Row]]
Span = tuple[str, int, int, str]
"""doc_id, start, end, partner."""
Build = Callable[..., Any]
SHARDS = (("books-0", 0), ("web-0", 1), ("web-1", 1))
SENTENCES = st.sampled_from(["Aa.", "B b!", "Cé?", "dd 5.", "中。"])
GAPS = st.sampled_from([" ", "  ", "\n", " \n\n", " * * *\n"])
TEXTS = st.lists(st.tuples(SENTENCES, GAPS), max_size=7)
METHODS = [Lines(), Lines(span=2, keep="none"), Lines(span=1), Paragraphs(keep="none"), Lines(unit="lines", span=2), Paragraphs()]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    rows = st.tuples(st.sampled_from([name for name, _ in SHARDS]), TEXTS)
    snapshots = draw(st.lists(st.lists(rows, max_size=6), min_size=1, max_size=4))
    names = iter(draw(st.permutations(range(sum(map(len, snapshots))))))
    return [[(f"d{next(names):02}", shard, text) for shard, text in snapshot] for snapshot in snapshots]


def written(text: Text) -> str:
    return "".join(sentence + gap for sentence, gap in text)


def units(text: Text, method: Windowed) -> Text:
    """What is compared of a text, and what stands behind each."""
    if method.cut.sentences:
        return text
    lines: Text = []
    for sentence, gap in text:
        line, behind = lines.pop() if lines and "\n" not in lines[-1][1] else ("", "")
        lines.append((line + behind + sentence, gap))
    return lines


def definition(world: World, method: Windowed, scope: str) -> list[Span]:
    found: list[Span] = []
    groups: dict[str, list[Row]] = {}
    for number, snapshot in enumerate(world):
        for row in sorted(snapshot, key=lambda row: (not row[1].startswith("books"), row[0])):
            key = {"corpus": "", "snapshot": str(number), "shard": f"{number} {row[1]}"}[scope]
            groups.setdefault(key, []).append(row)
    for rows in groups.values():
        first: dict[tuple[str, ...], str] = {}
        times: dict[tuple[str, ...], int] = {}
        cut = {doc_id: units(text, method) for doc_id, _, text in rows}
        for text in cut.values():
            for window in windows(text, method):
                times[window] = times.get(window, 0) + 1
        for doc_id, text in cut.items():
            partner: list[str | None] = [None] * len(text)
            for k, window in enumerate(windows(text, method)):
                again = window in first if method.keep == "first" else times[window] > 1
                first.setdefault(window, doc_id)
                for unit in range(k, k + method.cut.span) if again else ():
                    partner[unit] = partner[unit] or first[window]
            found += spans(doc_id, text, partner)
    return sorted(found)


def windows(text: Text, method: Windowed) -> list[tuple[str, ...]]:
    span = method.cut.span
    words = [" ".join(sentence.lower().replace("é", "e").replace(" * * *", "").split()) for sentence, _ in text]
    return [tuple(words[k : k + span]) for k in range(len(text) - span + 1)]


def spans(doc_id: str, text: Text, partner: list[str | None]) -> list[Span]:
    bounds = [0]
    for sentence, gap in text:
        bounds.append(bounds[-1] + len((sentence + gap).encode()))
    found, k = [], 0
    while k < len(text):
        if partner[k] is None:
            k += 1
            continue
        first = k
        while k < len(text) and partner[k] is not None:
            begin = k
            while k < len(text) and partner[k] == partner[begin]:
                k += 1
            found.append((doc_id, bounds[begin], bounds[k], str(partner[begin])))
        within, gap = first > 0 and "\n" not in text[first - 1][1], text[k - 1][1]
        if k < len(text) and within and "\n" in gap:  # a line that has lost its end only is still a line
            doc_id, begin, _, whom = found.pop()
            found.append((doc_id, begin, bounds[k] - len(gap) + gap.index("\n"), whom))
    return found


@pytest.fixture(scope="module")
def shop(build: Build, shard: Build) -> Build:
    def run(world: World, method: Windowed, scope: Literal["corpus", "snapshot", "shard"] = "corpus", **options: Any) -> Any:
        held = {
            shard(number, name, priority): [(doc_id, written(text)) for doc_id, where, text in snapshot if where == name]
            for number, snapshot in enumerate(world)
            for name, priority in SHARDS
        }
        return build(held, Deduped(methods=(method,), scope=scope), **options)

    return run


def published(shop: Any) -> list[Span]:
    tables = [table for _, table in shop.read_all(Ref("duplicates", "spans"))]
    assert all(table.equals(table.sort("doc_id", "start")) for table in tables)
    return sorted(row for table in tables for row in table.rows())


@given(world=worlds(), method=st.sampled_from(METHODS), scope=st.sampled_from(["corpus", "snapshot", "shard"]))
@settings(max_examples=150, deadline=None)
def test_spans_are_those_of_the_definition(shop: Build, world: World, method: Windowed, scope: Any) -> None:
    built = shop(world, method, scope)
    assert published(built) == definition(world, method, scope)
    assert built.metrics["duplicates", "partition", ""]["left_over"][0] == 0


def crowded() -> World:
    draw = random.Random(7)
    sentences = [f"{a} {b}." for a in "pqrstu" for b in "vwxyz"]
    gaps = [" ", " ", "\n"]
    texts = [[(draw.choice(sentences), draw.choice(gaps)) for _ in range(draw.randint(0, 12))] for _ in range(360)]
    names = draw.sample(range(360), 360)
    rows = [(f"d{name:03}", draw.choice(SHARDS)[0], text) for name, text in zip(names, texts, strict=True)]
    return [rows[:120], rows[120:240], rows[240:]]


@pytest.mark.parametrize("method", [Lines(span=2), Lines(span=2, keep="none"), Paragraphs(keep="none")])
@pytest.mark.parametrize("memory", [120_000, 1 << 28])
def test_spans_of_a_crowded_world_are_those_of_the_definition(shop: Build, method: Windowed, memory: int) -> None:
    expected = definition(crowded(), method, "corpus")
    assert len(expected) > 200
    assert published(shop(crowded(), method, memory=memory)) == expected


def least_memory(run: Callable[[int], Any]) -> Any:
    """What comes of the least memory that is not refused, found as the refusals say."""
    memory = 2_000
    for _ in range(100):
        try:
            return run(memory)
        except NotEnoughMemory as lacking:
            memory = lacking.needed
    return None


@given(world=worlds(), method=st.sampled_from(METHODS), scope=st.sampled_from(["corpus", "snapshot"]))
@settings(max_examples=60, deadline=None)
def test_spans_depend_neither_on_memory_nor_on_shards_nor_on_batches(
    shop: Build, world: World, method: Windowed, scope: Any
) -> None:
    expected = shop(world, method, scope)
    small = least_memory(lambda memory: shop(world, method, scope, memory=memory, batch=2))
    for some in small.partitions:
        for table in ("spans", "verdicts"):
            ref = Ref("duplicates", table)
            assert small.table(ref, some.key).equals(expected.table(ref, some.key))
    other = {"books-0": "books-0", "web-0": "web-1", "web-1": "web-0"}
    moved = [[(doc_id, other[where], text) for doc_id, where, text in reversed(snapshot)] for snapshot in world]
    assert published(shop(moved, method, scope)) == published(expected)


@given(world=worlds(), method=st.sampled_from([method for method in METHODS if method.keep == "first"]))
@settings(max_examples=40, deadline=None)
def test_one_snapshot_after_another_equals_all_at_once_and_one_withdrawn_never_was(
    shop: Build, world: World, method: Windowed
) -> None:
    remembered: dict[str, Any] = {}
    for number in range(1, len(world)):
        shop(world[:number], method, remembered=remembered)
    last = shop(world, method, remembered=remembered)
    assert last.computed == ["step"]
    assert published(last) == published(shop(world, method))
    shorter = world[:-1] or [[]]
    assert shop(shorter, method, remembered=remembered).computed == [] or len(world) == 1
    without = shop(world[1:] or [[]], method)
    assert published(without) == published(shop(world[1:] or [[]], method, remembered=remembered))


@given(world=worlds())
@settings(max_examples=60, deadline=None)
def test_every_sentence_taken_out_stands_in_an_earlier_place(shop: Build, world: World) -> None:
    built = shop(world, Lines(span=2))
    texts = {doc_id: text for snapshot in world for doc_id, _, text in snapshot}
    order = [doc_id for number in world for doc_id, *_ in sorted(number, key=lambda row: (not row[1].startswith("books"), row[0]))]
    taken = published(built)
    left: set[str] = set()
    for doc_id in order:
        at = 0
        for sentence, gap in texts[doc_id]:
            gone = any(whose == doc_id and start <= at < end for whose, start, end, _ in taken)
            assert not gone or sentence in left
            left |= set() if gone else {sentence}
            at += len((sentence + gap).encode())


class HalfADigest(Lines):
    """All windows agree in half of their digest."""

    def signatures(self, documents: pl.DataFrame) -> pl.DataFrame:
        signed = super().signatures(documents)
        return signed.with_columns(
            low=pl.when(pl.col("size") > 0).then(pl.col("low").list.eval(pl.element() * 0 + 7)).otherwise("low")
        )


@given(world=worlds())
@settings(max_examples=30, deadline=None)
def test_windows_that_agree_in_half_of_their_digests_are_two(shop: Build, world: World) -> None:
    assert published(shop(world, HalfADigest(span=1))) == published(shop(world, Lines(span=1)))


def test_a_document_that_two_shards_hold_is_one(build: Build, shard: Build) -> None:
    shop = build(
        {shard(0): [("a", "One.\nTwo."), ("a", "One.\nTwo.")], shard(0, "web-1"): [("a", "One.\nTwo."), ("b", "Two.\nThree.")]},
        Deduped(methods=(Paragraphs(),)),
    )
    assert published(shop) == [("b", 0, 5, "a")]
    assert shop.verdicts().select("doc_id", "rule", "partner", "key").rows() == [("a", "identity.doc_id", "a", "web-1|s00")]
    assert shop.metrics["duplicates", "partition", ""].select("documents", "dropped", "edited", "windows").row(0) == (3, 1, 1, 4)


def test_too_little_memory_says_how_much_is_needed(build: Build, shard: Build) -> None:
    with pytest.raises(NotEnoughMemory, match="paragraphs over the signatures of") as lack:
        build({shard(0): [("a", "One.\nTwo.\n" * 500)]}, Deduped(methods=(Paragraphs(),)), memory=20_000)
    assert 80_000 < lack.value.needed < 160_000
    build({shard(0): [("a", "One.\nTwo.\n" * 500)]}, Deduped(methods=(Paragraphs(),)), memory=lack.value.needed)


def test_boilerplate_and_empty_documents_cost_no_more_than_their_number(build: Build, shard: Build, monkeypatch: Any) -> None:
    counted: dict[str, int] = {}

    def count(self: Any, name: str, amount: int) -> None:
        counted[name] = counted.get(name, 0) + amount

    monkeypatch.setattr(type(build({shard(0): []})), "count", count)
    held: dict[Partition, list[tuple[str, str]]] = {
        shard(number): [(f"{number}-{row:06}", "Menu\nHome\nAbout us\n" if row % 2 else "") for row in range(25_000)]
        for number in range(4)
    }
    shop = build(held, Deduped(methods=(Paragraphs(),)))
    windows = 3 * 50_000
    assert counted["slots_looked_at"] < 4 * windows
    assert shop.metrics["duplicates", "partition", ""].select("windows", "repeated", "edited", "left_over").row(0) == (
        windows, windows - 3, 49_999, 0,
    )  # fmt: skip
