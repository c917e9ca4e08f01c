"""What is wanted of an index: parts of the web, the newest capture, a sample; and how hosts are treated."""

from __future__ import annotations

import threading

import polars as pl
import pytest

from data4llm_assets.raw_crawl.ranges import areas, choice, listed, merging
from data4llm_assets.raw_crawl.ranges.hosts import Host, Politeness, is_private
from data4llm_assets.raw_crawl.ranges.index import CAPTURES, captures
from data4llm_assets.raw_crawl.ranges.places import filled_in, joined, shown
from data4llm_assets.raw_crawl.ranges.wanted import Wanted
from data4llm_assets.retry_after import retry_after

URLS = pl.Series(
    [
        "https://example.org/",
        "http://EXAMPLE.org:80/Guide/x?y",
        "https://www.example.org/guide",
        "https://docs.example.org/guide/2",
        "https://badexample.org/guide/",
        "https://user:pw@example.org/guide/3",
        "https://example.org:8443/guide/4",
        "ftp://example.org/guide/5",
    ]
)
HOSTS = pl.Series(
    ["example.org", "example.org", "www.example.org", "docs.example.org", "badexample.org", "example.org", "example.org", ""]
)
SURTS = [
    "org,example)/", "org,example)/guide/x?y", "org,example)/guide", "org,example,docs)/guide/2", "org,badexample)/guide",
    "org,example)/guide/3", "org,example:8443)/guide/4", "ftp:",
]  # fmt: skip


@pytest.mark.parametrize(
    ("area", "inside"),
    [
        (areas.of_host("Example.org"), [0, 1, 5, 6]),
        (areas.of_host("example.org", beneath=True), [0, 1, 2, 3, 5, 6]),
        (areas.of_host("org", beneath=True), [0, 1, 2, 3, 4, 5, 6]),
        (areas.of_prefix("https://example.org:443/guide"), [5, 6]),
        (areas.of_prefix("http://example.org/Guide/"), [1]),
        (areas.of_prefix("org,example)/guide"), [1, 2, 5, 6]),
        (areas.of_prefix("org,example,"), [0, 1, 2, 3, 5, 6]),
        (areas.of_prefix("http://(org,example,docs)/"), [3]),
    ],
)
def test_an_area_holds_the_urls_within_it(area: areas.Area, inside: list[int]) -> None:
    assert areas.within([area], URLS).arg_true().to_list() == inside
    assert set(inside) <= set(areas.hosts_within([area], HOSTS).arg_true().to_list())
    assert all(SURTS[row].startswith(tuple(areas.keys([area]))) for row in inside)


def test_keys_narrow_to_too_much_rather_than_too_little() -> None:
    assert areas.keys([areas.of_host("example.org", beneath=True)]) == ["org,example)", "org,example,", "org,example:"]
    assert areas.keys([areas.of_prefix("https://example.org/Guide/a%20b")]) == [
        "org,example)/guide/a", "org,example,www", "org,example:",
    ]  # fmt: skip
    assert "org,example)/x" in areas.keys([areas.of_prefix("https://www.example.org/x")])
    assert {"127.0.0.1)", "1,0,0,127)"} < set(areas.keys([areas.of_host("127.0.0.1")]))


def rows(*given: tuple[str, str, int]) -> pl.DataFrame:
    urls, timestamps, offsets = zip(*given, strict=True)
    filled = {"status": [200] * len(given), "media_type": ["text/html"] * len(given), "length": [10] * len(given)}
    return captures(url=list(urls), timestamp=list(timestamps), filename=["a"] * len(given), offset=list(offsets), **filled)


def test_of_several_captures_of_a_page_the_newest_is_wanted() -> None:
    found = [rows(("http://a.org/x", "2026", 1)), rows(("https://a.org/x#f", "2027", 2), ("https://a.org/y", "2025", 3))]
    for order in (found, found[::-1]):
        assert choice.choose(order, Wanted(), listed.NOTHING)["offset"].to_list() == [2, 3]
        assert choice.choose(order, Wanted(captures="all"), listed.NOTHING)["offset"].to_list() == [1, 2, 3]


def test_a_larger_sample_holds_the_smaller_whatever_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    given = [(f"https://a.org/{number}", "2026", number) for number in range(500)]

    def sample(size: int, step: int) -> set[int]:
        frames = [rows(*given[start : start + step]) for start in range(0, 500, step)]
        return set(choice.choose(frames[::-1] if step > 10 else frames, Wanted(max_records=size), listed.NOTHING)["offset"])

    small, large = sample(40, 500), sample(90, 500)
    assert small < large
    assert len(small) == 40
    assert small != set(range(40))
    # What is held in between is cut down to the sample on the way.
    monkeypatch.setattr(choice, "_SPARE", 5)
    assert (sample(40, 7), sample(90, 50)) == (small, large)


def test_neighbours_are_merged_within_gap_and_size_and_trouble_stands_alone() -> None:
    plan = captures(
        filename=[None, "a", "a", "a", "a", "b", "b"],
        offset=[None, 0, 10, 25, 100, 110, 115],
        length=[None, 10, 10, 10, 50, 10, 20],
        trouble=["raw_crawl.x: y", None, None, None, None, None, None],
    )
    merged = [tuple(request) for request in merging.requests(plan, gap=5, largest=40)]
    assert merged == [(0, 1, "", 0, 0), (1, 4, "a", 0, 35), (4, 5, "a", 100, 150), (5, 7, "b", 110, 135)]
    assert [tuple(request)[:2] for request in merging.requests(plan, 5, 20, first=2)] == [(2, 3), (3, 4), (4, 5), (5, 6), (6, 7)]
    assert list(merging.requests(CAPTURES.to_frame(), 5, 20)) == []


@pytest.mark.parametrize(
    ("base", "name", "place"),
    [
        ("https://h/x/?sig=1", "a b/c%.gz", "https://h/x/a%20b/c%25.gz?sig=1"),
        ("s3://bucket/x/", "a/b", "s3://bucket/x/a/b"),
        ("/data", "a/b", "/data/a/b"),
    ],
)
def test_names_are_joined_beneath_their_base(base: str, name: str, place: str) -> None:
    assert joined(base, name) == place


@pytest.mark.parametrize("name", ["", "/etc/passwd", "a/../../b", "%2e%2e/b", "a\\b", "https://evil/x", "a//b", "a\nb", "./a"])
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    for base in ("https://h/x", "s3://b/x", "/data"):
        with pytest.raises(ValueError, match="is no relative path within the data"):
            joined(base, name)


def test_places_are_shown_without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PART", "secret")
    assert filled_in("https://h/${PART}") == "https://h/secret"
    assert shown("https://user:sec/ret@host/x") == "https://…"
    assert shown("https://user:secret@host:1/x?sig=2#f") == "https://host:1/x"


def test_a_server_says_how_long_to_wait() -> None:
    assert retry_after("7") == 7
    assert retry_after("Thu, 01 Jan 1970 00:00:00 GMT") == 0
    assert retry_after("soon") is None
    assert retry_after("nan") is None
    assert retry_after("1e400") is None
    assert retry_after(None) is None


def test_a_host_that_asks_for_patience_is_left_alone_by_all() -> None:
    waits: list[float] = []

    class Stopped(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0)
            return True

    host = Host(Politeness(longest_wait=100, first_wait=2, requests_per_second=0.5), Stopped())
    host.turn()
    host.turn()
    host.rest(1, asked_for=1000)
    host.turn()
    host.rest(3, asked_for=None)
    assert waits[0] == 0
    assert 1.9 < waits[1] <= 2
    assert waits[2] == 100
    assert 99 < waits[3] <= 100
    assert 4 <= waits[4] <= 8


@pytest.mark.parametrize(
    ("host", "private"),
    [
        ("127.0.0.1", True),
        ("10.0.0.1", True),
        ("[::1]", True),
        ("169.254.169.254", True),
        ("[::ffff:10.0.0.1]", True),
        ("[64:ff9b::a00:1]", True),
        ("[2002:a00:1::1]", True),
        ("1.1.1.1", False),
    ],
)
def test_addresses_of_private_networks_are_known(host: str, private: bool) -> None:
    assert is_private(host) is private
