from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import Result
from notes import NOTES, build, recipe, write
from typer.testing import CliRunner

from data4llm_assets.commands.main import app
from data4llm_assets.corpus import Corpus
from data4llm_assets.engine.acceptance import NothingToAccept
from data4llm_assets.engine.garbage import collect
from data4llm_assets.engine.repair import examine, forget
from data4llm_assets.engine.store import Store, data_path
from data4llm_assets.filtered.gopher_quality import GopherQuality
from data4llm_assets.lineage.reader import Reader
from data4llm_assets.lineage.releases import ReleaseError, Releases, Stale, find


def corpus(town: Path, **changed: int) -> Corpus:
    return Corpus(recipe(town / "notes", **changed), town / "store")


def all_of(reader: Reader) -> dict[str, pl.DataFrame]:
    steps = {step: reader.read(step) for step in reader.document_steps()}
    return {**steps, "decisions": reader.decisions(), "duplicates": reader.read("duplicates", table="verdicts")}


def same(found: dict[str, pl.DataFrame], expected: dict[str, pl.DataFrame]) -> bool:
    return found.keys() == expected.keys() and all(found[name].equals(expected[name]) for name in expected)


def collect_everything(town: Path) -> None:
    collect(Store(str(town / "store")), forget=True, older_than=0, delete=True)


def data4llm(town: Path, *arguments: str, expect: int = 0) -> Result:
    done = CliRunner().invoke(app, [*arguments, "--store", str(town / "store")], catch_exceptions=False)
    assert done.exit_code == expect, done.output
    return done


def test_a_release_reads_as_the_corpus_did_whatever_became_of_it(town: Path) -> None:
    expected = all_of(corpus(town))
    release = corpus(town).freeze("v1")
    assert same(all_of(release), expected)
    write(town / "notes", river="Another river altogether", fresh="A new note about the mill by the old river bank")
    moved = corpus(town, min_words=9)
    moved.snapshots.add("second", moved.recipe.sources)
    build(recipe(town / "notes", min_words=9), town / "store")
    moved.snapshots.remove("first")
    build(recipe(town / "notes", min_words=9), town / "store")
    collect_everything(town)
    assert not same(all_of(corpus(town, min_words=9)), expected)
    again = corpus(town).release("v1")
    assert same(all_of(again), expected)
    assert again.digest == release.digest
    assert list(again.state.snapshots) == ["first"]


def test_a_release_is_found_and_read_without_its_recipe(town: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = all_of(corpus(town).freeze("v1"))
    monkeypatch.chdir(town)
    (town / "recipe.yaml").write_text("corpus: another\nsteps: this is no recipe\n")
    assert same(all_of(find(Store(str(town / "store")), "v1")), expected)
    told = data4llm(town, "read", "filtered", "--release", "v1", "--columns", "doc_id", "--json").stdout
    assert [json.loads(line)["doc_id"] for line in told.splitlines()] == expected["filtered"]["doc_id"].to_list()
    assert "gopher_quality.words" in data4llm(town, "decisions", "--release", "town/v1").stdout


def test_of_several_corpora_with_one_name_the_recipes_is_meant(town: Path) -> None:
    corpus(town).freeze("v1")
    other = build(recipe(town / "notes", corpus="village"), town / "store")
    other.freeze("v1")
    store = Store(str(town / "store"))
    with pytest.raises(LookupError, match="say one of town/v1, village/v1"):
        find(store, "v1")
    assert find(store, "v1", "village").name == find(store, "village/v1").name == "village"
    with pytest.raises(LookupError, match="there is no release 'v2'; there are: town/v1, village/v1"):
        find(store, "v2")


def test_what_is_stale_is_not_released_and_is_told(town: Path, tmp_path: Path) -> None:
    with pytest.raises(Stale) as refused:
        corpus(town, min_words=6).freeze("v1")
    assert refused.value.why == ["filtered: of 1 partitions 1 must run: rules.gopher_quality.min_words: 5 → 6"]
    corpus(town).snapshots.add("second", corpus(town).recipe.sources)
    with pytest.raises(Stale) as refused:
        corpus(town).freeze("v1")
    assert refused.value.why[:2] == [
        "raw_crawl: of 2 partitions 1 must run: never built",
        "extracted_text: of 2 partitions 1 may follow (after raw_crawl)",
    ]
    more = recipe(town / "notes")
    more["sources"] = {**more["sources"], "letters": {"kind": "files", "path": str(tmp_path), "domain": "letters"}}
    with pytest.raises(Stale, match="not delivered yet: letters"):
        Corpus(more, town / "store").freeze("v1")
    with pytest.raises(Stale, match="nothing is delivered yet"):
        Corpus(more, tmp_path / "empty").freeze("v1")
    assert corpus(town).releases.all() == {}


def test_a_name_is_taken_once(town: Path) -> None:
    corpus(town).freeze("v1")
    with pytest.raises(ReleaseError, match="release 'v1' of town exists"):
        corpus(town).freeze("v1")
    with pytest.raises(ReleaseError, match="not 'a/b'"):
        corpus(town).freeze("a/b")
    with pytest.raises(LookupError, match="there is no release 'v' of town; there are: v1; did you mean 'v1'"):
        corpus(town).release("v")


def test_equal_content_has_an_equal_digest_and_the_clock_is_no_part_of_it(
    town_store: Path, town: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = corpus(town).freeze("v1")
    monkeypatch.setattr("data4llm_assets.lineage.releases._now", lambda: "2099-01-01T00:00:00Z")
    two = corpus(town).freeze("v2")
    assert (one.digest, one.value["content"]) == (two.digest, two.value["content"])
    assert one.value["created"] != two.value["created"]
    changed = build(recipe(town / "notes", min_words=6), town / "store").freeze("v3")
    assert changed.digest != one.digest


def test_a_withdrawn_release_is_collected_and_no_other(town: Path) -> None:
    first = corpus(town).freeze("v1")
    mine = set(first.partitions["file"])
    build(recipe(town / "notes", min_words=9), town / "store")
    second = corpus(town, min_words=9).freeze("v2")
    only_first = mine - set(second.partitions["file"])
    store = Store(str(town / "store"))
    collect_everything(town)
    assert only_first
    assert not store.missing(map(data_path, mine))
    data4llm(town, "release", "delete", "v1")
    collect_everything(town)
    assert set(store.missing(map(data_path, mine))) == {data_path(digest) for digest in only_first}
    assert list(corpus(town).releases.all()) == ["v2"]
    assert corpus(town).release("v2").read("filtered").height
    assert build(recipe(town / "notes"), town / "store").freeze("v1").digest == first.digest


def test_no_credential_gets_into_a_release(town: Path) -> None:
    said = recipe(town / "notes")
    said["sources"]["bucket"] = {**said["sources"]["notes"], "path": "s3://key:hunter2@host/bucket?token=hunter2"}
    written = json.dumps(Corpus(said, town / "store").recipe_json())
    assert "hunter2" not in written
    assert "s3://host/bucket" in written


def test_a_release_of_a_newer_layout_says_so(town: Path) -> None:
    corpus(town).freeze("v1")
    register = Releases(Store(str(town / "store")), "town").register
    value = register.current("v1").value
    register.publish("v1", 1, {**value, "layout": 99})
    with pytest.raises(ReleaseError, match="written by a newer data4llm"):
        corpus(town).release("v1")


def test_repair_names_releases_with_damaged_files_and_a_run_makes_them_whole(town: Path) -> None:
    release = corpus(town).freeze("v1")
    expected = all_of(release)
    store = Store(str(town / "store"))
    file = release.partitions.filter(node="filtered", table="kept")["file"].item()
    store.delete([data_path(file)])
    found = examine(store)
    assert found.releases == [("town", "v1")]
    forget(store, found)
    build(recipe(town / "notes"), town / "store")
    assert same(all_of(corpus(town).release("v1")), expected)
    assert examine(store).releases == []


def test_the_commands_say_what_a_release_is(town: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(town)
    (town / "recipe.yaml").write_text(json.dumps(recipe(town / "notes")))
    made = json.loads(data4llm(town, "release", "create", "v1", "--json").stdout)
    assert json.loads(data4llm(town, "release", "list", "--json").stdout) == [
        {name: made[name] for name in ("corpus", "release", "created", "digest", "snapshots")}
    ]
    shown = json.loads(data4llm(town, "release", "show", "v1", "--json").stdout)
    assert shown["recipe"]["steps"][3]["rules"][0]["min_words"] == 5
    assert {"asset": "raw_crawl", "partitions": 1, "tables": 2, "rows": len(NOTES), "accepted": None} in shown["assets"]
    assert "notes 4 files" in data4llm(town, "release", "show", "v1").stdout
    data4llm(town, "release", "export", "v1", str(town / "documents"), "--step", "filtered")
    assert pl.read_parquet(town / "documents" / "data" / "*.parquet")["doc_id"].to_list() == (
        corpus(town).read("filtered")["doc_id"].to_list()
    )
    assert "town, release v1" in (town / "documents" / "README.md").read_text()


def test_what_was_accepted_is_told_by_run_plan_decisions_and_releases(town: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(town)
    monkeypatch.setenv("DAGSTER_HOME", str(town / "dagster"))
    (town / "recipe.yaml").write_text(json.dumps(recipe(town / "notes")))
    version = GopherQuality.version
    monkeypatch.setattr(GopherQuality, "version", "next")
    assert f"gopher_quality.version: {version} → next" in data4llm(town, "plan", "--json").stdout
    with pytest.raises(NothingToAccept, match="what does: gopher_quality="):
        data4llm(town, "run", "--accept", "exact=7")
    before = corpus(town).read("filtered")
    assert "all is current" in data4llm(town, "run", "--accept", f"gopher_quality={version}").stdout
    told = f"gopher_quality {version} for next"
    assert told in " ".join(data4llm(town, "plan").stdout.split())
    assert told in " ".join(data4llm(town, "decisions").stdout.split())
    made = corpus(town).freeze("v1")
    assert made.read("filtered").equals(before)
    assert made.accepted("filtered") == [told]
    shown = json.loads(data4llm(town, "release", "show", "v1", "--json").stdout)
    assert {each["asset"]: each["accepted"] for each in shown["assets"]} == {
        each: told if each == "filtered" else None for each in corpus(town).graph.nodes
    }
