"""What becomes of each record, in order: refused unread, given to a method here, or to one in a process of its own (`containment`).

What a method gives is a function of the record, but for two outcomes: it crashed, or was not back in time. These are recorded, and
the record is an input: the page is never given to that method again, so that every later run comes to the same documents.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import polars as pl

from data4llm_assets.document import digest
from data4llm_assets.extracted_text.containment import CRASHED, HUNG, Containment
from data4llm_assets.extracted_text.extraction import Extracted, Extraction, Refused
from data4llm_assets.node import Work
from data4llm_assets.raw_crawl.source import Record

AHEAD_PAGES, AHEAD_BYTES = 64, 16 << 20
"""Records, and bytes of their payloads, that are read and have no outcome yet."""
UNSUPPORTED = "extracted_text.unsupported"


class Asked(NamedTuple):
    """A record whose text is wanted: its row of the index, and the method of its media type, if there is one."""

    row: int
    record: Record
    method: Extraction | None


def outcomes(
    asked: Iterable[Asked], work: Work, child: Containment, here: Callable[[Extraction, Record], Extracted | Refused]
) -> Iterator[tuple[Asked, Extracted | Refused]]:
    """The outcome of each record, in order. While the child works on one, the next are read; how many is bounded.

    here : runs a method in this process.
    """
    recorded = _Recorded(work)
    waiting: deque[tuple[Asked, Extracted | Refused | None]] = deque()
    size = 0

    def first() -> tuple[Asked, Extracted | Refused]:
        nonlocal size
        each, outcome = waiting.popleft()
        size -= len(each.record.payload)
        if outcome is None:
            outcome = child.take()
            if isinstance(outcome, Refused) and outcome.rule in (CRASHED, HUNG):
                recorded.add(each, outcome)
        return each, outcome

    for each in asked:
        _, record, method = each
        outcome: Extracted | Refused | None = None
        if method is None:
            outcome = Refused(UNSUPPORTED, f"the recipe extracts no {record.media_type}")
        elif is_contained(method) and (outcome := recorded.of(method, record)) is not None:
            work.count("pages_spared", 1)
        else:
            work.count("documents_parsed", 1)
            work.count("bytes_parsed", len(record.payload))
            if is_contained(method):
                child.give(method, record)
            else:
                outcome = here(method, record)
        waiting.append((each, outcome))
        size += len(record.payload)
        while waiting and (waiting[0][1] is not None or child.ready() or len(waiting) > AHEAD_PAGES or size > AHEAD_BYTES):
            yield first()
    while waiting:
        yield first()


def is_contained(method: Extraction) -> bool:
    """Whether a method runs in a process of its own. Only what its very class says counts: subclasses run other code."""
    return bool(vars(type(method)).get("contained", True))


class _Recorded:
    """Pages that a method crashed on, or did not come back from in time: here, or when this shard was worked on before."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._known: dict[int, dict[str, Refused]] = {}

    def of(self, method: Extraction, record: Record) -> Refused | None:
        if id(method) not in self._known:
            rows = self._work.recorded(method)
            # Two runs at a time may have come to different outcomes. What everybody reads first counts.
            self._known[id(method)] = {} if rows is None else {key: Refused(*told) for key, *told in rows.reverse().iter_rows()}
        known = self._known[id(method)]
        return known.get(_decisive(record)) if known else None

    def add(self, asked: Asked, outcome: Refused) -> None:
        assert asked.method is not None
        told = {"record_digest": _decisive(asked.record), "rule": outcome.rule, "reason": outcome.reason}
        self._work.record(asked.method, pl.DataFrame([told]))


def _decisive(record: Record) -> str:
    """Digest of all that may decide what a method makes of a record; no two records of a partition have the same."""
    about = (record.media_type, record.url, record.title, record.language, record.license, sorted(record.meta.items()))
    return digest(record.payload_digest, json.dumps([record.identity, about]))
