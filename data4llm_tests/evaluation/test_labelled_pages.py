from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from data4llm_assets.evaluation.labelled_pages import LabelledPage, part, read_folder
from data4llm_assets.evaluation.site import domain, site_of

PAGE = b"<html><body><p>Some text.</p></body></html>"
ANNOTATION: dict[str, Any] = {
    "url": "https://news.example.co.uk/a",
    "ground_truth": {
        "title": "A title",
        "author": "",
        "publish_date": None,
        "main_content": "Some text.",
        "with": ["Some text"],
        "without": ["Menu", "Footer"],
        "main_content_markdown": "Some text.",
    },
    "_internal": {"page_type": {"primary": "forum", "tags": []}},
}
METADATA = {"title": "A title", "byline": "Ada", "dir": None, "publishedTime": "2020-01-02T03:04:05Z", "readerable": True}


def wcxb(folder: Path, annotation: Any = ANNOTATION, page: bytes = gzip.compress(PAGE)) -> Path:
    for name in ("html", "ground-truth"):
        (folder / name).mkdir()
    (folder / "html" / "0001.html.gz").write_bytes(page)
    (folder / "ground-truth" / "0001.json").write_text(json.dumps(annotation))
    return folder


def readability_files(name: str = "one") -> dict[str, bytes]:
    return {
        f"{name}/source.html": PAGE,
        f"{name}/expected.html": "<div><p>Só</p><p>text.</p></div>".encode(),
        f"{name}/expected-metadata.json": json.dumps(METADATA).encode(),
    }


def archive(file: Path, contents: dict[str, bytes]) -> None:
    with tarfile.open(file, "w:xz") as packed:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))


def write(folder: Path, contents: dict[str, bytes]) -> None:
    for name, content in contents.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)


def test_pages_of_wcxb(tmp_path: Path) -> None:
    layout, pages = read_folder(wcxb(tmp_path))
    url = "https://news.example.co.uk/a"
    assert layout == "wcxb"
    assert pages == (
        LabelledPage(
            "0001", "example.co.uk", url, PAGE, "Some text.", "forum", "A title", None, None, ("Some text",), ("Menu", "Footer")
        ),
    )


def test_pages_of_wcxb_that_are_not_compressed(tmp_path: Path) -> None:
    wcxb(tmp_path)
    (tmp_path / "html" / "0001.html.gz").unlink()
    (tmp_path / "html" / "0001.html").write_bytes(PAGE)
    assert read_folder(tmp_path).pages[0].html == PAGE


@pytest.mark.parametrize("packed", [True, False])
def test_pages_of_readability(tmp_path: Path, packed: bool) -> None:
    files = {**readability_files("two"), **readability_files("one"), "one/notes.txt": b"no page"}
    if packed:
        archive(tmp_path / "test-pages.tar.xz", {f"test-pages/{name}": content for name, content in files.items()})
    else:
        write(tmp_path, files)
    layout, pages = read_folder(tmp_path)
    assert layout == "readability"
    assert [page.name for page in pages] == ["one", "two"]
    assert pages[0].text.split() == ["Só", "text."]
    named = ("A title", "Ada", "2020-01-02T03:04:05Z")
    assert pages[0]._replace(text="") == LabelledPage("one", "one", None, PAGE, "", "article", *named)


def test_an_archive_is_read_and_never_unpacked(tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    archive(folder / "test-pages.tar.xz", {f"../../{name}": content for name, content in readability_files().items()})
    assert [page.name for page in read_folder(folder).pages] == ["one"]
    assert [file.name for file in tmp_path.rglob("*")] == ["pages", "test-pages.tar.xz"]


def test_own_pages_need_a_text_and_may_have_more(tmp_path: Path) -> None:
    told = {"url": "https://shop.example.org/x", "page_type": "product", "date": "2024-01-02", "with": ["wanted"]}
    write(tmp_path, {"a.html": PAGE, "a.txt": "Ä text".encode(), "b.html.gz": gzip.compress(PAGE), "b.txt": b"\xef\xbb\xbfB"})
    (tmp_path / "b.json").write_text(json.dumps(told))
    layout, (plain, described) = read_folder(tmp_path)
    assert layout == "own"
    assert plain == LabelledPage("a", "a", None, PAGE, "Ä text", "article")
    assert described == LabelledPage(
        "b", "example.org", told["url"], PAGE, "B", "product", date="2024-01-02", with_snippets=("wanted",)  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "holds no labelled pages; it should have ground-truth"),
        ({"a.html": PAGE}, r"a\.txt is not there"),
        ({"a.html": PAGE, "a.txt": b"\xff"}, r"a\.txt is not UTF-8"),
        ({"a.html": PAGE, "a.txt": b"", "a.json": b"{"}, r"a\.json: Invalid JSON"),
        ({"a.html": PAGE, "a.txt": b"", "a.json": b"[]"}, r"a\.json: Input should be an object"),
        ({"a.html": PAGE, "a.txt": b"", "a.json": b'{"titel": "A"}'}, r"a\.json: titel: Extra inputs are not permitted"),
        ({"a.html": PAGE, "a.txt": b"", "a.json": b'{"with": [1]}'}, r"a\.json: with\.0: Input should be a valid string"),
        ({"a.html.gz": b"no gzip", "a.txt": b""}, r"a\.html\.gz is damaged"),
        ({"one/source.html": PAGE}, "one has no expected.html"),
        ({"test-pages.tar.xz": b"no archive"}, r"test-pages\.tar\.xz is damaged"),
    ],
)
def test_what_is_wrong_is_said_with_the_file(tmp_path: Path, files: dict[str, bytes], message: str) -> None:
    write(tmp_path, files)
    with pytest.raises((LookupError, ValueError), match=message):
        read_folder(tmp_path)


def test_what_is_wrong_in_wcxb_is_said_with_the_file(tmp_path: Path) -> None:
    wcxb(tmp_path, {**ANNOTATION, "ground_truth": {"title": "A title"}})
    with pytest.raises(ValueError, match=r"0001\.json: ground_truth\.main_content: Field required"):
        read_folder(tmp_path)
    (tmp_path / "html" / "0001.html.gz").unlink()
    (tmp_path / "ground-truth" / "0001.json").write_text(json.dumps(ANNOTATION))
    with pytest.raises(LookupError, match=r"html.0001\.html is not there"):
        read_folder(tmp_path)


def test_a_text_that_cannot_be_rendered_is_said_with_the_file(tmp_path: Path) -> None:
    write(tmp_path, {**readability_files(), "one/expected.html": b"<div>" * 5000})
    with pytest.raises(ValueError, match=r"one.expected\.html: the page's elements are nested too deeply"):
        read_folder(tmp_path)


def test_a_broken_archive_is_no_traceback(tmp_path: Path) -> None:
    archive(tmp_path / "test-pages.tar.xz", readability_files())
    whole = (tmp_path / "test-pages.tar.xz").read_bytes()
    (tmp_path / "test-pages.tar.xz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"test-pages\.tar\.xz is damaged"):
        read_folder(tmp_path)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://www.bbc.co.uk/news", "bbc.co.uk"),
        ("https://a.b.example.org:8080/x", "example.org"),
        ("https://ada.github.io/", "ada.github.io"),
        ("http://192.0.2.1/x", "192.0.2.1"),
        ("http://localhost/x", "localhost"),
        ("http://[::1", None),
        ("no address", None),
    ],
)
def test_the_domain_of_an_address(url: str, expected: str | None) -> None:
    assert domain(url) == expected


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ('<link rel="canonical" href="https://www.example.org/a?b&amp;c">', "example.org"),
        ("<meta content='https://m.example.net/a' property='og:url'>", "example.net"),
        ('<link rel="icon" href="https://cdn.example.com/a"><link rel=canonical href=https://example.org/>', "example.org"),
        ('<link rel="canonical" href="/a">', "name"),
        ("", "name"),
    ],
)
def test_a_page_without_url_is_of_the_site_that_it_names(head: str, expected: str) -> None:
    assert site_of(None, head.encode(), "name") == expected
    assert site_of("https://own.example/", head.encode(), "name") == "own.example"


def test_a_site_is_in_one_part_and_six_of_ten_are_to_develop_on() -> None:
    parts = [part(f"site-{number}.org") for number in range(2000)]
    assert 0.57 < parts.count("develop") / len(parts) < 0.63
    digest = int(hashlib.sha256(b"site-7.org").hexdigest(), 16)
    assert parts[7] == ("develop" if digest / 2**256 < 0.6 else "report")


def test_the_evaluation_data_is_read(evaluation_data: Path) -> None:
    layout, pages = read_folder(evaluation_data / "wcxb")
    assert (layout, len(pages)) == ("wcxb", 300)
    assert len({page.page_type for page in pages}) == 7
    assert {part(page.site) for page in pages if page.page_type == "service"} == {"develop", "report"}
    layout, pages = read_folder(evaluation_data / "readability-pages")
    assert (layout, len(pages)) == ("readability", 130)
    assert all(page.text for page in pages)
