"""WARC to text, filtered and deduplicated unless it is told to stop before: built in this process, with checks and decisions."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.ours import told

given = told.arguments()
folder = Path(given["folder"])
steps: list[dict[str, Any]] = [
    {"stage": "raw_crawl"},
    {"stage": "extracted_text", "html": given["html"]},
    {"stage": "filtered", "rules": [{"method": "gopher_repetition"}, {"method": "gopher_quality"}]},
    {"stage": "deduped", "methods": [{"method": "minhash"}]},
]
last = given.get("last", "deduped")
stages = [step["stage"] for step in steps]
stages = stages[: stages.index(last) + 1]
recipe = {
    "corpus": "pages",
    "sources": {"pages": {"kind": "warc", "path": given["warc"], "domain": "web"}},
    "steps": steps[: len(stages)],
    "retention": {stage: {"min": 0.0, "max": 1.0} for stage in stages[1:]},
}
told.warm_up(recipe, Path(given["tiny"]), folder)
with told.Clock() as clock:
    corpus, report = told.build(recipe, folder / "store")
pages = corpus.read("raw_crawl", columns=["doc_id", "payload_bytes"])
kept, _ = told.documents_and_bytes(corpus, last)
metas = corpus.read("extracted_text", columns=["meta"])["meta"]
engines = Counter(item["value"] for meta in metas for item in meta if item["key"] == "engine")
told.tell(
    clock,
    documents=pages.height,
    size=int(pages["payload_bytes"].sum()),
    uses=("trafilatura", "resiliparse", "fastwarc"),
    phases=told.phases(report),
    counters=told.counters(report),
    results={
        "extracted": len(metas),
        "by_engine": dict(engines),
        "kept": kept,
        "dropped_for": corpus.decisions()["rule"].value_counts().to_dicts(),
    },
)
