from __future__ import annotations

from pathlib import Path

import pytest
from toy import Folder, world

from data4llm_assets.engine.snapshots import SnapshotError, Snapshots, list_files, open_file, shard_of
from data4llm_assets.engine.store import Store


@pytest.fixture
def snapshots(tmp_path: Path) -> Snapshots:
    return Snapshots(Store(str(tmp_path / "store")), "corpus")


@pytest.fixture
def sources(tmp_path: Path) -> dict[str, Folder]:
    world(tmp_path, a__one="one", a__two="two")
    return {"a": Folder(path=str(tmp_path / "a"))}


def test_a_listing_is_frozen(snapshots: Snapshots, sources: dict[str, Folder], tmp_path: Path) -> None:
    frozen = snapshots.add("first", sources)
    world(tmp_path, a__three="three")
    files = [file.path for shard in range(2) for file in snapshots.listing(frozen, "a", f"a-{shard}", 2).files]
    assert sorted(files) == ["one.txt", "two.txt"]
    assert [file.path for file in snapshots.listing(frozen, "a", shard_of("a", "one.txt", 2), 2).files].count("one.txt") == 1


def test_names_are_taken_once_and_listed_anew_on_demand(snapshots: Snapshots, sources: dict[str, Folder], tmp_path: Path) -> None:
    snapshots.add("first", sources)
    with pytest.raises(SnapshotError, match="exists"):
        snapshots.add("first", sources)
    world(tmp_path, a__three="three")
    assert snapshots.add("first", sources, relist=True)["sources"]["a"]["files"] == 3
    assert snapshots.add("second", sources)["arrival"] == 2
    assert list(snapshots.all()) == ["first", "second"]


@pytest.mark.parametrize("name", ["", "../up", "a b", "x|y", "@"])
def test_a_name_that_is_no_name_is_refused(snapshots: Snapshots, sources: dict[str, Folder], name: str) -> None:
    with pytest.raises(SnapshotError, match="is named with"):
        snapshots.add(name, sources)


def test_a_source_without_files_is_refused(snapshots: Snapshots, tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="no file or folder"):
        snapshots.add("first", {"a": Folder(path=str(tmp_path / "nowhere"))})
    (tmp_path / "empty").mkdir()
    with pytest.raises(SnapshotError, match="has no files"):
        snapshots.add("first", {"a": Folder(path=str(tmp_path / "empty"))})


def test_removing_what_is_not_there_says_what_is(snapshots: Snapshots, sources: dict[str, Folder]) -> None:
    snapshots.add("first", sources)
    with pytest.raises(SnapshotError, match="there are: first"):
        snapshots.remove("second")
    snapshots.remove("first")
    assert snapshots.all() == {}


def test_files_by_glob_by_name_and_by_pattern(tmp_path: Path) -> None:
    world(tmp_path, a__one="1", a__two="2")
    (tmp_path / "a" / "deep").mkdir()
    (tmp_path / "a" / "deep" / "three.md").write_text("3")
    (tmp_path / "a" / ".hidden").write_text("no")
    store = Store(str(tmp_path / "store"))

    def names(section: Folder) -> list[str]:
        found = sorted(file.path for file in list_files("a", section, None))
        for path in found:
            with open_file(store, "a", section, path) as stream:
                assert stream.read()
        return found

    assert names(Folder(path=str(tmp_path / "a"))) == ["deep/three.md", "one.txt", "two.txt"]
    assert names(Folder(path=str(tmp_path / "a"), include=("**/*.md",))) == ["deep/three.md"]
    assert names(Folder(path=str(tmp_path / "a"), exclude=("*.md",))) == ["one.txt", "two.txt"]
    assert names(Folder(path=str(tmp_path / "a" / "one.txt"))) == ["one.txt"]
    assert names(Folder(path=str(tmp_path / "a" / "*.txt"))) == ["one.txt", "two.txt"]


def test_a_single_file_that_vanished_is_not_found_by_its_name(tmp_path: Path) -> None:
    world(tmp_path, a__one="1")
    section = Folder(path=str(tmp_path / "a" / "one.txt"))
    (tmp_path / "a" / "one.txt").unlink()
    with pytest.raises(FileNotFoundError):
        open_file(Store(str(tmp_path / "store")), "a", section, "one.txt")


def test_files_spread_evenly_over_shards_and_stay_where_they_are() -> None:
    names = [f"page-{number}.html" for number in range(1000)]
    shards = [shard_of("web", name, 4) for name in names]
    assert min(shards.count(f"web-{index}") for index in range(4)) > 200
    # Pinned: another hash would move every file of every corpus to another shard.
    assert shards[:6] == ["web-2", "web-2", "web-2", "web-3", "web-0", "web-3"]
