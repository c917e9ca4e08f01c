from __future__ import annotations

import json
from pathlib import Path

import pytest

from data4llm_assets.engine.snapshots import list_files
from data4llm_assets.raw_crawl.files import Files
from data4llm_assets.report.groups import Group, groups
from data4llm_assets.report.look import look

ROW = json.dumps({"text": "words " * 2000}) + "\n"


def tree(folder: Path, **files: str | bytes) -> dict[str, Group]:
    """`web__a_html` is web/a.html."""
    for name, content in files.items():
        place, _, suffix = name.replace("__", "/").rpartition("_")
        path = folder / (f"{place}.{suffix}" if place else suffix)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    found, _ = groups(look(folder), folder)
    return {group.name: group for group in found}


def listed(group: Group) -> list[str]:
    """What a run would list, were the group a source."""
    section = Files(kind="files", path=str(group.path), domain="x", include=group.include or ("**/*",), exclude=group.exclude)
    return sorted(file.path for file in list_files("x", section, None))


def test_subfolders_that_look_like_sources_are_sources(tmp_path: Path) -> None:
    found = tree(tmp_path, web__a_html="<html>", books__b_txt="Once.", books__c_txt="Upon.")
    assert {name: listed(group) for name, group in found.items()} == {"books": ["b.txt", "c.txt"], "web": ["a.html"]}


@pytest.mark.parametrize("pair", [("train", "test"), ("00", "01"), ("year=2024", "year=2025"), ("src", "web")])
def test_subfolders_that_look_like_slices_are_one_source(tmp_path: Path, pair: tuple[str, str]) -> None:
    for name in pair:
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text("Once upon a time.")
    found, _ = groups(look(tmp_path), tmp_path)
    assert [group.name for group in found] == ["text"]


def test_a_project_is_not_split_by_its_subfolders(tmp_path: Path) -> None:
    found = tree(tmp_path, pyproject_toml="[project]", app__a_py="x = 1", guide__b_txt="Once upon a time, and so on.")
    assert set(found) == {"code", "text"}


def test_loose_files_beside_subfolders_are_read_once(tmp_path: Path) -> None:
    found = tree(tmp_path, web__a_txt="x" * 900, books__b_txt="y" * 900, c_txt="z" * 100)
    assert {name: listed(group) for name, group in found.items()} == {"books": ["b.txt"], "text": ["c.txt"], "web": ["a.txt"]}


def test_json_lines_and_json_in_one_folder_are_told_apart(tmp_path: Path) -> None:
    found = tree(tmp_path, a_json=ROW * 3, b_json=json.dumps({"one": "value"}), c_py="x = 1\n" * 9000)
    assert {name: listed(group) for name, group in found.items()} == {"code": ["b.json", "c.py"], "jsonl": ["a.json"]}


def test_json_that_no_reader_takes_apart_is_left_out(tmp_path: Path) -> None:
    found = tree(tmp_path, a_json=json.dumps(["x" * 1000] * 1200), b_json="{}", c_txt="Once upon a time.")
    assert {name: listed(group) for name, group in found.items()} == {"text": ["c.txt"]}
    _, beside = groups(look(tmp_path), tmp_path)
    assert list(beside.values()) == [["b.json"]]


def test_what_describes_a_table_is_no_source(tmp_path: Path) -> None:
    assert set(tree(tmp_path, data_jsonl=ROW * 5, README_md="# Data", info_txt="x")) == {"jsonl"}


def test_what_tools_built_is_taken_out(tmp_path: Path) -> None:
    for name in ("a.js", "node_modules/b.js", "lib/__pycache__/c.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x = 1")
    assert {name: listed(group) for name, group in tree(tmp_path).items()} == {"code": ["a.js"]}


def test_files_without_text_are_counted_by_what_they_are(tmp_path: Path) -> None:
    tree(tmp_path, a_pdf=b"%PDF-1.7", b_png=b"\x89PNG\r\n", c_txt="", d_txt="Once.")
    assert look(tmp_path).left_out == {"application/pdf": ["a.pdf"], "image/png": ["b.png"], "empty": ["c.txt"]}


def test_hidden_files_are_passed_over_as_a_run_does(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "c.html").write_text("<html>")
    assert set(tree(tmp_path, a_txt="Once.")) == {"text"}
