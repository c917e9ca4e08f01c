"""What a plan will take, on the toy corpus: from records made up, and from those that real runs left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from toy import build, graph, world

from data4llm_assets.engine.digest import json_digest
from data4llm_assets.engine.forecast import Expected, Forecaster
from data4llm_assets.engine.loads import kind_of_work
from data4llm_assets.engine.measures import measure_ingredients
from data4llm_assets.engine.planner import plan
from data4llm_assets.engine.snapshots import Snapshots
from data4llm_assets.engine.state import Graph, State
from data4llm_assets.engine.store import Store

TEXTS = {"a__one": "hello", "a__two": "hi", "a__three": "good morning", "a__four": "four", "b__x": "yes", "b__y": "never mind"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return world(tmp_path / "world", **TEXTS)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def delivered(store: Store, toy: Graph) -> State:
    if "first" not in Snapshots(store, toy.corpus).all():
        Snapshots(store, toy.corpus).add("first", toy.sources)
    return State(toy, store)


def expected(store: Store, toy: Graph, records: list[Mapping[str, Any]] | None = None, workers: int = 1) -> dict[str, Expected]:
    """By `node partition`, of all that is due."""
    state = delivered(store, toy)
    due = plan(state)
    forecaster = Forecaster(state, due, workers, records)
    items = due.due("run", "follow")
    return {f"{item.node} {item.partition.key}".strip(): forecaster.expect(toy.nodes[item.node], item.partition) for item in items}


def cpu(found: Expected) -> float:
    return found.sums()["cpu_seconds"].expected


def kinds(found: Expected) -> set[str]:
    return {kind for kind, guess in found.guesses["cpu_seconds"] if guess.expected > 0}


def record(toy: Graph, node: str, partition: str, cpu_seconds: float, rows: int, **more: Any) -> dict[str, Any]:
    """As the shell writes it."""
    told = {"run": "run", "node": node, "partition": partition, "cpu_seconds": cpu_seconds, "seconds": 2 * cpu_seconds}
    amounts = {"rows_in": rows, "bytes_in": 0, "wrote": {}, "measured": [], "counters": {}, "first": False}
    return {**kind_of_work(toy.nodes[node]), **told, **amounts, "result": "published", **more}


def test_nothing_is_known_before_anything_ran(folder: Path, store: Store) -> None:
    found = expected(store, graph(folder), [])
    assert found["texts b-0|first"].unknown == ("texts",)
    assert cpu(found["texts b-0|first"]) == 0.0


def test_rows_that_are_expected_to_be_left_make_the_load_of_what_follows(folder: Path, store: Store) -> None:
    toy = graph(folder)
    records = [
        # Ten files gave twenty documents, at 0.1 s a file; 0.5 s a document after that.
        record(toy, "texts", "a-0|old", 1.0, 10, wrote={"documents": 20}),
        record(toy, "kept", "a-0|old", 10.0, 20, wrote={"kept": 15, "rows": 20}),
        record(toy, "kept", "a-1|old", 5.0, 10, wrote={"kept": 5, "rows": 10}),
    ]
    found = expected(store, toy, records)
    assert cpu(found["texts a-0|first"]) == pytest.approx(0.2, rel=0.1)
    # Two files, four documents.
    assert cpu(found["kept a-0|first"]) == pytest.approx(2.0, rel=0.1)
    assert found["kept a-0|first"].sums()["seconds"].expected == pytest.approx(4.0, rel=0.1)


def test_a_partition_is_expected_to_take_what_it_took(folder: Path, store: Store) -> None:
    toy = graph(folder)
    records = [record(toy, "texts", f"a-{shard}|first", cpu, 2) for shard, cpu in ((0, 1.0), (1, 4.0))]
    found = expected(store, toy, records)
    assert cpu(found["texts a-1|first"]) / cpu(found["texts a-0|first"]) == pytest.approx(4.0, rel=0.3)


def test_newer_runs_count_more(folder: Path, store: Store) -> None:
    toy = graph(folder)
    records = [record(toy, "texts", "b-0|first", cost, 2, run=run) for run, cost in (("1", 8.0), ("2", 2.0), ("3", 2.0))]
    assert 2.0 <= cpu(expected(store, toy, records)["texts b-0|first"]) < 3.5


def test_what_was_seen_with_other_parameters_is_less_sure(folder: Path, store: Store) -> None:
    toy, other = graph(folder), graph(folder, unit=2)
    records = [record(toy, "lengths", "b-0|first", 2.0, 2), record(toy, "lengths", "a-0|first", 2.0, 2)]
    same, changed = (expected(store, each, records)["lengths b-0|first"].sums()["cpu_seconds"].range() for each in (toy, other))
    assert same.expected == pytest.approx(changed.expected)
    assert changed.high - changed.low > 1.2 * (same.high - same.low)


def test_a_change_that_only_decides_is_expected_to_measure_nothing(folder: Path, store: Store) -> None:
    toy = graph(folder)
    build(store, toy)
    deciding = replace(toy, nodes={**toy.nodes, "lengths": replace(toy.nodes["lengths"], version="2")})
    found = expected(store, deciding)
    assert kinds(found["lengths a-0|first"]) == {"toy.lengths"}


def test_a_new_measure_is_expected_to_be_computed_for_everything(folder: Path, store: Store) -> None:
    build(store, graph(folder))
    measuring = graph(folder, unit=2)
    found = expected(store, measuring)
    assert set(found) >= {"lengths a-0|first", "lengths a-1|first", "lengths b-0|first"}
    (method,) = measuring.nodes["lengths"].methods
    measure = json_digest(measure_ingredients(method))
    state = delivered(store, measuring)
    forecaster = Forecaster(state, plan(state), 1)
    node, partition = measuring.nodes["lengths"], state.partition(measuring.nodes["lengths"], "a-0|first")
    amounts = {part: load.rows for _, load, part, _ in forecaster._measures(node, partition, forecaster.load(node, partition))}
    assert amounts == {measure: 2.0, "texts": 2.0}


def test_of_a_shard_with_one_more_text_only_that_is_expected_to_be_measured(folder: Path, store: Store) -> None:
    toy = graph(folder)
    build(store, toy)
    world(folder, b__z="one more")
    Snapshots(store, "toy").add("first", toy.sources, relist=True)
    # Texts are made anew, and are those of before but for one.
    build_only(store, toy, "texts")
    state = delivered(store, toy)
    forecaster = Forecaster(state, plan(state), 1)
    node, partition = toy.nodes["lengths"], state.partition(toy.nodes["lengths"], "b-0|first")
    amounts = [load.rows for _, load, part, _ in forecaster._measures(node, partition, forecaster.load(node, partition))]
    assert amounts == [pytest.approx(1.0), pytest.approx(1.0)]


def test_the_first_time_in_each_process_is_shared_by_all_partitions(folder: Path, store: Store) -> None:
    toy = graph(folder)
    records = [record(toy, "texts", "x-0|old", 3.0 + 0.1 * rows, rows, first=True) for rows in (10, 20)]
    records += [record(toy, "texts", "x-1|old", 0.1 * rows, rows) for rows in (10, 20, 30)]
    found = expected(store, toy, records, workers=1)
    # Of three partitions one is the first; each has two files.
    assert cpu(found["texts b-0|first"]) == pytest.approx(1.0 + 0.2, rel=0.15)
    assert cpu(expected(store, toy, records, workers=3)["texts b-0|first"]) == pytest.approx(3.0 + 0.2, rel=0.15)


def test_training_tokens_are_forecast_where_a_step_makes_them(folder: Path, store: Store) -> None:
    toy = graph(folder)
    records = [record(toy, "joined", f"part-{part}", 1.0, 30, counters={"training_tokens": 3000}) for part in (0, 1)]
    found = expected(store, toy, records)
    # Six documents over two parts, at a hundred tokens each.
    assert found["joined part-0"].sums()["training_tokens"].expected == pytest.approx(300, rel=0.05)
    assert found["texts b-0|first"].sums()["training_tokens"].expected == 0


def build_only(store: Store, toy: Graph, node: str) -> None:
    from data4llm_assets.engine.run import bring_up_to_date, inline, selected

    state = State(toy, store)
    assert bring_up_to_date(state, inline(state, "only"), "only", selection=selected([node], [], [])).ok
