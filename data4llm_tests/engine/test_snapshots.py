from __future__ import annotations

from pathlib import Path

import pytest
from toy import Folder, world

from data4llm_assets.engine.snapshots import SnapshotError, Snapshots, list_files, open_file, shard_of
from data4llm_assets.engine.store import Store
from data4llm_assets.node import Delivery, Partition

AT_FIRST = Partition("a-0|first", "a", "a-0", "first")


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


def test_the_only_snapshot_is_not_withdrawn(snapshots: Snapshots, sources: dict[str, Folder]) -> None:
    snapshots.add("first", sources)
    with pytest.raises(SnapshotError, match="the only snapshot: add the one that is to take its place"):
        snapshots.remove("first")
    snapshots.add("second", sources)
    snapshots.remove("first")
    assert list(snapshots.all()) == ["second"]


def test_a_source_may_deliver_new_and_changed_files_only(snapshots: Snapshots, tmp_path: Path) -> None:
    world(tmp_path, a__one="1", a__two="2")
    sources = {"a": Folder(path=str(tmp_path / "a"), shards=1, deliver="new_files")}
    snapshots.add("first", sources)
    with pytest.raises(SnapshotError, match="nothing new in a"):
        snapshots.add("second", sources)
    world(tmp_path, a__two="changed", a__three="3")
    frozen = snapshots.add("second", sources)
    assert [file.path for file in snapshots.listing(frozen, "a", "a-0", 1).files] == ["three.txt", "two.txt"]
    world(tmp_path, a__two="2")
    # What an earlier snapshot already has is not delivered again, even if another version came in between.
    with pytest.raises(SnapshotError, match="nothing new"):
        snapshots.add("third", sources)


class Landing(Folder):
    path: str = ""
    shards: int = 1

    def land(self, delivery: Delivery) -> None:
        delivery.folder.mkdir(parents=True)
        told = f"{delivery.arrival} after {', '.join(folder.name for folder in delivery.earlier)}"
        (delivery.folder / "told.txt").write_text(told)


def test_what_lands_lies_in_a_folder_of_its_snapshot_and_may_refer_to_earlier_ones(snapshots: Snapshots, tmp_path: Path) -> None:
    sources = {"a": Landing(), "own": Landing(path=str(tmp_path / "crawls"))}
    for name in ("first", "second", "third"):
        snapshots.add(name, sources)
    assert (tmp_path / "crawls" / "third" / "told.txt").read_text() == "3 after second, first"
    store, third = Store(str(tmp_path / "store")), Partition("a-0|third", "a", "a-0", "third", 2)
    with open_file(store, "corpus", third, sources["a"], "../first/told.txt") as stream:
        assert stream.read() == b"1 after "
    with pytest.raises(FileNotFoundError, match="leads out of the landing"):
        open_file(store, "corpus", third, sources["a"], "../../own/first/told.txt")


def test_a_snapshot_of_some_sources_leaves_the_others_as_they_are(snapshots: Snapshots, tmp_path: Path) -> None:
    world(tmp_path, a__one="1", b__two="2")
    sources = {name: Folder(path=str(tmp_path / name)) for name in "ab"}
    snapshots.add("first", sources)
    snapshots.add("second", {"a": sources["a"]})
    assert snapshots.missing(sources) == []
    assert list(snapshots.complete("second", sources)["sources"]) == ["a"]


def test_files_by_glob_by_name_and_by_pattern(tmp_path: Path) -> None:
    world(tmp_path, a__one="1", a__two="2")
    (tmp_path / "a" / "deep").mkdir()
    (tmp_path / "a" / "deep" / "three.md").write_text("3")
    (tmp_path / "a" / ".hidden").write_text("no")
    store = Store(str(tmp_path / "store"))

    def names(section: Folder) -> list[str]:
        found = sorted(file.path for file in list_files("a", section, None))
        for path in found:
            with open_file(store, "corpus", AT_FIRST, section, path) as stream:
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
        open_file(Store(str(tmp_path / "store")), "corpus", AT_FIRST, section, "one.txt")


def test_files_spread_evenly_over_shards_and_stay_where_they_are() -> None:
    names = [f"page-{number}.html" for number in range(1000)]
    shards = [shard_of("web", name, 4) for name in names]
    assert min(shards.count(f"web-{index}") for index in range(4)) > 200
    # Pinned: another hash would move every file of every corpus to another shard.
    assert shards[:6] == ["web-2", "web-2", "web-2", "web-3", "web-0", "web-3"]
