"""What the engine asks of the store: counted, since a second is another on every machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
from toy import Folder, build, graph, world

from data4llm_assets.corpus import Corpus
from data4llm_assets.engine.digest import json_digest
from data4llm_assets.engine.planner import plan
from data4llm_assets.engine.run import carry_out, frontier
from data4llm_assets.engine.snapshots import Snapshots
from data4llm_assets.engine.state import Graph, State
from data4llm_assets.engine.store import Store


class Counting(Store):
    """A store that counts what is asked of it."""

    def __init__(self, uri: str) -> None:
        super().__init__(uri)
        self.asked: Counter[str] = Counter()

    def get(self, path: str) -> bytes | None:
        self.asked["get"] += 1
        return super().get(path)

    def create(self, path: str, data: bytes) -> bool:
        self.asked["create"] += 1
        return super().create(path, data)

    def exists(self, path: str) -> bool:
        self.asked["exists"] += 1
        return super().exists(path)

    def objects(self, prefix: str) -> Iterator[tuple[str, int, float]]:
        self.asked["list"] += 1
        return super().objects(prefix)

    def read_table(self, file: str, columns: list[str] | None = None) -> pl.DataFrame:
        self.asked["read"] += 1
        return super().read_table(file, columns)


def wide(folder: Path, shards: int, **changed: int) -> Graph:
    """The toy with so many shards, three files for each."""
    toy = graph(world(folder, **{f"a__{index}": f"text {index}" for index in range(3 * shards)}), **changed)  # type: ignore[arg-type]
    return replace(toy, sources={"a": Folder(path=str(folder / "a"), shards=shards)})


def asked_by_the_second_job(store: Counting, toy: Graph) -> tuple[tuple[str, ...], Counter[str]]:
    """The nodes of a frontier's second job, and what it asks for: the first one lists what its process did not know."""
    first, second, *_ = frontier(planned := State(toy, store), plan(planned), set())
    state = State(toy, store)
    assert carry_out(state, first, "run").error is None
    store.asked.clear()
    done = carry_out(state, second, "run")
    assert [outcome.result for outcome in done.outcomes] == ["published"] * len(second.nodes)
    return second.nodes, store.asked.copy()


def test_a_job_asks_for_as_much_among_many_partitions_as_among_few(tmp_path: Path) -> None:
    found = []
    for shards in (4, 24):
        store = Counting(str(tmp_path / f"store-{shards}"))
        toy = wide(tmp_path / f"world-{shards}", shards)
        Snapshots(store, "toy").add("first", toy.sources)
        found.append([asked_by_the_second_job(store, toy)])
        build(store, toy)
        found[-1].append(asked_by_the_second_job(store, wide(tmp_path / f"world-{shards}", shards, minimum=6)))
    few, many = found
    assert few == many
    assert [nodes for nodes, _ in few] == [("texts", "lengths"), ("kept",)]
    # What was measured of the shard is listed, no register is.
    assert [asked["list"] for _, asked in few] == [1, 0]


def test_planning_reads_every_reference_once_and_every_listing_once(tmp_path: Path) -> None:
    toy = wide(tmp_path / "world", 12)
    build(Store(str(tmp_path / "store")), toy)
    store = Counting(str(tmp_path / "store"))
    state = State(toy, store)
    due = plan(state)
    assert due.current
    assert store.asked == {"list": len(toy.nodes) + 1, "get": len(due.items) + 1, "read": 1}
    store.asked.clear()
    state.refresh()
    assert plan(state).current
    assert store.asked == {"list": len(toy.nodes) + 1}


def test_planning_reads_each_of_many_snapshots_listings_once_though_two_nodes_ask(tmp_path: Path) -> None:
    toy = wide(tmp_path / "world", 1)
    toy = replace(toy, nodes={**toy.nodes, "lengths": replace(toy.nodes["lengths"], lists_sources=True)})
    snapshots = Snapshots(Store(str(tmp_path / "store")), "toy")
    for number in range(40):
        world(tmp_path / "world", a__new=f"text of {number}")
        snapshots.add(f"n{number}", toy.sources)
    build(Store(str(tmp_path / "store")), toy, "n0")
    store = Counting(str(tmp_path / "store"))
    state = State(toy, store)
    assert len(plan(state).items) == 40 * 3 + 3
    assert store.asked["read"] == 40
    state.refresh()
    plan(state)
    assert store.asked["read"] == 40


def test_a_fingerprint_is_the_digest_of_the_ingredients(tmp_path: Path) -> None:
    toy = wide(tmp_path / "world", 2)
    build(store := Store(str(tmp_path / "store")), toy)
    seen = 0
    for state in (State(toy, store), Corpus("micro", store).state):
        for node in state.graph.nodes.values():
            for partition in state.partitions(node):
                inputs = state.inputs(node, partition) if state.graph is toy else {}
                ingredients = state.ingredients(node, partition, inputs)
                assert state.fingerprint(node, partition, inputs) == json_digest(ingredients)
                seen += 1
    assert seen > 10
