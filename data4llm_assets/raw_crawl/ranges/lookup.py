"""Indexes by their places: which files make up an index, of which format each is, and the captures they hold."""

from __future__ import annotations

import glob
import gzip
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast

import polars as pl

from data4llm_assets.node import LandingFailed
from data4llm_assets.raw_crawl.ranges import areas, cdx, columnar, zipnum
from data4llm_assets.raw_crawl.ranges.areas import Area
from data4llm_assets.raw_crawl.ranges.files import Files
from data4llm_assets.raw_crawl.ranges.places import joined, remote, shown
from data4llm_assets.raw_crawl.ranges.range_requests import Missing
from data4llm_assets.raw_crawl.ranges.wanted import Wanted

ENDINGS = (".parquet", ".cdx", ".cdxj", ".cdx.gz", ".cdxj.gz", ".jsonl", ".jsonl.gz")
_LISTINGS = (".paths", ".paths.gz")
_CLUSTER = "cluster.idx"
_BUFFER = 4 << 20


def captures(places: Sequence[str], data: str, files: Files, wanted: Wanted, listed: Sequence[Area]) -> Iterator[pl.DataFrame]:
    """Captures of every index of `places`: at least those that are wanted. `listed`: areas beside those of `wanted`.

    Raises
    ------
    LandingFailed
        If an index is missing, damaged, or of no known format.
    """
    where = [*wanted.areas(), *listed]
    keys = areas.keys(where) if where else None
    for place in places:
        try:
            for file in _expanded(place, data, files, wanted):
                yield from _of_file(file, files, wanted, where, keys)
        except Missing:
            msg = f"there is no index {shown(place)}, or it names files that are not there"
            raise LandingFailed(msg) from None


def _of_file(place: str, files: Files, wanted: Wanted, where: Sequence[Area], keys: Sequence[str] | None) -> Iterator[pl.DataFrame]:
    if shown(place).endswith(_CLUSTER):
        yield from zipnum.read(place, files, keys)
        return
    if shown(place).endswith(".parquet"):
        with files.open(place) as opened:
            yield from columnar.read(cast("BinaryIO", opened), shown(place), wanted, where)
        return
    with _buffered(place, files) as stream:
        yield from cdx.read(stream, shown(place), keys)


def _expanded(place: str, data: str, files: Files, wanted: Wanted) -> list[str]:
    """The files of an index: a folder's, a pattern's, those that a listing names."""
    name = shown(place)
    if name.endswith(_LISTINGS):
        with _buffered(place, files) as stream:
            text = stream.read()
        names = (gzip.decompress(text) if text.startswith(b"\x1f\x8b") else text).decode().split()
        found = [joined(data, each) for each in names]
    elif remote(place) and name.endswith("/") and not name.lower().startswith(("http://", "https://")):
        found = files.beneath(place)
    elif not remote(place) and not Path(place).is_file() and (Path(place).is_dir() or glob.has_magic(place)):
        pattern = f"{glob.escape(place)}/**/*" if Path(place).is_dir() else place
        found = sorted(each for each in glob.glob(pattern, recursive=True) if Path(each).is_file())
    else:
        return [place]
    clusters = {shown(each).removesuffix(_CLUSTER) for each in found if shown(each).endswith(f"/{_CLUSTER}")}
    known = [each for each in found if shown(each).endswith((*ENDINGS, f"/{_CLUSTER}")) and _of_subset(shown(each), wanted)]
    # The blocks that a cluster describes are read through it.
    kept = [each for each in known if shown(each).endswith(_CLUSTER) or shown(each).rpartition("/")[0] + "/" not in clusters]
    if not kept:
        msg = f"there is no index in {name}: no file ends in {', '.join((*ENDINGS, _CLUSTER))}"
        raise LandingFailed(msg)
    return kept


def _of_subset(name: str, wanted: Wanted) -> bool:
    """Whether a file of Common Crawl's table is of a subset that is wanted: the table has a folder for each."""
    _, found, rest = name.partition("/subset=")
    return not found or rest.partition("/")[0] in wanted.subsets


def _buffered(place: str, files: Files) -> BinaryIO:
    stream = files.open(place)
    return cast("BinaryIO", io.BufferedReader(stream, _BUFFER) if isinstance(stream, io.RawIOBase) else stream)
