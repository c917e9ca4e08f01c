"""Windows that occur again are taken out: the fold over the arrivals, and the trial of one document.

A window occurs first at the least position that any equal one has. That is a minimum, so it depends neither on the order of reading
nor on how many documents are judged at once: as many as fit into a quarter of the memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Literal, NamedTuple

import numpy as np
import polars as pl

from data4llm_assets.deduped import occurrences
from data4llm_assets.deduped.duplicates import IDENTITY
from data4llm_assets.deduped.excision import excise
from data4llm_assets.deduped.publication import Publication
from data4llm_assets.deduped.tables import SPANS, VERDICTS, Scope
from data4llm_assets.deduped.timeline import Timeline, read_units
from data4llm_assets.deduped.units import Units
from data4llm_assets.deduped.windows import Windowed
from data4llm_assets.document import conform, digest
from data4llm_assets.node import Bench, Partition, Ref, Trial, Verdict, Work

_COUNTS = pl.Schema(dict.fromkeys(("windows", "repeated", "sampled"), pl.Int64()))
"""Windows, those that are repeated, and those of the sample that stay."""
_SPANS = pl.Schema(dict.fromkeys(("document", "start", "end", "partner"), pl.UInt32()))
"""Spans, documents by their numbers in the timeline."""
_WHERE = pl.Schema(dict.fromkeys(("arrival", "partition"), pl.UInt32()))


class _Judged(NamedTuple):
    """What becomes of some consecutive documents, and counts."""

    begin: int
    end: int
    spans: pl.DataFrame
    counts: pl.DataFrame


def judge(work: Work, signatures: Ref, scope: Scope, method: Windowed) -> None:
    """Publish the spans of repeated windows. What a further arrival cannot change is remembered, arrival by arrival."""
    publication = Publication(work, edits=True)
    counts, left_over, place = [pl.DataFrame(schema=_COUNTS)], 0, 0

    def arrival(item: tuple[Partition, pl.DataFrame]) -> str:
        return item[0].key if scope == "shard" else item[0].snapshot

    for _, items in groupby(work.read_all(signatures), key=lambda item: "" if scope == "corpus" else arrival(item)):
        timeline = Timeline(work, signatures, method.label, place)
        judged = _fold(timeline, groupby(items, key=arrival), method, at_once=scope == "corpus" and method.keep == "none")
        found = [_publish(publication, timeline, some) for some in judged]
        counts += found
        left_over += abs(_stay(timeline, method) - sum(int(some["sampled"].sum()) for some in found))
        place += timeline.partitions
    totals = pl.concat(counts).sum().row(0, named=True)
    more = {"windows": totals["windows"], "repeated": totals["repeated"], "left_over": left_over}
    publication.metrics(**{name: pl.lit(value, pl.Int64) for name, value in more.items()})


def _fold(
    timeline: Timeline,
    arrivals: Iterable[tuple[str, Iterable[tuple[Partition, pl.DataFrame]]]],
    method: Windowed,
    *,
    at_once: bool,
) -> Iterator[_Judged]:
    """Every arrival as it comes; or all at the end, if later ones count."""
    state = ""
    for name, group in arrivals:
        begin, since = len(timeline.documents), timeline.partitions
        ingredients = {"before": state, "new": timeline.add(name, group)}
        state = digest(json.dumps(ingredients))
        if at_once:
            continue

        def step(begin: int = begin, since: int = since) -> Mapping[str, pl.DataFrame]:
            found = list(_judged(timeline, begin, since, method))
            spans = pl.concat([pl.DataFrame(schema=_SPANS), *(some.spans for some in found)])
            return {"spans": spans, "counts": pl.concat([pl.DataFrame(schema=_COUNTS), *(some.counts for some in found)])}

        remembered = timeline.work.remember("step", ingredients, step)
        yield _Judged(begin, len(timeline.documents), remembered["spans"], remembered["counts"])
    if at_once:
        yield from _judged(timeline, 0, 0, method)


def _judged(timeline: Timeline, begin: int, since: int, method: Windowed) -> Iterator[_Judged]:
    """Judge the documents from `begin` on, which are in the partitions from `since` on, against all: some at once."""
    starts = timeline.starts
    room = max(timeline.work.memory // 4 // occurrences.UNIT_BYTES, 1)
    while begin < len(timeline.documents):
        end = max(int(np.searchsorted(starts, starts[begin] + room, side="right")) - 1, begin + 1)
        chunk = _Chunk(int(starts[end] - starts[begin]))
        for numbers, units in timeline.units(since) if len(chunk.low) else ():
            occurrences.gather(numbers, *units, starts, begin, end, chunk.low, chunk.high, chunk.places)
        chunk.index()
        if chunk.model.size:
            for numbers, units in timeline.units():
                timeline.work.count("slots_looked_at", chunk.sight(numbers, units, starts))
        yield _Judged(begin, end, *chunk.outcome(starts, begin, end, method))
        begin = end


class _Chunk:
    """The units of some consecutive documents, and where their windows were seen."""

    def __init__(self, units: int) -> None:
        self.low, self.high, self.places = (np.empty(units, np.uint64) for _ in range(3))
        self.earliest, self.again = np.full(units, occurrences.NEVER), np.zeros(units, np.bool_)

    def index(self) -> None:
        """To be called when the units are there."""
        self.slots, self.model = occurrences.index(self.low, self.high)

    def sight(self, numbers: np.ndarray, units: Units, starts: np.ndarray) -> int:
        return occurrences.sight(
            numbers, units.bounds, units.low, units.high, starts, self.slots, self.low, self.high, self.earliest, self.again
        )

    def outcome(self, starts: np.ndarray, begin: int, end: int, method: Windowed) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Spans and counts of the documents `begin` to `end`, whose units these are."""
        partner = np.empty(len(self.low), np.uint32)
        counts = occurrences.partners(
            starts, begin, end, self.low, self.high, self.model, self.earliest, self.again,
            method.cut.span, method.keep == "first", partner,
        )  # fmt: skip
        found = occurrences.spans(starts, begin, end, self.places, partner)
        return pl.DataFrame(list(found), schema=_SPANS), pl.DataFrame([counts], schema=_COUNTS, orient="row")


def _publish(publication: Publication, timeline: Timeline, judged: _Judged) -> pl.DataFrame:
    """Publish by arrival; the counts."""
    numbered = timeline.documents[judged.begin : judged.end].with_row_index("document", offset=judged.begin)
    twins = timeline.twins.filter(pl.col("document").is_between(judged.begin, judged.end, closed="left"))
    told = {"rule": pl.lit(IDENTITY), "action": pl.lit("drop"), "partner": pl.col("doc_id")}
    verdicts = conform(twins.with_columns(**told), pl.Schema({**_WHERE, **VERDICTS}))
    names = timeline.documents["doc_id"]
    spans = judged.spans.with_columns(partner=names.gather(judged.spans["partner"])).join(numbered, on="document", how="left")
    spans = conform(spans, pl.Schema({**_WHERE, **SPANS}))
    for number in numbered["arrival"].unique().sort():
        here = pl.col("arrival") == number
        documents = pl.concat([frame.select(timeline.documents.columns).filter(here) for frame in (numbered, twins)])
        publication.add(timeline.names[number], documents, verdicts.filter(here), spans.filter(here))
    return judged.counts


def _stay(timeline: Timeline, method: Windowed) -> int:
    """How many windows of the sample should stay: one of each that is repeated or, if none is to be kept, those that are not."""
    low, high = np.concatenate([np.zeros((2, 0), np.uint64), *timeline.sample], axis=1)
    order = np.lexsort((low, high))
    another = (np.diff(low[order]) != 0) | (np.diff(high[order]) != 0)
    begins = np.flatnonzero(np.append(True, another)) if len(order) else np.zeros(0, np.int64)
    return len(begins) if method.keep == "first" else int((np.diff(begins, append=len(order)) == 1).sum())


def trial(signatures: Ref, document: pl.DataFrame, bench: Bench, method: Windowed) -> Trial:
    """Which part of one document stands in the others, or twice in itself."""
    signed = method.signatures(document.select("text_digest", "text")).rename(lambda name: f"{method.label}_{name}")
    mine = read_units(signed, method.label)
    chunk = _Chunk(len(mine.low))
    chunk.low[:], chunk.high[:], chunk.places[:] = mine.low, mine.high, mine.places
    chunk.index()
    starts, names = np.zeros(1, np.int64), [document["doc_id"]]
    for _, frame in bench.read_all(signatures):
        others = frame.filter(pl.col("doc_id") != document["doc_id"][0])
        units = read_units(others, method.label)
        here = starts[-1] + units.bounds
        chunk.sight(np.arange(len(others)), units, here)
        starts = np.append(starts[:-1], here)
        names.insert(-1, others["doc_id"])
    last = len(starts) - 1
    chunk.sight(np.array([0]), mine, starts[-1:])
    starts = np.append(starts, starts[-1] + len(mine.low))
    spans, counts = chunk.outcome(starts, last, last + 1, method)
    windows, repeated, _ = counts.row(0)
    if not repeated:
        return Trial((Verdict(f"{method.label}.repeated", 0.0, None, None, "keep", f"none of {windows} windows stands elsewhere"),))
    cuts = spans.with_columns(pl.lit(document["doc_id"][0]).alias("doc_id"), partner=pl.concat(names).gather(spans["partner"]))
    texts, _ = excise(document.select("doc_id", "text"), conform(cuts, SPANS), method.label)
    return _told(method, document, texts["text"][0], cuts, f"{repeated} of {windows} windows")


def _told(method: Windowed, document: pl.DataFrame, left: str, cuts: pl.DataFrame, note: str) -> Trial:
    share = float((cuts["end"] - cuts["start"]).sum()) / len(document["text"][0].encode())
    words = len(left.split())
    edited = Verdict(
        f"{method.label}.repeated", share, None, None, "edit", f"{note} stand elsewhere, first in {cuts['partner'][0]}"
    )
    action: Literal["keep", "drop"] = "drop" if words < method.min_words else "keep"
    return Trial((edited, Verdict(f"{method.label}.words", words, method.min_words, None, action)), left)
