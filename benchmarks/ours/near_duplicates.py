"""Texts in, who repeats whom out: signatures, the fold over all of them, and every partition's decisions, through the engine.

The clock runs over the three nodes of the step; bringing the texts into the store is timed beside it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.ours import told

given = told.arguments()
folder = Path(given["folder"])
shards = given.get("shards", 1)
recipe: dict[str, Any] = {
    "corpus": "texts",
    "sources": {"web": {"kind": given["kind"], "path": given["texts"], "domain": "web", "shards": shards}},
    "steps": [
        {"stage": "raw_crawl"},
        {"stage": "extracted_text"},
        {"stage": "deduped", "methods": given.get("methods", [{"method": "minhash"}])},
    ],
    "retention": {step: {"min": 0.0, "max": 1.0} for step in ("extracted_text", "deduped")},
    "compute": {"memory": given.get("memory", "2GB")},
}
told.warm_up(recipe, Path(given["tiny"]), folder)
first = {**recipe, "steps": recipe["steps"][:2], "retention": {"extracted_text": {"min": 0.0, "max": 1.0}}}
with told.Clock() as reading:
    told.build(first, folder / "store")
with told.Clock() as clock:
    corpus, report = told.build(recipe, folder / "store")
documents, size = told.documents_and_bytes(corpus, "extracted_text")
decisions = corpus.decisions("deduped")
told.tell(
    clock,
    documents=documents,
    size=size,
    phases={"texts into the store (not counted)": round(reading.seconds, 3), **told.phases(report)},
    counters=told.counters(report),
    results={"dropped": decisions.height},
)
