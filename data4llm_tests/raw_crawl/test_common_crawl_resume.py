"""A landing that was cut off goes on from where it was: nothing lost, nothing doubled, nothing fetched twice."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from common_crawl_world import POLITE, cdxj, files, landed, section, world
from range_server import RangeServer

from data4llm_assets.node import Delivery, LandingFailed
from data4llm_assets.raw_crawl.common_crawl import CommonCrawl
from data4llm_assets.raw_crawl.ranges.journal import Journal

ALONE = {**POLITE, "connections": 1, "retries": 0}


def whole(tmp_path: Path) -> dict[str, bytes]:
    captures = world(tmp_path / "data")
    return landed(section(index=cdxj(tmp_path / "i.cdxj", captures), data=str(tmp_path / "data")), tmp_path / "landing" / "whole")


def test_after_a_failure_only_the_rest_is_fetched(tmp_path: Path) -> None:
    expected = whole(tmp_path)
    with RangeServer(tmp_path / "data", lambda number, path: "503" if number == 7 else None) as server:
        source = section(index=tmp_path / "i.cdxj", data=server.url, politeness=ALONE, gap=0)
        with pytest.raises(LandingFailed, match="once it can, the same command goes on from here"):
            landed(source, tmp_path / "landing" / "first")
        before = sum(map(len, files(tmp_path / "landing" / "first").values()))
        assert 0 < before < sum(map(len, expected.values()))
        assert landed(source, tmp_path / "landing" / "first") == expected
    # One request failed, and a few that were ahead of it could not land before it.
    assert len(server.paths) <= sum(each["status"] == "200" for each in world(tmp_path / "data")) + 1 + 5


def cut(folder: Path) -> None:
    """As a crash in the middle of an append leaves it: files and journal end anywhere."""
    with (folder / "pages-01.warc.gz").open("ab") as stream:
        stream.write(b"half a rec")
    with (folder / ".landing" / "journal.jsonl").open("ab") as stream:
        stream.write(b'{"through": 99, "land')


def unfinished(folder: Path, lines: int) -> None:
    journal = folder / ".landing" / "journal.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:lines]))


@pytest.mark.parametrize("lines", [0, 1, 2, 5, 8])
def test_what_the_journal_does_not_vouch_for_is_cut_off_and_fetched_again(tmp_path: Path, lines: int) -> None:
    expected = whole(tmp_path)
    source = section(index=tmp_path / "i.cdxj", data=str(tmp_path / "data"), gap=0)
    landed(source, tmp_path / "landing" / "first")
    unfinished(tmp_path / "landing" / "first", lines)
    if lines == 0:
        for path in (tmp_path / "landing" / "first").glob("*.gz"):
            path.unlink()
    else:
        cut(tmp_path / "landing" / "first")
    assert landed(source, tmp_path / "landing" / "first") == expected
    # It has finished now, so nothing is asked any more.
    shutil.rmtree(tmp_path / "data")
    assert landed(source, tmp_path / "landing" / "first") == expected


@pytest.mark.parametrize("harm", ["changed", "shortened", "gone"])
def test_a_landed_file_that_was_harmed_meanwhile_is_mended(tmp_path: Path, harm: str) -> None:
    expected = whole(tmp_path)
    source = section(index=tmp_path / "i.cdxj", data=str(tmp_path / "data"), gap=0)
    landed(source, tmp_path / "landing" / "first")
    unfinished(tmp_path / "landing" / "first", 12)
    path = tmp_path / "landing" / "first" / "pages-02.warc.gz"
    data = path.read_bytes()
    path.write_bytes({"changed": data[:50] + b"?" + data[51:], "shortened": data[:-1], "gone": b""}[harm])
    if harm == "gone":
        path.unlink()
    assert landed(source, tmp_path / "landing" / "first") == expected


def test_a_landing_goes_on_with_what_it_was_begun_with(tmp_path: Path) -> None:
    expected = whole(tmp_path)
    index = tmp_path / "i.cdxj"
    source = section(index=index, data=str(tmp_path / "data"), gap=0)
    landed(source, tmp_path / "landing" / "first")
    unfinished(tmp_path / "landing" / "first", 4)
    other = section(index=index, data=str(tmp_path / "data"), wanted={"hosts": ["example.org"]})
    with pytest.raises(LandingFailed, match=r"was begun with another wanted: put back what the recipe said"):
        landed(other, tmp_path / "landing" / "first")
    # Another mirror, gap and pace are no other landing; nor is the index asked again.
    index.unlink()
    assert landed(section(index=index, data=f"{tmp_path}/data/", gap=9999), tmp_path / "landing" / "first") == expected


def test_files_that_no_landing_made_are_not_touched(tmp_path: Path) -> None:
    captures = world(tmp_path / "data")
    (tmp_path / "landing").mkdir()
    (tmp_path / "landing" / "notes.txt").write_text("mine")
    with pytest.raises(LandingFailed, match=r"notes.txt, which no landing made"):
        landed(section(index=cdxj(tmp_path / "i.cdxj", captures), data=str(tmp_path / "data")), tmp_path / "landing")
    assert (tmp_path / "landing" / "notes.txt").read_text() == "mine"


def test_two_processes_do_not_land_in_one_folder(tmp_path: Path) -> None:
    captures = world(tmp_path / "data")
    source = section(index=cdxj(tmp_path / "i.cdxj", captures), data=str(tmp_path / "data"))
    with Journal.opened(tmp_path / "landing"), pytest.raises(LandingFailed, match="another process is landing"):
        landed(source, tmp_path / "landing")


LANDING = """
import json, sys
from pathlib import Path
from data4llm_assets.node import Delivery
from data4llm_assets.raw_crawl.common_crawl import CommonCrawl
CommonCrawl.model_validate(json.loads(sys.argv[1])).land(Delivery(Path(sys.argv[2]), "first", 1))
"""


@pytest.mark.long
def test_a_landing_killed_again_and_again_is_the_landing_that_was_not(tmp_path: Path) -> None:
    captures = world(tmp_path / "data", pages=120)
    index = cdxj(tmp_path / "i.cdxj", captures)
    expected = landed(section(index=index, data=str(tmp_path / "data"), gap=0), tmp_path / "landing" / "whole")
    folder = tmp_path / "landing" / "first"
    running: list[subprocess.Popen[bytes]] = []
    kill_at = 17

    def fault(number: int, path: str) -> None:
        # Killed by the server in the middle of things: by what has happened, not by a clock.
        if number and number % kill_at == 0:
            running[-1].send_signal(signal.SIGKILL)

    with RangeServer(tmp_path / "data", fault) as server:
        keys = {"kind": "common_crawl", "domain": "web", "files": 3, "gap": 0, "index": [str(index)], "data": server.url}
        for _ in range(40):
            arguments = [sys.executable, "-c", LANDING, json.dumps({**keys, "politeness": POLITE}), str(folder)]
            running.append(subprocess.Popen(arguments, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}))
            if running[-1].wait() == 0:
                break
    killed = len(running) - 1
    assert running[-1].returncode == 0
    assert killed >= 5
    assert files(folder) == expected
    # What was under way when a process died is asked for again, and nothing else.
    assert len(server.paths) <= sum(each["status"] == "200" for each in captures) + killed * 5 * 4


def test_a_landing_that_finished_needs_neither_index_nor_server(tmp_path: Path) -> None:
    expected = whole(tmp_path)
    source = CommonCrawl.model_validate(
        {"kind": "common_crawl", "domain": "web", "index": "http://127.0.0.1:9/i.cdxj", "data": "http://127.0.0.1:9/"}
    )
    source.land(Delivery(tmp_path / "landing" / "whole", "whole", 1))
    assert files(tmp_path / "landing" / "whole") == expected
