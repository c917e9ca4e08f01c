"""ZipNum clusters: CDX lines in gzipped blocks of some thousand, and `cluster.idx`, a sorted list of the blocks' first lines.

A large cluster is searched by halves over the network: a dozen small requests find the blocks that may hold a key.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import polars as pl

from data4llm_assets.node import LandingFailed
from data4llm_assets.raw_crawl.ranges import cdx
from data4llm_assets.raw_crawl.ranges.files import Files
from data4llm_assets.raw_crawl.ranges.places import beside, shown

_SMALL = 8 << 20
_MANY = 200
_WINDOW = 1 << 16
_STEP = 1 << 13
_TOGETHER = 8 << 20
_WBITS = 31

Read = Callable[[int, int], bytes]


class Block(NamedTuple):
    """Where some lines lie gzipped: a file beside `cluster.idx`, offset and length in bytes."""

    file: str
    offset: int
    length: int


def read(place: str, files: Files, keys: Sequence[str] | None) -> Iterator[pl.DataFrame]:
    """Captures of the blocks that may hold a line beginning with one of `keys`; of all blocks if that is None.

    Raises
    ------
    Missing
        If there is no such file, or a block lies in none.
    LandingFailed
        If the list, or a block, is damaged.
    """
    size = files.size(place)
    if keys is None or size <= _SMALL or len(keys) > _MANY:
        whole = files.read(place, 0, size).data
        found = blocks(lambda start, end: whole[start:end], size, keys, shown(place))
    else:
        found = blocks(lambda start, end: files.read(place, start, min(end, size)).data, size, keys, shown(place))
    for block in _joined(found):
        data = files.read(beside(place, block.file), block.offset, block.offset + block.length).data
        lines = pl.Series(_inflated(data, f"{shown(place)}: {block.file}").decode("utf-8", "replace").splitlines(), dtype=pl.String)
        captures = cdx.parsed(lines.filter(lines.str.len_bytes() > 0), keys=keys)
        if captures.height:
            yield captures


def blocks(read: Read, size: int, keys: Sequence[str] | None, shown: str) -> list[Block]:
    """Blocks of a cluster that may hold `keys`. `read` gives bytes [start, end) of `cluster.idx`, which has `size`."""
    found: set[Block] = set()
    for key in [""] if keys is None else keys:
        wanted, before = key.encode(), None
        for line in _lines(read, _last_before(read, size, wanted), size):
            if line < wanted:
                before = line
                continue
            if not line.startswith(wanted):
                break
            found.add(_block(line, shown))
        if before is not None:
            # The block may go on with the key after lines before it.
            found.add(_block(before, shown))
    return sorted(found)


def _last_before(read: Read, size: int, key: bytes) -> int:
    """Where a line begins that lies before `key`, with few between the two; 0 if there is none."""
    low, high = 0, size
    while high - low > _WINDOW:
        middle = (low + high) // 2
        start = _line_after(read, middle, high)
        if start is not None and read(start, start + len(key)) < key:
            low = start
        else:
            high = middle
    return low


def _line_after(read: Read, position: int, end: int) -> int | None:
    """Where the first line begins after `position`; None if none does before `end`."""
    while position < end:
        data = read(position, min(position + _STEP, end))
        if not data:
            break
        if (found := data.find(b"\n")) >= 0:
            start = position + found + 1
            return start if start < end else None
        position += len(data)
    return None


def _lines(read: Read, start: int, end: int) -> Iterator[bytes]:
    rest = b""
    while start < end:
        data = read(start, min(start + _WINDOW * 4, end))
        if not data:
            break
        start += len(data)
        *whole, rest = (rest + data).split(b"\n")
        yield from (line for line in whole if line)
    if rest:
        yield rest


def _block(line: bytes, shown: str) -> Block:
    fields = line.decode("utf-8", "replace").rstrip("\r").split("\t")
    try:
        return Block(fields[1], int(fields[2]), int(fields[3]))
    except (IndexError, ValueError):
        msg = f"the index {shown} is no list of blocks: a line lacks file, offset and length, with tabs between them"
        raise LandingFailed(msg) from None


def _joined(found: list[Block]) -> Iterator[Block]:
    """Blocks one after another as one, up to some megabytes."""
    last: Block | None = None
    for block in found:
        if last is not None:
            adjoins = last.file == block.file and last.offset + last.length == block.offset
            if adjoins and last.length + block.length <= _TOGETHER:
                last = last._replace(length=last.length + block.length)
                continue
            yield last
        last = block
    if last is not None:
        yield last


def _inflated(data: bytes, shown: str) -> bytes:
    pieces = []
    while data:
        decompressor = zlib.decompressobj(_WBITS)
        try:
            pieces.append(decompressor.decompress(data))
        except zlib.error:
            pieces = []
        if not pieces or not decompressor.eof:
            msg = f"the index {shown} is damaged or cut off, or its cluster.idx belongs to another: fetch it anew"
            raise LandingFailed(msg)
        data = decompressor.unused_data
    return b"".join(pieces)
