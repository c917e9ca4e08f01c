from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from fastwarc.warc import ArchiveIterator
from warcio.archiveiterator import ArchiveIterator as WarcioIterator

from data4llm_assets.node import LandingFailed
from data4llm_assets.raw_crawl.crawl import Crawl
from data4llm_assets.raw_crawl.landing import file_of
from data4llm_assets.raw_crawl.source import Bad, Record, Reference
from raw_crawl.crawl_site import Site, crawl, found, landed, opener, page, redirect, response, site, validated

HTML = b"<html><body><p>%s</p><a href='/a'>a</a><a href='/b'>b</a></body></html>"


def world() -> dict[str, Any]:
    return {
        "/": validated(HTML % b"front", '"1"'),
        "/a": validated(HTML % b"a", '"a1"'),
        "/b": response(HTML % b"b"),
    }


def records(section: Crawl, folder: Path, name: str = "first") -> list[Record]:
    return sorted((each for each in found(section, folder, name) if isinstance(each, Record)), key=lambda each: each.address)


def kinds(folder: Path, name: str) -> list[str]:
    """Types of the records in the files of pages, each of them read and verified by both readers."""
    types = []
    for file in sorted((folder / name).glob("*.warc.gz")):
        with file.open("rb") as stream:
            for record in WarcioIterator(stream, check_digests="raise"):
                record.content_stream().read()
                assert record.digest_checker.passed or record.rec_type == "revisit"
        with file.open("rb") as stream:
            for record in ArchiveIterator(stream, parse_http=False):
                assert record.verify_block_digest()
        with file.open("rb") as stream:
            for record in ArchiveIterator(stream, auto_decode="none"):
                kind = record.headers["WARC-Type"]
                assert kind != "response" or record.verify_payload_digest()
                if file.name.startswith("pages"):
                    types.append(kind)
    return sorted(kind for kind in types if kind not in ("request", "warcinfo"))


def test_pages_land_as_warc_that_two_other_readers_verify(tmp_path: Path) -> None:
    with site(world()) as served:
        section = crawl(served.url)
        landed(section, tmp_path)
        assert [record.url for record in records(section, tmp_path)] == [f"{served.url}{path}" for path in ("/", "/a", "/b")]
    assert kinds(tmp_path, "first") == ["response"] * 3
    assert {record.locator.partition("#")[0] for record in records(section, tmp_path)} == {
        file_of(record.address, 16) for record in records(section, tmp_path)
    }


def test_a_page_that_did_not_change_is_a_document_of_the_next_snapshot_too(tmp_path: Path) -> None:
    with site(world()) as served:
        section = crawl(served.url)
        landed(section, tmp_path)
        served.answers["/a"] = validated(HTML % b"a, edited", '"a2"')
        told = landed(section, tmp_path, "second", "first")
        landed(section, tmp_path, "third", "second", "first")
    assert dict(told.select("outcome", "status").iter_rows()) == {"revisit": 200, "page": 200}
    assert told["status"].to_list() == [304, 200, 200]
    assert kinds(tmp_path, "second") == ["response", "revisit", "revisit"]
    assert kinds(tmp_path, "third") == ["revisit"] * 3
    first, second, third = (records(section, tmp_path, name) for name in ("first", "second", "third"))
    assert [one.identity == two.identity for one, two in zip(first, second, strict=True)] == [True, False, True]
    assert [record.identity for record in second] == [record.identity for record in third]
    assert [record.payload for record in second] == [record.payload for record in third]
    assert b"../first/" in _headers(tmp_path / "third", first[0].locator)
    assert b"../second/" in _headers(tmp_path / "third", first[1].locator)
    assert all(one.fetched_at != two.fetched_at for one, two in zip(first, second, strict=True))


def _headers(folder: Path, locator: str) -> bytes:
    with (folder / locator.partition("#")[0]).open("rb") as stream:
        return b"".join(str(dict(record.headers.items())).encode() for record in ArchiveIterator(stream))


def test_a_revisit_whose_original_is_gone_or_altered_is_quarantined_with_the_reason(tmp_path: Path) -> None:
    with site(world()) as served:
        section = crawl(served.url)
        landed(section, tmp_path)
        landed(section, tmp_path, "second", "first")
    shutil.move(tmp_path / "first", tmp_path / "elsewhere")
    bad = [each for each in found(section, tmp_path, "second") if isinstance(each, Bad)]
    assert {each.reason for each in bad} == {"the earlier page that this record refers to is not there"}
    assert len(bad) == 3
    assert all(each.locator.startswith("pages-") for each in bad)
    shutil.copytree(tmp_path / "elsewhere", tmp_path / "first")
    for file in (tmp_path / "first").glob("pages-*"):
        data = bytearray(file.read_bytes())
        data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
        file.write_bytes(data)
    bad = [each for each in found(section, tmp_path, "second") if isinstance(each, Bad)]
    assert [each.reason for each in bad] == ["the earlier page that this record refers to is not what it was"] * 3


def test_a_revisit_is_resolved_to_the_payload_it_names_and_to_no_other(tmp_path: Path) -> None:
    with site(world()) as served:
        section = crawl(served.url)
        landed(section, tmp_path)
        landed(section, tmp_path, "second", "first")
    (file, *_) = sorted((tmp_path / "second").glob("pages-*"))
    with file.open("rb") as stream:
        (reference,) = (each for each in section.records(stream, file.name) if isinstance(each, Reference))
    assert isinstance(section.resolve(reference, opener(tmp_path / "second")), Record)
    for other in ({"payload_digest": "sha256:" + "0" * 64}, {"offset": reference.offset + 1}, {"offset": 0}, {"offset": 10**9}):
        bad = section.resolve(reference._replace(**other), opener(tmp_path / "second"))
        assert isinstance(bad, Bad)
        assert bad.reason == "the earlier page that this record refers to is not what it was"


def test_a_304_for_a_page_that_is_not_there_any_more_is_asked_for_whole(tmp_path: Path) -> None:
    with site(world()) as served:
        section = crawl(served.url)
        landed(section, tmp_path)
        for file in (tmp_path / "first").glob("pages-*"):
            file.unlink()
        landed(section, tmp_path, "second", "first")
        assert served.asked().count("/") == 3
    assert kinds(tmp_path, "second") == ["response"] * 3


def test_a_finished_crawl_asks_for_nothing_until_the_recipe_reaches_further(tmp_path: Path) -> None:
    answers = {**world(), "/": page("/a", "/deep/x"), "/deep/x": page("/deep/y"), "/deep/y": page()}
    with site(answers) as served:
        section = crawl(served.url, scope={"exclude": ["/deep"]})
        landed(section, tmp_path)
        before = _bytes(tmp_path)
        asked = len(served.requests)
        landed(section, tmp_path)
        landed(section.model_copy(update={"user_agent": "another", "max_bytes": 5}), tmp_path)
        assert len(served.requests) == asked
        assert _bytes(tmp_path) == before
        landed(crawl(served.url, scope={"exclude": ["/deep/y"]}), tmp_path)
        landed(crawl(served.url, f"{served.url}/new", scope={}), tmp_path)
        assert served.asked()[asked - 2 :] == ["/deep/x", "/new", "/deep/y"]
    assert len(records(section, tmp_path)) == 5


def _bytes(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.rglob("pages-*")}


def test_redirects_are_recorded_hop_by_hop_and_go_nowhere_twice(tmp_path: Path) -> None:
    answers = {
        "/": page("/one", "/loop", "/self", "/out", "/long0"),
        "/one": redirect("/two", "301 Moved Permanently"),
        "/two": redirect("/a", "308 Permanent Redirect"),
        "/a": page(),
        "/loop": redirect("/pool"),
        "/pool": redirect("/loop"),
        "/self": redirect("/self"),
        "/out": redirect("http://other.example/"),
        **{f"/long{number}": redirect(f"/long{number + 1}") for number in range(20)},
    }
    with site(answers) as served:
        section = crawl(served.url, redirects=3)
        told = landed(section, tmp_path)
        assert len(served.asked()) == len(set(served.asked()))
        outcome = {
            url.removeprefix(served.url): (what, why) for url, what, why in told.select("url", "outcome", "reason").iter_rows()
        }
        assert outcome["/one"] == ("redirect", f"to {served.url}/two")
        assert outcome["/a"] == ("page", None)
        assert outcome["/pool"][0] == "redirect"
        assert outcome["/self"] == ("redirect", "to itself")
        assert outcome["/out"] == ("redirect", "to http://other.example/: another host")
        assert outcome["/long3"] == ("redirect", "more than 3 redirects")
        assert "/long4" not in outcome
    with (tmp_path / "first" / "diagnostics.warc.gz").open("rb") as stream:
        hops = [
            record.headers["WARC-Target-URI"] for record in ArchiveIterator(stream) if record.headers["WARC-Type"] == "response"
        ]
    assert [f"{served.url}{path}" in hops for path in ("/one", "/two", "/loop", "/pool", "/self", "/out")] == [True] * 6


def test_a_crawl_that_fetched_nothing_or_too_little_freezes_nothing_and_goes_on_where_it_was(tmp_path: Path) -> None:
    with site({}) as served:
        with pytest.raises(LandingFailed, match=r"(?s)not one page could be fetched: .*1 status.*1 × status 404"):
            landed(crawl(served.url), tmp_path, "none")
    broken = response(b"", status="503 Service Unavailable")
    with site({"/": page("/a", "/b"), "/a": broken, "/b": page()}) as served:
        section = crawl(served.url)
        with pytest.raises(LandingFailed, match=r"(?s)1 of 3 URLs failed, more than `failures: 0\.1` allows.*1 × status 503"):
            landed(section, tmp_path)
        served.answers["/a"] = page()
        landed(section, tmp_path)
        assert served.asked() == ["/", "/a", "/b", "/a"]
    assert len(records(section, tmp_path)) == 3


def test_two_crawls_into_one_folder_are_one_too_many(tmp_path: Path) -> None:
    def meanwhile(_: object) -> bytes:
        with pytest.raises(LandingFailed, match="another process crawls into"):
            landed(section, tmp_path)
        return page()

    with site({"/": meanwhile}) as served:
        section = crawl(served.url)
        landed(section, tmp_path)
    assert len(records(section, tmp_path)) == 1


def test_paths_in_urls_never_become_paths_of_files(tmp_path: Path) -> None:
    links = ["/../../../etc/passwd", "/%2e%2e/%2e%2e/x", "/..%2f..%2fy", "/a\\..\\..\\z", "//127.0.0.1:1/../../w"]
    with site({"/": page(*links)}) as served:
        landed(crawl(served.url), tmp_path)
    assert {file.name for file in tmp_path.rglob("*") if not file.name.startswith(".")} == {
        "first",
        "diagnostics.warc.gz",
        next((tmp_path / "first").glob("pages-*")).name,
    }
    for reference in ("../../../etc/passwd", "/etc/passwd", "../first/../../x.warc.gz", "../.hidden/pages-00.warc.gz"):
        section = crawl("http://127.0.0.1/")
        bad = section.resolve(Reference(reference, 0, "sha256:0", "http://a/", None, "pages-00.warc.gz#0+1"), pytest.fail)
        assert isinstance(bad, Bad)
        assert bad.reason == "the record refers to no page of this source"


def test_a_site_may_be_crawled_from_within_a_running_loop(tmp_path: Path) -> None:
    import asyncio

    async def notebook(served: Site) -> None:
        landed(crawl(served.url), tmp_path)

    with site(world()) as served:
        asyncio.run(notebook(served))
    assert len(records(crawl("http://127.0.0.1/"), tmp_path)) == 3
