from __future__ import annotations

import gzip
import json
import time
from pathlib import Path

import pytest

from data4llm_assets.node import LandingFailed
from data4llm_assets.raw_crawl.crawling.robots import Reservation, Robots, reservation_of, reservations
from raw_crawl.crawl_site import Reply, crawl, landed, page, redirect, response, site

ROOT = "http://a.example"


def robots(text: str | bytes) -> Robots:
    return Robots(text.encode() if isinstance(text, str) else text, "data4llm")


def test_the_group_for_this_robot_counts_and_else_the_one_for_all() -> None:
    both = robots("User-agent: Data4LLM\nDisallow: /mine\n\nUser-agent: *\nDisallow: /\n")
    assert [both.allows(f"{ROOT}{path}") for path in ("/", "/mine", "/mine/x")] == [True, False, False]
    assert not robots("User-agent: other\nDisallow:\nUser-agent: *\nDisallow: /").allows(f"{ROOT}/")
    assert robots("User-agent: other\nUser-agent: another\nDisallow: /").allows(f"{ROOT}/")


def test_the_longest_rule_wins_and_patterns_are_understood() -> None:
    rules = robots("User-agent: *\nDisallow: /a\nAllow: /a/b\nDisallow: /*.pdf$\nDisallow: /*?print=\n")
    paths = ("/a/x", "/a/b/x", "/x.pdf", "/x.pdf?y", "/x?print=1", "/caf%C3%A9")
    assert [rules.allows(f"{ROOT}{path}") for path in paths] == [False, True, False, True, False, True]


@pytest.mark.parametrize(
    ("text", "delay"),
    [
        ("User-agent: *\nCrawl-delay: 2.5\nDisallow: /x", 2.5),
        ("User-agent: *\nRequest-rate: 1/10\n", 10.0),
        ("User-agent: *\nCrawl-delay: 3\nRequest-rate: 1/10\n", 10.0),
        ("User-agent: *\nCrawl-delay: soon\n", None),
        ("User-agent: *\nCrawl-delay: nan\n", None),
        ("User-agent: *\nCrawl-delay: -5\n", None),
        ("User-agent: *\nCrawl-delay: 1e400\n", None),
        ("User-agent: other\nCrawl-delay: 3\n", None),
    ],
)
def test_delays_that_are_numbers_count(text: str, delay: float | None) -> None:
    assert robots(text).delay == delay


ABSURD = {
    "empty": b"",
    "html": b"<!DOCTYPE html><html><body>Not found</body></html>",
    "binary": bytes(range(256)) * 2000,
    "one long line": b"User-agent: *\nDisallow: /" + b"x" * 600_000,
    "stars": b"User-agent: *\nDisallow: /" + b"*a" * 200_000 + b"b\n",
    "agents": b"".join(b"User-agent: robot%d\n" % number for number in range(10_000)) + b"Disallow: /x\n" * 10_000,
    "groups": b"".join(b"User-agent: robot%d\nDisallow: /\n" % number for number in range(10_000)),
    "rules": b"User-agent: *\n" + b"".join(b"Disallow: /x%d*y$\n" % number for number in range(20_000)),
    "sitemaps": b"".join(b"Sitemap: http://a.example/%d\n" % number for number in range(15_000)),
    "colons": b":" * 100_000 + b"\n" + b": :\n" * 10_000,
    "wide": "User-agent: *\nDisallow: /\n".encode("utf-16"),
    "returns": b"User-agent: *\rDisallow: /x\r",
    "nuls": b"User-agent: *\0\nDisallow: /x\0\n",
}


@pytest.mark.parametrize("name", ABSURD)
def test_an_absurd_robots_txt_is_survived(name: str) -> None:
    began = time.process_time()
    rules = robots(ABSURD[name])
    assert rules.allows(f"{ROOT}/{'a' * 1900}")
    assert len(rules.sitemaps) <= 1000
    assert rules.delay is None
    assert time.process_time() - began < 5


def test_rules_behind_500_kib_do_not_count_and_no_rule_is_cut_in_half() -> None:
    padding = b"#" + b" " * 1000 + b"\n"
    text = b"User-agent: *\nDisallow: /x\n" + padding * 509 + b"Disallow: /caf\nDisallow: /" + b"y" * 2000
    rules = robots(text)
    assert [rules.allows(f"{ROOT}{path}") for path in ("/x", "/caf", f"/{'y' * 1990}")] == [False, False, True]
    assert not robots(b"\xef\xbb\xbfUser-agent: *\nDisallow: /x").allows(f"{ROOT}/x")


def test_a_site_without_rules_is_open_and_one_with_rules_is_kept_to(tmp_path: Path) -> None:
    answers: dict[str, Reply] = {"/": page("/open", "/closed"), "/open": page(), "/closed": page()}
    answers["/robots.txt"] = response(b"User-agent: *\nDisallow: /closed\n", kind="text/plain")
    with site(answers) as served:
        told = landed(crawl(served.url), tmp_path)
        assert served.asked() == ["/", "/open"]
    assert told.filter(told["outcome"] == "robots")["reason"].to_list() == ["robots.txt forbids it"]


OPEN = ["/", "/open"]


@pytest.mark.parametrize(
    ("answers", "asked"),
    [
        ({"/robots.txt": response(b"", status="404 Not Found")}, OPEN),
        ({"/robots.txt": response(b"User-agent: *\nDisallow: /", status="403 Forbidden")}, OPEN),
        ({"/robots.txt": redirect("/moved"), "/moved": response(b"User-agent: *\nDisallow: /open\n")}, ["/moved", "/"]),
        ({"/robots.txt": redirect("/robots.txt")}, OPEN),
        ({"/robots.txt": redirect("http://[bad")}, OPEN),
        (
            {"/robots.txt": response(gzip.compress(b"User-agent: *\nDisallow: /open\n"), ("Content-Encoding", "gzip"))},
            ["/"],
        ),
    ],
)
def test_what_a_missing_or_moved_robots_txt_means(tmp_path: Path, answers: dict[str, Reply], asked: list[str]) -> None:
    with site({"/": page("/open"), "/open": page(), **answers}) as served:
        landed(crawl(served.url), tmp_path)
        assert served.asked() == asked


@pytest.mark.parametrize("status", ["500 Oops", "503 Busy", "429 Too Many Requests"])
def test_a_robots_txt_that_cannot_be_had_closes_the_site_until_it_can(tmp_path: Path, status: str) -> None:
    with site({"/": page(), "/robots.txt": response(b"", status=status)}) as served:
        with pytest.raises(LandingFailed, match=f"robots.txt cannot be had, so nothing may be: status {status[:3]}"):
            landed(crawl(served.url), tmp_path)
        assert served.asked() == []
        served.answers["/robots.txt"] = response(b"")
        assert landed(crawl(served.url), tmp_path)["outcome"].to_list() == ["page"]


def test_a_robots_txt_that_is_a_bomb_closes_the_site(tmp_path: Path) -> None:
    bomb = response(gzip.compress(bytes(50_000_000)), ("Content-Encoding", "gzip"))
    with site({"/": page(), "/robots.txt": bomb}) as served:
        with pytest.raises(LandingFailed, match="it is too large once it is decoded"):
            landed(crawl(served.url), tmp_path)


def test_a_site_that_wants_to_be_asked_once_a_day_is_left_alone(tmp_path: Path) -> None:
    with site({"/": page(), "/robots.txt": response(b"User-agent: *\nCrawl-delay: 86400\n")}) as served:
        with pytest.raises(LandingFailed, match=r"robots.txt asks for 86400 s between requests; `pace.longest_delay` is 60"):
            landed(crawl(served.url), tmp_path)


def test_reservations_are_read_and_the_first_that_fits_counts() -> None:
    rows = [
        {"location": "/free/*", "tdm-reservation": 0},
        {"location": "/img/*.jpg$", "tdm-reservation": 1},
        {"location": "/", "tdm-reservation": "1", "tdm-policy": "https://a.example/terms"},
        {"location": 7},
        {"location": "/x", "tdm-reservation": 2},
        "nonsense",
    ]
    rules = reservations(json.dumps(rows).encode())
    assert len(rules) == 3
    assert reservation_of("/free/x", rules) == Reservation("/free/*", False, "")
    assert reservation_of("/img/a/b.jpg", rules) == Reservation("/img/*.jpg$", True, "")
    assert reservation_of("/img/b.jpg.html", rules) == Reservation("/", True, "https://a.example/terms")
    for broken in (b"", b"{}", b"[" * 100_000, b"\xff", b"null"):
        assert reservations(broken) == ()
