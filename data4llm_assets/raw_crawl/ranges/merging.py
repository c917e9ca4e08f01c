"""Records that lie near each other in a file are fetched by one request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import polars as pl

_ROWS = 1 << 16


class Request(NamedTuple):
    """Rows [first, last) of the plan, within bytes [start, end) of one file; a row of trouble stands alone, without bytes."""

    first: int
    last: int
    filename: str
    start: int
    end: int


def requests(plan: pl.DataFrame, gap: int, largest: int, first: int = 0) -> Iterator[Request]:
    """The rows of a plan from `first` on as requests, in order.

    plan: sorted by (filename, offset). gap: bytes between two records that are fetched along rather than asked for apart. largest:
    bytes that records are put together up to; a single one may be larger.
    """
    open_request: Request | None = None
    for begin in range(first, plan.height, _ROWS):
        block = plan.slice(begin, _ROWS).select("filename", "offset", "length", pl.col("trouble").is_not_null())
        for row, (filename, offset, length, trouble) in enumerate(block.iter_rows(), begin):
            if open_request is not None:
                _, _, name, start, end = open_request
                reached = 0 if trouble else max(end, offset + length)
                if not trouble and end and name == filename and offset - end <= gap and reached - start <= largest:
                    open_request = open_request._replace(last=row + 1, end=reached)
                    continue
                yield open_request
            open_request = Request(row, row + 1, "", 0, 0) if trouble else Request(row, row + 1, filename, offset, offset + length)
    if open_request is not None:
        yield open_request
