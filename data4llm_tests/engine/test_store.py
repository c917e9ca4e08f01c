from __future__ import annotations

from pathlib import Path

import obstore
import polars as pl
import pytest

from data4llm_assets.document import digest
from data4llm_assets.engine.digest import table_digest
from data4llm_assets.engine.register import Register
from data4llm_assets.engine.store import Store

FRAME = pl.DataFrame({"a": [1, 2, 3], "b": ["x", None, "z"]})


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store") if request.param == "folder" else "memory:///")


def test_create_is_exclusive(store: Store) -> None:
    assert store.create("a/b.json", b"1")
    assert not store.create("a/b.json", b"2")
    assert store.get("a/b.json") == b"1"


def test_tables_are_named_by_their_rows_and_read_back(store: Store) -> None:
    file = store.write_table([FRAME[:1], FRAME[1:]], FRAME.schema)
    assert file == (table_digest(FRAME), 3)
    assert store.read_table(file.digest).equals(FRAME)
    assert pl.concat(store.batches(file.digest)).equals(FRAME)
    assert store.write_table([FRAME], FRAME.schema) == file


def test_of_a_bucket_only_the_columns_that_are_read_are_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store("memory:///")
    texts = ["".join(digest(f"{row} {part}") for part in range(100)) for row in range(300)]
    large = pl.DataFrame({"id": ["a"] * 300, "text": texts})
    file = store.write_table([large], large.schema)
    fetched: list[int] = []
    get_range = obstore.get_range
    monkeypatch.setattr(obstore, "get_range", lambda *a, **k: (fetched.append(k["length"]), get_range(*a, **k))[1])
    (group,) = [group.read(["id"]) for group in store.row_groups(file.digest)]
    assert group.equals(large.select("id"))
    (size,) = [size for _, size, _ in store.objects("data/")]
    assert 0 < sum(fetched) < size / 2


def test_an_empty_table_keeps_its_schema(store: Store) -> None:
    file = store.write_table([], FRAME.schema)
    assert store.read_table(file.digest).schema == FRAME.schema


def test_a_writer_that_fails_leaves_nothing(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    with pytest.raises(pl.exceptions.PolarsError):
        store.write_table([pl.DataFrame({"other": [1]})], FRAME.schema)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_of_two_writers_that_saw_one_generation_one_wins(store: Store) -> None:
    register = Register(store, "corpora/c/step")
    assert register.current("web-0@first").generation == 0
    assert register.publish("web-0@first", 0, {"fingerprint": "a"})
    assert not register.publish("web-0@first", 0, {"fingerprint": "b"})
    assert register.current("web-0@first").value == {"fingerprint": "a"}
    assert register.publish("web-0@first", 1, {"fingerprint": "b"})
    assert register.entries() == {"web-0@first": register.current("web-0@first")}
    assert register.current("web-0@first").generation == 2


def test_a_name_with_dots_is_not_another_names_generation(store: Store) -> None:
    register = Register(store, "snapshots")
    register.publish("2026.11", 0, 1)
    assert register.generations() == {"2026.11": 1}
    assert register.current("2026").generation == 0


def test_a_register_sees_what_others_published_without_listing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = Register(store, "corpora/c/step"), Register(store, "corpora/c/step")
    assert ours.entries() == {}
    for generation in range(3):
        assert theirs.publish("a", generation, generation + 1)
    assert ours.entry("a").generation == 0
    monkeypatch.setattr(Store, "objects", None)
    assert ours.look(["a", "b"])
    assert (ours.entry("a").generation, ours.entry("a").value) == (3, 3)
    assert not ours.look(["a", "b"])
    assert not ours.publish("a", 2, "late")


def test_what_was_collected_since_it_was_listed_is_looked_up_anew(store: Store) -> None:
    ours, theirs = Register(store, "corpora/c/step"), Register(store, "corpora/c/step")
    theirs.publish("a", 0, "old")
    assert ours.generations() == {"a": 1}
    theirs.publish("a", 1, "new")
    store.delete(["corpora/c/step/a.1.json"])
    assert ours.entry("a").value == "new"
