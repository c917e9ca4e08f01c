from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from data4llm_assets.node import Delivery
from data4llm_assets.raw_crawl.files import Files
from data4llm_assets.raw_crawl.installed_python import InstalledPython
from data4llm_assets.raw_crawl.source import Record


def source(part: str, documents: int, packages: tuple[str, ...] | None = None, drift: float = 0.0) -> InstalledPython:
    return InstalledPython(kind="installed_python", domain="docs", part=part, documents=documents, packages=packages, drift=drift)


def landed(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize(("part", "suffix"), [("docs", ".txt"), ("code", ".py"), ("manual", ".html")])
def test_what_lands_is_natural_bounded_and_the_same_every_time(tmp_path: Path, part: str, suffix: str) -> None:
    for folder in ("one", "two"):
        source(part, 12).land(Delivery(tmp_path / folder, "first", 1))
    assert landed(tmp_path / "one") == landed(tmp_path / "two")
    assert len(landed(tmp_path / "one")) == 12
    assert any(name.endswith(suffix) for name in landed(tmp_path / "one"))
    assert sorted(found.name for found in tmp_path.iterdir()) == ["one", "two"]


def test_a_cap_takes_something_of_every_package() -> None:
    names = [name for name, _ in source("code", 4, ("polars", "Pydantic")).landed()]
    assert [name.partition("/")[0] for name in names] == ["polars", "pydantic", "polars", "pydantic"]


def test_reference_pages_hold_nothing_of_this_machine_or_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET", "hunter2")
    pages = dict(source("manual", 9, ("json", "tempfile", "platform", "difflib", "configparser", "sqlite3")).landed())
    assert sorted(pages) == ["configparser.html", "difflib.html", "json.html", "platform.html", "sqlite3.html", "tempfile.html"]
    for page in pages.values():
        for private in (" at 0x", "&nbsp;at&nbsp;0x", sys.prefix, sys.executable, "file:/", "hunter2", os.getcwd()):
            assert private.encode() not in page


def test_a_landing_is_all_or_nothing_and_never_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = source("docs", 5)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            corpus.land(Delivery(tmp_path / "landing", "first", 1))
    assert not (tmp_path / "landing").exists()
    corpus.land(Delivery(tmp_path / "landing", "first", 1))
    before = landed(tmp_path / "landing")
    source("docs", 9).land(Delivery(tmp_path / "landing", "first", 1))
    assert landed(tmp_path / "landing") == before


def test_landed_files_are_read_as_any_files(tmp_path: Path) -> None:
    corpus = source("docs", 3)
    corpus.land(Delivery(tmp_path / "landing", "first", 1))
    files = Files(kind="files", path="x", domain="docs")
    for name in landed(tmp_path / "landing"):
        with (tmp_path / "landing" / name).open("rb") as ours, (tmp_path / "landing" / name).open("rb") as theirs:
            (found,) = corpus.records(ours, name)
            assert isinstance(found, Record)
            assert [found] == list(files.records(theirs, name))


def test_a_drifting_world_loses_edits_and_gains_a_share_of_its_documents_in_every_snapshot() -> None:
    corpus = source("code", 300, drift=0.06)
    first, second, third = (dict(corpus.landed(arrival)) for arrival in (1, 2, 3))
    assert first == dict(source("code", 300).landed())
    gone, new = first.keys() - second.keys(), second.keys() - first.keys()
    edited = [name for name in first.keys() & second.keys() if first[name] != second[name]]
    # Which documents change hangs on what is installed: about two per cent each.
    assert len(new) == 6
    assert 1 <= len(gone) <= 16
    assert 1 <= len(edited) <= 16
    assert all(second[name].startswith(first[name]) for name in edited)
    assert second[edited[0]].decode().endswith("\n# This page was looked over again for delivery 2.\n")
    # What changed stays changed, what is gone stays away.
    assert all(third[name] == second[name] for name in edited)
    assert not gone & third.keys()
    assert second == dict(corpus.landed(2))
