"""Servers that misbehave, and indexes that promise what is not there: retried, quarantined or refused, and never in silence."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest
from common_crawl_world import POLITE, Capture, cdxj, files, found, landed, section, world
from range_server import Fault, RangeServer
from warc_files import archive, offsets, response

from data4llm_assets.node import LandingFailed
from data4llm_assets.raw_crawl.ranges import journal, range_requests
from data4llm_assets.raw_crawl.source import Bad, Record


@pytest.fixture
def captures(tmp_path: Path) -> list[Capture]:
    return world(tmp_path / "data")


@pytest.fixture
def well(tmp_path: Path, captures: list[Capture]) -> dict[str, bytes]:
    """What lands when all goes well."""
    return landed(section(index=cdxj(tmp_path / "i.cdxj", captures), data=str(tmp_path / "data")), tmp_path / "landing" / "well")


def every(fault: str, times: int) -> Callable[[int, str], Fault]:
    """The first `times` of every `times + 1` requests go wrong."""
    return lambda number, path: fault if number % (times + 1) < times else None


@pytest.mark.parametrize("fault", ["drop", "503", "lie", "ignore", "short"])
def test_a_fault_that_passes_changes_nothing(tmp_path: Path, captures: list[Capture], well: dict[str, bytes], fault: str) -> None:
    with RangeServer(tmp_path / "data", every(fault, 1)) as server:
        polite = {**POLITE, "connections": 1}
        source = section(index=tmp_path / "i.cdxj", data=server.url, politeness=polite)
        assert landed(source, tmp_path / "landing" / "faulty") == well
        assert len(server.paths) > 3


def test_the_order_in_which_requests_end_does_not_show(tmp_path: Path, captures: list[Capture], well: dict[str, bytes]) -> None:
    for seed in range(3):
        with RangeServer(
            tmp_path / "data", lambda number, path, seed=seed: (None, "drop", "503")[(number * 7 + seed) % 3]
        ) as server:
            polite = {**POLITE, "connections": 8, "retries": 30}
            source = section(index=tmp_path / "i.cdxj", data=server.url, politeness=polite, gap=0)
            assert landed(source, tmp_path / "landing" / f"seed{seed}") == well


def test_what_came_before_a_drop_is_not_sent_again(tmp_path: Path, captures: list[Capture], well: dict[str, bytes]) -> None:
    alone = {**POLITE, "connections": 1}
    with RangeServer(tmp_path / "data") as server:
        landed(section(index=tmp_path / "i.cdxj", data=server.url), tmp_path / "landing" / "smooth")
    with RangeServer(tmp_path / "data", every("drop", 1)) as dropping:
        landed(section(index=tmp_path / "i.cdxj", data=dropping.url, politeness=alone), tmp_path / "landing" / "dropped")
    assert len(dropping.paths) > len(server.paths)
    assert dropping.bytes_sent == server.bytes_sent


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("lie", r"cannot be read, tried 4 times: it answers with other bytes than those asked for"),
        ("503", r"tried 4 times: status 503; once it can, the same command goes on from here"),
        ("401", r"status 401; are credentials needed"),
        ("hang", r"tried 2 times: \w*Timeout\w*"),
        ("http://127.0.0.1:9/x", r"cannot be read"),
        ("https://localhost:9/x", r"cannot be read"),
    ],
)
def test_a_fault_that_stays_stops_the_landing(tmp_path: Path, captures: list[Capture], fault: str, message: str) -> None:
    index = cdxj(tmp_path / "i.cdxj", captures)
    with RangeServer(tmp_path / "data", lambda number, path: fault) as server:
        polite = {**POLITE, "timeout": 0.2, "retries": 1} if fault == "hang" else POLITE
        with pytest.raises(LandingFailed, match=message):
            landed(section(index=index, data=server.url, politeness=polite), tmp_path / "landing" / "first")
    assert files(tmp_path / "landing" / "first") == {}


def test_redirects_without_end_are_refused(tmp_path: Path, captures: list[Capture]) -> None:
    index = cdxj(tmp_path / "i.cdxj", captures)
    with RangeServer(
        tmp_path / "data", lambda number, path: "http://127.0.0.1:0".replace(":0", server.url[16:].rstrip("/")) + path
    ) as server:
        with pytest.raises(LandingFailed, match="redirects without end"):
            landed(section(index=index, data=server.url), tmp_path / "landing" / "first")


def test_a_redirect_within_a_private_network_is_followed_from_there(
    tmp_path: Path, captures: list[Capture], well: dict[str, bytes]
) -> None:
    with RangeServer(tmp_path / "data") as there:
        with RangeServer(tmp_path / "nowhere", lambda number, path: there.url + path.lstrip("/")) as server:
            assert landed(section(index=tmp_path / "i.cdxj", data=server.url), tmp_path / "landing" / "redirected") == well


def test_a_redirect_from_a_public_to_a_private_address_is_refused(
    tmp_path: Path, captures: list[Capture], monkeypatch: pytest.MonkeyPatch
) -> None:
    index = cdxj(tmp_path / "i.cdxj", captures)
    # Loopback stands for the public server: no other is reached from tests.
    monkeypatch.setattr(range_requests, "is_private", lambda host: False)
    with RangeServer(tmp_path / "data") as there:
        with RangeServer(tmp_path / "nowhere", lambda number, path: there.url + path.lstrip("/")) as server:
            with pytest.raises(LandingFailed, match="redirects to a private address"):
                landed(section(index=index, data=server.url), tmp_path / "landing" / "first")
    assert there.paths == []


def test_a_server_that_knows_no_ranges_is_refused_far_into_a_file(
    tmp_path: Path, captures: list[Capture], monkeypatch: pytest.MonkeyPatch
) -> None:
    index = cdxj(tmp_path / "i.cdxj", captures)
    monkeypatch.setattr(range_requests, "IGNORED_RANGE", 100)
    with RangeServer(tmp_path / "data", lambda number, path: "ignore") as server:
        with pytest.raises(LandingFailed, match=r"answers requests for ranges with whole files"):
            landed(section(index=index, data=server.url), tmp_path / "landing" / "first")


def spoilt(captures: list[Capture]) -> tuple[list[Capture], dict[str, str]]:
    """Captures of which some are not what they say: URL → rule of the decision that says so."""
    good = [each for each in captures if each["status"] == "200" and each["mime"] == "text/html"]
    changed: list[tuple[str, Capture]] = [
        ("raw_crawl.not_there", {"filename": "crawl-data/gone/warc/gone.warc.gz"}),
        ("raw_crawl.beyond_end", {"offset": "999999999"}),
        ("raw_crawl.beyond_end", {"offset": good[2]["offset"], "length": "9999999"}),
        ("raw_crawl.wrong_record", {"offset": good[0]["offset"], "length": good[0]["length"], "filename": good[0]["filename"]}),
        ("raw_crawl.wrong_record", {"offset": str(int(good[4]["offset"]) + 7)}),
        ("raw_crawl.truncated", {"length": str(int(good[5]["length"]) - 9)}),
        ("raw_crawl.payload_digest", {"digest": "A" * 32}),
        ("raw_crawl.broken_index", {"filename": "../../../../etc/passwd"}),
        ("raw_crawl.broken_index", {"length": "-1"}),
        ("raw_crawl.max_bytes", {"length": "60000000"}),
    ]
    swapped = {id(good[at]): change for at, (_, change) in enumerate(changed)}
    rules = {good[at]["url"]: rule for at, (rule, _) in enumerate(changed)}
    return [{**each, **swapped.get(id(each), {})} for each in captures], rules


@pytest.mark.parametrize("over", ["http", "folder"])
def test_what_is_missing_is_quarantined_and_accounts_balance(tmp_path: Path, captures: list[Capture], over: str) -> None:
    wrong, rules = spoilt([each for each in captures if each["timestamp"] < "20261011"])
    index = cdxj(tmp_path / "i.cdxj", wrong)
    with RangeServer(tmp_path / "data") as server:
        source = section(index=index, data=server.url if over == "http" else str(tmp_path / "data"))
        landed(source, tmp_path / "landing" / "first")
    got = found(source, tmp_path / "landing" / "first")
    bad = [each for each in got if isinstance(each, Bad)]
    assert {each.reason.split(": ")[0]: each.rule for each in bad} == rules
    assert len({each.locator for each in bad}) == len(rules)
    wanted = {each["url"] for each in wrong if each["status"] == "200"}
    assert {each.url for each in got if isinstance(each, Record)} | set(rules) == wanted
    assert len(got) == len(wanted)


def test_urls_that_are_listed_and_not_in_the_index_are_quarantined(tmp_path: Path, captures: list[Capture]) -> None:
    here = next(each for each in captures if each["status"] == "200")
    there = next(each for each in captures[::-1] if each["status"] == "200")
    place = f'{{"filename": "{there["filename"]}", "offset": {there["offset"]}, "length": {there["length"]}}}'
    (tmp_path / "list.txt").write_text(f"# a list\n{here['url']}\nhttps://example.org/nowhere\n\n{place}\n")
    index = cdxj(tmp_path / "i.cdxj", captures)
    source = section(index=index, data=str(tmp_path / "data"), wanted={"listed": str(tmp_path / "list.txt")})
    landed(source, tmp_path / "landing" / "first")
    got = found(source, tmp_path / "landing" / "first")
    assert {each.url for each in got if isinstance(each, Record)} == {here["url"], there["url"]}
    assert [(each.rule, each.reason) for each in got if isinstance(each, Bad)] == [
        ("raw_crawl.not_in_index", "https://example.org/nowhere: the index has no capture of this URL that is wanted")
    ]


def test_a_wrong_data_folder_is_not_taken_for_missing_records(tmp_path: Path, captures: list[Capture]) -> None:
    index = cdxj(tmp_path / "i.cdxj", captures)
    with pytest.raises(LandingFailed, match=r"of the first 3 files none is in .*is `data` where the archives lie\?"):
        landed(section(index=index, data=str(tmp_path / "date")), tmp_path / "landing" / "first")
    assert landed(section(index=index, data=str(tmp_path / "data")), tmp_path / "landing" / "first")


def test_an_index_in_which_nothing_is_wanted_says_so(tmp_path: Path, captures: list[Capture]) -> None:
    index = cdxj(tmp_path / "i.cdxj", captures)
    with pytest.raises(LandingFailed, match=r"nothing in .* is wanted"):
        landed(section(index=index, data=str(tmp_path / "data"), wanted={"hosts": ["absent.org"]}), tmp_path / "landing" / "first")


def test_a_bomb_does_not_land_and_a_large_page_is_quarantined_by_its_reader(tmp_path: Path) -> None:
    records = [response("https://a.org/large", b"x" * 20_000), response("https://a.org/bomb", b"x" * 400_000)]
    data, starts = archive(*records), [*offsets(*records)]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.warc.gz").write_bytes(data)
    ends = [*starts[1:], len(data)]
    listed = [
        f'{{"filename": "a.warc.gz", "offset": {start}, "length": {end - start}}}' for start, end in zip(starts, ends, strict=True)
    ]
    (tmp_path / "list.jsonl").write_text("\n".join(listed))
    source = section(data=str(tmp_path / "data"), wanted={"listed": str(tmp_path / "list.jsonl")}, max_bytes=10_000)
    got = landed(source, tmp_path / "landing" / "first")
    assert any(data[starts[0] : ends[0]] in each for each in got.values())
    assert sum(map(len, got.values())) < len(data)
    assert [
        (each.rule, "many times" in each.reason) for each in found(source, tmp_path / "landing" / "first") if isinstance(each, Bad)
    ] == [
        ("raw_crawl.max_bytes", False),
        ("raw_crawl.max_bytes", True),
    ]


def test_a_disk_that_is_full_stops_the_landing_which_goes_on_later(
    tmp_path: Path, captures: list[Capture], well: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = section(index=tmp_path / "i.cdxj", data=str(tmp_path / "data"), gap=0)
    written = 0

    def write_all(stream: BinaryIO, data: bytes) -> None:
        nonlocal written
        written += len(data)
        if written > 10_000:
            stream.write(data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        stream.write(data)

    with monkeypatch.context() as full:
        full.setattr(journal, "_write_all", write_all)
        with pytest.raises(LandingFailed, match=r"No space left on device; once it can, the same command does"):
            landed(source, tmp_path / "landing" / "first")
    assert landed(source, tmp_path / "landing" / "first") == well
