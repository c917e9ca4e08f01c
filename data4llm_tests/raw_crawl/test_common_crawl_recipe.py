"""The source in a recipe: documents come out, mistakes are named, credentials stay where they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from common_crawl_world import POLITE, Capture, cdxj, found, of, world
from range_server import RangeServer
from ruamel.yaml import YAML

from data4llm_assets.corpus import Corpus
from data4llm_assets.engine.snapshots import SnapshotError
from data4llm_assets.raw_crawl.source import Record
from data4llm_assets.recipe import RecipeError, find_recipe, load_recipe, parse_recipe

SECRET = "planted-7f3a9c"
STEPS = [{"stage": "raw_crawl", "quarantine": 0.9}, {"stage": "extracted_text"}]


def recipe(**keys: Any) -> dict[str, Any]:
    source = {"kind": "common_crawl", "domain": "web", "license": "NOASSERTION", "files": 3, "politeness": POLITE, **keys}
    return {"corpus": "small", "sources": {"pages": source}, "steps": STEPS}


@pytest.fixture
def captures(tmp_path: Path) -> list[Capture]:
    captures = world(tmp_path / "data")
    cdxj(tmp_path / "index.cdxj.gz", captures)
    return captures


def test_documents_come_out_of_the_archive(tmp_path: Path, captures: list[Capture]) -> None:
    with RangeServer(tmp_path / "data") as server:
        corpus = Corpus(recipe(index=str(tmp_path / "index.cdxj.gz"), data=server.url, shards=2), tmp_path / "store")
        report = corpus.build()
        asked = len(server.paths)
        assert report.ok
        assert corpus.plan().current
        assert Corpus(recipe(index="http://127.0.0.1:9/gone", data=server.url, shards=2), tmp_path / "store").plan().current
    documents = corpus.read("extracted_text")
    assert set(documents["url"]) == {url for url, _ in of(captures, status="200")}
    assert documents["text"].str.contains(r"Page \d+ of ").all()
    assert len(server.paths) == asked
    assert sorted(path.name for path in (tmp_path / "store/landing/small/pages/first").glob("*")) == [
        ".landing", "pages-00.warc.gz", "pages-01.warc.gz", "pages-02.warc.gz",
    ]  # fmt: skip


def test_missing_records_are_decisions_with_their_reasons(tmp_path: Path, captures: list[Capture]) -> None:
    good = [each for each in captures if each["status"] == "200"]
    good[0]["filename"] = "crawl-data/gone.warc.gz"
    index = cdxj(tmp_path / "i.cdxj", captures)
    corpus = Corpus(recipe(index=str(index), data=str(tmp_path / "data"), wanted={"captures": "all"}), tmp_path / "store")
    assert corpus.build().ok
    row = corpus.decisions("raw_crawl").row(0, named=True)
    assert row["rule"] == "raw_crawl.not_there"
    place = f"crawl-data/gone.warc.gz#{good[0]['offset']}+{good[0]['length']}"
    assert row["reason"].startswith(f"{good[0]['url']}: there is no such file: {place}: pages-0")
    assert corpus.read("raw_crawl").height + 1 == len(good)


def everything_under(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_credentials_are_used_and_never_kept(
    tmp_path: Path, captures: list[Capture], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SIGNATURE", f"{SECRET}-environment")
    cdxj(tmp_path / "data/index.cdxj.gz", captures)
    with RangeServer(tmp_path / "data", lambda number, path: "drop" if number == 6 else None) as server:
        base = server.url.replace("http://", f"http://reader:{SECRET}-password@")
        keys = {"index": f"{base}index.cdxj.gz?token={SECRET}-query", "data": f"{base}?signature=${{SIGNATURE}}"}
        corpus = Corpus(recipe(**keys), tmp_path / "store")
        assert corpus.build().ok
    assert f"?token={SECRET}-query" in server.paths[0]
    assert f"?signature={SECRET}-environment" in server.paths[-1]
    assert all(headers["authorization"].startswith("Basic ") for headers in server.headers)
    assert SECRET.encode() not in everything_under(tmp_path / "store")
    assert SECRET not in "".join(capfd.readouterr())


@pytest.mark.parametrize("fault", ["401", "503", "lie", "ignore", "https://127.0.0.1:9/"])
def test_no_error_quotes_a_credential(tmp_path: Path, captures: list[Capture], fault: str) -> None:
    redirect = f"{fault}?next={SECRET}" if fault.startswith("http") else fault
    with RangeServer(tmp_path / "data", lambda number, path: redirect) as server:
        base = server.url.replace("http://", f"http://reader:{SECRET}@")
        for keys in ({"index": f"{base}i.cdxj?token={SECRET}"}, {"index": str(tmp_path / "index.cdxj.gz")}):
            politeness = {**POLITE, "retries": 1}
            corpus = Corpus(recipe(data=f"{base}gone/?token={SECRET}", politeness=politeness, **keys), tmp_path / "store")
            with pytest.raises(SnapshotError, match=r"source 'pages': ") as caught:
                corpus.build()
            assert SECRET not in str(caught.value)
            assert caught.value.__suppress_context__
    assert SECRET.encode() not in everything_under(tmp_path / "store")


def test_a_variable_that_is_not_set_is_named(tmp_path: Path, captures: list[Capture]) -> None:
    corpus = Corpus(
        recipe(index=str(tmp_path / "index.cdxj.gz"), data="http://127.0.0.1:9/?s=${ABSENT_VARIABLE}"), tmp_path / "store"
    )
    with pytest.raises(SnapshotError, match=r"http://127.0.0.1:9/ needs the environment variable ABSENT_VARIABLE"):
        corpus.build()


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"indx": "i.cdxj"}, "sources.pages.indx: there is no such key; did you mean 'index'?"),
        (
            {"index": "i", "wanted": {"domain": ["a.org"]}},
            "sources.pages.wanted.domain: there is no such key; did you mean 'domains'?",
        ),
        ({"index": "i", "wanted": {"hosts": ["https://a.org/"]}}, "'https://a.org/' is no host name such as docs.example.org"),
        ({"index": "i", "wanted": {"prefixes": ["a.org/x"]}}, "'a.org/x' is neither the beginning of a URL"),
        ({"index": "i", "wanted": {"languages": ["en"]}}, "'en' is no code of ISO 639-3"),
        ({"index": "i", "wanted": {"pattern": "("}}, "'(' is no regular expression"),
        ({"index": "i", "wanted": {"captures": "latest"}}, "'latest' is not one of newest, all"),
        ({"index": "i", "crawl": "CC-MAIN-2026-40"}, "`crawl` fills `{crawl}` in `index`: say both or neither"),
        ({"index": "{crawl}/i"}, "`crawl` fills `{crawl}` in `index`: say both or neither"),
        ({}, "`index` is required"),
        ({"index": "i", "shards": 8}, "`files` (3) are dealt out to `shards` (8)"),
        ({"index": "i", "politeness": {"connections": 0}}, "sources.pages.politeness.connections: "),
    ],
)
def test_a_mistake_in_the_recipe_is_named(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse_recipe(recipe(**keys))
    assert message in str(caught.value)


def test_relative_paths_count_from_the_recipe(tmp_path: Path, captures: list[Capture]) -> None:
    given = recipe(index=["index.cdxj.gz"], data="data", wanted={"listed": "urls.txt"})
    with (tmp_path / "recipe.yaml").open("w") as stream:
        YAML().dump(given, stream)
    source: Any = load_recipe(tmp_path / "recipe.yaml").sources["pages"]
    assert (source.index, source.data) == ((str(tmp_path / "index.cdxj.gz"),), str(tmp_path / "data"))
    assert source.wanted.listed == str(tmp_path / "urls.txt")


def test_the_shipped_recipe_lands_from_another_index_and_other_data(tmp_path: Path, captures: list[Capture]) -> None:
    text = find_recipe("common_crawl").read_text()
    for ours, theirs in (
        ("https://data.commoncrawl.org/cc-index/collections/{crawl}/indexes/cluster.idx", "index.cdxj.gz?{crawl}"),
        ("data: https://data.commoncrawl.org/", "data: data"),
        ("[docs.python.org, wiki.python.org]", "[example.org, example.com]"),
    ):
        assert ours in text
        text = text.replace(ours, theirs)
    (tmp_path / "index.cdxj.gz").rename(tmp_path / "index.cdxj.gz?CC-MAIN-2026-40")
    (tmp_path / "recipe.yaml").write_text(text)
    corpus = Corpus(tmp_path / "recipe.yaml", tmp_path / "store")
    corpus.snapshots.add("first", corpus.recipe.sources)
    landing = tmp_path / "store/landing/common_crawl/pages/first"
    expected = {url for url, _ in of(captures, status="200") if "example.org/" in url or "example.com/" in url}
    assert {each.url for each in found(corpus.recipe.sources["pages"], landing) if isinstance(each, Record)} == expected
