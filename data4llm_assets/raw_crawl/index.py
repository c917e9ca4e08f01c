"""The index of a partition: rows of `document.RECORDS`, decisions, and the counts that its checks look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import polars as pl

from data4llm_assets.document import DECISIONS, RECORDS, empty, page_id
from data4llm_assets.node import Partition, SourceFile
from data4llm_assets.raw_crawl.reading import CHANGED, EMPTY_FILE, VANISHED, identify
from data4llm_assets.raw_crawl.source import Bad, Found, Record, Repair, Skipped
from data4llm_assets.raw_crawl.tally import Tally

_ROWS = 1 << 14
_READ = pl.Schema({**RECORDS, "astray": pl.Boolean()})
"""Records as they are read; `astray` is a locator that leads elsewhere than into the file that was read."""


class Index(NamedTuple):
    records: pl.DataFrame
    decisions: pl.DataFrame
    metrics: Mapping[str, pl.DataFrame]
    records_read: int
    bytes_read: int


def build_index(partition: Partition, domain: str, files: int, found: Iterable[tuple[SourceFile, Found]]) -> Index:
    """Index everything that was found in the files of a partition.

    Records with one doc_id are one row with a count; the first one gives the locator. What a changed file gave is taken back.
    """
    tally = Tally()
    frames: list[pl.DataFrame] = []
    decisions: list[dict[str, Any]] = []
    current, rows, frames_before, decisions_before = "", list[dict[str, Any]](), 0, 0
    for file, item in found:
        if file.path != current:
            _flush(rows, frames)
            current, frames_before, decisions_before = file.path, len(frames), len(decisions)
        if isinstance(item, Skipped):
            tally.skipped[item.kind] += 1
        elif isinstance(item, Bad):
            value = item.value
            if item.rule == CHANGED:
                _flush(rows, frames)
                withdrawn = sum(frame.height for frame in frames[frames_before:])
                del frames[frames_before:], decisions[decisions_before:]
                tally.quarantined += withdrawn
                value = float(withdrawn)
            tally.seen += 1
            tally.quarantined += 1
            tally.gone += item.rule in (CHANGED, VANISHED, EMPTY_FILE)
            decisions.append(_decision(identify(partition, item), item._replace(value=value)))
        else:
            tally.seen += 1
            tally.bytes += len(item.payload)
            doc_id = identify(partition, item)
            rows.append({**_row(partition, domain, doc_id, item), "astray": not _leads_into(item.locator, file.path)})
            tally.repaired += bool(item.repairs)
            decisions.extend(_edit(doc_id, repair) for repair in item.repairs)
            if len(rows) >= _ROWS:
                _flush(rows, frames)
    _flush(rows, frames)
    every = pl.concat(frames) if frames else empty(_READ)
    counted = every.drop("astray").with_columns(count=pl.len().over("doc_id").cast(pl.Int64))
    records = counted.unique("doc_id", keep="first", maintain_order=True)
    told = pl.DataFrame(decisions, schema=DECISIONS) if decisions else empty(DECISIONS)
    # A record that is there twice was mended twice: one decision says so, as there is one row.
    told = told.unique(["doc_id", "rule", "action"], keep="first", maintain_order=True)
    metrics = tally.frames(files, every.height - records.height, int(every["astray"].sum()), records)
    return Index(records, told, metrics, tally.seen, tally.bytes)


def _row(partition: Partition, domain: str, doc_id: str, record: Record) -> dict[str, Any]:
    return {
        "doc_id": doc_id,
        "page_id": page_id(partition.source, record.address),
        "source": partition.source,
        "domain": domain,
        "snapshot": partition.snapshot,
        "url": record.url,
        "locator": record.locator,
        "fetched_at": record.fetched_at,
        "media_type": record.media_type,
        "title": record.title,
        "language": record.language,
        "license": record.license,
        "meta": [{"key": key, "value": value} for key, value in record.meta.items()],
        "payload_digest": record.payload_digest,
        "payload_bytes": len(record.payload),
        "count": 1,
    }


def _flush(rows: list[dict[str, Any]], frames: list[pl.DataFrame]) -> None:
    if rows:
        frames.append(pl.DataFrame(rows, schema=_READ))
        rows.clear()


def _leads_into(locator: str, path: str) -> bool:
    """Whether a locator names the file, or a place (#) or revision (@) within it."""
    return locator.startswith(path) and locator[len(path) : len(path) + 1] in ("", "#", "@")


def _decision(doc_id: str, bad: Bad) -> dict[str, Any]:
    told = {"doc_id": doc_id, "rule": bad.rule, "action": "drop", "value": bad.value, "threshold": bad.threshold}
    return {**told, "partner": None, "spans": None, "reason": f"{bad.reason}: {bad.locator}"}


def _edit(doc_id: str, repair: Repair) -> dict[str, Any]:
    told = {"doc_id": doc_id, "rule": repair.rule, "action": "edit", "value": float(repair.times), "threshold": None}
    return {**told, "partner": None, "spans": None, "reason": "mended while reading"}
