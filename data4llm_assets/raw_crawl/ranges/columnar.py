"""Columnar indexes: Parquet files with the columns of Common Crawl's `cc-index-table`.

Row groups that statistics rule out are not read; of others first the small columns that decide, and the large ones (URLs, places)
only where rows are left.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import polars as pl

from data4llm_assets.node import LandingFailed
from data4llm_assets.raw_crawl.ranges import areas
from data4llm_assets.raw_crawl.ranges.areas import Area
from data4llm_assets.raw_crawl.ranges.index import captures, troubled
from data4llm_assets.raw_crawl.ranges.wanted import Wanted

_NEEDED = ("url", "warc_filename", "warc_record_offset", "warc_record_length")
_NAMES = {
    "url": "url",
    "fetch_time": "timestamp",
    "fetch_status": "status",
    "content_languages": "languages",
    "content_digest": "digest",
    "warc_filename": "filename",
    "warc_record_offset": "offset",
    "warc_record_length": "length",
}
_DETECTED, _SENT = "content_mime_detected", "content_mime_type"
_DECIDING = ("url_host_name", "fetch_status", _DETECTED, _SENT, "content_languages")
_LAST = "\U0010ffff"


def read(stream: BinaryIO, shown: str, wanted: Wanted, where: Sequence[Area]) -> Iterator[pl.DataFrame]:
    """Captures of a file, a row group at a time: those that agree with `wanted` but for its URLs, of hosts in `where` (empty: any).

    Raises
    ------
    LandingFailed
        If it is no Parquet file, or lacks a column that is asked for.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(stream, pre_buffer=True)
        columns = set(file.schema_arrow.names)
        _checked(columns, wanted, shown)
        keys = areas.keys(where)
        deciding = [name for name in _DECIDING if name in columns]
        rest = [name for name in (*_NAMES, _DETECTED, _SENT) if name in columns and name not in deciding]
        for group in range(file.metadata.num_row_groups):
            if _ruled_out(file.metadata.row_group(group), keys, wanted):
                continue
            decided = _frame(file.read_row_group(group, columns=deciding))
            agrees = _captures(decided).select(wanted.kinds()).to_series()
            if where and "url_host_name" in columns:
                agrees &= areas.hosts_within(where, decided["url_host_name"])
            if agrees.any():
                others = _frame(file.read_row_group(group, columns=rest))
                yield troubled(_captures(pl.concat([decided, others], how="horizontal").filter(agrees)))
    except pa.ArrowException as error:
        msg = f"the index {shown} is no Parquet file, or damaged ({type(error).__name__}): fetch it anew"
        raise LandingFailed(msg) from None


def _frame(table: Any) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    # Dictionaries differ from row group to row group.
    return frame.with_columns(pl.col(pl.Categorical).cast(pl.String))


def _captures(frame: pl.DataFrame) -> pl.DataFrame:
    columns = {name: frame[column] for column, name in _NAMES.items() if column in frame.columns}
    if "timestamp" in columns and columns["timestamp"].dtype.is_temporal():
        columns["timestamp"] = columns["timestamp"].dt.strftime("%Y%m%d%H%M%S")
    types = [pl.col(name) for name in (_DETECTED, _SENT) if name in frame.columns]
    if types:
        columns["media_type"] = frame.select(pl.coalesce(types).str.to_lowercase()).to_series()
    return captures(**columns)


def _checked(columns: set[str], wanted: Wanted, shown: str) -> None:
    for name in _NEEDED:
        if name not in columns:
            msg = f"the index {shown} has no column {name!r}: is it a table of Common Crawl's schema (cc-index-table)?"
            raise LandingFailed(msg)
    for key, asked, known in (
        ("statuses", wanted.statuses, {"fetch_status"}),
        ("media_types", wanted.media_types, {_DETECTED, _SENT}),
        ("languages", wanted.languages, {"content_languages"}),
    ):
        if asked and not known & columns:
            msg = f"the index {shown} has no column {min(known)!r}, which wanted.{key} asks for: say `{key}: []` to take any"
            raise LandingFailed(msg)


def _ruled_out(group: Any, keys: Sequence[str], wanted: Wanted) -> bool:
    """Whether no row of a row group can be wanted, by its least and largest values."""
    for index in range(group.num_columns):
        column = group.column(index)
        bounds = column.statistics
        if bounds is None or not bounds.has_min_max:
            continue
        if column.path_in_schema == "url_surtkey" and keys:
            least, most = str(bounds.min), str(bounds.max)
            if not any(key <= most and least <= key + _LAST for key in keys):
                return True
        asked = wanted.statuses if column.path_in_schema == "fetch_status" else ()
        if asked and not any(bounds.min <= status <= bounds.max for status in asked):
            return True
    return False
