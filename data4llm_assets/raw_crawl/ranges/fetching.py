"""From a plan to a landing: requests side by side, records checked, appended in the order of the plan."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import polars as pl

from data4llm_assets.node import LandingFailed
from data4llm_assets.raw_crawl import substitute
from data4llm_assets.raw_crawl.address import canonical_url
from data4llm_assets.raw_crawl.landing import file_of
from data4llm_assets.raw_crawl.ranges import merging
from data4llm_assets.raw_crawl.ranges.files import Files
from data4llm_assets.raw_crawl.ranges.journal import Journal
from data4llm_assets.raw_crawl.ranges.merging import Request
from data4llm_assets.raw_crawl.ranges.places import joined, shown
from data4llm_assets.raw_crawl.ranges.range_requests import Missing, Range
from data4llm_assets.raw_crawl.ranges.verification import Expected, Wrong, verified

NOT_THERE = "raw_crawl.not_there"
_AHEAD = 128 << 20
_DOUBT = 10


class Manner(NamedTuple):
    """data: where archives lie. landing_files: how many files pages are spread over. The others: bytes, and requests at a time."""

    data: str
    landing_files: int
    gap: int
    largest_request: int
    max_bytes: int
    connections: int


class Piece(NamedTuple):
    """What is appended to a landing file. rule: of the substitute; None for a record."""

    name: str
    data: bytes
    rule: str | None


def fetch(journal: Journal, files: Files, manner: Manner) -> None:
    """Land what the journal's plan holds and has not landed.

    Requests answer in any order; their records wait for those before them, so that files and journal only grow. How much waits is
    limited. Raises LandingFailed where a server cannot give a file: what came before has landed.
    """
    plan = journal.plan()
    landing = _Landing(journal, manner.data)
    with ThreadPoolExecutor(manner.connections, thread_name_prefix="range") as pool:
        waiting: deque[tuple[Request, Future[list[Piece]]]] = deque()
        held = 0
        try:
            for request in merging.requests(plan, manner.gap, manner.largest_request, journal.through):
                rows = plan.slice(request.first, request.last - request.first)
                waiting.append((request, pool.submit(_pieces, request, rows, files, manner)))
                held += request.end - request.start
                while held > _AHEAD or len(waiting) > 4 * manner.connections:
                    done, coming = waiting.popleft()
                    landing.add(done, coming.result())
                    held -= done.end - done.start
            for done, coming in waiting:
                landing.add(done, coming.result())
            landing.end()
        except BaseException:
            files.stop()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


class _Landing:
    """Hands what arrives to the journal, in order. Where no file at all is there it stops: a wrong `data` is no damaged archive."""

    def __init__(self, journal: Journal, data: str) -> None:
        self._journal, self._data = journal, data
        self._doubted: list[tuple[Request, list[Piece]]] = []

    def add(self, request: Request, pieces: list[Piece]) -> None:
        self._doubted.append((request, pieces))
        if self._journal.landed == 0 and all(piece.rule == NOT_THERE for piece in pieces):
            if len({doubted.filename for doubted, _ in self._doubted}) >= _DOUBT:
                self._refuse()
            return
        for each, landed in self._doubted:
            bad = sum(piece.rule is not None for piece in landed)
            self._journal.commit(each.last, [(piece.name, piece.data) for piece in landed], bad=bad)
        self._doubted.clear()

    def end(self) -> None:
        if self._doubted:
            self._refuse()

    def _refuse(self) -> None:
        names = list(dict.fromkeys(request.filename for request, _ in self._doubted))
        msg = (
            f"of the first {len(names)} files none is in {shown(self._data)}, such as {names[0]}: is `data` where the archives lie?"
        )
        raise LandingFailed(msg)


def _pieces(request: Request, rows: pl.DataFrame, files: Files, manner: Manner) -> list[Piece]:
    """What lands of a request: every record, or its substitute."""
    found = _range(request, files, manner)
    pieces = []
    for row in rows.iter_rows(named=True):
        place = f"{row['filename']}#{row['offset']}+{row['length']}" if row["filename"] is not None else ""
        try:
            data = _record(row["offset"] or 0, row["length"] or 0, row["trouble"], request, found)
            url, rule = verified(data, Expected(row["url"], row["digest"]), manner.max_bytes), None
        except Wrong as wrong:
            data = substitute.written(wrong.rule, wrong.reason, url=row["url"], timestamp=row["timestamp"], place=place)
            url, rule = row["url"] or place, wrong.rule
        pieces.append(Piece(file_of(canonical_url(url), manner.landing_files), data, rule))
    return pieces


def _range(request: Request, files: Files, manner: Manner) -> Range | Wrong | None:
    if not request.end:
        return None
    try:
        place = joined(manner.data, request.filename)
    except ValueError:
        return Wrong("raw_crawl.broken_index", "the index names a file that leads out of the data")
    try:
        return files.read(place, request.start, request.end)
    except Missing:
        return Wrong(NOT_THERE, "there is no such file")


def _record(offset: int, length: int, trouble: str | None, request: Request, found: Range | Wrong | None) -> bytes:
    """The bytes of one record out of those of its request. Raises Wrong."""
    if found is None or trouble is not None:
        rule, _, reason = (trouble or "").partition(": ")
        raise Wrong(rule, reason)
    if isinstance(found, Wrong):
        raise Wrong(found.rule, found.reason)
    data = found.data[offset - request.start : offset - request.start + length]
    if len(data) < length:
        raise Wrong("raw_crawl.beyond_end", f"the file ends {'within' if data else 'before'} the record")
    return data
