"""A store written by format 1 is refused as it is, upgraded without building anything, and whole wherever an upgrade is cut off."""

from __future__ import annotations

import shutil
import tarfile
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import toy
import upgrade_graph
from crashes import Killed, Mortal
from toy import build, manifests, world
from typer.testing import CliRunner

from data4llm_assets import method
from data4llm_assets.commands.main import app
from data4llm_assets.corpus import Corpus
from data4llm_assets.engine import acceptance
from data4llm_assets.engine import upgrade as upgrading
from data4llm_assets.engine.digest import canonical, json_digest
from data4llm_assets.engine.garbage import collect
from data4llm_assets.engine.planner import plan
from data4llm_assets.engine.repair import examine
from data4llm_assets.engine.snapshots import Snapshots
from data4llm_assets.engine.state import Graph, State, manifest_path
from data4llm_assets.engine.store import FORMAT, MARKER, NewerStore, OlderStore, Store
from data4llm_assets.engine.upgrade import upgrade
from data4llm_assets.node import Ref

HERE = Path(__file__).parent
TEXTS = {"a__one": "hello", "a__two": "hi", "a__three": "good morning", "b__x": "yes", "b__y": "never mind"}
"""What the corpus `folded` was built from, first with a minimum of 4, then of 3. The corpus `old` was built by real stages."""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The store that data4llm wrote when its format was 1."""
    with tarfile.open(HERE / "store_format_1.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "store"


@pytest.fixture
def folded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Graph:
    """The graph of the corpus `folded`, with the library's version as it was then."""
    monkeypatch.setattr(method, "library_version", lambda name: {"polars": "2.1.0"}[name])
    return upgrade_graph.graph(world(tmp_path / "world", **TEXTS))


def entries(store: Path) -> dict[str, Any]:
    """What is current, read as files: {corpus/asset/partition: (digest, tables)}."""
    found: dict[str, tuple[int, Any]] = {}
    for path in sorted((store / "corpora").glob("*/*/*.json")):
        name, _, generation = path.name.removesuffix(".json").rpartition(".")
        if path.parent.name not in ("snapshots", "releases"):
            key = f"{path.parent.parent.name}/{path.parent.name}/{name}"
            found[key] = max(found.get(key, (0, None)), (int(generation), path))
    values = {key: Store(str(store), of_any_format=True).get_json(str(path.relative_to(store))) for key, (_, path) in found.items()}
    return {key: (value["digest"], value["tables"]) for key, value in values.items()}


def measures(store: Path) -> set[str]:
    return {path.relative_to(store).as_posix() for path in (store / "measures").rglob("*.parquet")}


def test_a_store_of_format_1_is_not_worked_on_but_upgraded(old: Path) -> None:
    with pytest.raises(OlderStore, match=r"older data4llm \(format 1, now 2\): data4llm upgrade"):
        Store(str(old))
    done = CliRunner().invoke(app, ["upgrade", "--store", str(old), "--dry-run"], catch_exceptions=False)
    assert "format 1 → 2: 28 results, 3 intermediate results and 24 references would be renamed" in " ".join(done.stdout.split())
    with pytest.raises(OlderStore):
        Store(str(old))
    done = CliRunner().invoke(app, ["upgrade", "--store", str(old)], catch_exceptions=False)
    assert "are renamed" in done.stdout.replace("\n", " ")
    Store(str(old))
    done = CliRunner().invoke(app, ["upgrade", "--store", str(old)], catch_exceptions=False)
    assert "nothing to do" in done.stdout


def test_documents_decisions_and_digests_are_what_they_were(old: Path) -> None:
    before, remembered = entries(old), measures(old)
    files = {path.name for path in (old / "data").rglob("*.parquet")}
    upgrade(str(old), apply=True)
    assert entries(old) == before
    assert measures(old) == remembered
    assert {path.name for path in (old / "data").rglob("*.parquet")} == files
    assert examine(Store(str(old)), rows=True) == ([], [], [], [], [])
    corpus = Corpus(HERE / "store_format_1.yaml", old)
    assert corpus.read("filtered").height == 3
    assert "office@" not in " ".join(corpus.read("filtered")["text"])
    counted = corpus.decisions("deduped").group_by("rule").len().sort("rule")
    assert counted.rows() == [("exact.text", 1), ("minhash.similarity", 1)]
    assert pl.concat([frame for _, frame in corpus.tables(Ref("packed", "sequences"))]).height == 6


def test_nothing_runs_after_an_upgrade(old: Path, folded: Graph) -> None:
    upgrade(str(old), apply=True)
    store = Store(str(old))
    report = build(store, folded)
    assert report.plan.current
    assert (report.jobs, report.outcomes) == (0, [])


def test_an_upgraded_store_is_what_would_have_been_written_now(old: Path, folded: Graph, tmp_path: Path) -> None:
    upgrade(str(old), apply=True)
    fresh = Store(str(tmp_path / "fresh"))
    build(fresh, upgrade_graph.graph(tmp_path / "world", minimum=4))
    build(fresh, folded)
    upgraded = manifests(Store(str(old)))
    assert manifests(fresh).items() <= upgraded.items()
    assert {manifest["format"] for manifest in all_manifests(Store(str(old)))} == {FORMAT}
    back = build(Store(str(old)), upgrade_graph.graph(tmp_path / "world", minimum=4))
    assert {outcome.result for outcome in back.outcomes} == {"adopted"}


def test_what_was_measured_and_folded_is_still_remembered(old: Path, folded: Graph) -> None:
    upgrade(str(old), apply=True)
    store = Store(str(old))
    for name in ("lengths", "longest"):
        for path, _, _ in store.objects(f"corpora/folded/{name}/"):
            store.delete([path])
    for manifest in all_manifests(store):
        if manifest["ingredients"]["function"] in ("toy.lengths", "toy.longest"):
            store.delete([manifest_path(manifest["fingerprint"])])
    report = build(store, folded)
    assert report.ok
    made = {outcome.node: outcome.record["counters"] for outcome in report.outcomes if outcome.result == "published"}
    assert made["lengths"]["measured_length"] == 0
    assert "folds_computed" not in made["longest"]


def test_real_stages_differ_by_versions_at_most(old: Path) -> None:
    upgrade(str(old), apply=True)
    corpus = Corpus(HERE / "store_format_1.yaml", old)
    state = corpus.state
    due = corpus.plan().due("run")
    for item in due:
        node, current = state.graph.nodes[item.node], state.entry(item.node, item.partition.key).value
        before = state.manifest(current["fingerprint"])
        assert before is not None
        now = state.ingredients(node, item.partition, state.inputs(node, item.partition))
        versions = acceptance.moved(before["ingredients"], now, node.name)
        accept = {each.name: each.before for each in versions}
        if node.stage == "extracted_text":
            # Its methods have other parameters since (`mode` of Trafilatura): no version stands for that.
            assert "methods.html" in item.reason
            continue
        # As soon as a stage changes more than versions, or its settings, this store is for another test.
        assert acceptance.only(before["ingredients"], now, node.name, accept), item.reason
    assert not any("1 → 1" in item.reason for item in due)


def all_manifests(store: Store) -> list[Any]:
    return [store.get_json(path) for path, _, _ in store.objects("manifests/")]


@pytest.mark.parametrize("every", [13, pytest.param(1, marks=pytest.mark.long)])
def test_cut_off_anywhere_it_is_old_or_new_and_the_next_upgrade_ends_it(
    old: Path, folded: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: int
) -> None:
    expected, ended, marked = entries(old), False, []
    for number in range(0, 1000, every):
        copy = Path(shutil.copytree(old, tmp_path / "copies" / str(number)))
        with monkeypatch.context() as patched:
            patched.setattr(upgrading, "Store", partial(Mortal, dies_at=number))
            try:
                upgrade(str(copy), apply=True)
                ended = True
            except Killed:
                marked.append((copy / MARKER).exists())
        if ended:
            break
        assert entries(copy) == expected
        whole(copy)
        if marked[-1]:
            assert plan(State(folded, Store(str(copy)))).current
        upgrade(str(copy), apply=True)
        assert {manifest["format"] for manifest in all_manifests(Store(str(copy)))} == {FORMAT}
        shutil.rmtree(copy)
    assert ended
    assert marked.count(False) > 20 / every
    assert marked.count(True) > 20 / every


def whole(folder: Path) -> None:
    """Every current reference names a manifest, which names the same tables."""
    store = Store(str(folder), of_any_format=True)
    for path in (folder / "corpora").glob("*/*/*.json"):
        value = store.get_json(path.relative_to(folder).as_posix())
        if "fingerprint" in value and is_newest(path):
            manifest = store.get_json(manifest_path(value["fingerprint"]))
            assert manifest["tables"] == value["tables"]
            assert json_digest(manifest["ingredients"]) == value["fingerprint"]


def is_newest(path: Path) -> bool:
    name, _, generation = path.name.removesuffix(".json").rpartition(".")
    return not (path.parent / f"{name}.{int(generation) + 1}.json").exists()


def test_a_manifest_that_is_not_what_it_is_named_by_is_made_anew(old: Path, folded: Graph) -> None:
    store = Store(str(old), of_any_format=True)
    path = next(
        f"corpora/folded/kept/{name}"
        for name in ("b-0@first.2.json", "b-0@first.1.json")
        if store.exists(f"corpora/folded/kept/{name}")
    )
    fingerprint = store.get_json(path)["fingerprint"]
    manifest = store.get_json(manifest_path(fingerprint))
    manifest["ingredients"]["settings"]["minimum"] = 99
    (old / manifest_path(fingerprint)).write_bytes(canonical(manifest))
    assert upgrade(str(old), apply=True).unusable == (manifest_path(fingerprint),)
    report = build(Store(str(old)), folded)
    assert report.ok
    assert [(outcome.node, outcome.partition) for outcome in report.outcomes] == [("kept", "b-0|first")]


def test_a_newer_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / MARKER).write_bytes(canonical({"format": FORMAT + 1}))
    for act in (Store, lambda uri: upgrade(uri, apply=True)):
        with pytest.raises(NewerStore, match="written by a newer data4llm"):
            act(str(tmp_path))
    done = CliRunner().invoke(app, ["plan", "micro", "--store", str(tmp_path)])
    assert isinstance(done.exception, NewerStore)


def test_a_new_store_says_its_format_before_anything_else_lies_in_it(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    assert not store.exists(MARKER)
    assert store.create("a", b"1")
    assert store.get_json(MARKER) == {"format": FORMAT}
    assert Store(store.uri).get("a") == b"1"
    assert upgrade(store.uri, apply=True).manifests == 0


def test_two_who_mark_an_empty_store_agree(tmp_path: Path) -> None:
    one, two = Store(str(tmp_path)), Store(str(tmp_path))
    one.put("a", b"1")
    two.put("b", b"2")
    assert one.get_json(MARKER) == {"format": FORMAT}
    (tmp_path / "later").mkdir()
    late = Store(str(tmp_path / "later"))
    (tmp_path / "later" / MARKER).write_bytes(canonical({"format": FORMAT + 1}))
    with pytest.raises(NewerStore):
        late.put("a", b"1")


def test_garbage_of_an_upgraded_store_is_only_what_was_superseded(old: Path, folded: Graph) -> None:
    upgrade(str(old), apply=True)
    store = Store(str(old))
    collect(store, forget=True, older_than=0, delete=True)
    assert plan(State(folded, store)).current
    assert examine(store, rows=True) == ([], [], [], [], [])
    assert Snapshots(store, "folded").all()
    assert toy.build(store, folded).jobs == 0
