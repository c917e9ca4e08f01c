"""`run --accept`: what an older version made stands for a newer one, where nothing else differs, and says so."""

from __future__ import annotations

from pathlib import Path

import pytest
import toy
from toy import graph, manifests, world

from data4llm_assets import method
from data4llm_assets.engine import acceptance
from data4llm_assets.engine.acceptance import NothingToAccept, parse
from data4llm_assets.engine.assets import runless_events
from data4llm_assets.engine.planner import acceptable, plan
from data4llm_assets.engine.run import Report, bring_up_to_date, inline
from data4llm_assets.engine.state import Graph, State
from data4llm_assets.engine.store import Store

TEXTS = {"a__one": "hello", "a__two": "hi", "a__three": "good morning", "b__x": "yes", "b__y": "never mind"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return world(tmp_path / "world", **TEXTS)


@pytest.fixture
def store(folder: Path, tmp_path: Path) -> Store:
    store = Store(str(tmp_path / "store"))
    toy.build(store, graph(folder))
    return store


def run(store: Store, toy_graph: Graph, *accept: str) -> Report:
    """What `data4llm run --accept` does."""
    state = State(toy_graph, store, parse(accept))
    acceptable(state, plan(state))
    return bring_up_to_date(state, inline(state, "run"), "run")


def results(report: Report) -> set[tuple[str, str]]:
    return {(outcome.node, outcome.result) for outcome in report.outcomes}


def test_what_an_older_step_made_is_taken_over_and_says_so(store: Store, folder: Path) -> None:
    newer = graph(folder, version="2")
    assert plan(State(newer, store)).by_node()["kept"]["run"] == 3
    before = {each: State(newer, store).entry("kept", each).value for each in ("a-0|first", "a-1|first", "b-0|first")}
    report = run(store, newer, "kept=1")
    assert (report.jobs, results(report)) == (0, {("kept", "adopted")})
    state = State(newer, store)
    assert plan(state).current
    for key, old in before.items():
        new = state.entry("kept", key).value
        assert (new["tables"], new["digest"]) == (old["tables"], old["digest"])
        assert new["fingerprint"] != old["fingerprint"]
        assert new["accepted"] == ["kept 1 for 2"]
        manifest = state.manifest(new["fingerprint"])
        assert manifest is not None
        assert manifest["accepted"] == [{"name": "kept", "version": "1", "as": "2"}]
        assert manifest["ingredients"]["version"] == "2"
    assert plan(state).by_node()["kept"]["accepted"] == {"kept 1 for 2": 3}
    assert runless_events(newer, report.outcomes[0])[0].metadata["accepted"].value == "kept 1 for 2"


def test_without_it_the_step_runs(store: Store, folder: Path) -> None:
    assert results(run(store, graph(folder, version="2"))) == {("kept", "published")}


def test_the_version_of_a_method_is_accepted_wherever_it_is_used(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toy.Length, "version", "2")
    assert {item.node for item in plan(State(graph(folder), store)).due("run")} == {"lengths"}
    report = run(store, graph(folder), "length=1")
    assert (report.jobs, results(report)) == (0, {("lengths", "adopted")})
    assert plan(State(graph(folder), store)).current


def test_the_version_of_a_library_is_accepted(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = method.library_version("polars")
    monkeypatch.setattr(method, "library_version", lambda name: "99.0")
    report = run(store, graph(folder), f"polars={now}")
    assert results(report) == {("lengths", "adopted")}
    assert report.outcomes[0].accepted == (f"polars {now} for 99.0",)


def test_two_versions_that_moved_at_once_are_accepted_together_or_not_at_all(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = method.library_version("polars")
    monkeypatch.setattr(toy.Length, "version", "2")
    monkeypatch.setattr(method, "library_version", lambda name: "99.0")
    with pytest.raises(NothingToAccept, match=r"nothing is accepted by length=1, for more than that differs: .*polars.*99.0"):
        run(store, graph(folder), "length=1")
    report = run(store, graph(folder), "length=1", f"polars={now}")
    assert report.outcomes[0].accepted == ("length 1 for 2", f"polars {now} for 99.0")


def test_what_differs_in_more_than_the_version_is_made(store: Store, folder: Path) -> None:
    before = manifests(store)
    with pytest.raises(NothingToAccept, match=r"nothing is accepted by kept=1, for more than that differs: .*minimum: 3 → 6"):
        run(store, graph(folder, version="2", minimum=6), "kept=1")
    assert manifests(store) == before
    world(folder, a__four="four more")
    toy.Snapshots(store, "toy").add("first", graph(folder).sources, relist=True)
    report = run(store, graph(folder, version="2"), "kept=1")
    assert ("kept", "published") in results(report)
    assert plan(State(graph(folder, version="2"), store)).current


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("kept=7", "nothing differs from what is current by kept=7; what does: kept=1"),
        ("nothing=1", "by nothing=1; what does: kept=1"),
        ("kept", "like minhash=1, not 'kept'"),
    ],
)
def test_a_version_that_nothing_differs_by_is_an_error(store: Store, folder: Path, asked: str, told: str) -> None:
    before = manifests(store)
    with pytest.raises(NothingToAccept, match=told):
        run(store, graph(folder, version="2"), asked)
    assert manifests(store) == before


def test_when_all_is_current_there_is_nothing_to_accept(store: Store, folder: Path) -> None:
    with pytest.raises(NothingToAccept, match="what does: no version"):
        run(store, graph(folder), "kept=1")


def test_versions_that_were_accepted_one_after_the_other_are_all_told(store: Store, folder: Path) -> None:
    run(store, graph(folder, version="2"), "kept=1")
    run(store, graph(folder, version="3"), "kept=2")
    value = State(graph(folder, version="3"), store).entry("kept", "b-0|first").value
    assert value["accepted"] == ["kept 1 for 2", "kept 2 for 3"]
    back = toy.build(store, graph(folder))
    assert results(back) == {("kept", "adopted")}
    assert "accepted" not in State(graph(folder), store).entry("kept", "b-0|first").value


def test_a_readers_version_goes_by_the_kind_of_source() -> None:
    before = {"settings": {"kind": "jsonl", "reader": {"version": "1", "libraries": {}}}, "version": "1"}
    now = {"settings": {"kind": "jsonl", "reader": {"version": "2", "libraries": {}}}, "version": "1"}
    assert acceptance.only(before, now, "raw_crawl", {"jsonl": "1"}) == [("jsonl", "1", "2")]
    assert acceptance.only(before, now, "raw_crawl", {"raw_crawl": "1"}) == []
    assert acceptance.only(before, {**now, "listing": {}}, "raw_crawl", {"jsonl": "1"}) == []
    assert acceptance.only(before, before, "raw_crawl", {"jsonl": "1"}) == []
