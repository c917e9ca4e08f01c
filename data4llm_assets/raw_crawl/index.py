"""The index of a partition: rows of `document.RECORDS`, decisions, and the counts that its checks look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import polars as pl

from data4llm_assets.document import DECISIONS, RECORDS, empty, page_id
from data4llm_assets.node import Partition, SourceFile
from data4llm_assets.raw_crawl.reading import CHANGED, EMPTY_FILE, VANISHED, identify
from data4llm_assets.raw_crawl.source import Bad, Found, Record, Repair, Skipped

_ROWS = 1 << 14
SMALLEST_SHARE = 20
"""Records: a share of fewer says nothing, and is null."""


class Index(NamedTuple):
    records: pl.DataFrame
    decisions: pl.DataFrame
    metrics: Mapping[str, pl.DataFrame]
    records_read: int
    bytes_read: int


class _Tally:
    """Counts of one partition as its files go by."""

    def __init__(self) -> None:
        self.seen = self.quarantined = self.gone = self.repaired = self.bytes = 0
        self.skipped: Counter[str] = Counter()


def build_index(partition: Partition, domain: str, files: int, found: Iterable[tuple[SourceFile, Found]]) -> Index:
    """Index everything that was found in the files of a partition.

    Records with one doc_id are one row with a count; the first one gives the locator. What a changed file gave is taken back.
    """
    tally = _Tally()
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
            rows.append(_row(partition, domain, doc_id, item))
            tally.repaired += bool(item.repairs)
            decisions.extend(_edit(doc_id, repair) for repair in item.repairs)
            if len(rows) >= _ROWS:
                _flush(rows, frames)
    _flush(rows, frames)
    every = pl.concat(frames) if frames else empty(RECORDS)
    records = every.with_columns(count=pl.len().over("doc_id").cast(pl.Int64)).unique("doc_id", keep="first", maintain_order=True)
    told = pl.DataFrame(decisions, schema=DECISIONS) if decisions else empty(DECISIONS)
    # A record that is there twice was mended twice: one decision says so, as there is one row.
    told = told.unique(["doc_id", "rule", "action"], keep="first", maintain_order=True)
    return Index(records, told, _metrics(files, tally, every, records), tally.seen, tally.bytes)


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
        frames.append(pl.DataFrame(rows, schema=RECORDS))
        rows.clear()


def _decision(doc_id: str, bad: Bad) -> dict[str, Any]:
    told = {"doc_id": doc_id, "rule": bad.rule, "action": "drop", "value": bad.value, "threshold": bad.threshold}
    return {**told, "partner": None, "spans": None, "reason": f"{bad.reason}: {bad.locator}"}


def _edit(doc_id: str, repair: Repair) -> dict[str, Any]:
    told = {"doc_id": doc_id, "rule": repair.rule, "action": "edit", "value": float(repair.times), "threshold": None}
    return {**told, "partner": None, "spans": None, "reason": "mended while reading"}


def _metrics(files: int, tally: _Tally, every: pl.DataFrame, records: pl.DataFrame) -> dict[str, pl.DataFrame]:
    repeats = every.height - records.height
    enough = tally.seen >= SMALLEST_SHARE
    partition = {
        "files": files,
        "seen": tally.seen,
        "records": records.height,
        "repeats": repeats,
        "quarantined": tally.quarantined,
        "quarantined_share": tally.quarantined / tally.seen if enough else None,
        "repeats_share": repeats / tally.seen if enough else None,
        "repaired_share": tally.repaired / tally.seen if enough else None,
        "vanished": tally.gone,
        "skipped": tally.skipped.total(),
        "bytes": int(records["payload_bytes"].sum()),
        "mean_bytes": records["payload_bytes"].mean() if records.height >= SMALLEST_SHARE else None,
        "pages_share": records["page_id"].n_unique() / records.height if records.height >= SMALLEST_SHARE else None,
        "unexplained": tally.seen - records.height - repeats - tally.quarantined,
    }
    shares = dict.fromkeys(("quarantined_share", "repeats_share", "repaired_share", "mean_bytes", "pages_share"), pl.Float64)
    types = (
        records.group_by("media_type").agg(records=pl.len().cast(pl.Int64), bytes=pl.col("payload_bytes").sum()).sort("media_type")
    )
    skipped = pl.DataFrame(sorted(tally.skipped.items()), schema={"kind": pl.String, "count": pl.Int64}, orient="row")
    frame = pl.DataFrame({name: [value] for name, value in partition.items()}, schema_overrides=shares)
    return {"partition": frame, "media_types": types, "skipped": skipped}
