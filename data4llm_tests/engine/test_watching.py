from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from toy import Folder, world

from data4llm_assets.engine import snapshots as module
from data4llm_assets.engine.snapshots import Snapshots
from data4llm_assets.engine.store import Store
from data4llm_assets.engine.watching import CannotList, News, news, watched


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


class Landing(Folder):
    def land(self, folder: Path) -> None: ...


@pytest.fixture(params=["folder", "bucket"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    """The same files as a folder and as a bucket."""
    world(tmp_path, a__one="one", a__two="two")
    place = tmp_path / "a"
    return Folder(path=str(place) if request.param == "folder" else place.as_uri(), exclude=("*.part",))


def later(path: Path, seconds: float = 2.0) -> None:
    """As if the file had been touched a little after the snapshot: clocks of file systems tick in milliseconds."""
    os.utime(path, (time.time() + seconds,) * 2)


def look(store: Store, source: Folder) -> News:
    return news(store, "toy", {"a": source})


def test_without_a_snapshot_everything_is_news(store: Store, source: Folder) -> None:
    assert look(store, source).files == {"a": 2}


def test_what_the_newest_snapshot_holds_is_none(store: Store, source: Folder) -> None:
    Snapshots(store, "toy").add("first", {"a": source})
    assert not look(store, source)


def test_new_files_and_other_sizes_are_news_and_excluded_ones_are_not(store: Store, source: Folder, tmp_path: Path) -> None:
    Snapshots(store, "toy").add("first", {"a": source})
    (tmp_path / "a" / "three.part").write_text("still coming")
    assert not look(store, source)
    (tmp_path / "a" / "three.txt").write_text("three")
    assert look(store, source).files == {"a": 1}
    (tmp_path / "a" / "one.txt").write_text("one, longer")
    found = look(store, source)
    assert found.files == {"a": 2}
    assert abs(found.youngest - time.time()) < 60
    Snapshots(store, "toy").add("second", {"a": source})
    assert not look(store, source)


def test_a_file_of_the_same_size_is_news_if_it_was_touched_since(store: Store, source: Folder, tmp_path: Path) -> None:
    Snapshots(store, "toy").add("first", {"a": source})
    time.sleep(0.05)
    (tmp_path / "a" / "one.txt").write_text("eno")
    later(tmp_path / "a" / "one.txt", -10_000)  # whoever copies may keep the date
    assert look(store, source).files == {"a": 1}


def test_a_file_that_is_gone_is_no_news(store: Store, source: Folder, tmp_path: Path) -> None:
    Snapshots(store, "toy").add("first", {"a": source})
    (tmp_path / "a" / "one.txt").unlink()
    assert not look(store, source)


def test_the_same_news_have_the_same_digest_and_others_another(store: Store, source: Folder, tmp_path: Path) -> None:
    first = look(store, source)
    assert look(store, source).digest == first.digest
    world(tmp_path, a__three="three")
    assert look(store, source).digest != first.digest


def test_looking_reads_no_file(store: Store, source: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    Snapshots(store, "toy").add("first", {"a": source})
    monkeypatch.setattr(module.hashlib, "file_digest", lambda *_: pytest.fail("a file was digested"))
    opened = Path.open
    monkeypatch.setattr(Path, "open", lambda self, *rest: pytest.fail("opened") if self.suffix == ".txt" else opened(self, *rest))
    assert not look(store, source)


@pytest.mark.parametrize("path", ["{}/nowhere", "file://{}/nowhere", "s3://", "strange://{}"])
def test_what_cannot_be_listed_says_so_in_one_line(path: str, store: Store, tmp_path: Path) -> None:
    with pytest.raises(CannotList, match="source 'a' cannot be listed: ") as caught:
        look(store, Folder(path=path.format(tmp_path)))
    assert "\n" not in str(caught.value)


def test_an_empty_folder_says_so(store: Store, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(CannotList, match="source 'a' has no files"):
        look(store, Folder(path=str(tmp_path / "empty")))


def test_sources_that_fetch_their_own_files_are_not_watched() -> None:
    sources = {"a": Folder(path="a"), "b": Folder(path="b"), "crawl": Landing(path="")}
    assert list(watched(sources, ())) == ["a", "b"]
    assert list(watched(sources, ("b",))) == ["b"]
