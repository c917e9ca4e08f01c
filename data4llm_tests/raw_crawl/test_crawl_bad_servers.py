"""Servers that hang, lie, or send what nobody can use: each costs its own page, and says why."""

from __future__ import annotations

import gzip
import time
from pathlib import Path

import polars as pl
import pytest

from data4llm_assets.node import LandingFailed
from raw_crawl.crawl_site import Reply, Request, Site, crawl, landed, page, response, site

HTML = b"<html><body>" + b"<p>Some text.</p>" * 50 + b"</body></html>"
QUICK = {"connect": 1, "read": 0.3, "total": 0.8}


def hangs(request: Request) -> None:
    time.sleep(1)


def hangs_midway(request: Request) -> None:
    request.connection.sendall(response(HTML)[:-200])
    time.sleep(1)


def drips(request: Request) -> None:
    for byte in response(HTML):
        request.connection.sendall(bytes([byte]))
        time.sleep(0.05)


def endless_headers(request: Request) -> None:
    request.connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in range(100_000):
        request.connection.sendall(b"X-%d: %s\r\n" % (number, b"x" * 100))


def endless_body(request: Request) -> None:
    request.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
    for _ in range(1000):
        request.connection.sendall(b"<p>more and more</p>" * 1000)


def endless_interim(request: Request) -> None:
    for _ in range(1000):
        request.connection.sendall(b"HTTP/1.1 102 Processing\r\n\r\n")


CASES: dict[str, tuple[Reply, str, str]] = {
    "hangs": (hangs, "failed", "the server sent nothing for too long"),
    "hangs-midway": (hangs_midway, "failed", "the server sent nothing for too long"),
    "drips": (drips, "failed", "the whole response took too long"),
    "closes": (b"", "failed", "the server closed the connection without a response"),
    "less": (response(HTML, ("Content-Length", "99999")), "failed", "the body ended before its announced length"),
    "more": (response(HTML + b"<p>smuggled</p>", ("Content-Length", str(len(HTML)))), "page", ""),
    "huge-announced": (response(HTML, ("Content-Length", str(10**15))), "too_large", "too large"),
    "bad-length": (response(HTML, ("Content-Length", "-5")), "failed", "the response is no valid HTTP"),
    "two-lengths": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        "failed",
        "the response is no valid HTTP",
    ),
    "long-length": (response(HTML, ("Content-Length", "9" * 5000)), "failed", "the response is no valid HTTP"),
    "same-lengths": (response(HTML, ("Content-Length", f"{len(HTML)}, {len(HTML)}")), "page", ""),
    "odd-names": (b"HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n", "failed", "the response is no valid HTTP"),
    "odd-values": (b"HTTP/1.1 302 Found\r\nLocation: /\xff\xfe\x80?q=\xc3\xa9\r\nContent-Length: 0\r\n\r\n", "redirect", "%"),
    "endless-headers": (endless_headers, "failed", "the headers are too long"),
    "endless-body": (endless_body, "too_large", "too large"),
    "endless-interim": (endless_interim, "failed", "the server closed the connection without a response"),
    "bomb": (
        response(gzip.compress(bytes(50_000_000)), ("Content-Encoding", "gzip")),
        "too_large",
        "too large once it is decoded",
    ),
    "garbled": (response(b"\x1f\x8b\x08" + bytes(range(256)) * 4, ("Content-Encoding", "gzip")), "media_type", "no text"),
    "binary": (response(bytes(range(32)) * 100), "media_type", "no text"),
    "image": (response(b"\x89PNG", kind="image/png"), "media_type", "not asked for: image/png"),
    "image-as-page": (response(b"\x89PNG\r\n" + b"x" * 5000), "media_type", "no text"),
    "untyped": (response(HTML, ("Content-Type", "")), "page", ""),
    "untyped-image": (response(b"\x89PNG\r\n", ("Content-Type", "")), "media_type", "no text"),
    "empty": (response(b" \n"), "empty", "the page is empty"),
    "no-status": (b"hello\r\n\r\n", "failed", "the response is no valid HTTP"),
    "odd-status": (b"HTTP/1.1 two-hundred OK\r\n\r\n", "failed", "the response is no valid HTTP"),
    "status-999": (b"HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n", "status", "status 999"),
    "http-9": (b"<html>HTTP/0.9</html>\r\n\r\n", "failed", "the response is no valid HTTP"),
    "chunks-cut": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nshort", "failed", "the body ended"),
    "chunks-broken": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "failed", "the response is no valid HTTP"),
    "partial": (response(HTML, status="206 Partial Content"), "status", "status 206"),
    "unasked-304": (response(b"", status="304 Not Modified"), "status", "status 304"),
    "location-less": (response(b"", status="302 Found"), "status", "status 302"),
    "nowhere": (response(b"", ("Location", "http://[bad"), status="302 Found"), "redirect", "to nowhere"),
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str]]:
    """What came of every case: outcome and reason."""
    answers = {f"/{name}": reply for name, (reply, _, _) in CASES.items()}
    with site({"/": page(*answers, "/fine"), "/fine": page(), **answers}) as served:
        pace = {"delay": 0, "per_host": 8}
        section = crawl(served.url, max_bytes=1_000_000, timeouts=QUICK, failures=1.0, pace=pace)
        frame = landed(section, tmp_path_factory.mktemp("bad"))
        rows = frame.select(pl.col("url").str.strip_prefix(served.url), "outcome", pl.col("reason").fill_null("")).iter_rows()
        return {url.strip("/"): (outcome, reason) for url, outcome, reason in rows}


@pytest.mark.parametrize("name", CASES)
def test_a_bad_answer_costs_its_own_page_and_says_why(name: str, told: dict[str, tuple[str, str]]) -> None:
    _, outcome, reason = CASES[name]
    assert told[name][0] == outcome
    assert reason in told[name][1]


def test_the_rest_of_the_site_lands(told: dict[str, tuple[str, str]]) -> None:
    assert told["fine"] == ("page", "")


def test_a_site_that_never_answers_is_given_up_and_nothing_is_lost(tmp_path: Path) -> None:
    links = [f"/{number}" for number in range(30)]
    with site({"/": page(*links), **dict.fromkeys(links, hangs)}) as served:
        section = crawl(served.url, timeouts={"connect": 1, "read": 0.02, "total": 1})
        with pytest.raises(LandingFailed, match=r"(?s)30 of 31 URLs failed.*20 × the site stopped answering"):
            landed(section, tmp_path)
        served.answers.update(dict.fromkeys(links, page()))
        frame = landed(section.model_copy(update={"timeouts": crawl(served.url).timeouts}), tmp_path)
    assert frame["outcome"].to_list() == ["page"] * 31


def test_nobody_listens(tmp_path: Path) -> None:
    served = Site({})
    served.close()
    with pytest.raises(LandingFailed, match=r"robots\.txt cannot be had, so nothing may be: no connection: Connection refused"):
        landed(crawl(served.url), tmp_path)
