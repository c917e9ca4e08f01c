"""Source kind `jsonl`: one JSON object per line, plain or compressed (`.gz`, `.zst`). Lines are streamed under a byte limit."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO, ClassVar, Literal, NamedTuple

from pydantic import Field

from data4llm_assets.raw_crawl.fields import Fields, MissingColumn, row_record
from data4llm_assets.raw_crawl.media_type import PLAIN
from data4llm_assets.raw_crawl.source import Bad, Found, Record, Repair, Skipped, SourceSection

_CHUNK = 1 << 20
_NAMED_ROWS = 1000
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


class Jsonl(SourceSection):
    """One document per line. A line that is no JSON object, has no text, or is too long is quarantined; the file goes on."""

    version: ClassVar[str] = "1"
    uses: ClassVar[tuple[str, ...]] = ("pydantic-core", "FastWARC")
    kind: Literal["jsonl"]
    include: tuple[str, ...] = Field(
        ("**/*.jsonl", "**/*.jsonl.gz", "**/*.jsonl.zst"), description="globs over paths within the folder"
    )
    fields: Fields = Field(Fields(), description="which key of a line's object holds what")
    media_type: str = Field(PLAIN, description="what the text column holds: text/html and text/markdown are extracted as such")

    def records(self, stream: BinaryIO, path: str) -> Iterator[Found]:
        """Every line as a record; its locator is `path#line/N`, the first line being 1.

        Raises
        ------
        MissingColumn
            If not one object of the file has the text column.
        """
        columns: set[str] = set()
        objects = with_text = 0
        last = 0
        try:
            for line in lines(opened(stream, path), self.max_bytes):
                last = line.number
                locator = f"{path}#line/{line.number}"
                if line.data is None:
                    yield self.too_large("the line", locator, line.length)
                    continue
                if not line.data.strip():
                    yield Skipped("blank line")
                    continue
                row, nuls = parsed(line.data)
                if not isinstance(row, dict):
                    yield Bad("raw_crawl.broken_json", "the line is no JSON object", locator)
                    continue
                objects += 1
                with_text += self.fields.text in row
                if objects <= _NAMED_ROWS:
                    columns.update(row)
                found = row_record(self, self.fields, row, path, locator, self.media_type)
                if nuls and isinstance(found, Record):
                    found = found._replace(repairs=(*found.repairs, Repair("raw_crawl.nul", nuls)))
                yield found
        except (EOFError, OSError, zlib.error) as error:
            reason = f"the file ends early or is damaged after line {last} ({type(error).__name__})"
            yield Bad("raw_crawl.truncated", reason, f"{path}#line/{last + 1}-")
        if objects and not with_text:
            raise MissingColumn(path, self.fields.text, columns)


class Line(NamedTuple):
    """One line without its newline; `data` is None if it is longer than the limit. `number` counts from 1, `length` in bytes."""

    number: int
    data: bytes | None
    length: int


def lines(stream: Any, limit: int) -> Iterator[Line]:
    """The lines of a byte stream. Holds at most `limit` bytes of a line and one chunk of 1 MiB, however long a line is."""
    pending = bytearray()
    number, length = 1, 0
    while chunk := stream.read(_CHUNK):
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            length += end - start
            if length > limit:
                yield Line(number, None, length)
            elif pending:
                yield Line(number, bytes(pending) + chunk[start:end], length)
            else:
                yield Line(number, chunk[start:end], length)
            pending.clear()
            number, length, start = number + 1, 0, end + 1
        length += len(chunk) - start
        if length > limit:
            pending.clear()
        else:
            pending += chunk[start:]
    if length:
        yield Line(number, None if length > limit else bytes(pending), length)


def opened(stream: BinaryIO, path: str) -> Any:
    """`stream` decompressed as its name says."""
    if path.endswith(".gz"):
        return gzip.GzipFile(fileobj=stream)
    if path.endswith(".zst"):
        from fastwarc.stream_io import ZstdReader

        return ZstdReader(stream)
    return stream


def parsed(line: bytes) -> tuple[Any, int]:
    """The JSON value of a line (None if it has none), and how many raw NUL bytes had to go for it."""
    from pydantic_core import from_json

    line = line.removeprefix(b"\xef\xbb\xbf")
    nuls = line.count(b"\0")
    if nuls:
        line = line.replace(b"\0", b"")
    try:
        return from_json(line), nuls
    except ValueError:
        if _SURROGATE_ESCAPE.search(line) is None:
            return None, nuls
    # The fast parser refuses lone surrogates, which crawled JSON is full of; the slow one passes them on to be mended.
    try:
        return json.loads(line), nuls
    except (ValueError, RecursionError):
        return None, nuls
