"""A new delivery of one per cent: extracted, filtered and deduplicated against everything before it."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.ours import told

given = told.arguments()
folder = Path(given["folder"])
landing = folder / "landing"
recipe = {
    "corpus": "growing",
    "sources": {"web": {"kind": "jsonl", "path": str(landing), "domain": "web", "shards": 4}},
    "steps": [
        {"stage": "raw_crawl"},
        {"stage": "extracted_text"},
        {"stage": "filtered", "rules": [{"method": "gopher_repetition"}, {"method": "gopher_quality"}]},
        {"stage": "deduped", "methods": [{"method": "minhash"}]},
    ],
    "retention": {step: {"min": 0.0, "max": 1.0} for step in ("extracted_text", "filtered", "deduped")},
}
shutil.copytree(given["texts"], landing)
with told.Clock() as cold:
    first, _report = told.build(recipe, folder / "store")
before, _ = told.documents_and_bytes(first, "extracted_text")
shutil.rmtree(landing)
shutil.copytree(given["more"], landing)
with told.Clock() as clock:
    corpus, report = told.build(recipe, folder / "store", snapshot="second")
documents, size = told.documents_and_bytes(corpus, "extracted_text")
told.tell(
    clock,
    documents=documents,
    size=size,
    phases={"first delivery (not counted)": round(cold.seconds, 3), **told.phases(report)},
    counters=told.counters(report),
    results={"added": documents - before},
)
