from __future__ import annotations

import gzip
import hashlib
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data4llm_assets.raw_crawl import media_type, programming_language
from data4llm_assets.raw_crawl.address import canonical_url, without_credentials
from data4llm_assets.raw_crawl.files import Files
from data4llm_assets.raw_crawl.source import Bad, Record, Skipped

FILES = Files(kind="files", path="x", domain="docs", max_bytes=1000)


def read(path: str, payload: bytes) -> object:
    (found,) = FILES.records(io.BytesIO(payload), path)
    return found


@pytest.mark.parametrize("name", ["a.html", "a.md", "a.txt", "a.py"])
def test_bytes_that_are_no_text_are_none_whatever_their_name_says(name: str) -> None:
    assert media_type.of_file(name, bytes(range(256)) * 9) == media_type.BINARY


def test_a_file_is_one_record_known_by_its_path() -> None:
    record = read("a/b.md", b"# Title")
    assert isinstance(record, Record)
    assert (record.address, record.locator, record.identity[0]) == ("a/b.md", "a/b.md", "a/b.md")
    assert record.payload_digest == hashlib.sha256(b"# Title").hexdigest()[:32]


@pytest.mark.parametrize(
    ("path", "payload", "expected"),
    [
        ("a.html", b"x", media_type.HTML),
        ("wide.html", "<p>text</p>".encode("utf-16-le") * 9, media_type.HTML),
        ("a.rst", b"x", media_type.RESTRUCTURED_TEXT),
        ("a.py", b"x", media_type.CODE),
        ("a.rs.gz", gzip.compress(b"x"), media_type.CODE),
        ("Makefile", b"x", media_type.CODE),
        ("LICENSE", b"x", media_type.PLAIN),
        ("tool", b"#!/usr/bin/env -S python3 -I\n", media_type.CODE),
        ("page", b"\xef\xbb\xbf <!DOCTYPE html><title>", media_type.HTML),
        ("wide", "text".encode("utf-16"), media_type.PLAIN),
    ],
)
def test_the_media_type_is_that_of_the_name_then_of_the_content(path: str, payload: bytes, expected: str) -> None:
    record = read(path, payload)
    assert isinstance(record, Record)
    assert record.media_type == expected


def test_files_that_hold_no_text_are_skipped_by_media_type() -> None:
    assert read("a.txt", b"%PDF-1.7") == Skipped("application/pdf")
    assert read("a.csv", b"a,b") == Skipped("text/csv")
    assert read("blob", bytes(range(32)) * 10) == Skipped("application/octet-stream")


def test_what_cannot_be_used_is_quarantined() -> None:
    large, broken, blank = read("a.txt", b"x" * 1001), read("a.txt.gz", gzip.compress(b"x" * 100)[:20]), read("a.txt", b" \n")
    assert isinstance(large, Bad)
    assert (large.rule, large.threshold) == ("raw_crawl.max_bytes", 1000)
    assert isinstance(broken, Bad)
    assert broken.rule == "raw_crawl.unreadable"
    assert isinstance(blank, Bad)
    assert blank.rule == "raw_crawl.empty"
    bomb = read("a.txt.gz", gzip.compress(bytes(10_000_000)))
    assert isinstance(bomb, Bad)
    assert bomb.rule == "raw_crawl.max_bytes"


@pytest.mark.parametrize(
    ("line", "language"),
    [
        (b"#!/bin/bash -e", "Shell"),
        (b"#!/usr/bin/env python3.11", "Python"),
        (b"#!/usr/bin/env FOO=1 node", "JavaScript"),
        (b"#!x", None),
    ],
)
def test_a_shebang_names_a_language(line: bytes, language: str | None) -> None:
    assert programming_language.by_shebang(line + b"\nrest") == language


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("HTTPS://User:pw@Example.COM.:443/a/./b/../c%7e?q=%41#top", "//example.com/a/c~?q=A"),
        ("http://example.com", "//example.com/"),
        ("http://example.com:8080/", "//example.com:8080/"),
        ("http://[::1]/x/..", "//[::1]/"),
        ("ftp://Example.com/A#b", "ftp://Example.com/A"),
        ("no url", "no url"),
        ("http://[broken", "http://[broken"),
    ],
)
def test_addresses_of_one_page_are_one(url: str, address: str) -> None:
    assert canonical_url(url) == address


@settings(max_examples=50, deadline=None)
@given(st.text(st.sampled_from("ab./%2eE?#@:"), max_size=20))
def test_canonical_addresses_do_not_change_again(rest: str) -> None:
    once = canonical_url("http://h/" + rest)
    assert canonical_url("http:" + once) == once
    assert "@" not in without_credentials("http://h/" + rest).partition("//")[2].partition("/")[0]
