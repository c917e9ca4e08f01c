from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

import pytest

from data4llm_assets.node import QUALITIES
from data4llm_assets.raw_crawl.fields import Fields
from data4llm_assets.raw_crawl.jsonl import Jsonl
from data4llm_assets.raw_crawl.source import Found, Record
from data4llm_assets.raw_crawl.stage import RawCrawl
from mixed.in_memory_work import broken, guards
from raw_crawl.crawl_work import CrawlWork, place

SOURCE = Jsonl(kind="jsonl", path="x", domain="web", license="CC-BY-4.0", fields=Fields(url="url", license="license"))


def pages(count: int) -> list[dict[str, Any]]:
    return [
        {"url": f"https://a.example/{number}", "text": f"What page {number} of this site has to say."} for number in range(count)
    ]


def crawled(rows: list[dict[str, Any]], source: Jsonl = SOURCE) -> CrawlWork:
    work = CrawlWork({"a.jsonl": "\n".join(map(json.dumps, rows)).encode()} if rows else {})
    (node,) = RawCrawl().nodes(place("raw_crawl", source))
    node.make(work)
    return work


def failed(rows: list[dict[str, Any]], source: Jsonl = SOURCE) -> list[str]:
    (node,) = RawCrawl().nodes(place("raw_crawl", source))
    return broken(node.expectations, crawled(rows, source).metrics)


def test_every_quality_is_guarded_twice() -> None:
    (node,) = RawCrawl().nodes(place("raw_crawl", SOURCE))
    assert all(guards(node)[quality] >= 2 for quality in QUALITIES)


@pytest.mark.parametrize("count", [0, 1, 19, 200])
def test_empty_tiny_and_good_partitions_pass(count: int) -> None:
    assert failed(pages(count)) == []


def test_few_records_without_a_licence_or_with_secrets_say_nothing() -> None:
    rows = [{"url": f"https://a.example/?session_id=123456789&page={number}", "text": "the same"} for number in range(19)]
    assert failed(rows, SOURCE.model_copy(update={"license": None})) == []


class Elsewhere(Jsonl):
    """Says of every record that it lies in another file, whose name begins alike."""

    def records(self, stream: BinaryIO, path: str) -> Iterator[Found]:
        for found in super().records(stream, path):
            yield found._replace(locator="a.jsonl.bak#line/1") if isinstance(found, Record) else found


def test_a_locator_that_leads_elsewhere_is_refused() -> None:
    source = Elsewhere(**SOURCE.model_dump())
    assert failed(pages(3), source) == ["strays"]
    assert crawled(pages(3), source).metrics["partition"]["strays"].item() == 3


def test_one_page_in_place_of_many_is_seen() -> None:
    rows = pages(200)
    login = "You have to log in before you may read this page."
    assert failed(rows[:161] + [{**row, "text": login} for row in rows[161:]]) == []
    assert failed(rows[:150] + [{**row, "text": login} for row in rows[150:]]) == ["same_payload_share"]


@pytest.mark.parametrize(
    "secret",
    [
        "https://a.example/file?X-Amz-Signature=0123456789abcdef",
        "https://a.example/mail;jsessionid=A1B2C3D4E5F6",
        "https://archive.example/2020/http://me:secret@b.example/",
        "//me:secret@b.example/",
    ],
)
def test_urls_that_carry_secrets_are_seen(secret: str) -> None:
    rows = pages(100)
    rows[:2] = [{"url": f"{secret}{number}", "text": f"private {number}"} for number in range(2)]
    assert failed(rows) == ["secret_urls_share"]


@pytest.mark.parametrize(
    "plain", ["https://a.example:8080/@me", "https://a.example/?token=short", "https://a.example/?at=12:30@home"]
)
def test_urls_that_only_look_like_secrets_pass(plain: str) -> None:
    assert failed([{**row, "url": f"{plain}&{number}"} for number, row in enumerate(pages(30))]) == []


def test_records_without_a_licence_are_seen() -> None:
    unknown = SOURCE.model_copy(update={"license": None})
    rows = [{**row, "license": "MIT" if number % 4 else " "} for number, row in enumerate(pages(40))]
    assert failed(rows, unknown) == ["licensed_share"]
    assert crawled(rows, unknown).metrics["licenses"].rows() == [("MIT", 30), (None, 10)]
    assert failed(pages(40), SOURCE.model_copy(update={"license": "NOASSERTION"})) == []
