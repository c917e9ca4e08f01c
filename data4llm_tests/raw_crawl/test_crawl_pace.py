"""How often hosts are asked, by a clock that only moves where the crawler waits."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from data4llm_assets.node import LandingFailed
from data4llm_assets.raw_crawl.crawling.limits import Pace, Retries
from data4llm_assets.raw_crawl.crawling.politeness import Turns
from raw_crawl.crawl_site import FakeClock, Reply, Request, Site, crawl, landed, page, redirect, response, site

PAGES = {"/": page(*(f"/{number}" for number in range(8))), **{f"/{number}": page() for number in range(8)}}


def gaps(served: Site) -> list[float]:
    return [later - sooner for sooner, later in pairwise(request.at for request in served.requests)]


def test_a_host_is_asked_no_more_often_than_its_delay_allows_robots_txt_included(tmp_path: Path) -> None:
    clock = FakeClock()
    with site(PAGES, clock.now) as served:
        landed(crawl(served.url, pace={"delay": 2.0, "per_host": 4}), tmp_path, clock=clock)
        assert len(served.requests) == 11
        assert min(gaps(served)) == pytest.approx(2.0)


def test_a_longer_delay_that_robots_txt_asks_for_is_kept_and_a_shorter_one_is_not(tmp_path: Path) -> None:
    for wished, kept in ((7, 7.0), (0.1, 2.0)):
        clock = FakeClock()
        robots = response(f"User-agent: *\nCrawl-delay: {wished}\n".encode())
        with site({**PAGES, "/robots.txt": robots}, clock.now) as served:
            landed(crawl(served.url, pace={"delay": 2.0}), tmp_path, f"after-{wished}", clock=clock)
            assert min(gaps(served)[2:]) == pytest.approx(kept)


def test_redirects_of_robots_txt_wait_their_turn(tmp_path: Path) -> None:
    clock = FakeClock()
    with site({"/": page(), "/robots.txt": redirect("/r1"), "/r1": redirect("/r2")}, clock.now) as served:
        landed(crawl(served.url, pace={"delay": 3.0}), tmp_path, clock=clock)
        assert [request.path for request in served.requests] == ["/robots.txt", "/r1", "/r2", "/.well-known/tdmrep.json", "/"]
        assert min(gaps(served)) == pytest.approx(3.0)


def test_a_crawl_says_now_and_then_how_far_it_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    with site(PAGES, clock.now) as served, caplog.at_level("INFO", "data4llm.crawl"):
        landed(crawl(served.url, pace={"delay": 2.0}), tmp_path, clock=clock)
    told = [record.getMessage() for record in caplog.records]
    assert told[-2] == "7 pages, 0.4 pages/s, 1 sites, 0 failed, 2 waiting"
    assert told[-1] == f"{tmp_path.name}: 9 pages (9 new, 0 as before), 20.0 s"


def test_hosts_do_not_wait_for_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, turns = FakeClock(), dict[str, list[float]]()
    claim = Turns.claim

    def noted(self: Turns, host: str, now: float) -> float:
        wait = claim(self, host, now)
        turns.setdefault(host, []).append(now + wait)
        return wait

    # When a request arrives says little here: the clock may have gone on for the other host meanwhile.
    monkeypatch.setattr(Turns, "claim", noted)
    with site(PAGES) as one, site(PAGES) as two:
        landed(crawl(one.url, two.url, pace={"delay": 5.0}), tmp_path, clock=clock)
        assert len(one.requests) == len(two.requests) == 11
    assert [len(times) for times in turns.values()] == [11, 11]
    for times in turns.values():
        assert min(later - sooner for sooner, later in pairwise(times)) == pytest.approx(5.0)
    assert clock.time - 1000.0 < 11 * 5.0 * 1.2


def test_no_more_requests_are_under_way_than_may_be(tmp_path: Path) -> None:
    import threading

    active, most, lock = 0, 0, threading.Lock()
    together = threading.Barrier(3)

    def counted(request: Request) -> bytes:
        nonlocal active, most
        with lock:
            active += 1
            most = max(most, active)
        together.wait(10)
        with lock:
            active -= 1
        return page()

    with site({**dict.fromkeys(PAGES, counted), "/": page(*(f"/{number}" for number in range(6)))}) as served:
        landed(crawl(served.url, pace={"delay": 0, "per_host": 3, "concurrency": 5}), tmp_path)
    assert most == 3


def test_turns_are_taken_one_by_one() -> None:
    turns = Turns(Pace(delay=2, per_host=2))
    assert [turns.claim("a", 10.0), turns.claim("a", 10.0), turns.claim("a", 13.0), turns.claim("b", 10.0)] == [0, 2, 1, 0]
    turns.hold("b", 60.0)
    assert turns.opens("b") == 60.0
    turns.enter("c")
    assert turns.opens("c") == 0.0
    turns.enter("c")
    assert turns.opens("c") == float("inf")


def failing(times: int, *headers: tuple[str, str], status: str = "503 Busy") -> Reply:
    left = [times]

    def reply(request: Request) -> bytes:
        left[0] -= 1
        return response(b"", *headers, status=status) if left[0] >= 0 else page()

    return reply


def test_repetitions_wait_longer_each_time_never_all_at_once_and_the_same_way_again() -> None:
    retries = Retries(backoff=2.0, ceiling=20.0)
    waits = [retries.wait("http://a/", attempt) for attempt in range(1, 7)]
    assert [
        low <= wait <= high for wait, (low, high) in zip(waits, [(1, 2), (2, 4), (4, 8), (8, 16), (10, 20), (10, 20)], strict=True)
    ]
    assert waits == [retries.wait("http://a/", attempt) for attempt in range(1, 7)]
    assert len({retries.wait(f"http://a/{number}", 1) for number in range(50)}) == 50
    assert retries.wait("http://a/", 10**6) <= 20


def test_a_server_that_cannot_now_is_asked_again_and_a_page_lands_once(tmp_path: Path) -> None:
    clock = FakeClock()
    with site({"/": page("/a", "/b"), "/a": failing(2), "/b": failing(9)}, clock.now) as served:
        section = crawl(served.url, retries={"times": 2, "backoff": 10.0}, failures=0.5)
        told = landed(section, tmp_path, clock=clock)
        assert served.asked().count("/a") == 3
        assert served.asked().count("/b") == 3
        moments = [request.at for request in served.requests if request.path == "/a"]
        waits = [section.retries.wait(f"{served.url}/a", attempt) for attempt in (1, 2)]
    assert [later - sooner for sooner, later in pairwise(moments)] == [pytest.approx(wait, abs=1.0) for wait in waits]
    assert told["outcome"].to_list() == ["page", "page", "failed"]
    assert told["attempts"].to_list() == [1, 3, 3]


@pytest.mark.parametrize(
    ("asked", "waited"), [("30", 30.0), ("99999", 120.0), ("nonsense", 1.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 1.0)]
)
def test_retry_after_holds_the_whole_host_up_to_the_ceiling(tmp_path: Path, asked: str, waited: float) -> None:
    clock = FakeClock()
    answers = {"/": page("/a", "/b"), "/a": failing(1, ("Retry-After", asked), status="429 Slow down"), "/b": page()}
    with site(answers, clock.now) as served:
        landed(crawl(served.url, retries={"times": 2, "backoff": 2.0, "ceiling": 120.0}), tmp_path, clock=clock)
        moments = {request.path: request.at for request in served.requests}
        first = next(request.at for request in served.requests if request.path == "/a")
    assert moments["/b"] - first == pytest.approx(waited if waited > 1 else 0.0, abs=2.0)
    assert moments["/a"] - first >= waited


def test_a_connection_is_kept_and_one_that_was_closed_meanwhile_is_opened_again(tmp_path: Path) -> None:
    opened: list[int] = []

    def kept(request: Request) -> None:
        """Two pages over one connection, then the line is cut without a word."""
        opened.append(id(request.connection))
        body = page(*(f"/{number}" for number in range(6))).replace(b"Connection: close\r\n", b"")
        request.connection.sendall(body)
        request.connection.recv(65536)
        request.connection.sendall(body)

    with site(dict.fromkeys(PAGES, kept)) as served:
        told = landed(crawl(served.url), tmp_path)
    assert told["outcome"].to_list() == ["page"] * 7
    assert len(opened) < 7


def test_nothing_is_repeated_that_will_not_get_better(tmp_path: Path) -> None:
    with site({"/": response(b"", status="404 Not Found")}) as served:
        with pytest.raises(LandingFailed):
            landed(crawl(served.url, retries={"times": 3, "backoff": 0.0}), tmp_path)
        assert served.asked() == ["/"]
