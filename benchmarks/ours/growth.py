"""Texts to packed sequences, cold, at several numbers of documents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.ours import told

given = told.arguments()
folder = Path(given["folder"])
recipe: dict[str, Any] = {
    "corpus": "texts",
    "sources": {"web": {"kind": "jsonl", "path": "", "domain": "web"}},
    "steps": [
        {"stage": "raw_crawl"},
        {"stage": "extracted_text"},
        {"stage": "deduped"},
        {"stage": "filtered", "rules": [{"method": "gopher_repetition"}, {"method": "gopher_quality"}]},
        {"stage": "packed", "sequence_length": 2048, "parts": 1},
    ],
    "retention": {step: {"min": 0.0, "max": 1.0} for step in ("extracted_text", "deduped", "filtered")},
}
texts = pl.read_parquet(given["texts"])
told.warm_up(recipe, Path(given["tiny"]), folder)
seconds: dict[str, float] = {}
counted: dict[str, dict[str, int]] = {}
for number in given["documents"]:
    place = folder / str(number)
    place.mkdir()
    # Every so many of the largest input, so that each holds the same kinds of texts.
    largest = given["documents"][-1]
    rows = texts.head(largest).gather_every(largest // number).select("id", "text").iter_rows(named=True)
    (place / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe["sources"]["web"]["path"] = str(place)
    with told.Clock() as clock:
        _, report = told.build(recipe, folder / f"store-{number}")
    seconds[str(number)], counted[str(number)] = round(clock.seconds, 3), told.counters(report)
told.tell(clock, documents=given["documents"][-1], size=0, counters=counted, results={"seconds_by_documents": seconds})
