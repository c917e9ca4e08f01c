from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from pydantic import ValidationError

from data4llm_assets.raw_crawl.address import has_credentials, request_url
from data4llm_assets.raw_crawl.crawling.scope import Boundary, Scope
from raw_crawl.crawl_site import Reply, crawl, landed, page, redirect, response, site

SEEDS = ("http://a.example/", "https://b.example:8443/x")


@pytest.mark.parametrize(
    ("scope", "url", "objection"),
    [
        ({}, "http://a.example/any", None),
        ({}, "https://a.example/any", None),
        ({}, "https://b.example:8443/", None),
        ({}, "https://b.example/", "another host"),
        ({}, "http://www.a.example/", "another host"),
        ({"hosts": ["*.example"]}, "http://deep.a.example/", None),
        ({"hosts": ["*.a.example"]}, "http://a.example/", None),
        ({"hosts": ["*.a.example"]}, "http://nota.example/", "another host"),
        ({"prefixes": ["/docs/", "/api"]}, "http://a.example/docs/x", None),
        ({"prefixes": ["/docs/"]}, "http://a.example/docs", "another path"),
        ({"include": [r"\.html$"]}, "http://a.example/x.html", None),
        ({"include": [r"\.html$"]}, "http://a.example/x", "not included"),
        ({"include": [r"x"], "exclude": ["y"]}, "http://a.example/xy", "excluded"),
        ({"query_strings": "refuse"}, "http://a.example/?q", "a query string"),
        ({}, f"http://a.example/{'x' * 2000}", "a URL beyond measure"),
        ({}, f"http://a.example{'/calendar/next' * 5}", "a path that repeats itself"),
        ({}, "http://a.example/a/b/a/b/a", None),
    ],
)
def test_urls_are_held_against_every_rule(scope: dict[str, object], url: str, objection: str | None) -> None:
    assert Boundary(Scope(**scope), SEEDS).objection(url) == objection


def test_depth_counts_links_and_stripped_queries_are_no_pages_of_their_own() -> None:
    boundary = Boundary(Scope(depth=2, query_strings="strip"), SEEDS)
    assert [boundary.objection("http://a.example/", depth) for depth in (2, 3)] == [None, "too many links away"]
    assert boundary.normal("http://A.example/x?session=1#top") == "http://a.example/x"


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"include": ["("]}, "is no regular expression"),
        ({"hosts": ["http://a.example/"]}, "without a scheme or a path"),
        ({"hosts": ["user@a.example"]}, "without a scheme or a path"),
        ({"depth": -1}, "greater than or equal to 0"),
    ],
)
def test_a_scope_that_means_nothing_is_refused(keys: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Scope(**keys)


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("http://EXAMPLE.com:80/a b/é?q=ü#f", "http://example.com/a%20b/%C3%A9?q=%C3%BC"),
        ("https://bücher.example:443/../x", "https://xn--bcher-kva.example/x"),
        ("http://h\\evil/?a\\b", "http://h/evil/?a%5Cb"),
        ("http://[::1]:8080/", "http://[::1]:8080/"),
        (" http://h/\n", "http://h/"),
        ("http://h%00/", None),
        ("http://h:0/", None),
        ("http://h:99999/", None),
        ("ftp://h/", None),
        ("javascript:alert(1)", None),
        ("http:///x", None),
    ],
)
def test_what_is_asked_for_is_ascii_and_always_written_alike(url: str, asked: str | None) -> None:
    assert request_url(url) == asked
    assert asked is None or request_url(asked) == asked


def test_credentials_in_urls_are_seen_wherever_they_hide() -> None:
    hidden = ["http://u:p@h/", "http://u@h", "//u:p@h/x", "http:\\\\u:p@h\\x".replace("http:\\\\", "http://")]
    assert all(has_credentials(url) for url in hidden)
    assert not any(has_credentials(url) for url in ("http://h/@x", "http://h/?q=@", "http://h#@", "/a@b"))


def outcomes_of(answers: dict[str, Reply], folder: Path, **keys: object) -> dict[str, str]:
    with site(answers) as served:
        frame = landed(crawl(served.url, **keys), folder)
        return {url.removeprefix(served.url): what for url, what in frame.select("url", "outcome").iter_rows()}


def test_links_are_followed_as_far_as_the_scope_goes(tmp_path: Path) -> None:
    answers = {"/": page("/1", "mailto:x@y", "#top", "http://other.example/"), "/1": page("/2"), "/2": page("/3"), "/3": page()}
    told = outcomes_of(answers, tmp_path, scope={"depth": 2})
    assert told == {"/": "page", "/1": "page", "http://other.example/": "scope", "/2": "page", "/3": "scope"}


def test_a_page_found_again_nearer_to_the_seeds_is_as_near_as_that(tmp_path: Path) -> None:
    answers = {"/": page("/a"), "/a": page("/far"), "/far": page()}
    with site(answers) as served:
        landed(crawl(served.url, scope={"depth": 1}), tmp_path)
        told = landed(crawl(served.url, f"{served.url}/far", scope={"depth": 1}), tmp_path)
    assert told["outcome"].to_list() == ["page"] * 3


def test_no_more_pages_land_than_may_and_a_larger_number_goes_on(tmp_path: Path) -> None:
    answers = {"/": page(*(f"/{number}" for number in range(20))), **{f"/{number}": page() for number in range(20)}}
    with site(answers) as served:
        for most in (5, 5, 9):
            told = landed(crawl(served.url, max_pages=most, pace={"delay": 0, "per_host": 4}), tmp_path)
            assert told["outcome"].drop_nulls().to_list() == ["page"] * most
        assert len(served.asked()) == 9


def sitemap(*urls: str, kind: str = "urlset") -> bytes:
    entry = "url" if kind == "urlset" else "sitemap"
    rows = "".join(f"<{entry}><loc>\n {url} </loc></{entry}>" for url in urls)
    return f'<?xml version="1.0"?><{kind} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{rows}</{kind}>'.encode()


def test_sitemaps_of_every_form_lead_to_pages(tmp_path: Path) -> None:
    def robots(request: object) -> bytes:
        root = served.url
        served.answers["/index.xml"] = response(
            sitemap(f"{root}/one.xml", f"{root}/two.xml.gz", kind="sitemapindex"), kind="text/xml"
        )
        served.answers["/one.xml"] = response(sitemap(f"{root}/1?a=1&amp;b=2", "http://other.example/"), kind="application/xml")
        served.answers["/two.xml.gz"] = response(gzip.compress(sitemap(f"<![CDATA[{root}/2]]>")), kind="application/gzip")
        served.answers["/three.txt"] = response(f"{root}/3\n{root}/4\n".encode(), kind="text/plain")
        return response(f"User-agent: *\nDisallow: /4\nSitemap: {root}/index.xml\nSitemap: http://x.example/s\n".encode())

    pages = {path: page() for path in ("/", "/1?a=1&b=2", "/2", "/3", "/4")}
    with site({**pages, "/robots.txt": robots}) as served:
        frame = landed(crawl(served.url, sitemaps={"urls": [f"{served.url}/three.txt"]}), tmp_path)
        told = {url.removeprefix(served.url): what for url, what in frame.select("url", "outcome").iter_rows()}
    assert told == {
        **{"/": "page", "/1?a=1&b=2": "page", "/2": "page", "/3": "page", "/4": "robots"},
        **{"/index.xml": "sitemap", "/one.xml": "sitemap", "/two.xml.gz": "sitemap", "/three.txt": "sitemap"},
        **{"http://other.example/": "scope", "http://x.example/s": "scope"},
    }


def test_sitemaps_that_never_end_do_end(tmp_path: Path) -> None:
    def circles(request: object) -> bytes:
        path = getattr(request, "path", "/s")
        return response(sitemap(f"{served.url}{path}x", f"{served.url}/s", kind="sitemapindex"), kind="text/xml")

    bomb = response(gzip.compress(sitemap() + b" " * (60 << 20)), kind="application/gzip")
    broken = response(b"\x1f\x8b\x08nonsense", kind="application/gzip")
    many = response(b"<urlset>" + b"<loc>http://h.example/</loc>" * 5000, kind="text/xml")
    answers = {f"/s{'x' * number}": circles for number in range(300)}
    others = {"/bomb.gz": bomb, "/broken.gz": broken, "/many.xml": many, "/moved": redirect("/moved")}
    with site({"/": page(), **answers, **others}) as served:
        urls = [f"{served.url}{path}" for path in ("/s", *others)]
        frame = landed(crawl(served.url, sitemaps={"urls": urls, "most": 50}, failures=1.0), tmp_path)
        told = {url.removeprefix(served.url): what for url, what in frame.select("url", "outcome").iter_rows()}
    assert told["/bomb.gz"] == "too_large"
    assert told["/broken.gz"] == "failed"
    assert told["/many.xml"] == "sitemap"
    assert told["/moved"] == "redirect"
    assert 3 < sum(path.startswith("/s") for path in told) < 10
