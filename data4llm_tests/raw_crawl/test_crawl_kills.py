"""A crawl that is killed at any moment goes on where it was: nothing is lost, nothing lands twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from fastwarc.warc import ArchiveIterator
from warcio.archiveiterator import ArchiveIterator as WarcioIterator

from data4llm_assets.node import LandingFailed
from data4llm_assets.raw_crawl.source import Record
from raw_crawl.crawl_site import Request, Site, crawl, found, landed, page, redirect, response, site, validated

PROGRAM = """
import sys, json
from pathlib import Path
from data4llm_assets.node import Delivery
from data4llm_assets.raw_crawl.crawl import Crawl
folder, name, seed, *earlier = sys.argv[1:]
section = Crawl(kind="crawl", domain="web", seeds=(seed,), private_addresses="allow", pace={"delay": 0, "per_host": 3})
section.land(Delivery(Path(folder) / name, name, len(earlier) + 1, tuple(Path(folder) / each for each in earlier)))
"""
PAGES = 90


def world(edition: int) -> dict[str, object]:
    """A site in which every page links to two others, with redirects and errors; a tenth of it differs between editions."""
    answers: dict[str, object] = {}
    for number in range(PAGES):
        path = f"/{number}" if number else "/"
        links = [f"/{2 * number + 1}", f"/{2 * number + 2}", f"/moved{number}"] if number < PAGES // 2 else [f"/gone{number}"]
        version = edition if number % 10 == 3 else 1
        body = page(*links, text=f"Page {number}, edition {version}. " * 20).partition(b"\r\n\r\n")[2]
        answers[path] = validated(body, f'"{number}-{version}"')
        answers[f"/moved{number}"] = redirect(f"/{(number * 7) % PAGES}")
    return answers


class Killer:
    """Ends a process without a word at its n-th request, give or take some milliseconds."""

    def __init__(self, served: Site) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.left = 0
        self.pause = 0.0
        for path, reply in list(served.answers.items()):
            served.answers[path] = self._counted(reply)

    def _counted(self, reply: object) -> object:
        def answer(request: Request) -> object:
            time.sleep(0.01)
            self.left -= 1
            if self.left == 0 and self.process is not None:
                threading.Timer(self.pause, os.kill, (self.process.pid, signal.SIGKILL)).start()
            return reply(request) if callable(reply) else reply

        return answer


def held(folder: Path, name: str) -> list[tuple[str, str]]:
    """(URL, payload digest) of every page, in order; both readers verify every record on the way."""
    for file in (folder / name).glob("*.warc.gz"):
        with file.open("rb") as stream:
            for record in WarcioIterator(stream, check_digests="raise"):
                record.content_stream().read()
        with file.open("rb") as stream:
            assert all(record.verify_block_digest() for record in ArchiveIterator(stream, parse_http=False))
    every = found(crawl("http://127.0.0.1/"), folder, name)
    assert all(not hasattr(each, "rule") for each in every)
    return sorted((str(each.url), each.payload_digest) for each in every if isinstance(each, Record))


def start(folder: Path, name: str, seed: str, *earlier: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", PROGRAM, str(folder), name, seed, *earlier])


@pytest.mark.long
def test_a_crawl_killed_ten_times_lands_what_an_uninterrupted_one_does(tmp_path: Path) -> None:
    draw = random.Random(7)
    with site({}) as served:
        for name, edition, earlier in (("first", 1, ()), ("second", 2, ("first",))):
            served.answers = world(edition)  # type: ignore[assignment]
            killer, kills = Killer(served), 0
            for _ in range(10):
                killer.left, killer.pause = draw.randint(4, 60), draw.choice([0, 0.001, 0.005, 0.02, 0.1])
                killer.process = start(tmp_path, name, served.url, *earlier)
                kills += killer.process.wait(60) == -signal.SIGKILL
            killer.process = None
            assert kills >= 5
            assert start(tmp_path, name, served.url, *earlier).wait(60) == 0
            asked = len(served.requests)
            assert start(tmp_path, name, served.url, *earlier).wait(60) == 0
            assert len(served.requests) == asked
            assert start(tmp_path / "whole", name, served.url, *earlier).wait(60) == 0
            assert held(tmp_path, name) == held(tmp_path / "whole", name)
            assert len({url for url, _ in held(tmp_path, name)}) == PAGES
    assert len(set(held(tmp_path, "first")) & set(held(tmp_path, "second"))) == PAGES - PAGES // 10


def test_what_stood_behind_the_last_commit_is_cut_off_and_fetched_again(tmp_path: Path) -> None:
    with site({"/": page("/a", "/b"), "/a": page(), "/b": response(b"", status="503 Busy")}) as served:
        section = crawl(served.url)
        with pytest.raises(LandingFailed):
            landed(section, tmp_path)
        first = tmp_path / "first"
        torn = sorted(first.glob("pages-*"))[0]
        whole = torn.read_bytes()
        torn.write_bytes(whole + whole[: len(whole) // 2])
        stray = first / "pages-99.warc.gz"
        stray.write_bytes(whole)
        (first / "notes.txt").write_text("somebody's own")
        served.answers["/b"] = page(text="b")
        landed(section, tmp_path)
    assert torn.read_bytes()[: len(whole)] == whole
    assert not stray.exists()
    assert (first / "notes.txt").exists()
    assert [url.rpartition("/")[2] for url, _ in held(tmp_path, "first")] == ["", "a", "b"]


@pytest.mark.parametrize("harm", ["shortened", "gone"])
def test_a_file_that_lost_what_was_written_to_it_stops_the_crawl_with_the_way_out(tmp_path: Path, harm: str) -> None:
    with site({"/": page("/b"), "/b": response(b"", status="503 Busy")}) as served:
        section = crawl(served.url)
        with pytest.raises(LandingFailed, match="1 of 2 URLs failed"):
            landed(section, tmp_path)
        file = next((tmp_path / "first").glob("pages-*"))
        if harm == "gone":
            file.unlink()
        else:
            os.truncate(file, 100)
        with pytest.raises(LandingFailed, match=r"holds less than was written to it: delete .*first to crawl anew"):
            landed(section, tmp_path)


def test_a_journal_that_is_none_stops_the_crawl_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / ".crawl.sqlite").write_bytes(b"this is no database at all" * 100)
    with site({"/": page()}) as served, pytest.raises(LandingFailed, match=r"cannot be read .*: delete that folder to crawl anew"):
        landed(crawl(served.url), tmp_path)


def test_an_earlier_snapshot_with_a_broken_journal_costs_the_comparison_alone(tmp_path: Path) -> None:
    with site({"/": validated(b"<html>x", '"1"')}) as served:
        landed(crawl(served.url), tmp_path)
        (tmp_path / "first" / ".crawl.sqlite").write_bytes(b"broken" * 100)
        assert landed(crawl(served.url), tmp_path, "second", "first")["outcome"].to_list() == ["page"]


def test_an_interrupted_crawl_keeps_what_it_has(tmp_path: Path) -> None:
    def interrupt(request: Request) -> bytes:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.2)
        return page()

    with site({"/": page("/a", "/b"), "/a": page(), "/b": interrupt}) as served:
        with pytest.raises(KeyboardInterrupt):
            landed(crawl(served.url), tmp_path)
        served.answers["/b"] = page()
        landed(crawl(served.url), tmp_path)
        assert served.asked() == ["/", "/a", "/b", "/b"]
    assert len(held(tmp_path, "first")) == 3
