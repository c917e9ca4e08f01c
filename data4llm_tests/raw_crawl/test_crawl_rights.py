from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from data4llm_assets.raw_crawl.crawling import links, rights
from data4llm_assets.raw_crawl.crawling.rights import Rights
from data4llm_assets.raw_crawl.source import Record, Skipped
from raw_crawl.crawl_site import crawl, found, landed, page, response, site, validated

URL = "http://a.example/dir/page"


def read(markup: str | bytes, charset: str | None = None) -> links.Page:
    return links.page(markup.encode() if isinstance(markup, str) else markup, URL, charset, "data4llm")


def test_links_are_absolute_in_order_and_each_there_once() -> None:
    markup = (
        "<a href=x>1</a><a href='/y?a=1&amp;b=2#top'>2</a><a href=x>1</a><area href='//b.example/'><a>no</a><link rel=next href=2>"
    )
    expected = ("http://a.example/dir/x", "http://a.example/y?a=1&b=2#top", "http://b.example/", "http://a.example/dir/2")
    assert read(markup).links == expected
    assert read("<base href='http://c.example/d/'><a href=e>").links == ("http://c.example/d/e",)
    assert (
        read("<!-- <a href=no> --><script>'<a href=no>'</script><a rel='x nofollow' href=no><link rel=stylesheet href=no>").links
        == ()
    )


@pytest.mark.parametrize(
    ("markup", "charset"),
    [("<a href='é'>".encode("latin-1"), "latin-1"), ("<a href='é'>".encode(), "utf-8"), ("<a href='é'>".encode("utf-16"), None)],
)
def test_links_are_read_in_the_pages_own_encoding(markup: bytes, charset: str | None) -> None:
    assert read(markup, charset).links == ("http://a.example/dir/é",)
    assert read(b"<a href=x>", "no-such-charset").links == ("http://a.example/dir/x",)


HOSTILE = {
    "attributes": b"<a " + b" ".join(b"a%d=1" % number for number in range(200_000)) + b" href=x>",
    "formatting": b"<p>" + b"<font size=1>" * 100_000 + b"<p>" * 10_000,
    "depth": b"<div>" * 300_000 + b"<a href=x>",
    "comments": b"<!--" * 500_000,
    "angles": b"<" * 1_000_000,
    "links": b"<a href=/x>" * 300_000,
    "quote": b"<a href='" + b"x" * 5_000_000,
    "entities": b"<a href='" + b"&amp;" * 500_000 + b"'>",
    "nothing": b"",
    "bytes": bytes(range(256)) * 1000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_page_made_to_be_slow_is_not(name: str) -> None:
    began = time.process_time()
    assert len(read(HOSTILE[name]).links) <= links.MOST_LINKS
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("noai, noindex", ("noai", "noindex")),
        ("otherbot: noindex, nofollow", ()),
        ("Data4LLM: NOAI", ("noai",)),
        ("noai, otherbot: noindex", ("noai",)),
        ("unavailable_after: 25 Jun 2010, nofollow", ("nofollow",)),
        ("", ()),
    ],
)
def test_directives_for_other_robots_do_not_count(header: str, expected: tuple[str, ...]) -> None:
    assert rights.directives(header, "data4llm") == expected


def test_what_headers_say_and_what_the_page_says_add_up() -> None:
    headers = [("X-Robots-Tag", "noai"), ("TDM-Reservation", "1"), ("tdm-policy", "https://a.example/terms")]
    headers += [("Link", '<https://a.example/next>; rel="next", <https://creativecommons.org/licenses/by/4.0/>; rel="license"')]
    stated = rights.of_headers(headers, "data4llm")
    assert stated == Rights(("noai",), True, "https://a.example/terms", "https://creativecommons.org/licenses/by/4.0/")
    markup = "<meta name=Robots content=nofollow><meta name=tdm-reservation content=0><a rel=license href=/licence>L</a>"
    both = stated.then(read(markup).rights)
    assert both == Rights(("noai", "nofollow"), False, "https://a.example/terms", "http://a.example/licence")
    assert dict(both.fields())["Rights-TDM-Reservation"] == "0"
    assert Rights().fields() == []


def test_evidence_is_one_line_whatever_a_page_says() -> None:
    fields = Rights(license="http://a/\r\nWARC-Type: response\n" + "x" * 9999, policy="é\0").fields()
    assert fields == [("Rights-License", ("http://a/ WARC-Type: response " + "x" * 9999)[:500])]


@pytest.mark.parametrize(
    ("url", "licence"),
    [
        ("http://creativecommons.org/licenses/by-sa/3.0/deed.de", "CC-BY-SA-3.0"),
        ("https://www.creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("https://www.apache.org/licenses/LICENSE-2.0.html", "Apache-2.0"),
        ("https://docs.python.org/3/license.html", "PSF-2.0"),
        ("https://a.example/terms", "https://a.example/terms"),
    ],
)
def test_licences_that_are_known_go_by_their_identifier(url: str, licence: str) -> None:
    assert rights.spdx(url) == licence


def test_what_a_page_wishes_is_recorded_and_honoured_as_the_recipe_says_without_fetching_again(tmp_path: Path) -> None:
    license_link = "<link rel=license href=https://creativecommons.org/licenses/by/4.0/>"
    answers = {
        "/": page("/noai", "/tdm", "/meta", "/dead-end", "/reserved/x", "/licensed"),
        "/noai": page(headers=(("X-Robots-Tag", "noai"),)),
        "/tdm": page(headers=(("TDM-Reservation", "1"),)),
        "/meta": page(head="<meta name=robots content='noindex'>"),
        "/dead-end": page("/never", head="<meta name=robots content=nofollow>"),
        "/reserved/x": validated(b"<html>reserved", '"r"'),
        "/licensed": page(head=license_link),
        "/.well-known/tdmrep.json": response(json.dumps([{"location": "/reserved/*", "tdm-reservation": 1}]).encode()),
    }
    with site(answers) as served:
        section = crawl(served.url, license="CC0-1.0")
        landed(section, tmp_path)
        landed(section, tmp_path, "second", "first")
        assert "/never" not in served.asked()

    def held(name: str, **keys: object) -> dict[str, Record]:
        every = found(section.model_copy(update=keys), tmp_path, name)
        return {str(each.url).removeprefix(served.url): each for each in every if isinstance(each, Record)}

    for name in ("first", "second"):
        assert set(held(name)) == {"/", "/meta", "/dead-end", "/licensed"}
        assert set(held(name, honour=())) == set(answers) - {"/.well-known/tdmrep.json"}
        assert set(held(name, honour=("noindex",))) == set(answers) - {"/.well-known/tdmrep.json", "/meta"}
        assert held(name, honour=())["/tdm"].meta["tdm_reservation"] == "1"
        assert held(name, honour=())["/reserved/x"].meta["tdm_reservation"] == "1"
        assert held(name, honour=())["/noai"].meta["robots"] == "noai"
        assert {path: record.license for path, record in held(name).items()} == {
            **dict.fromkeys(("/", "/meta", "/dead-end"), "CC0-1.0"),
            "/licensed": "CC-BY-4.0",
        }
    skipped = [each.kind for each in found(section, tmp_path) if isinstance(each, Skipped) and each.kind.startswith("reserved")]
    assert sorted(skipped) == ["reserved: noai", "reserved: tdm", "reserved: tdm"]
