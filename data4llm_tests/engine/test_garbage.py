"""Garbage: what nothing names goes, what anything names stays, whoever dies or publishes at whatever moment."""

from __future__ import annotations

import dataclasses
import threading
import time
from pathlib import Path

import pytest
import toy
import upgrade_graph
from crashes import Mortal, every_death
from toy import build, graph, manifests, world

from data4llm_assets.engine import collecting, shell
from data4llm_assets.engine.collecting import LEASE, Collecting, lease
from data4llm_assets.engine.garbage import collect
from data4llm_assets.engine.planner import plan
from data4llm_assets.engine.repair import examine
from data4llm_assets.engine.state import State
from data4llm_assets.engine.store import Store

TEXTS = {"a__one": "hello", "a__two": "hi", "a__three": "good morning", "b__x": "yes", "b__y": "never mind"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return world(tmp_path / "world", **TEXTS)


@pytest.fixture
def store(folder: Path, tmp_path: Path) -> Store:
    """The toy, built with another threshold before."""
    store = Store(str(tmp_path / "store"))
    build(store, graph(folder, minimum=6))
    build(store, graph(folder))
    return store


def paths(store: Store) -> set[str]:
    return {path for path, _, _ in store.objects("")}


def whole(store: Store, folder: Path) -> bool:
    """Whether everything that is current is there, and is what the recipe makes."""
    state = State(graph(folder), store)
    return plan(state).current and examine(store, rows=True) == ([], [], [], [], [])


def test_only_what_is_not_current_goes_and_going_back_makes_it_again(store: Store, folder: Path) -> None:
    before, made = paths(store), manifests(store)
    told = collect(store, forget=True, older_than=0, delete=False)
    assert paths(store) == before
    assert told["manifests"][0] > 0
    assert told["references"][0] > 0
    assert collect(store, forget=True, older_than=0, delete=True) == told
    assert len(paths(store)) == len(before) - sum(count for count, _ in told.values())
    assert whole(store, folder)
    assert not any(count for count, _ in collect(store, forget=True, older_than=0, delete=False).values())
    report = build(store, graph(folder, minimum=6))
    assert {outcome.result for outcome in report.outcomes if outcome.node == "kept"} == {"published"}
    assert manifests(store).keys() == made.keys()


def test_what_is_young_is_spared(store: Store) -> None:
    assert not any(count for count, _ in collect(store, forget=True, older_than=3600, delete=True).values())


def test_a_collection_that_dies_anywhere_leaves_what_is_current_and_the_next_ends_it(
    store: Store, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "VALID", 0.0)  # the dead hold no lease
    deaths = 0
    for _ in every_death(store.uri, lambda mortal: collect_with_a_live_lease(mortal, monkeypatch)):
        assert whole(store, folder)
        deaths += 1
    assert deaths > 5
    collect_with_a_live_lease(store, monkeypatch)
    assert not any(count for count, _ in collect(store, forget=True, older_than=0, delete=False).values())
    assert whole(store, folder)
    assert not store.exists(LEASE)


def collect_with_a_live_lease(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(collecting, "_held", lambda store: False)
        patched.setattr(collecting, "VALID", 300.0)
        collect(store, forget=True, older_than=0, delete=True)


def test_two_collections_do_not_run_at_once(store: Store) -> None:
    with lease(store), pytest.raises(Collecting, match="another collection is under way"):
        collect(store, forget=True, older_than=0, delete=True)
    collect(store, forget=True, older_than=0, delete=True)


def test_a_collector_that_was_held_up_stops(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with lease(store) as renew:
        renew()
        now = time.time() + collecting.VALID
        monkeypatch.setattr(time, "time", lambda: now)
        with pytest.raises(Collecting, match="held up"):
            renew()


def test_a_dead_lease_keeps_nobody_waiting(store: Store, folder: Path) -> None:
    store.put_json(LEASE, {"owner": "gone", "at": time.time() - 2 * collecting.VALID})
    assert build(store, graph(folder, minimum=7)).ok
    collect(store, forget=True, older_than=0, delete=True)
    assert not store.exists(LEASE)


def test_who_takes_over_while_garbage_is_deleted_waits_and_makes_it_anew(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "_PAUSE", 0.01)
    ours = State(graph(folder, minimum=6), store)
    node, partition = ours.graph.nodes["kept"], ours.grid[0]
    assert {item.due for item in plan(ours).items if item.node == "kept"} == {"adopt"}
    outcomes: list[shell.Outcome] = []
    waiting = threading.Event()
    held = collecting._held
    monkeypatch.setattr(collecting, "_held", lambda store: waiting.set() or held(store))  # type: ignore[func-returns-value]
    adopter = threading.Thread(target=lambda: outcomes.append(shell.make(ours, node, partition, "ours")))
    delete = store.delete

    def late(doomed: list[str]) -> None:
        # The last look is behind us, and now somebody takes over what we are about to delete.
        if not adopter.ident:
            adopter.start()
            assert waiting.wait(10)
        delete(doomed)

    collector = Store(store.uri)
    monkeypatch.setattr(collector, "delete", late)
    collect(collector, forget=True, older_than=0, delete=True)
    adopter.join(30)
    assert [outcome.result for outcome in outcomes] == ["published"]
    assert examine(store, rows=True) == ([], [], [], [], [])


def test_what_is_taken_over_before_the_last_look_is_spared(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = State(graph(folder, minimum=6), store)
    node, partition = ours.graph.nodes["kept"], ours.grid[0]
    publish = ours.publish

    def slow(*arguments: object) -> bool:
        # Everything is claimed and nothing named yet; all the store holds is a day old but the claim.
        for path in paths(store) - claimed:
            age(store, path)
        collect(store, forget=True, older_than=3600, delete=True)
        return publish(*arguments)  # type: ignore[arg-type]

    before = {path: modified for path, _, modified in store.objects("manifests/")}
    for path in before:
        age(store, path)
    before = {path: modified for path, _, modified in store.objects("manifests/")}
    claimed: set[str] = set()

    def claiming(*arguments: object) -> bool:
        claimed.update(path for path, _, modified in store.objects("manifests/") if modified != before[path])
        return slow(*arguments)

    ours.publish = claiming  # type: ignore[method-assign, assignment]
    assert shell.make(ours, node, partition, "ours").result == "adopted"
    assert len(claimed) == 1
    assert examine(store, rows=True) == ([], [], [], [], [])


def age(store: Store, path: str) -> None:
    import os

    assert store.root is not None
    os.utime(store.root / path, (time.time() - 86400,) * 2)


def test_a_manifest_of_which_files_are_gone_is_not_taken_over(store: Store, folder: Path) -> None:
    ours = State(graph(folder, minimum=6), store)
    node, partition = ours.graph.nodes["kept"], ours.grid[0]
    fingerprint = ours.fingerprint(node, partition, ours.inputs(node, partition))
    manifest = ours.manifest(fingerprint)
    assert manifest is not None
    store.delete([f"data/{digest[:2]}/{digest}.parquet" for digest, _ in manifest["tables"].values()])
    assert shell.make(ours, node, partition, "ours").result == "published"
    assert examine(store).damaged == []


def test_every_change_of_a_store_counts_as_one(tmp_path: Path) -> None:
    store = Mortal(str(tmp_path))
    store.put("a", b"")
    store.create("b", b"")
    store.delete(["a", "b"])
    assert store.changes == 4


def test_measures_of_other_versions_and_parameters_go_and_those_in_use_stay(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_use = {path for path in paths(store) if path.startswith("measures/")}
    build(store, graph(folder, unit=2))
    monkeypatch.setattr(toy.Length, "version", "2")
    build(store, graph(folder, unit=2))
    monkeypatch.undo()
    build(store, graph(folder))
    unused = {path for path in paths(store) if path.startswith("measures/")} - in_use
    assert len(unused) == 2 * len(in_use)
    assert collect(store, forget=True, older_than=0, delete=True)["measures"] == (0, 0)
    assert collect(store, forget=False, measures=True, older_than=0, delete=True)["measures"][0] == len(unused)
    assert {path for path in paths(store) if path.startswith("measures/")} == in_use
    assert whole(store, folder)


def test_a_measure_that_says_nothing_of_itself_or_of_an_unknown_method_stays(store: Store) -> None:
    store.put("measures/old/a-0/part.parquet", b"")
    store.put_json("measures/own/method.json", {"identity": {"class": "a.step:Own"}, "parameters": {}})
    assert collect(store, forget=False, measures=True, older_than=0, delete=True)["measures"] == (0, 0)


def test_folds_that_no_current_step_would_look_up_go(folder: Path, tmp_path: Path) -> None:
    store = Store(str(tmp_path / "folds"))
    toy_graph = upgrade_graph.graph(folder)
    build(store, toy_graph)
    other = dataclasses.replace(toy_graph.nodes["longest"], version="2")
    build(store, dataclasses.replace(toy_graph, nodes={**toy_graph.nodes, "longest": other}))
    folds = [path for path in manifests(store) if "digest" not in store.get_json(path)]
    assert len(folds) == 2
    assert collect(store, forget=False, measures=True, older_than=0, delete=True)["manifests"][0] == 1
    (left,) = [path for path in folds if store.exists(path)]
    assert store.get_json(left)["ingredients"]["version"] == "2"


def test_of_a_current_corpus_no_measure_and_no_fold_goes(micro_store: Path) -> None:
    store = Store(str(micro_store))
    told = collect(store, forget=True, measures=True, older_than=0, delete=False)
    assert (told["measures"], told["manifests"]) == ((0, 0), (0, 0))
    assert any(path.startswith("measures/") and path.endswith("method.json") for path in paths(store))
