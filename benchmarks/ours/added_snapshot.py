"""A new delivery of one per cent: CPU time until it is read, and deduplicated against everything before it, beside a rebuild's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.ours import told

given = told.arguments()
folder = Path(given["folder"])
landing = folder / "landing"
landing.mkdir()
first, added = given["documents"], given["documents"] // 100
texts = pl.scan_parquet(f"{given['texts']}/*.parquet").head(first + added).collect()
STEPS: list[dict[str, Any]] = [
    {"stage": "raw_crawl"},
    {"stage": "extracted_text"},
    {"stage": "deduped", "methods": [{"method": "exact"}, {"method": "minhash"}]},
]


def recipe(corpus: str, steps: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "corpus": corpus,
        "sources": {"web": {"kind": "parquet", "path": str(landing), "domain": "web", "shards": 4}},
        "steps": steps,
        "retention": {step["stage"]: {"min": 0.0, "max": 1.0} for step in steps[1:]},
        "compute": {"memory": "2GB"},
    }


def deliver(rows: pl.DataFrame) -> None:
    for file in landing.iterdir():
        file.unlink()
    for number, part in enumerate(rows.iter_slices(-(-rows.height // 20))):
        part.write_parquet(landing / f"part-{number:02}.parquet")


told.warm_up(recipe("warm", STEPS), Path(given["tiny"]), folder)
deliver(texts.head(first))
with told.Clock() as first_reading:
    told.build(recipe("growing", STEPS[:2]), folder / "store")
with told.Clock() as first_comparing:
    told.build(recipe("growing", STEPS), folder / "store")
deliver(texts.tail(added))
with told.Clock() as reading:
    told.build(recipe("growing", STEPS[:2]), folder / "store", snapshot="second")
with told.Clock() as clock:
    corpus, report = told.build(recipe("growing", STEPS), folder / "store")
rebuild = first_reading.cpu_seconds + first_comparing.cpu_seconds
documents, size = told.documents_and_bytes(corpus, "extracted_text")
told.tell(
    clock,
    documents=documents,
    size=size,
    phases=told.phases(report),
    counters=told.counters(report),
    results={
        "rebuild_cpu_seconds": round(rebuild, 3),
        "share_of_rebuild": (reading.cpu_seconds + clock.cpu_seconds) / rebuild,
        "deduplication_share": clock.cpu_seconds / first_comparing.cpu_seconds,
        "dropped": corpus.decisions("deduped").height,
    },
)
