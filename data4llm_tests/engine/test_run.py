from __future__ import annotations

import random
from pathlib import Path

import pytest
from toy import build, graph, manifests, world

from data4llm_assets.engine import shell
from data4llm_assets.engine.expectations import refused, sentence
from data4llm_assets.engine.planner import plan
from data4llm_assets.engine.run import Report, bring_up_to_date, inline
from data4llm_assets.engine.snapshots import Snapshots
from data4llm_assets.engine.state import State
from data4llm_assets.engine.store import Store

TEXTS = {"a__one": "hello", "a__two": "hi", "a__three": "good morning", "b__x": "yes", "b__y": "never mind"}


def results(report: Report) -> list[tuple[str, str, str]]:
    return sorted((outcome.node, outcome.partition, outcome.result) for outcome in report.outcomes)


def measures(store: Store) -> list[str]:
    return sorted(path for path, _, _ in store.objects("measures/"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return world(tmp_path / "world", **TEXTS)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def test_stretches_end_at_barriers(folder: Path) -> None:
    assert graph(folder).stretches == [("texts", "lengths"), ("longest",), ("kept",), ("joined",)]


def test_a_second_run_has_nothing_to_do(folder: Path, store: Store) -> None:
    first = build(store, graph(folder))
    assert first.ok
    assert {outcome.result for outcome in first.outcomes} == {"published"}
    second = build(store, graph(folder))
    assert second.plan.current
    assert (second.jobs, second.outcomes) == (0, [])


def test_a_threshold_decides_again_and_measures_nothing(folder: Path, store: Store) -> None:
    build(store, graph(folder))
    before = measures(store)
    due = plan(State(graph(folder, minimum=6), store)).by_node()
    assert due["kept"]["reasons"] == {"minimum: 3 → 6": 3}
    assert due["texts"]["current"] == due["lengths"]["current"] == 3
    report = build(store, graph(folder, minimum=6))
    assert {outcome.node for outcome in report.outcomes} == {"kept", "joined"}
    assert measures(store) == before


def test_a_threshold_that_changes_no_verdict_stops_the_wave(folder: Path, store: Store) -> None:
    build(store, graph(folder, minimum=4))
    report = build(store, graph(folder, minimum=5))
    assert {outcome.node for outcome in report.outcomes} == {"kept"}


def test_going_back_makes_nothing(folder: Path, store: Store) -> None:
    build(store, graph(folder))
    build(store, graph(folder, minimum=6))
    before = manifests(store)
    back = build(store, graph(folder))
    assert back.jobs == 0
    assert {outcome.result for outcome in back.outcomes} == {"adopted"}
    assert manifests(store) == before
    assert build(store, graph(folder)).outcomes == []


def test_two_corpora_share_what_they_have_in_common(folder: Path, store: Store) -> None:
    build(store, graph(folder))
    other = build(store, graph(folder, corpus="other"))
    assert other.jobs == 0
    assert {outcome.result for outcome in other.outcomes} == {"adopted"}


def test_one_more_file_touches_one_shard_up_to_the_barrier(folder: Path, store: Store) -> None:
    toy = graph(folder)
    build(store, toy)
    world(folder, a__four="four")
    assert build(store, toy).plan.current
    Snapshots(store, "toy").add("first", toy.sources, relist=True)
    report = build(store, toy)
    assert report.ok
    grid = [(outcome.node, outcome.partition) for outcome in report.outcomes if outcome.node in ("texts", "lengths")]
    assert len(grid) == 2
    assert len({partition for _, partition in grid}) == 1


def test_the_listing_order_and_the_order_of_jobs_change_no_byte(folder: Path, tmp_path: Path) -> None:
    found = []
    for seed in range(3):
        store, toy = Store(str(tmp_path / f"store-{seed}")), graph(folder)
        Snapshots(store, "toy").add("first", dict(random.Random(seed).sample(list(toy.sources.items()), 2)))
        state = State(toy, store)
        execute = inline(state, "run")
        shuffled = random.Random(seed)
        assert bring_up_to_date(state, lambda jobs, s=shuffled, e=execute: e(s.sample(jobs, len(jobs))), "run").ok
        found.append(manifests(store))
    assert found[0] == found[1] == found[2]


def test_a_refused_partition_leaves_the_version_before_readable(folder: Path, store: Store) -> None:
    build(store, graph(folder))
    before = State(graph(folder), store).entry("kept", "b-0|first")
    report = build(store, graph(folder, minimum=100, retention=(0.05, 1.0)))
    assert not report.ok
    # Source b has one shard, so it is wiped out. The shards of a are slices of a few documents: a share of them is chance.
    assert [(outcome.node, outcome.partition) for outcome in report.refused()] == [("kept", "b-0|first")]
    assert not any(outcome.node == "joined" for outcome in report.outcomes)
    (failed,) = refused(report.refused()[0].checks)
    assert sentence(failed).startswith("retention is 0, outside 0.05 to 1.")
    assert State(graph(folder), store).entry("kept", "b-0|first") == before


def test_a_step_that_fails_stops_only_what_reads_it(folder: Path, store: Store) -> None:
    (folder / "a" / "one.txt").write_bytes(b"\xff")
    report = build(store, graph(folder))
    assert [done.job.nodes[0] for done in report.failures] == ["texts"]
    assert "UnicodeDecodeError" in (report.failures[0].error or "")
    published = {(outcome.node, outcome.partition) for outcome in report.outcomes}
    assert ("lengths", "b-0|first") in published
    assert not any(node == "longest" for node, _ in published)
    (folder / "a" / "one.txt").write_text("mended")
    Snapshots(store, "toy").add("first", graph(folder).sources, relist=True)
    assert build(store, graph(folder)).ok


def test_of_two_runs_one_wins_and_the_other_learns_it(folder: Path, store: Store) -> None:
    build(store, graph(folder))
    ours, theirs = State(graph(folder, minimum=6), store), State(graph(folder, minimum=7), store)
    node, partition = ours.graph.nodes["kept"], ours.grid[0]
    publish = ours.publish

    def late(*arguments: object) -> bool:
        # The other run publishes between our look and our publication.
        shell.make(theirs, theirs.graph.nodes["kept"], partition, "theirs")
        return publish(*arguments)  # type: ignore[arg-type]

    ours.publish = late  # type: ignore[method-assign, assignment]
    outcome = shell.make(ours, node, partition, "ours")
    assert outcome.result == "lost"
    current = State(graph(folder), store).entry("kept", partition.key).value
    assert current["fingerprint"] != outcome.fingerprint


def test_an_output_that_is_no_function_of_its_inputs_is_an_error(
    folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = State(graph(folder), store)
    Snapshots(store, "toy").add("first", state.graph.sources)
    state.refresh()
    node, partition = state.graph.nodes["texts"], state.grid[0]
    shell.make(state, node, partition, "one")
    manifest, looks = state.manifest, iter([False])
    # As if another run had not written it yet when we looked, and had when we wrote ours.
    monkeypatch.setattr(state, "manifest", lambda fingerprint: manifest(fingerprint) if next(looks, True) else None)
    world(folder, a__one="changed behind our back", a__two="too", a__three="all")
    with pytest.raises(shell.NotReproducible, match="two different results"):
        shell.make(state, node, partition, "two")


def test_removing_a_snapshot_removes_its_partitions(folder: Path, store: Store) -> None:
    toy = graph(folder)
    build(store, toy)
    build(store, toy, snapshot="second")
    assert len(State(toy, store).grid) == 6
    Snapshots(store, "toy").remove("first")
    report = build(store, toy, snapshot="second")
    assert report.ok
    assert {partition.snapshot for partition in State(toy, store).grid} == {"second"}
