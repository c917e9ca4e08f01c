"""WARC to filtered and deduplicated text: a recipe of four steps, built in this process, with checks and decisions."""

from __future__ import annotations

from pathlib import Path

from benchmarks.ours import told

given = told.arguments()
folder = Path(given["folder"])
recipe = {
    "corpus": "pages",
    "sources": {"pages": {"kind": "warc", "path": given["warc"], "domain": "web"}},
    "steps": [
        {"stage": "raw_crawl"},
        {"stage": "extracted_text", "html": given["html"]},
        {"stage": "filtered", "rules": [{"method": "gopher_repetition"}, {"method": "gopher_quality"}]},
        {"stage": "deduped", "methods": [{"method": "minhash"}]},
    ],
    "retention": {step: {"min": 0.0, "max": 1.0} for step in ("extracted_text", "filtered", "deduped")},
}
told.warm_up(recipe, Path(given["tiny"]), folder)
with told.Clock() as clock:
    corpus, report = told.build(recipe, folder / "store")
pages = corpus.read("raw_crawl", columns=["doc_id", "payload_bytes"])
kept, _ = told.documents_and_bytes(corpus, "deduped")
extracted, _ = told.documents_and_bytes(corpus, "extracted_text")
told.tell(
    clock,
    documents=pages.height,
    size=int(pages["payload_bytes"].sum()),
    uses=("trafilatura", "resiliparse", "fastwarc"),
    phases=told.phases(report),
    counters=told.counters(report),
    results={"extracted": extracted, "kept": kept, "dropped_for": corpus.decisions()["rule"].value_counts().to_dicts()},
)
