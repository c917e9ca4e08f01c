from __future__ import annotations

import gzip
import io
import json
import tracemalloc

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data4llm_assets.raw_crawl.fields import Fields, MissingColumn
from data4llm_assets.raw_crawl.jsonl import Jsonl, lines
from data4llm_assets.raw_crawl.source import Bad, Record, Repair, Skipped


def source(**keys: object) -> Jsonl:
    return Jsonl(kind="jsonl", path="x", domain="books", **keys)


def read(data: bytes, path: str = "a.jsonl", **keys: object) -> list:
    return list(source(**keys).records(io.BytesIO(data), path))


def rules(found: list) -> list[str]:
    return [item.rule if isinstance(item, Bad) else type(item).__name__ for item in found]


def test_a_row_becomes_a_record() -> None:
    row = {"body": "Hello", "link": "http://A.example/x#y", "when": "2024-01-01", "score": 0.5, "tags": ["a"], "none": None}
    fields = Fields(text="body", url="link", fetched_at="when", meta=("score", "tags", "none"))
    (record,) = read(json.dumps(row).encode(), fields=fields, license="CC0-1.0")
    assert record.payload == b"Hello"
    assert record.locator == "a.jsonl#line/1"
    assert record.address == "//a.example/x"
    assert record.identity == ("//a.example/x", record.payload_digest)
    assert (record.url, record.fetched_at, record.license) == ("http://A.example/x#y", "2024-01-01", "CC0-1.0")
    assert record.meta == {"score": "0.5", "tags": '["a"]'}


def test_a_row_goes_by_its_id_or_its_files_path_and_never_by_its_place() -> None:
    (named,) = read(b'{"text": "x", "n": 7}', fields=Fields(id="n"))
    assert (named.identity[0], named.address) == ("7", "7")
    first, again = read(b'{"text": "x"}\n{"text": "x"}\n')
    assert first.identity == again.identity == ("a.jsonl", first.payload_digest)
    (elsewhere,) = read(b'{"text": "x"}\n', path="b.jsonl")
    assert elsewhere.address == first.address


def test_nuls_are_removed_and_told() -> None:
    escaped, raw = read(b'{"text": "a\\u0000b\\u0000"}\n{"text": "a\x00b"}\n')
    assert (escaped.payload, escaped.repairs) == (b"ab", (Repair("raw_crawl.nul", 2),))
    assert (raw.payload, raw.repairs) == (b"ab", (Repair("raw_crawl.nul", 1),))


def test_lone_surrogates_become_replacement_characters_and_pairs_stay() -> None:
    (record,) = read(b'{"text": "a\\ud800b\\udc00 \\ud83d\\ude00"}')
    assert record.payload.decode() == "a\ufffdb\ufffd \U0001f600"
    assert record.repairs == (Repair("raw_crawl.lone_surrogates", 2),)


def test_bad_lines_are_quarantined_and_the_file_goes_on() -> None:
    data = b'{"text": "a"\n[1]\n{"text": 3}\n{"text": null}\n{"other": 1}\n{"text": " "}\n{"text": "\xff"}\n\n{"text": "fine"}'
    found = read(data)
    assert rules(found) == [
        "raw_crawl.broken_json",
        "raw_crawl.broken_json",
        "raw_crawl.not_text",
        "raw_crawl.missing_text",
        "raw_crawl.missing_text",
        "raw_crawl.empty",
        "raw_crawl.broken_json",
        "Skipped",
        "Record",
    ]
    assert found[0].locator == "a.jsonl#line/1"
    assert found[-1].locator == "a.jsonl#line/9"


def test_deep_nesting_is_a_broken_line_not_a_crash() -> None:
    assert rules(read(b'{"text": "a", "deep": ' + b"[" * 100_000 + b'\n{"text": "b"}')) == ["raw_crawl.broken_json", "Record"]


def test_a_column_missing_in_every_row_is_an_error_that_names_the_columns() -> None:
    with pytest.raises(MissingColumn, match=r"a\.jsonl has no column 'text'; it has: id, texts\. Did you mean 'texts'\?"):
        read(b'{"texts": "a", "id": 1}\n{"texts": "b"}\n')


def test_a_byte_order_mark_is_no_error() -> None:
    assert rules(read(b'\xef\xbb\xbf{"text": "a"}\n')) == ["Record"]


@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_compressed_files_are_read_and_their_broken_tails_told(suffix: str) -> None:
    data = b"".join(b'{"text": "line %d %s"}\n' % (number, str(number**9).encode() * 20) for number in range(20_000))
    packed = gzip.compress(data) if suffix == "gz" else pa.compress(data, codec="zstd", asbytes=True)
    assert rules(read(packed, f"a.jsonl.{suffix}")) == ["Record"] * 20_000
    *before, tail = read(packed[: len(packed) // 2], f"a.jsonl.{suffix}")
    assert tail.rule == "raw_crawl.truncated"
    assert len(before) > 1000
    assert rules(before) == ["Record"] * len(before)


class LongLine(io.RawIOBase):
    """A line of 200 MB between two short ones, made as it is read."""

    def __init__(self) -> None:
        self._left = [b'{"text": "before"}\n', *[b"x" * (1 << 20)] * 200, b'\n{"text": "after"}\n']

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not self._left:
            return b""
        piece = self._left.pop(0)
        if 0 <= size < len(piece):
            self._left.insert(0, piece[size:])
        return piece[:size] if size >= 0 else piece


def test_a_line_of_200_mb_is_quarantined_without_being_held() -> None:
    tracemalloc.start()
    found = list(source(max_bytes=1_000_000).records(LongLine(), "a.jsonl"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rules(found) == ["Record", "raw_crawl.max_bytes", "Record"]
    assert (found[1].value, found[1].threshold) == (200 << 20, 1_000_000)
    assert peak < 8 << 20


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=12).filter(lambda line: b"\n" not in line), max_size=8), st.integers(1, 12))
def test_lines_are_those_of_the_bytes_however_they_are_limited(pieces: list[bytes], limit: int) -> None:
    data = b"\n".join(pieces)
    expected = data.split(b"\n")
    if expected[-1] == b"":
        expected.pop()
    found = list(lines(io.BytesIO(data), limit))
    assert [line.length for line in found] == [len(line) for line in expected]
    assert [line.data for line in found] == [line if len(line) <= limit else None for line in expected]
    assert [line.number for line in found] == list(range(1, len(expected) + 1))


def test_blank_lines_are_counted() -> None:
    assert read(b"\n \n") == [Skipped("blank line")] * 2
    assert isinstance(read(b'{"text": "a"}')[0], Record)
